package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fixture makes a proc tree with one process, 77, and returns its FS. The
// files given replace or join those of a common process; "" leaves one out.
func fixture(t *testing.T, files map[string]string) FS {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"77/stat":         "77 (a) b) S 1 77 77 0 -1 4194304" + strings.Repeat(" 0", 12) + " 4242" + strings.Repeat(" 0", 30) + "\n",
		"77/status":       "Name:\ta) b\\nTracerPid:\t9\nTgid:\t77\nTracerPid:\t5\nSeccomp:\t2\nx86_Thread_features:\tshstk wrss \n",
		"77/cmdline":      "prog\x00-x\x00two words\x00",
		"77/task/77/stat": "77 (a) b) S 1 77\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if text == "" {
			continue
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return New(root)
}

func stat(state, flags string) string {
	return "77 (x) " + state + " 1 77 77 0 -1 " + flags + strings.Repeat(" 0", 12) + " 4242" + strings.Repeat(" 0", 30) + "\n"
}

func TestFixture(t *testing.T) {
	f := fixture(t, map[string]string{
		"self":               "-> 77",
		"77/exe":             "-> /opt/a  b (deleted)",
		"77/task/77/syscall": "0 0x3 0x7f023591e000 0x20000 0x0 0x0 0x0 0x7ffefbee5f18 0x7f0235a9a2ad\n",
		"77/task/78/stat":    "78 (z) Z 1 77\n",
		"77/task/78/syscall": "running\n",
		"77/task/79/stat":    "79 (out) R 1 77\n",
		"77/task/79/syscall": "-1 0x7ffefbee5f00 0x7f0235a9a2ad\n",
	})
	p, err := f.Process(77)
	if err != nil {
		t.Fatal(err)
	}
	got := *p
	got.fs, got.dir = FS{}, ""
	want := Process{PID: 77, StartTime: 4242, Comm: "a) b", Exe: "/opt/a  b", Deleted: true, Root: filepath.Join(f.root, "77/root")}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !p.IsSelf() || !p.Alive() || p.TracerPid() != 5 || p.Seccomp() != 2 || !p.ShadowStack() {
		t.Errorf("self %v, alive %v, tracer %d, seccomp %d, shadow stack %v", p.IsSelf(), p.Alive(), p.TracerPid(), p.Seccomp(), p.ShadowStack())
	}
	argv, err := p.Cmdline()
	if diff := cmp.Diff([]string{"prog", "-x", "two words"}, argv); diff != "" || err != nil {
		t.Errorf("arguments: %v\n%s", err, diff)
	}
	if diff := cmp.Diff([]int{77, 78, 79}, p.Threads()); diff != "" {
		t.Errorf("threads:\n%s", diff)
	}
	for tid, want := range map[int]struct {
		alive, ok bool
		sp        uint64
	}{77: {true, true, 0x7ffefbee5f18}, 78: {}, 79: {true, true, 0x7ffefbee5f00}, 80: {}} {
		sp, ok := p.ThreadSP(tid)
		if p.ThreadAlive(tid) != want.alive || ok != want.ok || sp != want.sp {
			t.Errorf("thread %d: alive %v, stack pointer %#x %v; want %+v", tid, p.ThreadAlive(tid), sp, ok, want)
		}
	}
	// The kernel has given the number to another process.
	line := strings.Replace(stat("S", "0"), "4242", "4243", 1)
	if err := os.WriteFile(filepath.Join(f.root, "77/stat"), []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Mappings(); p.Alive() || !errors.Is(err, ErrNoProcess) {
		t.Errorf("reused PID: alive %v, mappings %v", p.Alive(), err)
	}
	if err := p.WaitExit(t.Context()); err != nil {
		t.Errorf("WaitExit of a reused PID: %v", err)
	}
}

func TestProcessErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pid   int
		files map[string]string
		is    error
		text  string
	}{
		{"none", 78, nil, ErrNoProcess, "process 78: no such process"},
		{"zero", 0, nil, ErrNoProcess, "process 0: no such process"},
		{"negative", -1, nil, ErrNoProcess, "process -1: no such process"},
		{"zombie", 77, map[string]string{"77/stat": stat("Z", "0")}, ErrZombie,
			"process 77 has already exited and only waits for its parent to notice (a zombie)"},
		{"main thread gone", 77, map[string]string{"77/stat": stat("Z", "0"), "77/task/77/stat": "77 (x) Z 1\n", "77/task/78/stat": "78 (x) S 1\n"},
			ErrZombie, "main thread of process 77 has already exited and only waits for its parent to notice (a zombie)"},
		{"kernel thread", 77, map[string]string{"77/stat": stat("S", "2129984")}, ErrKernelThread,
			"process 77: a kernel thread, which runs no program file"},
		{"thread", 77, map[string]string{"77/status": "Tgid:\t70\n"}, ErrThread, "77 is a thread, not a process: its process is 70"},
		{"exiting", 77, nil, ErrNoProcess, "process 77: no such process"},
		{"garbage", 77, map[string]string{"77/stat": "nonsense"}, nil, ""},
		{"empty", 77, map[string]string{"77/stat": "\n"}, nil, ""},
	} {
		_, err := fixture(t, tc.files).Process(tc.pid)
		if err == nil || tc.is != nil && !errors.Is(err, tc.is) || tc.text != "" && err.Error() != tc.text {
			t.Errorf("%s: %v; want %q (%v)", tc.name, err, tc.text, tc.is)
		}
	}
	if !errors.Is(ErrPermission, fs.ErrPermission) {
		t.Error("ErrPermission does not match fs.ErrPermission")
	}
}

// Without /proc/PID/map_files the path decides, if it leads to the same file.
func TestImagesByName(t *testing.T) {
	dir := t.TempDir()
	lib := filepath.Join(dir, "li\nb.so")
	odd := filepath.Join(dir, `odd\012.so`)
	prog := filepath.Join(dir, "prog")
	fifo := filepath.Join(dir, "fifo")
	target := filepath.Join(dir, "link.so")
	for _, name := range []string{lib, odd, prog} {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(lib, target); err != nil {
		t.Fatal(err)
	}
	line := func(path, as string) string {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return lineOf(st, as)
	}
	inode := func(path string) uint64 {
		var st unix.Stat_t
		unix.Stat(path, &st)
		return st.Ino
	}
	f := fixture(t, map[string]string{
		"77/exe":  "-> " + prog,
		"77/root": "-> /",
		"77/maps": line(lib, strings.ReplaceAll(lib, "\n", `\012`)) + line(odd, odd) + line(fifo, fifo) +
			"5000-6000 r-xp 00000000 fe:00 12345 /lib/gone.so (deleted)\n" +
			"6000-7000 r-xp 00000000 fe:00 12346 " + target + "\n" +
			"7000-8000 r-xp 00000000 fe:00 12347 " + odd + "\n" +
			"8000-9000 r-xp 00000000 fe:00 12348 " + prog + "\n" +
			"9000-a000 r-xp 00000000 00:00 0 [vdso]\n" +
			"a000-b000 rw-p 00000000 fe:00 99 /data\n",
	})
	p, err := f.Process(77)
	if err != nil {
		t.Fatal(err)
	}
	images, err := p.Images()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		path, open string
		inode      uint64
		exe, err   bool
	}
	var got []row
	for _, im := range images {
		got = append(got, row{im.Path, im.Open, im.Inode, im.IsExe, im.Err != nil})
	}
	root := p.Root
	want := []row{
		{prog, p.ExePath(), 12348, true, false},
		{lib, root + lib, inode(lib), false, false},
		{odd, root + odd, inode(odd), false, false},
		{"/lib/gone.so", "", 12345, false, true},
		{target, "", 12346, false, true},
		{strings.ReplaceAll(odd, `\012`, "\n"), "", 12347, false, true},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	users, err := f.UsersOf(uint64(unix.Mkdev(0xfe, 0)), 12346)
	if diff := cmp.Diff([]int{77}, users); diff != "" || err != nil {
		t.Errorf("users: %v\n%s", err, diff)
	}
	if users, err := f.UsersOf(uint64(unix.Mkdev(0xfe, 0)), 99); len(users) != 0 || err != nil {
		t.Errorf("users of a data file: %v, %v", users, err)
	}
}

func lineOf(st unix.Stat_t, path string) string {
	return fmt.Sprintf("1000-2000 r-xp 00000000 %02x:%02x %d    %s\n", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino, path)
}
