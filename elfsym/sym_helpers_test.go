package elfsym

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// symTool skips a test whose tool is missing, except in CI.
func symTool(t testing.TB, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err == nil {
		return p
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing", name)
	return ""
}

// symRun runs a command in dir and returns what it prints.
func symRun(t testing.TB, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(symTool(t, name), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func symWrite(t testing.TB, dir, name, text string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func symOpen(t testing.TB, path string, opts *Options) *Binary {
	t.Helper()
	b, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// symNames finds a pattern and returns the symbols, or the error.
func symNames(t testing.TB, b *Binary, pattern string) ([]string, error) {
	t.Helper()
	p, err := ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := b.Find(p)
	var names []string
	for _, f := range fs {
		names = append(names, f.Symbol)
		if f.Name == "" || f.Binary != b {
			t.Errorf("%s: function without name or binary: %+v", pattern, f)
		}
	}
	return names, err
}

// symMissing skips for a missing thing, or fails in CI.
func symMissing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: %s", what)
	}
	t.Skipf("missing: %s", what)
}
