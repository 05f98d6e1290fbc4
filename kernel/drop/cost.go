package drop

import (
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// A costMeter has the kernel time the drop program for a while, at the first
// drops. It is not done all the time: it makes every eBPF program of the machine
// read the clock twice.
type costMeter struct {
	stats io.Closer // while it measures
	began time.Time
	done  bool
}

// How many runs are timed, and for how long at most.
const (
	timedRuns = 1000
	timedFor  = 5 * time.Second
)

// measure begins once something was dropped, and ends when enough is known. A
// kernel that cannot do it (before 5.8) leaves the cost unknown.
func (c *costMeter) measure(program *ebpf.Program, dropped bool) error {
	switch {
	case c.done || c.stats == nil && !dropped:
		return nil
	case c.stats == nil:
		stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
		if err != nil {
			c.done = true
			return nil
		}
		c.stats, c.began = stats, time.Now()
		return nil
	}
	stats, err := program.Stats()
	if err != nil {
		return fmt.Errorf("read the drop program's statistics: %w", err)
	}
	if stats.RunCount >= timedRuns || time.Since(c.began) >= timedFor {
		return c.close()
	}
	return nil
}

func (c *costMeter) close() error {
	c.done = true
	if c.stats == nil {
		return nil
	}
	stats := c.stats
	c.stats = nil
	return stats.Close()
}

// measureCost is called with each reading.
func (t *Tracer) measureCost(dropped bool) error {
	return t.cost.measure(t.coll.Programs[bpf.DropProgDrop], dropped)
}
