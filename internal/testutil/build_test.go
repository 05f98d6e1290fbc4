package testutil

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVariants builds one program in each of the ways a flag stands for, runs
// it, and checks that the file is what the flag promises.
func TestVariants(t *testing.T) {
	type check = func(*testing.T, string, *elf.File)
	for _, v := range []struct {
		lang, name string
		flags      []string
		check      check
	}{
		{"c", "fib", []string{"clang", "-gdwarf-4"}, has(".debug_info", true)},
		{"c", "fib", []string{"-gz=zlib"}, has(".debug_info", true)},
		{"c", "fib", []string{"-static"}, noInterpreter(elf.ET_EXEC)},
		{"c", "fib", []string{"-static-pie"}, noInterpreter(elf.ET_DYN)},
		{"c", "fib", []string{"musl", "-static"}, noInterpreter(elf.ET_EXEC)},
		{"c", "fib", []string{"strip"}, has(".symtab", false)},
		{"c", "fib", []string{"strip-debug"}, strippedOfDebug},
		{"c", "fib", []string{"debuglink"}, debugLink(true)},
		{"c", "fib", []string{"badlink"}, debugLink(false)},
		{"c", "fib", []string{"minidebug"}, has(".gnu_debugdata", true)},
		{"c", "ifunc", []string{"-static"}, noInterpreter(elf.ET_EXEC)},
		{"cxx", "exception", []string{"strip"}, has(".symtab", false)},
		{"rust", "mangling", []string{"legacy"}, symbol("_ZN8mangling5store4load17h", true)},
		{"rust", "unwind", []string{"strip"}, has(".symtab", false)},
		{"go", "load", []string{"-s -w"}, has(".symtab", false)},
		{"go", "load", []string{"-w"}, has(".debug_info", false)},
		{"go", "load", []string{"-N -l"}, symbol("main.(*count).enter", true)},
		{"go", "load", []string{"pie"}, elfType(elf.ET_DYN)},
		{"go", "load", []string{"pie", "-s -w"}, has(".symtab", false)},
		{"go", "load", []string{"cgo"}, symbol("x_cgo_init", true)},
		{"go", "load", []string{"cgo", "-s -w"}, has(".symtab", false)},
		{"go", "load", []string{"static-pie", "-s -w"}, noInterpreter(elf.ET_DYN)},
		{"go", "load", []string{"toolchain=go1.18.10"}, goVersion("go1.18.10")},
		{"go", "load", []string{"toolchain=go1.21.13", "-s -w"}, goVersion("go1.21.13")},
		{"go", "load", []string{"toolchain=go1.23.12"}, goVersion("go1.23.12")},
	} {
		t.Run(v.lang+"/"+v.name+"/"+strings.Join(v.flags, "/"), func(t *testing.T) {
			t.Parallel()
			path := Build(t, v.lang, v.name, v.flags...)
			checkStated(t, v.lang, v.name, path)
			f, err := elf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			v.check(t, path, f)
		})
	}
	t.Run("rust/mangling/v0", func(t *testing.T) {
		t.Parallel()
		path := Build(t, "rust", "mangling", "v0")
		checkStated(t, "rust", "mangling", path)
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbol("_RI", true)(t, path, f)
		symbol("_ZN8mangling", false)(t, path, f)
	})
}

func has(section string, want bool) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, f *elf.File) {
		if got := f.Section(section) != nil; got != want {
			t.Errorf("%s has section %s: %v, want %v", path, section, got, want)
		}
	}
}

func strippedOfDebug(t *testing.T, path string, f *elf.File) {
	has(".symtab", true)(t, path, f)
	has(".debug_info", false)(t, path, f)
}

func elfType(want elf.Type) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, f *elf.File) {
		if f.Type != want {
			t.Errorf("%s is %v, want %v", path, f.Type, want)
		}
	}
}

func noInterpreter(want elf.Type) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, f *elf.File) {
		elfType(want)(t, path, f)
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s has an interpreter", path)
			}
		}
	}
}

func symbol(prefix string, want bool) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, f *elf.File) {
		syms, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, s := range syms {
			got = got || strings.HasPrefix(s.Name, prefix)
		}
		if got != want {
			t.Errorf("%s has symbols %s...: %v, want %v", path, prefix, got, want)
		}
	}
}

func goVersion(want string) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, _ *elf.File) {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.GoVersion != want {
			t.Errorf("%s was made by %s, want %s", path, info.GoVersion, want)
		}
	}
}

// debugLink checks the name and the CRC in .gnu_debuglink: a name, zeros up to
// a multiple of 4, the CRC-32 of the file.
func debugLink(good bool) func(*testing.T, string, *elf.File) {
	return func(t *testing.T, path string, f *elf.File) {
		has(".symtab", false)(t, path, f)
		data, err := f.Section(".gnu_debuglink").Data()
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(string(data), "\x00")
		file, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			t.Fatal(err)
		}
		crc := binary.LittleEndian.Uint32(data[len(data)-4:])
		if got := crc == crc32.ChecksumIEEE(file); got != good {
			t.Errorf("the CRC of %s fits: %v, want %v", name, got, good)
		}
	}
}

func TestBuildIsCached(t *testing.T) {
	first := Build(t, "c", "alias")
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cRecipe(filepath.Join(Root(t), "testprogs", "c", "alias"), "c", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.key()
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.buildInto(cache, key) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(again)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Errorf("%s was built again as %s", first, again)
	}
	if other := Build(t, "c", "alias", "-O1"); other == first {
		t.Errorf("flags do not count: %s", other)
	}
}

func TestCacheDirOfAnother(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := cacheDir(); err == nil {
		t.Error("a cache that anybody can write was taken")
	}
}

func TestParseHeader(t *testing.T) {
	for _, source := range []string{
		"/*\n * f: x.\n *\n * Truth: y.\n * Flags: -a -b\n * Needs: amd64 (why)\n * Prints:\n *   calls f = 3\n *   two  words\n * Prints (mixed 2):\n *   calls f = 5\n */\n * not: this\n",
		"//go:build go1.23\n\n// f: x.\n//\n// Flags: -a -b\n// Needs: amd64\n// Prints:\n//\n//\tcalls f = 3\n//\ttwo  words\n//\n// Prints (mixed 2):\n//\n//\tcalls f = 5\npackage main\n//\tno\n",
	} {
		h := parseHeader(source)
		if got := strings.Join(h.Flags, ","); got != "-a,-b" {
			t.Errorf("flags %q", got)
		}
		if got := strings.Join(h.Needs, ","); got != "amd64" {
			t.Errorf("needs %q", got)
		}
		if got := strings.Join(h.Prints[""], ","); got != "calls f = 3,two  words" {
			t.Errorf("prints %q", got)
		}
		if got := strings.Join(h.Prints["mixed 2"], ","); got != "calls f = 5" || len(h.Prints) != 2 {
			t.Errorf("prints %q", h.Prints)
		}
	}
}

func TestTally(t *testing.T) {
	lines := []string{"calls f = 3", `calls f "a = b" = 2`, "returns f = 1", "callsf = 9", "text"}
	got := Tally(t, lines, "calls")
	if len(got) != 2 || got["f"] != 3 || got[`f "a = b"`] != 2 {
		t.Errorf("%v", got)
	}
}
