package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
)

// Overhead measures what the probes cost each system call, on calls of latch's
// own, and adds that to the recording's Overhead, which has what user functions
// cost already. Call it after Stop, with the final recording. What reading keys
// costs is not in it.
func (s *Session) Overhead(rec *latency.Recording) error {
	var entries, exits, userEntries float64
	for i := range rec.Functions {
		f := &rec.Functions[i]
		switch {
		case f.Lang != latency.LangKernel:
			userEntries += float64(f.Balance.Entries)
		case f.Exit == latency.ExitNone:
			entries += float64(f.Balance.Entries)
		default:
			entries += float64(f.Balance.Entries)
			exits += float64(f.Balance.Returns)
		}
	}
	if entries == 0 {
		return nil
	}
	both, err := calibrate()
	if err != nil {
		return fmt.Errorf("measure what probes of system calls cost: %w", err)
	}
	side := float64(both) / 2 // the two sides are not measured apart
	o := &rec.Overhead
	userExits := float64(o.Hits) - userEntries
	o.EntryNS = (o.EntryNS*userEntries + side*entries) / (userEntries + entries)
	if n := userExits + exits; n > 0 {
		o.ExitNS = (o.ExitNS*userExits + side*exits) / n
	}
	o.Hits += uint64(entries + exits)
	if rec.DurationNS > 0 {
		o.CPUShare += side * (entries + exits) / float64(rec.DurationNS)
	}
	return nil
}

// The calls of one round, and how many rounds there are: the least of them
// counts, as what the machine's other work adds is not the probes' cost.
const (
	calibrationCalls  = 400
	calibrationRounds = 7
)

// calibrate returns what measuring a system call costs it.
func calibrate() (_ time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	bare := callTime()
	plan, err := NewPlan(&Request{PIDs: []int{os.Getpid()}, Patterns: []string{"getppid"}, Choice: &ledger.Choice{}, own: true})
	if err != nil {
		return 0, err
	}
	s, err := Attach(plan, &Options{MaxKeys: 1})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Enable(); err != nil {
		return 0, err
	}
	return max(0, callTime()-bare), nil
}

// callTime is how long a system call of next to no work takes.
func callTime() time.Duration {
	least := time.Duration(1<<63 - 1)
	for range calibrationRounds {
		began := time.Now()
		for range calibrationCalls {
			_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) // it cannot fail
		}
		least = min(least, time.Since(began)/calibrationCalls)
	}
	return least
}
