package unlink

import (
	"path/filepath"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel"
)

// who tells who made an attempt, and who started it: as the kernel knew them
// then, and, of those that live on, what else there is.
func (w *tracer) who(a *attempt) (Process, []Process) {
	p := Process{
		PID: int(a.Tgid), TID: int(a.Tid), Comm: text(a.Comm[:]), Exe: a.exe, Argv: a.argv,
		ArgvCut: a.has(bpf.UnlinkAttemptFlagsATTEMPT_CUT_ARGV), UID: a.Uid, start: a.StartNs,
	}
	if path, ok := w.mounts[a.ExeMount].seen(a.exe); ok {
		p.Exe = path
	}
	known := alive(&p)
	var parents []Process
	for i := range a.Parents {
		raw := &a.Parents[i]
		if raw.Pid == 0 {
			break
		}
		up := Process{PID: int(raw.Pid), TID: int(raw.Pid), Comm: text(raw.Comm[:]), start: raw.StartNs}
		alive(&up)
		parents = append(parents, up)
	}
	if known {
		return p, parents
	}
	group, err := kernel.CgroupByID(a.Cgroup)
	if err == nil && group.Path != "/" {
		p.Cgroup = group
	}
	for i := range parents { // what it was in is most likely what its parent is in
		if p.Cgroup.Path == "" {
			p.Cgroup = parents[i].Cgroup
		}
	}
	return p, parents
}

// tick is what times of start are counted in (proc_pid_stat(5)), in nanoseconds.
const tick = 10_000_000

// alive adds what /proc says of a process, if it is still the one. What it runs is
// taken from there only while that is what it ran: it may have executed another
// program since.
func alive(p *Process) bool {
	proc, err := procfs.Open(p.PID)
	if err != nil || proc.StartTime != p.start/tick {
		return false
	}
	now := processOf(proc)
	p.Cgroup = now.Cgroup
	same := p.Comm == now.Comm
	if p.Exe != "" {
		same = filepath.Base(p.Exe) == filepath.Base(now.Exe)
	}
	if !same {
		return true
	}
	p.Exe = now.Exe
	if len(p.Argv) == 0 {
		p.Argv, p.ArgvCut = now.Argv, now.ArgvCut
	}
	return true
}

// processOf says what /proc says of a process. What cannot be read is of one that
// has just ended.
func processOf(proc *procfs.Process) Process {
	p := Process{PID: proc.PID, TID: proc.PID, Comm: proc.Comm, Exe: proc.Exe, start: proc.StartTime * tick}
	p.Argv, p.ArgvCut = cutArgv(proc.Cmdline())
	p.UID, _ = proc.UID()
	p.Cgroup, _ = kernel.CgroupOf(proc.PID)
	return p
}

// maxArgv bounds the arguments of those who live on, in bytes.
const maxArgv = 512

// cutArgv leaves out arguments that are too long.
func cutArgv(argv []string, _ error) ([]string, bool) {
	for i, room := 0, maxArgv; i < len(argv); i++ {
		if room -= len(argv[i]) + 1; room < 0 {
			return argv[:i], true
		}
	}
	return argv, false
}
