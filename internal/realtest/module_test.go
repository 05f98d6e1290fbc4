package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// buildModule compiles testdata/name, a module of its own, in a directory
// outside of this one, and returns the program's path.
func buildModule(t testing.TB, name string, env ...string) string {
	t.Helper()
	testutil.Need(t, "go")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), env...)
	build(t, cmd)
	return path
}

// build runs a compilation, which takes minutes on a busy machine that has
// none of it cached.
func build(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func sorted(lines []string) []string {
	return slices.Sorted(slices.Values(lines))
}
