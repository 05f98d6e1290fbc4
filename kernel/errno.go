package kernel

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

// maxErrno is the largest number that a system call's result can be the negative
// of (include/linux/err.h).
const maxErrno = 4095

// restarts are what the kernel answers to itself where a signal comes: the call
// is made again, or ends with EINTR (include/linux/errno.h).
var restarts = map[int64]string{
	512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 515: "ENOIOCTLCMD", 516: "ERESTART_RESTARTBLOCK",
}

// resultType is the type of what system calls return: a number, or an error's
// name.
var resultType = sync.OnceValue(func() *elfsym.Type {
	t := &elfsym.Type{Kind: elfsym.KindEnum, Name: "long", Size: 8, Signed: true}
	for n := int64(1); n <= maxErrno; n++ {
		name := unix.ErrnoName(unix.Errno(n))
		if name == "" {
			name = restarts[n]
		}
		if name != "" {
			t.Enum = append(t.Enum, elfsym.Enumerator{Name: name, Value: -n})
		}
	}
	return t
})
