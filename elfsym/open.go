package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// Options say how Open finds what lies beside the file. Nil means the file's
// own path as its name, and debug files of this machine.
type Options struct {
	// Name is what messages and listings call the file; "" means its path.
	Name string
	// DebugRoot is prefixed to /usr/lib/debug, so that a container's program
	// finds the container's debug files; "" means "/".
	DebugRoot string
	// DebugDir is the directory in which the program itself knows the file,
	// inside DebugRoot; .gnu_debuglink is relative to it. "" means that only
	// the build ID leads to a debug file.
	DebugDir string
}

// Binary is one ELF image: a program or a shared library. Its methods may be
// called from several goroutines at once, but none after Close.
type Binary struct {
	path string
	opts Options
	file *os.File
	size int64
	elf  *elf.File
	arch Arch

	// Everything below is found when first asked for and kept with its error.
	debug   func() *debugFile
	table   func() (*funcTable, error)
	named   func() ([]*Func, error)
	pcln    func() (*pclntab, error)
	goInfo  func() (GoInfo, error)
	unwinds func() (string, error)
	lines   func() (*lineTable, error)
	buildID func() string
	lang    func() Lang

	naming sync.Mutex // guards the filling of Func.Name
	kept   sync.Map   // see keep
	closed func() error

	debugFile *os.File // set by debug when it opens a file
}

// Open reads the headers of the ELF file at path, which may lie in
// /proc/PID/map_files or be /proc/PID/exe, and owns the open file until
// Close. Anything but a regular file is refused without being opened.
func Open(path string, opts *Options) (*Binary, error) {
	if opts == nil {
		opts = &Options{}
	}
	file, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	b := &Binary{path: path, opts: *opts, file: file, size: size}
	if b.elf, b.arch, err = readHeaders(file, size); err == nil {
		switch b.elf.Type {
		case elf.ET_EXEC, elf.ET_DYN:
		default:
			err = fmt.Errorf("%v is neither a program nor a library", b.elf.Type)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", b.Name(), errors.Join(err, file.Close()))
	}
	b.debug = sync.OnceValue(b.findDebugFile)
	b.table = sync.OnceValues(b.readFuncs)
	b.named = sync.OnceValues(b.nameFuncs)
	b.pcln = sync.OnceValues(b.readPclntab)
	b.goInfo = sync.OnceValues(b.readGoInfo)
	b.unwinds = sync.OnceValues(b.readUnwinds)
	b.lines = sync.OnceValues(b.readLines)
	b.buildID = sync.OnceValue(b.readBuildID)
	b.lang = sync.OnceValue(b.guessLang)
	b.closed = sync.OnceValue(b.close)
	return b, nil
}

// openRegular opens path if it is a regular file. The error does not repeat
// the path.
func openRegular(path string) (*os.File, int64, error) {
	// Opening a device can act on it, so it is not even tried.
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errNotRegular
	}
	// The path may name another file by now: O_NONBLOCK keeps a FIFO from
	// blocking, and the open file is asked again.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, cause(err)
	}
	return checkRegular(f)
}

var errNotRegular = errors.New("not a regular file")

// checkRegular returns f and its size, or closes f if it is not regular.
func checkRegular(f *os.File) (*os.File, int64, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		return nil, 0, errors.Join(cause(err), f.Close())
	}
	return f, info.Size(), nil
}

// cause strips the path from an error of package os.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// readHeaders checks the limits that debug/elf does not, then lets it read
// the headers.
func readHeaders(r io.ReaderAt, size int64) (*elf.File, Arch, error) {
	var h [64]byte
	n, err := r.ReadAt(h[:], 0)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	if n < len(elf.ELFMAG) || string(h[:4]) != elf.ELFMAG {
		return nil, 0, ErrNotELF
	}
	if n < len(h) {
		return nil, 0, fmt.Errorf("%w: header of %d bytes", ErrMalformed, n)
	}
	arch := ArchUnknown
	if elf.Class(h[elf.EI_CLASS]) == elf.ELFCLASS64 && elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2LSB {
		switch elf.Machine(binary.LittleEndian.Uint16(h[18:])) {
		case elf.EM_X86_64:
			arch = AMD64
		case elf.EM_AARCH64:
			arch = ARM64
		}
	}
	if arch == ArchUnknown {
		return nil, 0, fmt.Errorf("%w: %v %v", ErrMachine, elf.Class(h[elf.EI_CLASS]),
			elf.Machine(binary.LittleEndian.Uint16(h[18:])))
	}
	if err := checkTables(r, size, h[:]); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	f, err := newELF(r)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f, arch, nil
}

// newELF is elf.NewFile for files that may be made to break it.
func newELF(r io.ReaderAt) (f *elf.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading headers: %v", p)
		}
	}()
	return elf.NewFile(r)
}

// checkTables holds the sizes of the header tables against the file's size
// and the limits. h is the ELF64 header (gABI, "ELF Header").
func checkTables(r io.ReaderAt, size int64, h []byte) error {
	le := binary.LittleEndian
	shoff, shentsize := le.Uint64(h[40:]), uint64(le.Uint16(h[58:]))
	phoff, phentsize, phnum := le.Uint64(h[32:]), uint64(le.Uint16(h[54:])), uint64(le.Uint16(h[56:]))
	shnum, shstrndx := uint64(le.Uint16(h[60:])), uint64(le.Uint16(h[62:]))
	if phnum > maxSegments {
		return fmt.Errorf("%d program headers", phnum)
	}
	if !within(phoff, phnum*phentsize, size) {
		return fmt.Errorf("program headers at %#x lie outside the file", phoff)
	}
	if shoff == 0 {
		return nil
	}
	if shentsize < 64 {
		return fmt.Errorf("section headers of %d bytes", shentsize)
	}
	var s [64]byte
	if shnum == 0 {
		// Section 0 holds the number that does not fit the header.
		if _, err := r.ReadAt(s[:], int64(shoff)); err != nil || shoff > uint64(size) {
			return fmt.Errorf("section headers at %#x lie outside the file", shoff)
		}
		shnum = le.Uint64(s[32:])
		if shstrndx == uint64(elf.SHN_XINDEX) {
			shstrndx = uint64(le.Uint32(s[40:]))
		}
	}
	if shnum > maxSections {
		return fmt.Errorf("%d section headers", shnum)
	}
	if !within(shoff, shnum*shentsize, size) {
		return fmt.Errorf("section headers at %#x lie outside the file", shoff)
	}
	if shstrndx < shnum {
		if _, err := r.ReadAt(s[:], int64(shoff+shstrndx*shentsize)); err != nil {
			return fmt.Errorf("section %d: %w", shstrndx, err)
		}
		if n := le.Uint64(s[32:]); n > maxShstrtab {
			return fmt.Errorf("section names of %d bytes", n)
		}
	}
	return nil
}

// within reports whether n bytes at off lie in a file of the given size.
func within(off, n uint64, size int64) bool {
	return off <= uint64(size) && n <= uint64(size)-off
}

// Close closes the file and its debug file. It may be called twice.
func (b *Binary) Close() error { return b.closed() }

func (b *Binary) close() error {
	err := b.file.Close()
	if b.debugFile != nil {
		err = errors.Join(err, b.debugFile.Close())
	}
	return err
}

// Path returns the path that was opened.
func (b *Binary) Path() string { return b.path }

// Name returns what messages call the file.
func (b *Binary) Name() string {
	if b.opts.Name != "" {
		return b.opts.Name
	}
	return b.path
}

// Size returns the length of the file in bytes.
func (b *Binary) Size() int64 { return b.size }

// BuildID returns the GNU build ID in hexadecimal, or the Go build ID as it
// is written if there is no GNU one, or "".
func (b *Binary) BuildID() string { return b.buildID() }

// Arch returns the machine the image is made for.
func (b *Binary) Arch() Arch { return b.arch }

// Lang returns the language that most of the image is written in.
func (b *Binary) Lang() Lang { return b.lang() }

// IsDyn reports whether the loader chooses the image's address (ET_DYN).
func (b *Binary) IsDyn() bool { return b.elf.Type == elf.ET_DYN }

// ELF returns the running file. The caller must not close it.
func (b *Binary) ELF() *elf.File { return b.elf }

// keep returns what load returned when it was first called for key. Files of
// this package use it, with a key type of their own, for what a Binary need
// not know of.
func keep[T any](b *Binary, key any, load func() (T, error)) (T, error) {
	v, ok := b.kept.Load(key)
	if !ok {
		v, _ = b.kept.LoadOrStore(key, sync.OnceValues(load))
	}
	return v.(func() (T, error))()
}
