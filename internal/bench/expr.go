package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
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
	read, err := readCost()
	if err != nil {
		return err
	}
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
	t := newTable(b.out, fmt.Sprintf("Time in latch's programs for each call of a Go function, entry and exit, ns (median, range; added: of the least).\n"+
		"One read of the target's memory, bpf_probe_read_user, takes %.0f ns here", read),
		"flags", "ns", "added", "goal")
	for i, s := range settings {
		// What the machine's other work adds is not the programs' cost.
		added := slices.Min(times[i]) - slices.Min(times[0])
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
	before, err := runs()
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
	after, err := runs()
	if err != nil {
		return 0, err
	}
	if _, err := a.stop(); err != nil {
		return 0, err
	}
	total := 0.0
	for id, ran := range after {
		if _, old := before[id]; !old && strings.HasPrefix(ran.name, "call_") {
			total += ran.ns
		}
	}
	if total == 0 {
		return 0, errors.New("the kernel has no statistics of latch's programs")
	}
	return total / calls, s.end()
}

// readCost is how long one read of 8 bytes of a process's own memory takes, in
// ns: an expression makes one for each pointer it follows, and the kernel's
// mitigations decide what it costs.
func readCost() (float64, error) {
	const reads, runs = 100, 2000
	word := new(uint64)
	insns := asm.Instructions{}
	for range reads {
		insns = append(insns,
			asm.Mov.Reg(asm.R1, asm.RFP), asm.Add.Imm(asm.R1, -8), asm.Mov.Imm(asm.R2, 8),
			asm.LoadImm(asm.R3, int64(uintptr(unsafe.Pointer(word))), asm.DWord), asm.FnProbeReadUser.Call())
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Syscall, Flags: unix.BPF_F_SLEEPABLE, License: "GPL",
		Instructions: append(insns, asm.Mov.Imm(asm.R0, 0), asm.Return()),
	})
	if err != nil {
		return 0, fmt.Errorf("measure a read: %w", err)
	}
	defer prog.Close()
	for range runs {
		if _, err := prog.Run(&ebpf.RunOptions{Context: make([]byte, 8)}); err != nil {
			return 0, fmt.Errorf("measure a read: %w", err)
		}
	}
	runtime.KeepAlive(word)
	ran, err := prog.Stats()
	if err != nil || ran.RunCount == 0 {
		return 0, fmt.Errorf("measure a read: no statistics: %w", err)
	}
	return float64(ran.Runtime.Nanoseconds()) / float64(ran.RunCount) / reads, nil
}
