package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// expressions measures what an expression adds to the time that latch's own
// programs take in the kernel, by the run-time statistics that the kernel
// keeps (BPF_ENABLE_STATS): the trap, which costs far more, is not in it.
func (b *bench) expressions() error {
	path := filepath.Join(b.dir, "request")
	if err := b.build("go", "build", "-o", path, filepath.Join("internal", "bench", "testdata", "request.go")); err != nil {
		return err
	}
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return fmt.Errorf("ask for run-time statistics: %w", err)
	}
	defer stats.Close()
	const maxAdded = 250 // ns, of a field behind two pointers
	settings := []struct {
		flags []string
		goal  float64 // added ns; 0 if there is none
	}{
		{nil, 0}, {[]string{"--by", "req.Method"}, 0}, {[]string{"--by", "req.URL.Path"}, maxAdded},
		{[]string{"--by", "req.Method", "--by", "req.URL.Path"}, 0},
		{[]string{"--where", `req.Method == "POST"`}, 0}, {[]string{"--where", "latency > 1*time.Hour"}, 0},
	}
	times := make([][]float64, len(settings))
	for round := range b.rounds {
		for k := range settings {
			i := (k + round) % len(settings)
			ns, err := b.runTime(path, settings[i].flags)
			if err != nil {
				return err
			}
			times[i] = append(times[i], ns)
		}
	}
	t := newTable(b.out, "Time in latch's programs for each call of a Go function, entry and exit, ns (median, range)",
		"flags", "ns", "added", "goal")
	for i, s := range settings {
		added := median(times[i]) - median(times[0])
		goal := atMost(added, s.goal)
		if len(s.flags) > 0 && s.flags[0] == "--where" {
			goal = "below recording: " + map[bool]string{true: "met", false: "MISSED"}[added < 0]
		}
		t.row(strings.Join(s.flags, " "), spread(times[i]), fmt.Sprintf("%.0f", added), goal)
	}
	return t.flush()
}

// runTime is the time that latch's programs take for each call.
func (b *bench) runTime(path string, flags []string) (float64, error) {
	before, err := programs()
	if err != nil {
		return 0, err
	}
	s, err := b.start(path, strconv.Itoa(calls))
	if err != nil {
		return 0, err
	}
	tr := b.record("main.Serve", "req.Method")
	args := tr.args
	tr.args = func(pid int) []string {
		all := args(pid)
		return append(all[:len(all)-2], flags...) // in the stead of --by
	}
	tr.counted = func([]byte) (uint64, error) { return calls, nil } // --where rejects them
	a, err := b.attach(tr, s.pid)
	if err != nil {
		return 0, err
	}
	if _, err := s.work(); err != nil {
		return 0, err
	}
	after, err := programs()
	if err != nil {
		return 0, err
	}
	if _, err := a.stop(); err != nil {
		return 0, err
	}
	total := 0.0
	for id, ns := range after {
		if _, old := before[id]; !old {
			total += ns
		}
	}
	if total == 0 {
		return 0, errors.New("the kernel has no statistics of latch's programs")
	}
	return total / calls, s.end()
}

// programs are the run times, in ns, of all loaded programs that are called as
// latch's are.
func programs() (map[ebpf.ProgramID]float64, error) {
	out := make(map[ebpf.ProgramID]float64)
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list programs: %w", err)
		}
		id = next
		prog, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it has gone
		}
		info, err := prog.Info()
		if err == nil && strings.HasPrefix(info.Name, "call_") {
			if ran, err := prog.Stats(); err == nil {
				out[id] = float64(ran.Runtime.Nanoseconds())
			}
		}
		prog.Close()
	}
}
