package probe

import (
	"debug/elf"
	"fmt"
	"slices"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// Read returns everything counted since Enable, as uprobe's Session.Read does.
// A system call that was not made is left out where a pattern selects more than
// maxIdle.
func (s *Session) Read() (*latency.Recording, error) {
	rec := ledger.NewRecording(s.start, s.end, s.plan.Warnings)
	rec.Targets = s.targets
	open, err := s.open()
	if err != nil {
		return nil, err
	}
	series, err := ledger.Series(s.maps["series"], s.funcs)
	if err != nil {
		return nil, err
	}
	for i := range s.plan.Funcs {
		f := &s.plan.Funcs[i]
		sum, err := ledger.Counters(s.maps["func_counters"], f.ID)
		if err != nil {
			return nil, err
		}
		if sum.Entries == 0 && len(s.plan.Funcs) > maxIdle {
			continue
		}
		exit := latency.ExitTracepoint
		if f.Call.NoReturn() {
			exit = latency.ExitNone
		}
		one := latency.Function{
			Name: f.Name, Symbol: f.Call.Name, Lang: latency.LangKernel,
			Entry: latency.Entry{Cost: latency.ExitTracepoint}, Exit: exit, By: append([]string{}, f.By...),
			Balance: ledger.Balance(sum, open[f.ID]), Series: series[f.ID],
		}
		whole, err := ledger.Whole(s.maps["func_series"], f.ID, &s.funcs[i], sum.Merged)
		if err != nil {
			return nil, err
		}
		if whole != nil {
			one.Series = append(one.Series, *whole)
		}
		if s.end.IsZero() {
			ledger.Settle(&one, sum, !s.plan.Trace)
		}
		ledger.Sort(&one)
		rec.Functions = append(rec.Functions, one)
	}
	foreign := s.colls[0].Variables["foreign"]
	var n uint64
	if err := foreign.Get(&n); err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	if n > 0 {
		rec.Warnings = append(rec.Warnings, fmt.Sprintf("%d system calls of 32-bit code are not measured: their numbers mean others", n))
	}
	return rec, nil
}

// maxIdle is how many system calls a recording has though they were not made.
const maxIdle = 16

// targetsOf lists the measured processes as they are before they are measured: in
// the end they may be gone.
func targetsOf(pids []int) []latency.Target {
	var out []latency.Target
	for _, pid := range pids {
		t := latency.Target{PID: pid}
		if p, err := procfs.Find(pid); err == nil { // else it has ended
			t.Exe = p.Comm
		}
		if p, err := procfs.Open(pid); err == nil { // else it is not ours to look into
			t.Exe = p.Exe
			if b, err := elfsym.Open(fmt.Sprintf("/proc/%d/exe", pid), nil); err == nil {
				t.BuildID = b.BuildID()
				_ = b.Close() // it was only read
			}
		}
		out = append(out, t)
	}
	return out
}

// narrowOf returns those of the processes that run 32-bit programs.
func narrowOf(pids []int) (narrow []int) {
	for _, pid := range pids {
		f, err := elf.Open(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			continue // it is not ours to look into
		}
		if f.Class == elf.ELFCLASS32 {
			narrow = append(narrow, pid)
		}
		_ = f.Close() // it was only read
	}
	return narrow
}

// idle says why a system call may not have been made.
func (s *Session) idle() string {
	if s.plan.Exe != "" && len(s.plan.PIDs) == 0 {
		return "no process that runs " + s.plan.Exe + " itself was there or had it to do, or they call another one that does the same"
	}
	return "the process was idle, or calls another one that does the same"
}

// Explain adds to the recording why a system call that was asked for by name has
// no calls.
func (s *Session) Explain(rec *latency.Recording) {
	for _, pid := range s.narrow {
		rec.Warnings = append(rec.Warnings, fmt.Sprintf("process %d runs a 32-bit program, whose system calls are not measured", pid))
	}
	if len(s.narrow) > 0 && len(s.narrow) == len(s.plan.PIDs) {
		return
	}
	if len(s.plan.Funcs) > maxIdle {
		if !slices.ContainsFunc(rec.Functions, func(f latency.Function) bool { return f.Lang == latency.LangKernel }) {
			rec.Warnings = append(rec.Warnings, "no system call was made while latch measured: the process was idle, in one that it had begun before or in none")
		}
		return
	}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if f.Lang == latency.LangKernel && f.Balance.Entries == 0 {
			rec.Warnings = append(rec.Warnings, f.Name+" was not called: "+s.idle()+" (latch record 'sys:*' shows which)")
		}
	}
}
