// Package procfs reads a process's executable, mappings and threads.
//
// Everything goes through one root path, so that a directory of fixtures can
// stand in for /proc. A process is opened once by PID and from then on known
// by PID and start time together: a number that the kernel has given to
// another process is reported as [ErrNoProcess], never as the new owner.
//
// Strings that a process controls (paths, its comm, its arguments) are
// returned as they are; escaping them is for whoever shows them.
package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	promfs "github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Errors that say why a process cannot be looked into. Each is wrapped with
// the PID, and the whole reads as one sentence.
var (
	// ErrNoProcess says that the PID is not in use, or no longer by the
	// process that was opened.
	ErrNoProcess = errors.New("no such process")
	// ErrThread says that the number is a thread's, not a process's.
	ErrThread = errors.New("a thread, not a process")
	// ErrZombie says that the process has exited and waits for its parent.
	ErrZombie = errors.New("has already exited and only waits for its parent to notice (a zombie)")
	// ErrKernelThread says that the process is a thread of the kernel.
	ErrKernelThread = errors.New("a kernel thread, which runs no program file")
	// ErrPermission says that we may not look into the process. It matches
	// fs.ErrPermission.
	ErrPermission = fmt.Errorf("looking into it needs CAP_SYS_PTRACE or its own user: %w", fs.ErrPermission)
)

// FS is a proc file system at some path.
type FS struct{ root string }

// New returns the proc file system at root; "" means /proc. It does not look
// whether there is one.
func New(root string) FS {
	if root == "" {
		root = "/proc"
	}
	return FS{root}
}

// Process is one process of one FS.
type Process struct {
	PID int
	// StartTime is when the process was started, in clock ticks since boot.
	// With the PID it names a process for good.
	StartTime uint64
	// Comm is the name of the main thread, at most 15 bytes.
	Comm string
	// Exe is the path of the executable, without the " (deleted)" that the
	// kernel appends. It is "/memfd:NAME" for a program run from memory.
	Exe string
	// Deleted says that Exe no longer names the running file: it was removed
	// or replaced, or never had a name.
	Deleted bool
	// Root is the path under which the process's own root directory is seen.
	Root string

	fs  FS
	dir string
}

// Open returns the process with the given PID under /proc.
func Open(pid int) (*Process, error) { return New("").Process(pid) }

// Find returns the process with the given PID under /proc without its executable,
// as not everybody may look into it: it can be waited for.
func Find(pid int) (*Process, error) { return New("").find(pid) }

// Process returns the process with the given PID. The error matches
// ErrNoProcess, ErrThread, ErrZombie, ErrKernelThread or ErrPermission where
// one of them is the reason.
func (f FS) Process(pid int) (*Process, error) {
	p, err := f.find(pid)
	if err != nil {
		return nil, err
	}
	if err := p.readExe(); err != nil {
		return nil, err
	}
	return p, nil
}

func (f FS) find(pid int) (*Process, error) {
	p := &Process{PID: pid, fs: f, dir: filepath.Join(f.root, strconv.Itoa(pid))}
	p.Root = filepath.Join(p.dir, "root")
	if pid <= 0 {
		return nil, p.errorf(ErrNoProcess)
	}
	st, err := p.stat()
	if err != nil {
		return nil, err
	}
	p.StartTime, p.Comm = st.Starttime, st.Comm
	if err := p.refuse(st); err != nil {
		return nil, err
	}
	return p, nil
}

// pfKthread is PF_KTHREAD of include/linux/sched.h.
const pfKthread = 0x00200000

// refuse returns the reason for which a process with this stat line cannot be
// looked into.
func (p *Process) refuse(st promfs.ProcStat) error {
	if st.Flags&pfKthread != 0 {
		return p.errorf(ErrKernelThread)
	}
	// /proc/TID answers for threads too, although it is not listed.
	if tgid, err := strconv.Atoi(p.statusField("Tgid")); err == nil && tgid != p.PID {
		return fmt.Errorf("%d is %w: its process is %d", p.PID, ErrThread, tgid)
	}
	if !exited(st.State) {
		return nil
	}
	for _, tid := range p.Threads() {
		if tid != p.PID && p.ThreadAlive(tid) {
			return fmt.Errorf("main thread of process %d %w", p.PID, ErrZombie)
		}
	}
	return fmt.Errorf("process %d %w", p.PID, ErrZombie)
}

// exited reports whether a state letter of proc(5) means that a task has ended.
func exited(state string) bool { return state == "Z" || state == "X" || state == "x" }

const deletedSuffix = " (deleted)"

// readExe fills in Exe and Deleted.
func (p *Process) readExe() error {
	target, err := os.Readlink(p.ExePath())
	switch {
	case errors.Is(err, fs.ErrPermission):
		return p.errorf(ErrPermission)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		// Between exit and zombie a process has lost its memory, and with it
		// the link (mm/exe_file is dropped in exit_mm).
		return p.errorf(ErrNoProcess)
	case err != nil:
		return fmt.Errorf("read executable of process %d: %w", p.PID, err)
	}
	p.Exe, p.Deleted = p.undelete(target, p.ExePath())
	return nil
}

// undelete splits the " (deleted)" off a path that the kernel printed. A file
// may really be called that: then the path leads to the same file as link.
func (p *Process) undelete(path, link string) (name string, deleted bool) {
	name, deleted = strings.CutSuffix(path, deletedSuffix)
	if !deleted {
		return path, false
	}
	var want, got unix.Stat_t
	if link != "" && unix.Stat(link, &want) == nil && unix.Stat(p.Root+path, &got) == nil &&
		want.Dev == got.Dev && want.Ino == got.Ino {
		return path, false
	}
	return name, true
}

// ExePath returns a path that opens the running image, even when its name was
// deleted, replaced, or belongs to another mount namespace.
func (p *Process) ExePath() string { return filepath.Join(p.dir, "exe") }

// IsSelf reports whether p is the calling process.
func (p *Process) IsSelf() bool {
	self, err := os.Readlink(filepath.Join(p.fs.root, "self"))
	return err == nil && self == strconv.Itoa(p.PID)
}

// Cmdline returns the arguments of the process, which it may have overwritten.
func (p *Process) Cmdline() ([]string, error) {
	pp, err := p.prom()
	if err != nil {
		return nil, err
	}
	argv, err := pp.CmdLine()
	if err != nil {
		return nil, fmt.Errorf("read arguments of process %d: %w", p.PID, err)
	}
	return argv, nil
}

// prom returns p as prometheus/procfs knows it.
func (p *Process) prom() (promfs.Proc, error) {
	pfs, err := promfs.NewFS(p.fs.root)
	if err != nil {
		return promfs.Proc{}, fmt.Errorf("open %s: %w", p.fs.root, err)
	}
	pp, err := pfs.Proc(p.PID)
	if err != nil {
		return promfs.Proc{}, p.gone(err)
	}
	return pp, nil
}

// stat reads /proc/PID/stat.
func (p *Process) stat() (promfs.ProcStat, error) {
	pp, err := p.prom()
	if err != nil {
		return promfs.ProcStat{}, err
	}
	st, err := pp.Stat()
	if err != nil {
		return promfs.ProcStat{}, p.gone(err)
	}
	return st, nil
}

// gone turns the many errors of a process that vanished into ErrNoProcess.
func (p *Process) gone(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		return p.errorf(ErrNoProcess)
	case errors.Is(err, fs.ErrPermission):
		return p.errorf(ErrPermission)
	}
	return fmt.Errorf("process %d: %w", p.PID, err)
}

func (p *Process) errorf(err error) error { return fmt.Errorf("process %d: %w", p.PID, err) }
