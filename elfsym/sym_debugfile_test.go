package elfsym

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func symHex(s string) (VAddr, bool) {
	a, err := strconv.ParseUint(s, 16, 64)
	return VAddr(a), err == nil
}

// symSplit builds a program without its symbols and its debug file.
func symSplit(t *testing.T) (dir, buildID string, price VAddr) {
	t.Helper()
	path := symBuildC(t)
	dir = filepath.Dir(path)
	full := symOpen(t, path, nil)
	fs, err := full.Find(Pattern{Text: "price"})
	if err != nil {
		t.Fatal(err)
	}
	symRun(t, dir, nil, "objcopy", "--only-keep-debug", "prog", "prog.debug")
	symRun(t, dir, nil, "strip", "-o", "bare", "prog")
	symRun(t, dir, nil, "objcopy", "--add-gnu-debuglink=prog.debug", "bare", "linked")
	return dir, full.BuildID(), fs[0].Addr
}

func symWantPrice(t *testing.T, b *Binary, price VAddr) {
	t.Helper()
	fs, err := b.Find(Pattern{Text: "price"})
	if err != nil || fs[0].Addr != price {
		t.Fatalf("price: %v, %v; want %#x", fs, err, price)
	}
	if off, err := b.FileOffset(price); err != nil {
		t.Errorf("offset: %#x, %v", off, err)
	}
}

func TestDebugFileByBuildID(t *testing.T) {
	dir, id, price := symSplit(t)
	root := t.TempDir()
	at := filepath.Join(root, "usr/lib/debug/.build-id", id[:2])
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(dir + "/prog.debug")
	if err != nil {
		t.Fatal(err)
	}
	symWrite(t, at, id[2:]+".debug", string(data))
	b := symOpen(t, dir+"/bare", &Options{DebugRoot: root})
	symWantPrice(t, b, price)
	if b.DebugELF() == nil || b.DebugELF() == b.ELF() {
		t.Error("no separate debug file")
	}
	if file, line := b.Line(price); filepath.Base(file) != "a.c" || line != 5 {
		t.Errorf("price is at %s:%d", file, line)
	}
	if _, err := symOpen(t, dir+"/bare", &Options{DebugRoot: t.TempDir()}).Find(Pattern{Text: "price"}); err == nil {
		t.Error("found without a debug file")
	}
}

func TestDebugLink(t *testing.T) {
	dir, _, price := symSplit(t)
	for _, place := range []string{"srv", "srv/.debug", "usr/lib/debug/srv"} {
		root := t.TempDir()
		at := filepath.Join(root, place)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(dir + "/prog.debug")
		if err != nil {
			t.Fatal(err)
		}
		symWrite(t, at, "prog.debug", string(data))
		opts := &Options{DebugRoot: root, DebugDir: "/srv"}
		symWantPrice(t, symOpen(t, dir+"/linked", opts), price)
		symWrite(t, at, "prog.debug", string(data)+"x")
		if b := symOpen(t, dir+"/linked", opts); b.DebugELF() != nil {
			t.Errorf("%s: a debug file with another checksum was taken", place)
		}
		// A container's link must not lead to this machine's files.
		if err := errors.Join(os.Remove(at+"/prog.debug"), os.Symlink(dir+"/prog.debug", at+"/prog.debug")); err != nil {
			t.Fatal(err)
		}
		if b := symOpen(t, dir+"/linked", opts); b.DebugELF() != nil {
			t.Errorf("%s: a link led out of the root", place)
		}
	}
}

func TestMiniDebug(t *testing.T) {
	dir, _, price := symSplit(t)
	symRun(t, dir, nil, "objcopy", "-S", "--remove-section", ".comment", "--keep-symbol=price", "prog.debug", "mini")
	symRun(t, dir, nil, "objcopy", "--strip-debug", "prog.debug", "mini")
	symRun(t, dir, nil, "xz", "-k", "mini")
	symRun(t, dir, nil, "objcopy", "--add-section", ".gnu_debugdata=mini.xz", "bare", "fedora")
	b := symOpen(t, dir+"/fedora", &Options{DebugRoot: t.TempDir()})
	symWantPrice(t, b, price)
	packed, err := os.ReadFile(dir + "/mini.xz")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(dir + "/mini")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unpackXZ(packed, 1<<20); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(plain))
	}
	if _, err := unpackXZ(packed, 1000); !errors.Is(err, ErrMalformed) {
		t.Errorf("beyond the limit: %v", err)
	}
	for i := range len(packed) {
		bad := bytes.Clone(packed)
		bad[i] ^= 0x55
		if got, err := unpackXZ(bad, 1<<20); err == nil && !bytes.Equal(got, plain) {
			t.Fatalf("a flipped byte at %d went unseen", i)
		}
	}
	symRun(t, dir, nil, "xz", "-k", "-9e", "--block-size=4096", "-c", "--check=crc32", "--suffix=.b", "mini")
	symWrite(t, dir, "broken", string(packed[:len(packed)/2]))
	symRun(t, dir, nil, "objcopy", "--add-section", ".gnu_debugdata=broken", "linked", "torn")
	torn := symOpen(t, dir+"/torn", &Options{DebugRoot: t.TempDir()})
	if _, err := torn.Funcs(); err == nil || !strings.Contains(err.Error(), ".gnu_debugdata") {
		t.Errorf("torn: %v", err)
	}
}
