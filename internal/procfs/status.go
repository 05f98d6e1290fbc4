package procfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// statusField returns one field of /proc/PID/status, or "" where the process
// or this kernel has none. The kernel escapes newlines in the Name field, so
// a process cannot forge a line.
func (p *Process) statusField(name string) string {
	data, err := os.ReadFile(filepath.Join(p.dir, "status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// TracerPid returns the PID of the process that traces p, or 0. A debugger
// that saved our breakpoint as original text would write it back after we
// have gone, so a traced process must not be probed unasked.
func (p *Process) TracerPid() int {
	n, _ := strconv.Atoi(p.statusField("TracerPid"))
	return n
}

// Mounts returns the number of p's mount namespace, or 0 if that is not known.
func (p *Process) Mounts() uint32 {
	info, err := os.Stat(filepath.Join(p.dir, "ns/mnt"))
	if err != nil {
		return 0
	}
	return uint32(info.Sys().(*syscall.Stat_t).Ino)
}

// Parent returns the PID of the process that started p, or that has taken it over;
// 0 if it has none.
func (p *Process) Parent() int {
	n, _ := strconv.Atoi(p.statusField("PPid"))
	return n
}

// UID returns the real user ID; ok is false when p is gone.
func (p *Process) UID() (uid uint32, ok bool) {
	fields := strings.Fields(p.statusField("Uid"))
	if len(fields) == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(fields[0], 10, 32)
	return uint32(n), err == nil
}

// Seccomp returns the seccomp mode: 0 none, 1 strict, 2 filter.
func (p *Process) Seccomp() int {
	n, _ := strconv.Atoi(p.statusField("Seccomp"))
	return n
}

// ShadowStack reports whether the main thread runs with a user shadow stack
// (arch_prctl(2) ARCH_SHSTK_ENABLE; Linux 6.6 and later, amd64).
func (p *Process) ShadowStack() bool {
	return slices.Contains(strings.Fields(p.statusField("x86_Thread_features")), "shstk")
}

// Threads returns the thread IDs of p, ascending; nil when p is gone.
func (p *Process) Threads() []int {
	entries, err := os.ReadDir(filepath.Join(p.dir, "task"))
	if err != nil {
		return nil
	}
	var tids []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	slices.Sort(tids)
	return tids
}

// ThreadAlive reports whether p has a thread tid that has not exited.
func (p *Process) ThreadAlive(tid int) bool {
	data, err := os.ReadFile(p.taskFile(tid, "stat"))
	if err != nil {
		return false
	}
	// The state follows the comm, which may itself hold parentheses.
	_, rest, ok := cutLast(string(data), ") ")
	return ok && rest != "" && !exited(rest[:1])
}

// ThreadSP returns the user stack pointer of a thread that is blocked. It is
// not ok for a thread that runs at the moment, has exited, or may not be
// looked into.
func (p *Process) ThreadSP(tid int) (sp uint64, ok bool) {
	data, err := os.ReadFile(p.taskFile(tid, "syscall"))
	if err != nil {
		return 0, false
	}
	// proc_pid_syscall of fs/proc/base.c prints "running", or "-1 SP PC"
	// outside a system call, or "NR ARG*6 SP PC" inside one.
	f := strings.Fields(string(data))
	if len(f) != 3 && len(f) != 9 {
		return 0, false
	}
	sp, err = strconv.ParseUint(f[len(f)-2], 0, 64)
	return sp, err == nil
}

func (p *Process) taskFile(tid int, name string) string {
	return filepath.Join(p.dir, "task", strconv.Itoa(tid), name)
}

// Alive reports whether p is the process that was opened and has not exited.
func (p *Process) Alive() bool { return p.check() == nil }

// check returns ErrNoProcess or ErrZombie when p has ended.
func (p *Process) check() error {
	st, err := p.stat()
	if err != nil {
		return err
	}
	if st.Starttime != p.StartTime {
		return p.errorf(ErrNoProcess)
	}
	if err := p.refuse(st); errors.Is(err, ErrZombie) {
		return err
	}
	return nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
