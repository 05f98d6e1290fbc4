package realtest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

var scratch string // the directory of the latch binary

func TestMain(m *testing.M) {
	code, err := func() (int, error) {
		var err error
		if scratch, err = os.MkdirTemp("", "latch-realtest-"); err != nil {
			return 0, err
		}
		defer os.RemoveAll(scratch)
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var buildLatch = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "latch")
	cmd := exec.Command("go", "build", "-o", path, "github.com/latchprof/latch/cmd/latch")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build latch: %w\n%s", err, out)
	}
	return path, nil
})

// latch returns a command that runs the latch of this source.
func latch(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	testutil.NeedRoot(t)
	path, err := buildLatch()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, args...)
}

// functions returns the names that latch list gives.
func functions(t testing.TB, args ...string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(output(t, latch(t, append([]string{"list"}, args...)...)), "\n"), "\n")
}

// recorder is a running latch record.
type recorder struct{ *process }

// record starts latch record on running programs and returns when all probes
// are in. By a file, latch refuses as long as one of the file's users is being
// debugged, as programs of other tests may be for a while.
func record(t testing.TB, args ...string) *recorder {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		r := &recorder{start(t, latch(t, append([]string{"record", "--json"}, args...)...))}
		line, _ := r.await(&r.stderr, "latch: ", 0)
		switch {
		case strings.HasPrefix(line, "latch: attached"):
			return r
		case !strings.Contains(line, "is being debugged by") || time.Now().After(deadline):
			t.Fatalf("latch record %q says %s", args, &r.stderr)
		}
		<-r.exited
	}
}

// stop ends the measurement by a Ctrl-C and returns what it found.
func (r *recorder) stop() *latency.Recording {
	r.t.Helper()
	r.alive()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	r.exit()
	return load(r.t, strings.NewReader(r.stdout.String()))
}

// launch runs latch record with a command of its own to their end. It returns
// what the command wrote to stdout, too.
func launch(t testing.TB, dir string, env []string, args ...string) (*latency.Recording, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rec.json")
	cmd := latch(t, append([]string{"record", "-o", path}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out := output(t, cmd)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return load(t, f), out
}

// load reads a recording, whose balances Load checks, and asserts that it
// lost nothing.
func load(t testing.TB, r io.Reader) *latency.Recording {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := latency.Load(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, text)
	}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if err := f.Balance.Check(); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if n := f.Balance.TotalLost(); n > 0 {
			t.Errorf("%s: %d calls were lost: %v", f.Name, n, f.Balance.Lost)
		}
	}
	return rec
}

// function returns what was found about the one function of this name.
func function(t testing.TB, rec *latency.Recording, name string) *latency.Function {
	t.Helper()
	var found *latency.Function
	for i := range rec.Functions {
		if rec.Functions[i].Name == name {
			if found != nil {
				t.Fatalf("two functions are called %s", name)
			}
			found = &rec.Functions[i]
		}
	}
	if found == nil {
		t.Fatalf("no function %s among %d; warnings: %q", name, len(rec.Functions), rec.Warnings)
	}
	return found
}

// all asserts that f was called n times and that each call returned.
func all(t testing.TB, f *latency.Function, n uint64) {
	t.Helper()
	b := f.Balance
	if b.Entries != n || b.Returns != n || b.InFlight+b.Unwound+b.Filtered+b.TotalLost() != 0 {
		t.Errorf("%s: %+v, want %d entries and as many returns", f.Name, b, n)
	}
	if f.Exit == latency.ExitNone {
		t.Errorf("%s was counted, not timed", f.Name)
	}
}

// balance asserts where the calls of f went, and that none was lost.
func balance(t testing.TB, f *latency.Function, want latency.Balance) {
	t.Helper()
	got := f.Balance
	got.Lost = nil
	if !cmp.Equal(want, got) || f.Balance.TotalLost() > 0 {
		t.Errorf("%s: %+v, want %+v", f.Name, f.Balance, want)
	}
}

// counts returns the calls of f by the text of its only key.
func counts(t testing.TB, f *latency.Function) map[string]uint64 {
	t.Helper()
	if len(f.By) != 1 {
		t.Fatalf("%s is keyed by %q", f.Name, f.By)
	}
	byKey := make(map[string]uint64)
	for _, s := range f.Series {
		byKey[s.Key[f.By[0]]] = s.Count
	}
	return byKey
}

func total(byKey map[string]uint64) (n uint64) {
	for _, c := range byKey {
		n += c
	}
	return n
}

func pidFlag(pid int) string { return "-p=" + strconv.Itoa(pid) }
