package ledger

import (
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// NewRecording returns a recording without functions, of a measurement that
// began at start and ended at end, or still goes on where that is zero.
func NewRecording(start, end time.Time, warnings ...[]string) *latency.Recording {
	if end.IsZero() {
		end = time.Now()
	}
	return &latency.Recording{
		Schema: latency.Schema, Start: start, DurationNS: end.Sub(start).Nanoseconds(),
		Kernel: kernelRelease(), Machine: procfs.Machine(), Latch: Version(), Warnings: slices.Concat(warnings...),
	}
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Version is latch's own version.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
