package testutil

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Golden compares got with testdata/NAME of the package under test. On a
// difference got is left beside it as NAME.got; -update makes got the golden.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	left := path + ".got"
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err == nil && bytes.Equal(got, want) {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return
	}
	if err := os.WriteFile(left, got, 0o666); err != nil {
		t.Error(err)
	}
	t.Errorf("%s differs, see %s:\n%s", path, left, firstDifference(want, got))
}

// firstDifference shows the first line in which the texts differ.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	i := 0
	for i < len(w) && i < len(g) && bytes.Equal(w[i], g[i]) {
		i++
	}
	line := func(lines [][]byte) []byte {
		if i < len(lines) {
			return lines[i]
		}
		return []byte("(the end)")
	}
	return "- " + string(line(w)) + "\n+ " + string(line(g))
}
