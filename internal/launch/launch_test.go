package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// In this role the test binary holds a command and dies without letting
	// go of it.
	if argv := os.Getenv("LAUNCH_TEST_DIE_HOLDING"); argv != "" {
		c, err := Start([]string{argv}, nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.PID())
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	// In this one it dies while the command waits to run another program.
	if argv := os.Getenv("LAUNCH_TEST_DIE_ASKED"); argv != "" {
		dieAsked(argv)
	}
	os.Exit(m.Run())
}

// finish waits for c, but not for ever.
func finish(t *testing.T, c *Cmd) Status {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(10 * time.Second):
		c.Kill()
		t.Fatal("command did not end")
	}
	return c.Wait()
}

// output runs argv from start to end and returns what it printed.
func output(t *testing.T, stdin string, argv []string, toEntry bool, env ...string) (string, Status) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, stdin)
	w.Close()
	c, err := Start(argv, &Options{Stdin: r, Stdout: out, Env: append(os.Environ(), env...)})
	if err != nil {
		t.Fatal(err)
	}
	if toEntry {
		if err := c.ContinueToEntry(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	st := finish(t, c)
	got, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(got), st
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// need skips the test where a tool is missing, except in CI.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing", tool)
		}
		t.Skipf("%s is missing", tool)
	}
}

// compile builds a C program or library and returns its path.
func compile(t *testing.T, source string, flags ...string) string {
	t.Helper()
	need(t, "gcc")
	dir := t.TempDir()
	src, bin := filepath.Join(dir, "x.c"), filepath.Join(dir, "x")
	if err := os.WriteFile(src, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("gcc", append([]string{"-O1", "-o", bin, src}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, msg)
	}
	return bin
}

func TestRun(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, stdin string
		argv        []string
		want        string
		status      Status
		code        int
	}{
		{name: "true", argv: []string{"true"}},
		{name: "exit code", argv: []string{"sh", "-c", "echo out; exit 7"}, want: "out\n", status: Status{Code: 7}, code: 7},
		{name: "stdin", stdin: "hello", argv: []string{"cat"}, want: "hello"},
		{name: "script", stdin: "x", argv: []string{script(t, "#!/bin/sh\necho \"$1 $(cat)\"\n"), "arg 1"}, want: "arg 1 x\n"},
		{name: "signal", argv: []string{"sh", "-c", "kill -TERM $$"}, status: Status{Code: -1, Signal: syscall.SIGTERM}, code: 143},
		{name: "untraced", argv: []string{"grep", "TracerPid", "/proc/self/status"}, want: "TracerPid:\t0\n"},
		{name: "no blocked signals", argv: []string{"grep", "SigBlk", "/proc/self/status"}, want: "SigBlk:\t0000000000000000\n"},
		{name: "static Go", argv: []string{goTool, "env", "GOOS"}, want: "linux\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, toEntry := range []bool{false, true} {
				got, st := output(t, tc.stdin, tc.argv, toEntry)
				if got != tc.want || st != tc.status || st.ExitCode() != tc.code {
					t.Errorf("to entry %v: output %q, %v (%d); want %q, %v (%d)", toEntry, got, st, st.ExitCode(),
						tc.want, tc.status, tc.code)
				}
			}
		})
	}
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		argv []string
		is   error
		text string
	}{
		{nil, nil, "start command: no command given"},
		{[]string{""}, nil, "start command: no command given"},
		{[]string{"no-such-command"}, exec.ErrNotFound, "start no-such-command: executable file not found in $PATH"},
		{[]string{plain}, fs.ErrPermission, "start " + plain + ": permission denied"},
		{[]string{dir}, nil, "start " + dir + ": is a directory"},
		{[]string{dir + "/none"}, fs.ErrNotExist, "start " + dir + "/none: no such file or directory"},
		{[]string{script(t, "no shebang")}, syscall.ENOEXEC, ""},
	} {
		_, err := Start(tc.argv, nil)
		if err == nil || tc.is != nil && !errors.Is(err, tc.is) || tc.text != "" && err.Error() != tc.text {
			t.Errorf("Start(%q) = %v, want %q (%v)", tc.argv, err, tc.text, tc.is)
		}
	}
}

func TestHeldBeforeFirstInstruction(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	c, err := Start([]string{"touch", mark}, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // would suffice for touch many times over
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the command ran while it was held: %v", err)
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", c.PID()))
	if err != nil || filepath.Base(exe) != "touch" {
		t.Errorf("held image is %q, %v", exe, err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if st := finish(t, c); st != (Status{}) {
		t.Errorf("status %v", st)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error(err)
	}
	if err := c.Continue(); !errors.Is(err, ErrReleased) {
		t.Errorf("second Continue: %v, want ErrReleased", err)
	}
	if err := c.ContinueToEntry(); !errors.Is(err, ErrReleased) {
		t.Errorf("late ContinueToEntry: %v, want ErrReleased", err)
	}
	if err := c.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestContinueToEntry(t *testing.T) {
	const source = `#include <stdio.h>
__attribute__((constructor)) static void early(void) { puts("constructor"); }
int main(void) { puts("main"); return 3; }`
	for _, flags := range [][]string{{"-pie", "-fPIE"}, {"-no-pie"}, {"-static"}, {"-static-pie", "-fPIE"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			bin := compile(t, source, flags...)
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			c, err := Start([]string{bin}, &Options{Stdout: out})
			if err != nil {
				t.Fatal(err)
			}
			if hasLibc(t, c.PID()) {
				t.Error("libc is mapped at the first instruction")
			}
			if err := c.ContinueToEntry(); err != nil {
				t.Fatal(err)
			}
			if static := strings.HasPrefix(flags[0], "-static"); hasLibc(t, c.PID()) == static {
				t.Errorf("libc mapped at the entry point: %v", !static)
			}
			if err := c.Continue(); err != nil {
				t.Fatal(err)
			}
			if st := finish(t, c); st.Code != 3 {
				t.Errorf("%v, want exit status 3", st)
			}
			if got, _ := os.ReadFile(out.Name()); string(got) != "constructor\nmain\n" {
				t.Errorf("output %q", got)
			}
		})
	}
}

func hasLibc(t *testing.T, pid int) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(maps, []byte("/libc.so"))
}

// Constructors of libraries run on the way to the entry point, and may do
// what a tracer trips over.
func TestConstructors(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"fork", `if (fork() > 0) wait(0);`, "main\nmain\n"},
		{"vfork", `if (vfork() == 0) _exit(0); wait(0);`, "main\n"},
		{"thread", `pthread_t t; pthread_create(&t, 0, (void *(*)(void *))getpid, 0); pthread_join(t, 0);`, "main\n"},
		{"signal", `signal(SIGUSR1, hit); raise(SIGUSR1);`, "hit\nmain\n"},
		{"own breakpoint", `signal(SIGTRAP, hit); __asm__("int3");`, "hit\nmain\n"},
		{"exec", `unsetenv("LD_PRELOAD"); execl("/bin/echo", "echo", "other", (char *)0);`, "other\n"},
		{"exit", `_exit(0);`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lib := compile(t, `#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
void hit(int sig) { if (write(1, "hit\n", 4)) {} }
__attribute__((constructor)) static void early(void) { `+tc.body+` }`, "-shared", "-fPIC")
			bin := compile(t, `#include <unistd.h>
int main(void) { return write(1, "main\n", 5) != 5; }`)
			got, st := output(t, "", []string{bin}, true, "LD_PRELOAD="+lib)
			if got != tc.want || st.ExitCode() != 0 {
				t.Errorf("output %q, %v; want %q", got, st, tc.want)
			}
		})
	}
}

func TestSignalForwarded(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Start([]string{"sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"}, &Options{Stdout: in})
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := c.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if st := finish(t, c); st.ExitCode() != 9 {
		t.Errorf("%v, want exit status 9", st)
	}
}

func TestKill(t *testing.T) {
	killed := Status{Code: -1, Signal: syscall.SIGKILL}
	t.Run("held", func(t *testing.T) {
		c, err := Start([]string{"sleep", "60"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		if st := finish(t, c); st != killed || st.String() != "killed by SIGKILL" {
			t.Errorf("status %v", st)
		}
	})
	t.Run("by another", func(t *testing.T) {
		c, err := Start([]string{"sleep", "60"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(c.PID(), syscall.SIGKILL)
		if err := c.ContinueToEntry(); err != nil {
			t.Errorf("ContinueToEntry: %v", err)
		}
		if err := c.Continue(); err != nil {
			t.Errorf("Continue: %v", err)
		}
		if st := finish(t, c); st != killed {
			t.Errorf("status %v", st)
		}
	})
	t.Run("on the way to entry", func(t *testing.T) {
		lib := compile(t, `#include <unistd.h>
__attribute__((constructor)) static void early(void) { for (;;) if (write(1, "x", 1) == 1) pause(); }`, "-shared", "-fPIC")
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Start([]string{"true"}, &Options{Stdout: in, Env: []string{"LD_PRELOAD=" + lib}})
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		reached := make(chan error)
		go func() { reached <- c.ContinueToEntry() }()
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := <-reached; err != nil {
			t.Errorf("ContinueToEntry: %v", err)
		}
		if st := finish(t, c); st != killed {
			t.Errorf("status %v", st)
		}
	})
}

// A command that is held must not start running because its holder died.
func TestCallerDies(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LAUNCH_TEST_DIE_HOLDING="+script(t, "#!/bin/sh\ntouch "+mark+"\n"))
	out, err := cmd.Output()
	if cmd.ProcessState == nil || cmd.ProcessState.Success() {
		t.Fatalf("helper: %v\n%s", err, out)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatalf("helper said %q", out)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the held command lives on")
		}
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the held command ran: %v", err)
	}
}
