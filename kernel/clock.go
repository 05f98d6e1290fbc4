package kernel

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// MonotonicZero returns the wall-clock time at which CLOCK_MONOTONIC, which eBPF
// programs read, was 0.
func MonotonicZero() (time.Time, error) {
	var now unix.Timespec
	wall := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return time.Time{}, fmt.Errorf("read the clock: %w", err)
	}
	return wall.Round(0).Add(-time.Duration(now.Nano())), nil
}
