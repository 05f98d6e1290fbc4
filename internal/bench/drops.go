package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// A flooding is one way to be flooded.
type flooding struct {
	name          string
	flags         []string
	flows         int
	packets, rate int     // rate a second, 0 for as many as can be
	maxNS, maxCPU float64 // goals; 0 for none
}

// flooded is what a flood cost.
type flooded struct {
	perSecond       float64
	floorNS, dropNS float64 // a drop: of a program that only returns, of latch's
	sendNS          float64 // a send, of latch's program, above the floor
	cpu, rssMB      float64 // of the latch process: % of one CPU
	counted, lost   uint64
}

// drops measures what a flood of dropped packets costs with latch drops beside
// it: in the kernel by the run-time statistics that it keeps, in latch by the
// processor time that it takes.
func (b *bench) drops() error {
	path := filepath.Join(b.dir, "flood")
	if err := b.build("go", "build", "-o", path, filepath.Join("internal", "bench", "testdata", "flood.go")); err != nil {
		return err
	}
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return fmt.Errorf("ask for run-time statistics: %w", err)
	}
	defer stats.Close()
	// 100 ns a drop; 2% and 15% of a CPU at 100,000 a second.
	if err := b.floodTable(path, "A flood of drops, as many as one sender can: ns a drop in a program that only returns, and in latch's (median, range; own: the difference, of which the least counts: the rest is what other work takes; a send: the same of latch's program for it)",
		[]flooding{
			{name: "1 flow", flows: 1, packets: 1000003, maxNS: 100},
			{name: "50 flows", flows: 50, packets: 1000003, maxNS: 100},
			{name: "5000 flows", flows: 5000, packets: 1000003, maxNS: 100},
			{name: "1 flow, every packet (--pcap)", flags: []string{"--pcap", filepath.Join(b.dir, "packets")}, flows: 1, packets: 100003},
		}); err != nil {
		return err
	}
	if err := b.floodTable(path, "100,000 drops a second for 10 s", []flooding{
		{name: "1 flow", flows: 1, packets: 1000003, rate: 100000, maxNS: 100, maxCPU: 2},
		{name: "5000 flows", flows: 5000, packets: 1000003, rate: 100000, maxNS: 100, maxCPU: 15},
		{name: "60000 flows", flows: 60000, packets: 1000003, rate: 100000},
	}); err != nil {
		return err
	}
	return b.otherCalls()
}

// otherCalls measures what latch drops adds to every system call of the
// machine, by the time that one takes.
func (b *bench) otherCalls() (err error) {
	const n = 1000003
	path := filepath.Join(b.dir, "getppid")
	if err := b.build("go", "build", "-o", path, filepath.Join("internal", "bench", "testdata", "getppid.go")); err != nil {
		return err
	}
	s, err := b.start(path, strconv.Itoa(n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	settings := []struct {
		name  string
		flags []string // nil is without latch
	}{{"alone", nil}, {"latch drops", []string{"drops"}}, {"latch drops --packets-only", []string{"drops", "--packets-only"}}}
	times := make([][]float64, len(settings))
	for round := range b.rounds {
		for k := range settings {
			i := (k + round) % len(settings)
			var a *attached
			if flags := settings[i].flags; flags != nil {
				tr := &tracer{latchName, func(int) []string { return append([]string{b.latch}, flags...) }, func([]byte) (uint64, error) { return 0, nil }}
				if a, err = b.attach(tr, s.pid); err != nil {
					return err
				}
			}
			ns, err := s.work()
			if err != nil {
				return err
			}
			times[i] = append(times[i], ns)
			if a != nil {
				if _, err := a.stop(); err != nil {
					return err
				}
			}
		}
	}
	t := newTable(b.out, "getppid(), ns (median, range; added: of the least)", "with", "ns", "added")
	for i, s := range settings {
		t.row(s.name, spread(times[i]), fmt.Sprintf("%.0f", slices.Min(times[i])-slices.Min(times[0])))
	}
	return t.flush()
}

func (b *bench) floodTable(path, title string, settings []flooding) error {
	results := make([][]flooded, len(settings))
	for round := range b.rounds {
		for k := range settings {
			i := (k + round) % len(settings)
			got, err := b.flood(path, &settings[i])
			if err != nil {
				return fmt.Errorf("%s: %w", settings[i].name, err)
			}
			results[i] = append(results[i], *got)
		}
	}
	t := newTable(b.out, title, "flood", "drops/s", "floor", "ns", "own", "goal", "a send", "CPU %", "goal", "peak RSS MB", "counted of sent", "not shown")
	for i, s := range settings {
		column := func(f func(*flooded) float64) (out []float64) {
			for k := range results[i] {
				out = append(out, f(&results[i][k]))
			}
			return out
		}
		own := column(func(f *flooded) float64 { return f.dropNS - f.floorNS })
		cpu := column(func(f *flooded) float64 { return f.cpu })
		exact := "all"
		for _, r := range results[i] {
			if r.counted != uint64(s.packets) {
				exact = fmt.Sprintf("%d of %d MISSED", r.counted, s.packets)
			}
		}
		t.row(s.name, spread(column(func(f *flooded) float64 { return f.perSecond })),
			spread(column(func(f *flooded) float64 { return f.floorNS })), spread(column(func(f *flooded) float64 { return f.dropNS })),
			spread(own), atMost(slices.Min(own), s.maxNS), spread(column(func(f *flooded) float64 { return f.sendNS })),
			fmt.Sprintf("%.1f (%.1f-%.1f)", median(cpu), slices.Min(cpu), slices.Max(cpu)), atMost(median(cpu), s.maxCPU),
			spread(column(func(f *flooded) float64 { return f.rssMB })), exact,
			spread(column(func(f *flooded) float64 { return float64(f.lost) })))
	}
	return t.flush()
}

// flood runs a flood under latch drops.
func (b *bench) flood(path string, s *flooding) (_ *flooded, err error) {
	floor, err := returning()
	if err != nil {
		return nil, err
	}
	defer floor.Close()
	watch, err := link.AttachTracing(link.TracingOptions{Program: floor})
	if err != nil {
		return nil, fmt.Errorf("attach to kfree_skb: %w", err)
	}
	defer watch.Close()
	sender, err := b.start(path, strconv.Itoa(s.packets), strconv.Itoa(s.flows), strconv.Itoa(s.rate))
	if err != nil {
		return nil, err
	}
	var got flooded
	tr := &tracer{latchName, func(pid int) []string {
		return append([]string{b.latch, "drops", "--netns", strconv.Itoa(pid)}, s.flags...)
	}, countedDrops(&got)}
	a, err := b.attach(tr, sender.pid)
	if err != nil {
		return nil, err
	}
	own, err := programsOf(a.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	began, cpuBefore := time.Now(), cpuTime(a.cmd.Process.Pid)
	ns, err := sender.work()
	if err != nil {
		return nil, err
	}
	got.cpu = 100 * (cpuTime(a.cmd.Process.Pid) - cpuBefore).Seconds() / time.Since(began).Seconds()
	ran, err := runs()
	if err != nil {
		return nil, err
	}
	if got.counted, err = a.stop(); err != nil {
		return nil, err
	}
	got.perSecond = 1e9 / ns
	for id, ran := range ran {
		if !own[id] || ran.count == 0 {
			continue
		}
		switch ran.name {
		case "drop":
			got.dropNS = ran.ns / ran.count
		case "socket_send":
			got.sendNS = ran.ns / ran.count
		}
	}
	least, err := floor.Stats()
	if err != nil || least.RunCount == 0 || got.dropNS == 0 {
		return nil, errors.Join(errors.New("the kernel has no statistics of the programs"), err)
	}
	got.floorNS = float64(least.Runtime.Nanoseconds()) / float64(least.RunCount)
	got.sendNS -= got.floorNS
	usage, ok := a.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil, errors.New("no resource usage of latch")
	}
	got.rssMB = float64(usage.Maxrss) * 1024 / 1e6
	return &got, sender.end()
}

var (
	droppedPackets = regexp.MustCompile(`(?m)^([0-9,]+) packets? (?:was|were) dropped in`)
	notShown       = regexp.MustCompile(`([0-9,]+) packets that were counted but not shown`)
)

// countedDrops reads the summary of latch drops.
func countedDrops(got *flooded) func(out []byte) (uint64, error) {
	number := func(re *regexp.Regexp, out []byte) (uint64, error) {
		m := re.FindSubmatch(out)
		if m == nil {
			return 0, nil
		}
		return strconv.ParseUint(strings.ReplaceAll(string(m[1]), ",", ""), 10, 64)
	}
	return func(out []byte) (n uint64, err error) {
		if got.lost, err = number(notShown, out); err != nil {
			return 0, err
		}
		return number(droppedPackets, out)
	}
}

// cpuTime is the processor time that a process has taken, in its own code and
// in the kernel: fields 14 and 15 of /proc/PID/stat, in hundredths of a second.
func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}
