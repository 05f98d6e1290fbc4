package report

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestJSON(t *testing.T) {
	for name, rec := range map[string]*latency.Recording{"json-shop": shop(), "json-drops": dropped()} {
		var out bytes.Buffer
		if err := JSON(&out, rec); err != nil {
			t.Fatal(err)
		}
		testutil.Golden(t, name+".golden", out.Bytes())
		back, err := latency.Load(&out)
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := JSON(&again, back); err != nil {
			t.Fatal(err)
		}
		testutil.Golden(t, name+".golden", again.Bytes())
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	rec := shop()
	for range 2 { // the second time over the first one's files
		for _, name := range []string{"a.json", "b.pb.gz", "c.txt", "d.folded", "e.csv", "f.md", "g.bench"} {
			path := filepath.Join(dir, name)
			if err := CheckOutput(path); err != nil {
				t.Fatal(err)
			}
			if err := WriteFile(path, rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := cmp.Diff([]string{"a.json", "b.pb.gz", "c.txt", "d.folded", "e.csv", "f.md", "g.bench"}, names(t, dir)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	f, err := os.Open(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := latency.Load(f); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "b.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := profile.ParseData(data); err != nil {
		t.Error(err)
	}
	want := text(t, rec, nil)
	if got, err := os.ReadFile(filepath.Join(dir, "c.txt")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("c.txt: %v:\n%s", err, got)
	}
}

func TestCheckOutput(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, err string }{
		{"x.json", ""},
		{".json", ""},
		{"x.pprof", "a name must end in .json, .pb.gz, .folded, .csv, .md, .bench, .txt"},
		{"x", "a name must end in .json, .pb.gz, .folded, .csv, .md, .bench, .txt"},
		{"x.gz", "a name must end in .json, .pb.gz, .folded, .csv, .md, .bench, .txt"},
		{"d.json", "not a regular file"},
		{"none/x.txt", "no such file or directory"},
		{"file/x.txt", "not a directory"},
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.path)
		for what, err := range map[string]error{"check": CheckOutput(path), "write": WriteFile(path, shop())} {
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%s %s: error %v, want %q", what, tt.path, err, tt.err)
			}
		}
	}
	if d := cmp.Diff([]string{".json", "d.json", "file", "x.json"}, names(t, dir)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
}

// TestWriteFileFails leaves the older file as it was when the new one cannot
// be made.
func TestWriteFileFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pb.gz")
	if err := os.WriteFile(path, []byte("older"), 0o666); err != nil {
		t.Fatal(err)
	}
	rec := shop()
	rec.Functions[0].Series[0].SumNS = 1 << 63
	if err := WriteFile(path, rec); err == nil {
		t.Fatal("no error")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "older" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

// TestWriteFileReplacesLink must not write through a link that another user
// may have planted.
func TestWriteFileReplacesLink(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "x.txt")
	if err := os.WriteFile(victim, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, shop()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "precious" {
		t.Errorf("the link's file holds %q, %v", got, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode().Type()&fs.ModeSymlink != 0 {
		t.Errorf("%v, %v", info, err)
	}
}
