package launch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Exec is a program that the command, or a process that descends from it,
// is about to run.
type Exec struct {
	// PID is the process, which still runs the program before.
	PID int
	// Path is the program's file, as this process's mounts give it.
	Path string
	// File is open for reading until the call that got the Exec returns.
	File *os.File
}

// ErrNoExecs says that the kernel does not tell of what a command executes.
var ErrNoExecs = errors.New("to follow what a command starts needs CAP_SYS_ADMIN and a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS")

// Execs tell of what a command executes.
type Execs struct {
	// Mounts is the number of the mount namespace that the command has, alone
	// with its descendants.
	Mounts uint32

	group *os.File
	once  sync.Once
	done  chan struct{}
	err   error
}

// Execs calls f for each program that the command and its descendants execute,
// scripts and loaders included, one at a time, before it has an instruction run
// or a mapping made; the process waits until f returns. It must be called while
// the command is held, which must have been started with Options.Execs; the
// command itself is not among them. Descendants that make mounts of their own,
// or that have others run programs for them, are not followed.
//
// Nothing is stopped or traced for it: the kernel asks before it opens a program
// on one of the command's own mounts (fanotify(7)). Where the caller is killed it
// stops asking, and who waits goes on.
func (c *Cmd) Execs(f func(*Exec)) (*Execs, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_QUEUE|unix.FAN_UNLIMITED_MARKS,
		unix.O_RDONLY|unix.O_CLOEXEC|unix.O_LARGEFILE)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoExecs, err)
	}
	e := &Execs{group: os.NewFile(uintptr(fd), "fanotify"), done: make(chan struct{})}
	if err := e.mark(fd, c.pid); err != nil {
		return nil, errors.Join(err, e.group.Close())
	}
	go e.serve(f)
	return e, nil
}

// mark asks for what is executed on the process's mounts.
func (e *Execs) mark(group, pid int) error {
	var st, own unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/mnt", pid), &st); err != nil {
		return fmt.Errorf("find mounts of process %d: %w", pid, err)
	}
	if err := unix.Stat("/proc/self/ns/mnt", &own); err != nil {
		return fmt.Errorf("find mounts: %w", err)
	}
	if st.Ino == own.Ino {
		return fmt.Errorf("follow process %d: it has no mounts of its own", pid)
	}
	e.Mounts = uint32(st.Ino)
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return fmt.Errorf("list mounts of process %d: %w", pid, err)
	}
	marked := 0
	var refused error
	for _, point := range mountPoints(info) {
		// A mount may lie below another one, or, as proc does, have nothing to
		// execute.
		err := unix.FanotifyMark(group, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, unix.FAN_OPEN_EXEC_PERM,
			unix.AT_FDCWD, fmt.Sprintf("/proc/%d/root%s", pid, point))
		switch {
		case err == nil:
			marked++
		case refused == nil:
			refused = err
		}
	}
	if marked == 0 {
		return fmt.Errorf("%w: %w", ErrNoExecs, refused)
	}
	return nil
}

// mountPoints returns the paths of mountinfo, in which blanks and the like are
// octal (show_mountinfo in fs/proc_namespace.c).
func mountPoints(info []byte) []string {
	var points []string
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || strings.Contains(","+fields[5]+",", ",noexec,") {
			continue
		}
		path := fields[4]
		for _, c := range []string{" ", "\t", "\n", "#", "\\"} {
			path = strings.ReplaceAll(path, fmt.Sprintf(`\%03o`, c[0]), c)
		}
		points = append(points, path)
	}
	return points
}

// serve answers the kernel until the group is closed. Where that cannot go on,
// it closes the group itself: the kernel lets all who wait go on.
func (e *Execs) serve(f func(*Exec)) {
	defer close(e.done)
	defer e.group.Close()
	buf := make([]byte, 4096)
	for {
		n, err := e.group.Read(buf)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			e.err = fmt.Errorf("follow what the command starts: %w", err)
			return
		}
		for at := 0; at+int(unsafe.Sizeof(unix.FanotifyEventMetadata{})) <= n; {
			event := (*unix.FanotifyEventMetadata)(unsafe.Pointer(&buf[at]))
			if event.Event_len < uint32(unsafe.Sizeof(*event)) {
				e.err = fmt.Errorf("follow what the command starts: an event of %d bytes", event.Event_len)
				return
			}
			at += int(event.Event_len)
			if event.Fd >= 0 {
				e.answer(event, f)
			}
		}
	}
}

// answer lets a process go on when f has seen what it is about to run.
func (e *Execs) answer(event *unix.FanotifyEventMetadata, f func(*Exec)) {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(event.Fd)))
	file := os.NewFile(uintptr(event.Fd), path)
	defer file.Close()
	if err == nil {
		f(&Exec{PID: int(event.Pid), Path: path, File: file})
	}
	response := unix.FanotifyResponse{Fd: event.Fd, Response: unix.FAN_ALLOW}
	if _, err := e.group.Write((*[unsafe.Sizeof(response)]byte)(unsafe.Pointer(&response))[:]); err != nil && !errors.Is(err, os.ErrClosed) {
		e.err = errors.Join(e.err, fmt.Errorf("let process %d go on: %w", event.Pid, err))
	}
}

// Close ends it: nobody waits any more. It returns when f does, with what went
// wrong meanwhile.
func (e *Execs) Close() error {
	e.once.Do(func() {
		err := e.group.Close()
		<-e.done
		if !errors.Is(err, os.ErrClosed) {
			e.err = errors.Join(e.err, err)
		}
	})
	return e.err
}
