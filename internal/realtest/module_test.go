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
	output(t, cmd)
	return path
}

func sorted(lines []string) []string {
	return slices.Sorted(slices.Values(lines))
}
