package procfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// start runs a program that answers on stdout once it is up, and ends with
// the test.
func start(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := io.WriteString(in, "ready"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	p, err := Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// copyOf copies cat, which echoes what it reads, to a name of ours.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkExe checks that p's executable is path's bytes, through every way in.
func checkExe(t *testing.T, p *Process, name string, deleted bool) {
	t.Helper()
	if p.Exe != name || p.Deleted != deleted {
		t.Errorf("executable %q, deleted %v; want %q, %v", p.Exe, p.Deleted, name, deleted)
	}
	images, err := p.Images()
	if err != nil {
		t.Fatal(err)
	}
	if len(images) < 2 {
		t.Fatalf("images: %+v", images)
	}
	for i, im := range images {
		if im.Err != nil || im.IsExe != (i == 0) {
			t.Errorf("image %d: %+v", i, im)
			continue
		}
		head := make([]byte, 4)
		f, err := os.Open(im.Open)
		if err != nil {
			t.Error(err)
			continue
		}
		f.Read(head)
		f.Close()
		if string(head) != "\x7fELF" {
			t.Errorf("image %s starts with %q", im.Open, head)
		}
		for _, m := range im.Maps {
			if !m.Executable() || m.Inode != im.Inode {
				t.Errorf("mapping %+v of %s", m, im.Path)
			}
		}
	}
	if images[0].Path != name || images[0].Deleted != deleted || images[0].Open != p.ExePath() {
		t.Errorf("image of executable: %+v", images[0])
	}
	if !slices.ContainsFunc(images, func(im Image) bool { return strings.Contains(im.Path, "/libc") }) {
		t.Errorf("no libc among %+v", images)
	}
}

func TestLiveExecutables(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		path := copyOf(t, "a  b\nc (x)")
		checkExe(t, start(t, exec.Command(path)), path, false)
	})
	t.Run("called deleted", func(t *testing.T) {
		path := copyOf(t, "cat (deleted)")
		checkExe(t, start(t, exec.Command(path)), path, false)
	})
	t.Run("deleted", func(t *testing.T) {
		path := copyOf(t, "cat")
		cmd := exec.Command(path)
		start(t, cmd)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		p, err := Open(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		checkExe(t, p, path, true)
	})
	t.Run("replaced", func(t *testing.T) {
		path := copyOf(t, "cat")
		cmd := exec.Command(path)
		start(t, cmd)
		if err := os.WriteFile(path+".new", []byte("#!/bin/false\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		p, err := Open(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		checkExe(t, p, path, true)
	})
	t.Run("memfd", func(t *testing.T) {
		fd, err := unix.MemfdCreate("pro gram", 0)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "memfd")
		defer f.Close()
		data, err := os.ReadFile(copyOf(t, "cat"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", fd))
		checkExe(t, start(t, cmd), "/memfd:pro gram", true)
	})
}

func TestLiveErrors(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// waitid(WNOWAIT) leaves the zombie to be looked at.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cmd.Process.Pid); !errors.Is(err, ErrZombie) {
		t.Errorf("zombie: %v", err)
	}
	cmd.Wait()
	if _, err := Open(cmd.Process.Pid); !errors.Is(err, ErrNoProcess) {
		t.Errorf("collected: %v", err)
	}
	if _, err := Open(2); !errors.Is(err, ErrKernelThread) && !errors.Is(err, ErrNoProcess) {
		t.Errorf("PID 2: %v", err) // in a PID namespace there may be none
	}
	if _, err := Open(1 << 40); !errors.Is(err, ErrNoProcess) {
		t.Errorf("PID 1<<40: %v", err)
	}
	self, err := Open(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.IsSelf() {
		t.Error("our own process is not IsSelf")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, tid := range self.Threads() {
		if tid == self.PID {
			continue
		}
		if _, err := Open(tid); !errors.Is(err, ErrThread) {
			t.Errorf("thread %d: %v", tid, err)
		}
		break
	}
}

func TestLiveThreads(t *testing.T) {
	p := start(t, exec.Command("cat"))
	if p.IsSelf() || !p.Alive() || p.TracerPid() != 0 || p.ShadowStack() {
		t.Errorf("self %v, alive %v, tracer %d, shadow stack %v", p.IsSelf(), p.Alive(), p.TracerPid(), p.ShadowStack())
	}
	if tids := p.Threads(); len(tids) != 1 || tids[0] != p.PID || !p.ThreadAlive(p.PID) {
		t.Errorf("threads %v", tids)
	}
	maps, err := p.Mappings()
	if err != nil {
		t.Fatal(err)
	}
	var sp uint64
	for end := time.Now().Add(5 * time.Second); sp == 0 && time.Now().Before(end); {
		sp, _ = p.ThreadSP(p.PID) // not ok until it blocks in read(2)
	}
	stack := slices.IndexFunc(maps, func(m Mapping) bool { return m.Path == "[stack]" })
	if stack < 0 || sp < maps[stack].Lo || sp >= maps[stack].Hi {
		t.Errorf("stack pointer %#x is outside of the stack", sp)
	}
}

func TestReadMem(t *testing.T) {
	self, err := Open(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("something to be read")
	got := make([]byte, len(want))
	if err := self.ReadMem(uint64(uintptr(unsafe.Pointer(&want[0]))), got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %q, %v", got, err)
	}
	runtime.KeepAlive(want)
	for _, addr := range []uint64{0, 1 << 63, 1<<64 - 1} {
		if err := self.ReadMem(addr, got); err == nil {
			t.Errorf("reading %#x gave no error", addr)
		}
	}
}

func TestUsersOf(t *testing.T) {
	path := copyOf(t, "cat")
	a, b := start(t, exec.Command(path)), start(t, exec.Command(path))
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	want := []int{a.PID, b.PID}
	slices.Sort(want)
	if got, err := UsersOf(st.Dev, st.Ino); err != nil || !slices.Equal(got, want) {
		t.Errorf("users %v, %v; want %v", got, err, want)
	}
	images, err := a.Images()
	if err != nil {
		t.Fatal(err)
	}
	libc := images[slices.IndexFunc(images, func(im Image) bool { return strings.Contains(im.Path, "/libc") })]
	got, err := UsersOf(libc.Dev, libc.Inode)
	if err != nil || !slices.Contains(got, a.PID) || !slices.Contains(got, b.PID) {
		t.Errorf("users of libc %v, %v; want %v among them", got, err, want)
	}
}

func TestWaitExit(t *testing.T) {
	for _, wait := range map[string]func(*Process, context.Context) error{"pidfd": (*Process).WaitExit, "poll": (*Process).pollExit} {
		cmd := exec.Command("cat")
		p := start(t, cmd)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := wait(p, ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while it lives: %v", err)
		}
		ended := make(chan error)
		go func() { ended <- wait(p, t.Context()) }()
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("after the end: %v", err)
		}
		if p.Alive() {
			t.Error("a zombie counts as alive")
		}
		if err := wait(p, t.Context()); err != nil {
			t.Errorf("once more: %v", err)
		}
	}
}

func TestPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to have something to be kept out of")
	}
	p := start(t, exec.Command("cat"))
	errs := make(chan error, 4)
	go func() {
		// Only this thread becomes nobody; locked, it ends with the goroutine.
		runtime.LockOSThread()
		defer close(errs)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			t.Error(errno)
			return
		}
		_, err := Open(p.PID)
		errs <- err
		_, err = p.Mappings()
		errs <- err
		errs <- p.ReadMem(0x1000, make([]byte, 1))
	}()
	n := 0
	for err := range errs {
		if !errors.Is(err, ErrPermission) {
			t.Errorf("error %v, want ErrPermission", err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d of 3 calls made", n)
	}
	if !p.Alive() {
		t.Error("the process is not alive")
	}
}
