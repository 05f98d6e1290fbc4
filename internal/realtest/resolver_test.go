package realtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// libc is the library that all of Debian's programs share.
func libc(t testing.TB) string {
	t.Helper()
	path := map[string]string{
		"amd64": "/lib/x86_64-linux-gnu/libc.so.6",
		"arm64": "/lib/aarch64-linux-gnu/libc.so.6",
	}[runtime.GOARCH]
	testutil.NeedFile(t, path)
	return path
}

// address returns a loopback address that no other test asks for.
func address(n int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64*n+pid>>16&63, pid>>8&255, pid&255)
}

// lookups are short-lived programs that have libc look names up, none of which
// takes a name server.
type lookups struct {
	getent string // a copy whose name is its own
	comm   string
}

func newLookups(t testing.TB) *lookups {
	t.Helper()
	testutil.Need(t, "getent")
	testutil.Need(t, "python3")
	path, err := exec.LookPath("getent")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := &lookups{comm: fmt.Sprintf("getent-%d", os.Getpid())}
	l.getent = filepath.Join(t.TempDir(), l.comm)
	if err := os.WriteFile(l.getent, program, 0o777); err != nil {
		t.Fatal(err)
	}
	return l
}

// run starts one process after the other and returns what they print. It asks
// for address(1) 7 times and for localhost 5 times by getent, for address(2)
// 9 times by Python.
func (l *lookups) run(t testing.TB) string {
	t.Helper()
	var out strings.Builder
	for range 3 {
		out.WriteString(output(t, exec.Command(l.getent, "ahosts", address(1), "localhost")))
	}
	for range 2 {
		out.WriteString(output(t, exec.Command(l.getent, "ahosts", "localhost", address(1), address(1))))
	}
	script := fmt.Sprintf("import socket\nfor i in range(9):\n print(socket.getaddrinfo(%q, 1234)[0][4])", address(2))
	out.WriteString(output(t, exec.Command("python3", "-c", script)))
	return out.String()
}

// Programs that start when the probes are in are measured by the library that
// they share, without a word about them on the command line.
func TestResolver(t *testing.T) {
	testutil.NeedRoot(t)
	l, path := newLookups(t), libc(t)
	bystander := start(t, exec.Command("cat")) // has the library mapped all the time
	plain := l.run(t)
	rec := record(t, "-e", path, "getaddrinfo", "--by", "str(arg0)")
	if got := l.run(t); got != plain {
		t.Errorf("measured, the programs print\n%s\nand not\n%s", got, plain)
	}
	f := function(t, rec.stop(), "getaddrinfo")
	got := counts(t, f)
	if got["localhost"] < 5 { // others may ask for it, too
		t.Errorf("%d calls for localhost, want 5 or more", got["localhost"])
	}
	for name, want := range map[string]uint64{address(1): 7, address(2): 9} {
		if got[name] != want {
			t.Errorf("%d calls for %s, want %d", got[name], name, want)
		}
	}
	bystander.alive()
	testutil.TextUnchanged(t, bystander.pid(), path)
}

// The names of libc's parameters are in a package of their own. A filter tells
// one program's calls from those of all others.
func TestResolverNames(t *testing.T) {
	testutil.NeedRoot(t)
	l, path := newLookups(t), libc(t)
	testutil.NeedDebugInfo(t, path, "libc6-dbg")
	plain := l.run(t)
	rec := record(t, "-e", path, "getaddrinfo", "--by", "node=str(name)", "--by", "service=str(service)", "--by", "asked=hints != nil && ret == 0",
		"--where", fmt.Sprintf("comm == %q || str(name) == %q", l.comm, address(2)))
	if got := l.run(t); got != plain {
		t.Errorf("measured, the programs print\n%s\nand not\n%s", got, plain)
	}
	f := function(t, rec.stop(), "getaddrinfo")
	got := make(map[string]uint64)
	for _, s := range f.Series {
		got[fmt.Sprintf("%s %s %s", s.Key["node"], s.Key["service"], s.Key["asked"])] = s.Count
	}
	want := map[string]uint64{address(1) + " (none) true": 7, "localhost (none) true": 5, address(2) + " 1234 true": 9}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls by name and service (-made +measured):\n%s", diff)
	}
	if b := f.Balance; b.Returns != total(want) || b.Entries != b.Returns+b.Filtered {
		t.Errorf("the balance is %+v, want %d returns, and others filtered", b, total(want))
	}
}
