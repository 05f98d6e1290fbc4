package unlink

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// An attempt is what the kernel tells of one, decoded.
type attempt struct {
	bpf.UnlinkAttempt
	time  time.Time
	sides [2]side
	root  string // of the process, in its file system
	exe   string // in its file system
	argv  []string
	call  *kernel.Call
}

// A side is a path that was given, and the directory it starts from.
type side struct {
	typed string
	base  bpf.UnlinkFileId
	mount uint32
	// inside is the base within its file system.
	inside string
}

func (a *attempt) has(flag bpf.UnlinkAttemptFlags) bool { return a.Flags&uint32(flag) != 0 }

func (a *attempt) op() bpf.UnlinkUnlinkOp { return bpf.UnlinkUnlinkOp(a.Op) }

// decode reads a record; it is nil for what is none.
func decode(raw []byte, zero time.Time) *attempt {
	a := new(attempt)
	size := int(unsafe.Sizeof(a.UnlinkAttempt))
	if len(raw) < size {
		return nil
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&a.UnlinkAttempt)), size), raw)
	a.time = zero.Add(time.Duration(a.TimeNs))
	rest := raw[size:]
	part := func(n uint32) []byte {
		p := rest[:min(int(n), len(rest))]
		rest = rest[len(p):]
		return p
	}
	for i := range a.sides {
		a.sides[i].typed = strings.TrimSuffix(string(part(a.TypedLen[i])), "\x00")
		a.sides[i].base, a.sides[i].mount = a.Base[i], a.Mount[i]
	}
	for i := range a.sides {
		a.sides[i].inside = climb(part(a.BaseLen[i]))
	}
	a.root, a.exe = climb(part(a.RootLen)), climb(part(a.ExeLen))
	if argv := part(a.ArgvLen); len(argv) > 0 {
		a.argv = strings.Split(strings.TrimSuffix(string(argv), "\x00"), "\x00")
	}
	if a.has(bpf.UnlinkAttemptFlagsATTEMPT_CALL) {
		a.call = &kernel.Call{Key: slices.Clone(part(a.KeyLen)), Began: zero.Add(time.Duration(a.CallNs)), Goid: a.Goid}
	}
	return a
}

// climb makes a path of names that lead from a file up to its root.
func climb(names []byte) string {
	text := strings.TrimSuffix(string(names), "\x00")
	if text == "" {
		return "/"
	}
	parts := strings.Split(text, "\x00")
	slices.Reverse(parts)
	return "/" + strings.Join(parts, "/")
}

// text is a C string in a kernel's array.
func text(c []int8) string {
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c))), len(c))
	before, _, _ := strings.Cut(string(raw), "\x00")
	return before
}

// calls names the system calls.
var calls = map[bpf.UnlinkUnlinkOp]string{
	bpf.UnlinkUnlinkOpOP_UNLINK: "unlink", bpf.UnlinkUnlinkOpOP_RMDIR: "rmdir", bpf.UnlinkUnlinkOpOP_RENAME: "rename",
	bpf.UnlinkUnlinkOpOP_EXCHANGE: "renameat2", bpf.UnlinkUnlinkOpOP_TRUNCATE: "truncate",
	bpf.UnlinkUnlinkOpOP_FTRUNCATE: "ftruncate", bpf.UnlinkUnlinkOpOP_OPEN: "open",
}

// split parts a path as it was given into the directory and the last name.
func split(typed string) (dir, name string) {
	typed = strings.TrimRight(typed, "/")
	at := strings.LastIndexByte(typed, '/')
	return typed[:at+1], typed[at+1:]
}
