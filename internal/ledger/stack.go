package ledger

import (
	"errors"
	"path/filepath"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// A Symbolizer names the return addresses of the traced processes. It is used by
// one goroutine.
type Symbolizer struct {
	known     func(dev, inode uint64) *elfsym.Binary
	processes map[int]*addressSpace
	// binaries are those opened here, by file; nil for what cannot be opened.
	binaries map[fileID]*elfsym.Binary
}

// addressSpace is what one process has mapped as code.
type addressSpace struct {
	process *procfs.Process
	images  []procfs.Image
	frames  map[place][]latency.Frame
	ended   bool
}

// place is an address behind a call, or behind another instruction.
type place struct {
	addr   uint64
	called bool
}

// fileID tells files apart whatever they are called.
type fileID struct{ dev, inode uint64 }

// NewSymbolizer returns a symbolizer that opens the files that known, which may
// be nil, has not opened.
func NewSymbolizer(known func(dev, inode uint64) *elfsym.Binary) *Symbolizer {
	return &Symbolizer{known: known, processes: make(map[int]*addressSpace), binaries: make(map[fileID]*elfsym.Binary)}
}

// Close closes the binaries that were opened here.
func (s *Symbolizer) Close() error {
	var err error
	for _, b := range s.binaries {
		if b != nil {
			err = errors.Join(err, b.Close())
		}
	}
	return err
}

// Stack names the return addresses, the nearest caller first. The frame
// pointers of code that does not keep them lead anywhere, so it ends at the
// first address that no call can have pushed, and is not whole then.
func (s *Symbolizer) Stack(pid int, addrs []uint64) (frames []latency.Frame, whole bool) {
	if len(addrs) == 0 {
		return []latency.Frame{}, true
	}
	space := s.space(pid)
	first := s.frames(space, addrs[0], true)
	if first == nil {
		first = []latency.Frame{{Addr: addrs[0]}}
	}
	return s.callers(space, first, addrs[1:])
}

// Site names where a system call was made and the callers of that, the nearest
// first. The second address, the word on top of the stack, is a caller only where
// the function that makes the call has no frame.
func (s *Symbolizer) Site(pid int, addrs []uint64) (frames []latency.Frame, whole bool) {
	if len(addrs) == 0 {
		return []latency.Frame{}, true
	}
	space := s.space(pid)
	if top := addrs[1:]; len(top) > 0 && (s.frames(space, top[0], true) == nil || len(top) > 1 && top[0] == top[1]) {
		addrs = append([]uint64{addrs[0]}, top[1:]...)
	}
	return s.Interrupted(pid, addrs)
}

// Interrupted names where a process entered the kernel, by itself or not, and the
// callers of that, the nearest first.
func (s *Symbolizer) Interrupted(pid int, addrs []uint64) (frames []latency.Frame, whole bool) {
	if len(addrs) == 0 {
		return []latency.Frame{}, true
	}
	space := s.space(pid)
	site := s.frames(space, addrs[0], false)
	if site == nil {
		site = []latency.Frame{{Addr: addrs[0]}}
	}
	return s.callers(space, site, addrs[1:])
}

// callers adds the frames of return addresses to those that they are behind.
func (s *Symbolizer) callers(space *addressSpace, behind []latency.Frame, addrs []uint64) (frames []latency.Frame, whole bool) {
	out := append([]latency.Frame{}, behind...)
	for _, addr := range addrs {
		frames := s.frames(space, addr, true)
		if frames == nil {
			return out, false
		}
		out = append(out, frames...)
	}
	return out, true
}

// space is what a process has mapped.
func (s *Symbolizer) space(pid int) *addressSpace {
	space := s.processes[pid]
	if space == nil {
		space = &addressSpace{frames: make(map[place][]latency.Frame)}
		space.process, _ = procfs.Open(pid)
		space.remap()
		s.processes[pid] = space
	}
	return space
}

// frames names an address, which a call has pushed or, where called is false, an
// instruction has left behind that enters the kernel; nil if it is none.
func (s *Symbolizer) frames(space *addressSpace, addr uint64, called bool) []latency.Frame {
	key := place{addr, called}
	frames, ok := space.frames[key]
	if !ok {
		frames = s.resolve(space, addr, called)
		space.frames[key] = frames
	}
	return frames
}

// remap reads the mappings again: libraries are loaded at any time.
func (a *addressSpace) remap() {
	if a.process == nil || a.ended {
		return
	}
	images, err := a.process.Images()
	if err != nil {
		a.ended = true // its last mappings are as good as any
		return
	}
	a.images = images
}

// find returns the image that holds the address, and where in its file.
func (a *addressSpace) find(addr uint64) (*procfs.Image, elfsym.FileOffset) {
	for i := range a.images {
		for _, m := range a.images[i].Maps {
			if addr >= m.Lo && addr < m.Hi {
				return &a.images[i], elfsym.FileOffset(addr - m.Lo + m.Offset)
			}
		}
	}
	return nil, 0
}

// resolve names one address as frames does.
func (s *Symbolizer) resolve(space *addressSpace, addr uint64, called bool) []latency.Frame {
	img, offset := space.find(addr - 1)
	if img == nil {
		space.remap()
		if img, offset = space.find(addr - 1); img == nil {
			return nil
		}
	}
	b := s.binary(img)
	if b == nil {
		return []latency.Frame{{Addr: addr, Binary: img.Path}}
	}
	at, ok := b.VAddrOf(offset)
	if !ok || called && !b.IsCallSite(at+1) {
		return nil
	}
	// The call is what stands before the return address.
	var out []latency.Frame
	for _, f := range b.Frames(at) {
		out = append(out, latency.Frame{Func: f.Func, File: f.File, Line: f.Line, Inlined: f.Inlined, Binary: img.Path})
	}
	if len(out) == 0 {
		out = []latency.Frame{{Binary: img.Path}}
	}
	out[len(out)-1].Addr = addr
	return out
}

// binary opens the image's file, or finds it among the plan's.
func (s *Symbolizer) binary(img *procfs.Image) *elfsym.Binary {
	id := fileID{img.Dev, img.Inode}
	if b, ok := s.binaries[id]; ok {
		return b
	}
	if s.known != nil {
		if b := s.known(img.Dev, img.Inode); b != nil {
			return b
		}
	}
	var b *elfsym.Binary
	if img.Err == nil && img.Open != "" {
		b, _ = elfsym.Open(img.Open, &elfsym.Options{Name: img.Path, DebugDir: filepath.Dir(img.Path)})
	}
	s.binaries[id] = b
	return b
}
