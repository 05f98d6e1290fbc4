package realtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// compilerWithDWARF builds Go's compiler from its source, with the debugging
// information that the one Go ships lacks.
func compilerWithDWARF(t testing.TB) string {
	t.Helper()
	testutil.Need(t, "go")
	path := filepath.Join(t.TempDir(), "compile")
	cmd := exec.Command("go", "build", "-o", path, "cmd/compile")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	build(t, cmd)
	return path
}

// compilation is how go build has the compiler make a package of the standard
// library.
type compilation struct {
	dir   string // of the package
	args  []string
	files []string
}

func newCompilation(t testing.TB, pkg string) *compilation {
	t.Helper()
	list := func(args ...string) string {
		cmd := exec.Command("go", append([]string{"list"}, args...)...)
		cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
		return strings.TrimSpace(output(t, cmd))
	}
	config := filepath.Join(t.TempDir(), "importcfg")
	text := list("-export", "-deps", "-f", "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}", pkg)
	if err := os.WriteFile(config, []byte(text+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return &compilation{
		dir:   list("-f", "{{.Dir}}", pkg),
		args:  []string{"-p", pkg, "-std", "-complete", "-importcfg", config},
		files: strings.Fields(list("-f", "{{range .GoFiles}}{{.}} {{end}}", pkg)),
	}
}

// command returns the arguments for the compiler to write object.
func (c *compilation) command(object string, flags ...string) []string {
	return slices.Concat(c.args, []string{"-o", object}, flags, c.files)
}

// compiled is what the compiler says of the functions of one name.
type compiled struct {
	n    uint64
	took time.Duration // in the passes
}

// compiledFunctions reads the lines that -d=ssa/all/time has ssa.Compile print
// for each function and pass: place, pass, TIME(ns), nanoseconds, Func.Name.
func compiledFunctions(t testing.TB, log string) map[string]compiled {
	t.Helper()
	perPass := make(map[[2]string]uint64)
	all := make(map[string]compiled)
	for line := range strings.Lines(log) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 || f[2] != "TIME(ns)" {
			t.Fatalf("the compiler prints %q", line)
		}
		took, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		pass, name := f[1], f[4]
		perPass[[2]string{name, pass}]++
		c := all[name]
		// Of lines that are the same to the nanosecond it prints but one, so
		// a single pass might count too few.
		c.n, c.took = max(c.n, perPass[[2]string{name, pass}]), c.took+time.Duration(took)
		all[name] = c
	}
	return all
}

const ssaCompile = "cmd/compile/internal/ssa.Compile"

// Each function that the compiler compiles, by its name: closures, generic
// shapes, wrappers and what is made for comparisons, too. Its own account of
// the same run is the truth.
func TestCompiledFunctions(t *testing.T) {
	testutil.NeedRoot(t)
	compile := compilerWithDWARF(t)
	t.Run("four threads", func(t *testing.T) {
		rec, _, want := measureCompiler(t, compile, "encoding/json", 4)
		if len(want) < 400 {
			t.Errorf("only %d names were compiled", len(want))
		}
		compareCompiled(t, rec, want)
	})
	// One function of unicode takes most of the compiler's time.
	t.Run("slowest", func(t *testing.T) {
		rec, table, want := measureCompiler(t, compile, "unicode", 1)
		compareCompiled(t, rec, want)
		slowest := ""
		for name, c := range want {
			if slowest == "" || c.took > want[slowest].took {
				slowest = name
			}
		}
		if row := regexp.MustCompile(`(?m)^  name +calls .*\n  (\S+) `).FindStringSubmatch(table); row == nil || row[1] != slowest {
			t.Errorf("%s took %v, but is not on top:\n%s", slowest, want[slowest].took, table)
		}
	})
}

// measureCompiler compiles a package in so many threads, measured and not. It
// returns the recording, the table, and the compiler's account.
func measureCompiler(t *testing.T, compile, pkg string, threads int) (*latency.Recording, string, map[string]compiled) {
	t.Helper()
	objects := t.TempDir()
	measured, plain := filepath.Join(objects, "measured.a"), filepath.Join(objects, "plain.a")
	c := newCompilation(t, pkg)
	cmd := exec.Command(compile, c.command(plain)...)
	cmd.Dir = c.dir
	output(t, cmd)
	args := []string{"-e", compile, ssaCompile, "--by", "name=f.Name", "--str-len", "1000", "--", compile}
	began := time.Now()
	rec, out := launch(t, c.dir, nil, append(args, c.command(measured, "-d=ssa/all/time", fmt.Sprintf("-c=%d", threads))...)...)
	elapsed := time.Since(began)
	if sum := time.Duration(sumOf(function(t, rec, ssaCompile), 0).latencyNS); sum > time.Duration(threads)*elapsed {
		t.Errorf("the calls took %v, but %d threads had only %v", sum, threads, elapsed)
	}
	a, err := os.ReadFile(measured)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the measured compiler wrote another object")
	}
	at := strings.Index(out, "measured ")
	if at < 0 {
		t.Fatalf("no table in\n%.4000s", out)
	}
	return rec, out[at:], compiledFunctions(t, out[:at])
}

// compareCompiled holds a recording against the compiler's account: the calls
// are as many, and longer than the passes in them.
func compareCompiled(t *testing.T, rec *latency.Recording, want map[string]compiled) {
	t.Helper()
	f := function(t, rec, ssaCompile)
	calls := make(map[string]uint64)
	for name, c := range want {
		calls[name] = c.n
	}
	all(t, f, total(calls))
	if diff := cmp.Diff(calls, counts(t, f)); diff != "" {
		t.Errorf("functions (-compiled +measured):\n%s", diff)
	}
	for _, s := range f.Series {
		if name := s.Key["name"]; time.Duration(s.SumNS) < want[name].took {
			t.Errorf("%s was measured for %v, but its passes took %v", name, time.Duration(s.SumNS), want[name].took)
		}
	}
}
