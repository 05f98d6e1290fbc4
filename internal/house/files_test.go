package house

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is how long a file that somebody wrote may be.
const maxLines = 600

// generated is Go's convention (go help generate), which bpf2go follows.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// written are the kinds of files that people write.
var written = []string{".go", ".c", ".h", ".cc", ".rs", ".s", ".S", ".sh", ".py", ".md", ".txtar", ".mod", ".yaml", ".yml", ".js", ".mjs", ".css", ".html"}

// files calls f with every file that somebody wrote, named from the top.
func files(t *testing.T, f func(name string, text []byte)) {
	t.Helper()
	top := root(t)
	n := 0
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "build", "testdata", "dist"}, d.Name()) {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() || !slices.Contains(written, filepath.Ext(name)) && name != "Makefile" && name != ".ci/run" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !generated.Match(text) {
			n++
			f(name, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Fatalf("only %d files found below %s", n, top)
	}
}

func TestFiles(t *testing.T) {
	files(t, func(name string, text []byte) {
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d", name, n, maxLines)
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			t.Errorf("%s does not end with a newline", name)
		}
		if filepath.Ext(name) != ".go" {
			return
		}
		if want, err := format.Source(text); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(text, want) {
			t.Errorf("%s is not formatted by gofmt", name)
		}
	})
}

// Generated bindings are committed with their objects, and for both machines.
func TestGenerated(t *testing.T) {
	var sources []string
	for _, arch := range []string{"x86", "arm64"} {
		bindings, err := filepath.Glob(filepath.Join(root(t), "bpf", "*_"+arch+"_bpfel*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(bindings) == 0 {
			t.Errorf("no bindings for %s", arch)
		}
		for _, path := range bindings {
			if _, err := os.Stat(strings.TrimSuffix(path, ".go") + ".o"); err != nil {
				t.Error(err)
			}
			source, _, _ := strings.Cut(filepath.Base(path), "_"+arch+"_bpfel")
			sources = append(sources, source)
		}
	}
	slices.Sort(sources)
	for i := 0; i < len(sources); i += 2 {
		if i+1 == len(sources) || sources[i] != sources[i+1] {
			t.Errorf("%s has bindings for one machine only", sources[i])
		}
	}
}
