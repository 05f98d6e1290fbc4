package elfsym

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path"
	"strings"
	"syscall"
)

// debugFile is what lies beside the running file.
type debugFile struct {
	image
	// path is where it was found, inside Options.DebugRoot.
	path string
}

// DebugELF returns the file that carries DWARF: the running file itself or
// its separate debug file; nil if there is none. The caller must not close
// it.
func (b *Binary) DebugELF() *elf.File {
	if hasDWARF(b.elf) {
		return b.elf
	}
	if d := b.debug(); d != nil && hasDWARF(d.elf) {
		return d.elf
	}
	return nil
}

func hasDWARF(f *elf.File) bool {
	for _, name := range []string{".debug_info", ".zdebug_info"} {
		if s := f.Section(name); s != nil && s.Type != elf.SHT_NOBITS && s.Size > 0 {
			return true
		}
	}
	return false
}

// findDebugFile looks where GDB does (GDB manual, "Debugging Information in
// Separate Files"): by build ID, then by .gnu_debuglink. It returns nil when
// no file there belongs to b.
func (b *Binary) findDebugFile() *debugFile {
	const dir = "/usr/lib/debug"
	if id := b.gnuBuildID(); len(id) > 4 {
		if d := b.openDebug(fmt.Sprintf("%s/.build-id/%s/%s.debug", dir, id[:2], id[2:]), nil); d != nil {
			return d
		}
	}
	name, crc, err := b.debugLink()
	if err != nil || b.opts.DebugDir == "" {
		return nil
	}
	own := path.Clean("/" + b.opts.DebugDir)
	for _, p := range []string{own + "/" + name, own + "/.debug/" + name, dir + own + "/" + name} {
		if d := b.openDebug(path.Clean(p), &crc); d != nil {
			return d
		}
	}
	return nil
}

// debugLink reads .gnu_debuglink: a file name, padding to 4 bytes, a CRC.
func (b *Binary) debugLink() (name string, crc uint32, err error) {
	s := b.elf.Section(".gnu_debuglink")
	if s == nil {
		return "", 0, errors.New("no .gnu_debuglink")
	}
	data, err := b.image().data(s, 4096)
	if err != nil {
		return "", 0, err
	}
	n := bytes.IndexByte(data, 0)
	end := (n + 4) &^ 3
	if n <= 0 || end+4 > len(data) || strings.Contains(string(data[:n]), "/") {
		return "", 0, fmt.Errorf("%w: .gnu_debuglink", ErrMalformed)
	}
	return string(data[:n]), binary.LittleEndian.Uint32(data[end:]), nil
}

// openDebug opens the file at p inside the debug root if it is b's debug
// file, which its checksum proves when crc is given.
func (b *Binary) openDebug(p string, crc *uint32) *debugFile {
	f, size, err := b.openInRoot(p)
	if err != nil {
		return nil
	}
	im, err := b.checkDebug(f, size, crc)
	if err != nil {
		// A file that is not b's is as good as none; nothing was written
		// through f, so its Close has nothing to tell.
		_ = f.Close()
		return nil
	}
	b.debugFile = f
	return &debugFile{image: im, path: p}
}

// openInRoot opens p inside the debug root. A container's links must not
// lead out of the container, which os.Root ensures.
func (b *Binary) openInRoot(p string) (*os.File, int64, error) {
	if b.opts.DebugRoot == "" || b.opts.DebugRoot == "/" {
		return openRegular(p)
	}
	root, err := os.OpenRoot(b.opts.DebugRoot)
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	p = strings.TrimPrefix(p, "/")
	info, err := root.Stat(p)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errNotRegular
	}
	f, err := root.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	return checkRegular(f)
}

func (b *Binary) checkDebug(f *os.File, size int64, crc *uint32) (image, error) {
	if size > maxDebugFile {
		return image{}, fmt.Errorf("%w: debug file of %d bytes", ErrMalformed, size)
	}
	e, arch, err := readHeaders(f, size)
	if err != nil {
		return image{}, err
	}
	im := image{e, f, size}
	own, its := b.gnuBuildID(), gnuBuildID(im)
	if arch != b.arch || own != "" && its != "" && own != its {
		return image{}, errors.New("debug file of another build")
	}
	if !sameLayout(b.elf, e) {
		return image{}, errors.New("debug file with other addresses")
	}
	if crc == nil {
		if own != its {
			return image{}, errors.New("debug file without build ID")
		}
		return im, nil
	}
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return image{}, err
	}
	if h.Sum32() != *crc {
		return image{}, errors.New("debug file with another checksum")
	}
	return im, nil
}

// sameLayout reports whether the code of both files has the same addresses:
// prelink moves a library but not its debug file.
func sameLayout(a, b *elf.File) bool {
	x, y := a.Section(".text"), b.Section(".text")
	return x == nil || y == nil || x.Addr == y.Addr && x.Size == y.Size
}
