package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// compiler returns the path of Go's compiler, which Go ships stripped of
// debugging information.
func compiler(t testing.TB) string {
	t.Helper()
	testutil.Need(t, "go")
	return strings.TrimSpace(output(t, exec.Command("go", "tool", "-n", "compile")))
}

// entries returns the calls of each function that was called.
func entries(rec *latency.Recording) map[string]uint64 {
	calls := make(map[string]uint64)
	for _, f := range rec.Functions {
		if f.Balance.Entries > 0 {
			calls[f.Name] += f.Balance.Entries
		}
	}
	return calls
}

// ownCompiler copies the compiler and returns the copy with a program for go's
// -toolexec that runs it: a measurement by file sees every process of the
// file, and other tests may be compiling.
func ownCompiler(t testing.TB) (compile, toolexec string) {
	t.Helper()
	dir := t.TempDir()
	compile, toolexec = filepath.Join(dir, "compile"), filepath.Join(dir, "toolexec")
	program, err := os.ReadFile(compiler(t))
	if err != nil {
		t.Fatal(err)
	}
	const script = `#!/bin/sh
case $1 in
*/compile) shift; exec "${0%/*}/compile" "$@" ;;
*) exec "$@" ;;
esac
`
	for path, text := range map[string][]byte{compile: program, toolexec: []byte(script)} {
		if err := os.WriteFile(path, text, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return compile, toolexec
}

// Each compiler that a go build starts is measured from its first call. What
// one thread compiles takes the same calls every time.
func TestGoBuild(t *testing.T) {
	testutil.NeedRoot(t)
	compile, toolexec := ownCompiler(t)
	pkgs := []string{"unicode/utf8", "unicode/utf16", "container/list", "container/ring", "math/bits", "cmp"}
	build := func() map[string]uint64 {
		t.Helper()
		cache := t.TempDir()
		args := []string{"-e", compile, "cmd/compile/internal/ssa.Compile", "cmd/compile/internal/gc.Main", "--", "go", "build", "-a", "-p", "1",
			"-toolexec", toolexec, "-gcflags=-c=1"}
		rec, _ := launch(t, testutil.Root(t), []string{"GOCACHE=" + cache, "GOFLAGS="}, append(args, pkgs...)...)
		for i := range rec.Functions {
			f := &rec.Functions[i]
			// gc.Main leaves by os.Exit or returns, as the version has it.
			if strings.HasSuffix(f.Name, "ssa.Compile") {
				all(t, f, f.Balance.Entries)
			}
		}
		return entries(rec)
	}
	first := build()
	if diff := cmp.Diff(first, build()); diff != "" {
		t.Errorf("calls of two builds (-first +second):\n%s", diff)
	}
	if n := first["cmd/compile/internal/gc.Main"]; n != uint64(len(pkgs))+1 {
		t.Errorf("%d compilers have run, not one for each of %d packages and one to ask for the version", n, len(pkgs))
	}
	if n := first["cmd/compile/internal/ssa.Compile"]; n < 100 {
		t.Errorf("only %d functions were compiled", n)
	}
}

// All functions of a package of the compiler, at once, in two runs. The
// compiler's own account of its work is the truth for one of them.
func TestCompile(t *testing.T) {
	testutil.NeedRoot(t)
	compile := compiler(t)
	src, err := filepath.Abs(filepath.Join("testdata", "small.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	run := func() (map[string]uint64, []byte) {
		t.Helper()
		dir := t.TempDir()
		rec, _ := launch(t, dir, nil, "cmd/compile/internal/ssa.Compile", "cmd/compile/internal/noder.*", "--all", "--",
			compile, "-p", "small", "-c=1", "-o", "small.a", src)
		if len(rec.Functions) < 200 {
			t.Errorf("only %d functions matched", len(rec.Functions))
		}
		all(t, function(t, rec, "cmd/compile/internal/ssa.Compile"), 4)
		object, err := os.ReadFile(filepath.Join(dir, "small.a"))
		if err != nil {
			t.Fatal(err)
		}
		return entries(rec), object
	}
	first, object := run()
	second, again := run()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("calls of two runs (-first +second):\n%s", diff)
	}
	dir := t.TempDir()
	cmd := exec.Command(compile, "-p", "small", "-c=1", "-o", "small.a", src)
	cmd.Dir = dir
	output(t, cmd)
	plain, err := os.ReadFile(filepath.Join(dir, "small.a"))
	if err != nil {
		t.Fatal(err)
	}
	if string(object) != string(plain) || string(again) != string(plain) {
		t.Error("the measured compiler wrote another object")
	}
}
