package unlink

import (
	"time"

	"github.com/latchprof/latch/kernel"
)

// A Kind is what became of a file.
type Kind string

// What can become of a file.
const (
	Deleted   Kind = "deleted"
	Replaced  Kind = "replaced" // by another that was renamed to its name
	Moved     Kind = "moved"    // it has another name now
	Truncated Kind = "truncated"
	Vanished  Kind = "vanished" // it is gone, and nobody was seen to do it
)

// An Event is a file's removal, or an attempt at it.
type Event struct {
	Time time.Time
	// Path is the file's absolute path, Watched the watched path that it is or
	// lies under.
	Path, Watched string
	Kind          Kind
	// Err is why an attempt failed; nil where the file was removed.
	Err error
	// Call is the system call's name, with "io_uring " before it where it was
	// asked of io_uring; "" where it is not known.
	Call string
	// Other is the other path of a rename as the program gave it.
	Other string
	// Size is the length that a file was truncated to, in bytes.
	Size int64
	// Dir says that it was a directory that was removed.
	Dir bool
	// Note is what a reader could take wrongly, in one sentence.
	Note string

	Process
	// Parents are who started the process, the nearest first, as it was then.
	Parents []Process
	// InFlight is the user's call in flight; nil if there was none.
	InFlight *kernel.Call
}

// A Process is who did something. What is not known is zero.
type Process struct {
	PID, TID int
	// Comm is the thread's name.
	Comm string
	// Exe is the program's file, Argv how it was called. ArgvCut says that
	// there is more.
	Exe     string
	Argv    []string
	ArgvCut bool
	UID     uint32
	// Cgroup and Container are where it runs.
	kernel.Cgroup

	start uint64 // CLOCK_BOOTTIME, nanoseconds
}
