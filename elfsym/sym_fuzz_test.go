package elfsym

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// symUse asks a file for everything; only the absence of a panic, a hang and
// a huge allocation is asserted.
func symUse(t testing.TB, path string) {
	t.Helper()
	b, err := Open(path, &Options{DebugRoot: filepath.Dir(path)})
	if err != nil {
		return
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	fs, err := b.Funcs()
	if (err == nil) != (len(fs) > 0) {
		t.Errorf("%d functions, %v", len(fs), err)
	}
	for _, f := range fs[:min(len(fs), 50)] {
		if f.Size == 0 || f.Name == "" {
			t.Errorf("%+v", f)
		}
		if _, err := b.FileOffset(f.Addr); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		b.Line(f.Addr)
		b.FuncAt(f.Addr + 1)
	}
	for _, text := range []string{"main", "ns::f", "m*", "nothing"} {
		if found, err := b.Find(Pattern{Text: text}); err == nil && len(found) == 0 {
			t.Errorf("%s: neither functions nor error", text)
		}
	}
	_, _ = b.Unwinds()
	_, _ = b.GoInfo()
	if ids, err := b.GoTypeIDs("int"); (err == nil) != (len(ids) > 0) {
		t.Errorf("int has ids %#x, %v", ids, err)
	}
	b.Lang()
	b.BuildID()
	b.DebugELF()
}

// symSmall builds small programs of each kind.
func symSmall(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, "x.cc", symCXXSource)
	symRun(t, dir, nil, "g++", "-g", "-o", "x", "x.cc")
	symWrite(t, dir, "go.mod", "module tiny\n\ngo 1.26\n")
	symWrite(t, dir, "main.go", "package main\n\nfunc main() { println(1) }\n")
	symRun(t, dir, []string{"CGO_ENABLED=0", "GOWORK=off"}, "go", "build", "-ldflags=-s -w", "-o", "tiny", ".")
	return []string{dir + "/x", dir + "/tiny"}
}

func TestTruncated(t *testing.T) {
	for _, path := range symSmall(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "cut")
		for i := range 200 {
			if err := os.WriteFile(out, data[:len(data)*i/200], 0o644); err != nil {
				t.Fatal(err)
			}
			symUse(t, out)
		}
	}
}

// TestMutated damages headers and tables at random, always in the same way.
func TestMutated(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, path := range symSmall(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "bad")
		shoff := int(binary.LittleEndian.Uint64(data[40:]))
		for range 100 {
			bad := append([]byte(nil), data...)
			for range 1 + rnd.IntN(4) {
				at := rnd.IntN(len(bad))
				switch rnd.IntN(3) {
				case 0:
					at = rnd.IntN(1024)
				case 1:
					at = shoff + rnd.IntN(len(bad)-shoff)
				}
				bad[at] = byte(rnd.Uint32())
			}
			if err := os.WriteFile(out, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			symUse(t, out)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("\x7fELF"))
	dir := f.TempDir()
	symWrite(f, dir, "s.c", "int price(int x) { return x; }\nvoid _start(void) { price(1); }\n")
	symRun(f, dir, nil, "gcc", "-nostdlib", "-static", "-Wl,-z,noseparate-code", "-o", "s", "s.c")
	small, err := os.ReadFile(dir + "/s")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		symUse(t, path)
	})
}

// symPclntab makes a table of two functions, main.a of 16 bytes and main.b of
// 20 in 32, with one file.
func symPclntab() []byte {
	le := binary.LittleEndian
	names, cus, files := "\x00main.a\x00main.b\x00", "\x01\x00\x00\x00", "\x00a.go\x00"
	pcs := "\x00" + "\x02\x10\x00" + "\x02\x14\x00" + "\x14\x10\x00" + "\x1e\x14\x00"
	tab := make([]byte, pcHeader)
	le.PutUint32(tab, magicGo120)
	tab[6], tab[7] = 1, 8
	le.PutUint64(tab[8:], 2)
	for i, part := range []string{names, cus, files, pcs} {
		le.PutUint64(tab[32+8*i:], uint64(len(tab)))
		tab = append(tab, part...)
	}
	le.PutUint64(tab[64:], uint64(len(tab)))
	u32 := func(vs ...uint32) {
		for _, v := range vs {
			tab = le.AppendUint32(tab, v)
		}
	}
	u32(0, 20, 16, 64, 48)
	u32(0, 1, 0, 0, 1, 1, 7, 0, 0, 9, 0)
	u32(16, 8, 0, 0, 4, 4, 10, 0, 0, 14, 0)
	return tab
}

func TestPclntab(t *testing.T) {
	tab, err := parsePclntabHeader(string(symPclntab()), 0x500000)
	if err != nil {
		t.Fatal(err)
	}
	tab.text = Range{0x400000, 0x480000}
	if err := tab.readEntries(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range tab.entries {
		f := &tab.entries[i]
		file, line := tab.line(f, f.addr+3)
		got = append(got, fmt.Sprintf("%s %#x-%#x %v %s:%d", f.name, f.addr, f.end, f.exact, file, line))
	}
	want := []string{"main.a 0x400000-0x400010 true a.go:9", "main.b 0x400010-0x400024 true a.go:14"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzPclntab(f *testing.F) {
	f.Add(symPclntab(), uint64(0x400010))
	f.Add([]byte("\xf1\xff\xff\xff\x00\x00\x01\x08\x01\x00\x00\x00\x00\x00\x00\x00"), uint64(0x1000))
	f.Fuzz(func(t *testing.T, data []byte, a uint64) {
		tab, err := parsePclntabHeader(string(data), 0x500000)
		if err != nil {
			return
		}
		tab.text = Range{0x400000, 0x480000}
		if err := tab.readEntries(); err != nil {
			return
		}
		for i := range tab.entries {
			e := &tab.entries[i]
			if e.end <= e.addr || e.name == "" {
				t.Fatalf("%+v", e)
			}
			tab.line(e, e.addr+VAddr(a)%(e.end-e.addr))
		}
		tab.at(VAddr(a))
	})
}

func FuzzEHFrame(f *testing.F) {
	f.Add([]byte("\x0c\x00\x00\x00\x00\x00\x00\x00\x01zPLR\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = hasPersonality(data) })
}

func FuzzXZ(f *testing.F) {
	f.Add([]byte("\xfd7zXZ\x00\x00\x04"))
	dir := f.TempDir()
	symWrite(f, dir, "plain", strings.Repeat("latch latches on ", 40)+"and reads")
	symRun(f, dir, nil, "xz", "plain")
	packed, err := os.ReadFile(dir + "/plain.xz")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, data []byte) {
		if out, err := unpackXZ(data, 1<<16); len(out) > 1<<16 || err != nil && out != nil {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("libc:/a*/")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			return
		}
		if p.Text == "" {
			t.Fatalf("%q: %+v", s, p)
		}
		newQuery(p.Text)
		p.Match(s)
		demangled(s)
		forms(s)
	})
}
