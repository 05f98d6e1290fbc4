package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
)

// refuse runs latch, which must end with the code, say one thing on stderr
// that holds the words, and print nothing.
func refuse(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	refuseTool(t, exec.Command(latchPath(t), args...), code, words)
}

func refuseTool(t *testing.T, cmd *exec.Cmd, code int, words []string) (said string) {
	t.Helper()
	l := startTool(t, cmd)
	got := l.wait()
	said = l.said()
	if got != code {
		t.Errorf("latch ended with %d, not %d: %s", got, code, said)
	}
	if l.stdout.Len() > 0 {
		t.Errorf("latch printed %q", l.stdout.String())
	}
	if !strings.HasPrefix(said, "latch: ") || strings.Count(said, "latch: ") != 1 {
		t.Errorf("latch does not say one thing: %s", said)
	}
	for _, bad := range []string{"Usage:", "goroutine ", "panic", "failed to", "%!"} {
		if strings.Contains(said, bad) {
			t.Errorf("latch says %q: %s", bad, said)
		}
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("latch does not say %q: %s", w, said)
		}
	}
	return said
}

// TestUsage gives latch command lines that mean nothing.
func TestUsage(t *testing.T) {
	for _, row := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"no command", nil, []string{"record", "list"}},
		{"unknown command", []string{"recrod"}, []string{"recrod"}},
		{"unknown flag", []string{"record", "--nosuch"}, []string{"--nosuch"}},
		{"no function", []string{"record", "-p", "1"}, []string{"function"}},
		{"no target", []string{"record", "main.f"}, []string{"-p PID"}},
		{"two targets", []string{"record", "-p", "1", "-e", "/bin/sh", "main.f"}, []string{"-p", "-e"}},
		{"bad pid", []string{"record", "-p", "sixty", "main.f"}, []string{"sixty"}},
		{"empty pid", []string{"record", "-p", "", "main.f"}, []string{"no process ID"}},
		{"negative duration", []string{"record", "-p", "1", "-d", "-1s", "main.f"}, []string{"negative"}},
		{"bad duration", []string{"record", "-p", "1", "-d", "soon", "main.f"}, []string{"soon"}},
		{"max-keys", []string{"record", "-p", "1", "--max-keys", "0", "main.f"}, []string{"--max-keys"}},
		{"backend", []string{"record", "-p", "1", "--backend", "ptrace", "main.f"}, []string{"ptrace", "uprobe_multi"}},
		{"extension", []string{"record", "-p", "1", "-o", "out.svg", "main.f"}, []string{"out.svg", ".json"}},
		{"expression", []string{"record", "-p", "1", "--by", "n +", "main.f"}, []string{"n +", "^"}},
		{"same name twice", []string{"record", "-p", "1", "--by", "n", "--by", "n", "main.f"}, []string{"n"}},
		{"bad regexp", []string{"record", "-e", "/bin/sh", "/(/"}, []string{"/(/"}},
		{"report over its recording", []string{"report", "x.json", "-o", "./x.json"}, []string{"./x.json", "twice"}},
		{"report nothing", []string{"report"}, []string{"recording"}},
	} {
		t.Run(row.name, func(t *testing.T) { refuse(t, exitUsage, row.words, row.args...) })
	}
}

// TestNoTarget names things that cannot be measured.
func TestNoTarget(t *testing.T) {
	testutil.NeedRoot(t)
	dir := t.TempDir()
	exe := testutil.Build(t, "c", "fib")
	text, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := append([]byte(nil), text...)
	binary.LittleEndian.PutUint16(foreign[18:], 0x15) // e_machine: EM_PPC64
	absurd := append([]byte(nil), text...)
	binary.LittleEndian.PutUint64(absurd[40:], 1<<62) // e_shoff
	many := append([]byte(nil), text...)
	binary.LittleEndian.PutUint16(many[56:], 0xffff) // e_phnum
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		words []string
		args  []string
	}{
		{"no such process", []string{"no such process"}, []string{"record", "-p", fmt.Sprint(gone.Process.Pid), "main"}},
		{"kernel thread", []string{"kernel thread"}, []string{"record", "-p", "2", "main"}},
		{"no such file", []string{"no such file"}, []string{"record", "-e", filepath.Join(dir, "nosuch"), "main"}},
		{"directory", []string{dir}, []string{"record", "-e", dir, "main"}},
		{"not an ELF", []string{"/etc/passwd", "not an ELF"}, []string{"record", "-e", "/etc/passwd", "main"}},
		{"empty file", []string{"not an ELF"}, []string{"record", "-e", write("empty", nil), "main"}},
		{"another machine", []string{"another machine"}, []string{"record", "-e", write("foreign", foreign), "main"}},
		{"truncated header", []string{"truncated"}, []string{"record", "-e", write("truncated", text[:40]), "main"}},
		{"half", []string{"half"}, []string{"record", "-e", write("half", text[:len(text)/2]), "main"}},
		{"absurd sections", []string{"absurd"}, []string{"record", "-e", write("absurd", absurd), "main"}},
		{"absurd segments", []string{"many"}, []string{"record", "-e", write("many", many), "main"}},
		{"list", []string{"not an ELF"}, []string{"list", "-e", "/etc/passwd"}},
		{"command", []string{"nosuch"}, []string{"record", "main", "--", filepath.Join(dir, "nosuch")}},
		{"report", []string{"no such file"}, []string{"report", filepath.Join(dir, "nosuch.json")}},
		{"report of another file", []string{"/etc/passwd"}, []string{"report", "/etc/passwd"}},
	} {
		t.Run(row.name, func(t *testing.T) { refuse(t, exitUnmeasured, row.words, row.args...) })
	}
	t.Run("itself", func(t *testing.T) {
		refuseTool(t, exec.Command("sh", "-c", fmt.Sprintf(`exec %s record -p $$ main.main`, latchPath(t))), exitUnmeasured, []string{"itself"})
	})
	t.Run("zombie", func(t *testing.T) {
		zombie := exec.Command("true")
		if err := zombie.Start(); err != nil {
			t.Fatal(err)
		}
		defer zombie.Wait()
		// It has ended, and stays a zombie, as this does not reap it.
		if err := unix.Waitid(unix.P_PID, zombie.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			t.Fatal(err)
		}
		refuse(t, exitUnmeasured, []string{"zombie"}, "record", "-p", fmt.Sprint(zombie.Process.Pid), "main")
	})
}

// TestNoFunction names functions and parameters that are not there, of live
// programs, which must not notice.
func TestNoFunction(t *testing.T) {
	for _, row := range []struct {
		name string
		prog
		code  int
		words []string
		args  []string
	}{
		{"near match", c("fib"), exitUnmeasured, []string{"fibb", "no such function", "fib"}, []string{"fibb"}},
		{"glob", c("fib"), exitUnmeasured, []string{"zzz*"}, []string{"zzz*"}},
		{"near match in Go", golang("load"), exitUnmeasured, []string{"main.Handel", "main.Handle"}, []string{"main.Handel"}},
		{"inlined", golang("inlined"), exitUnmeasured, []string{"main.folded", "inlined", "inlined.go:"}, []string{"main.folded"}},
		{"overloads", cxx("overload"), exitUsage, []string{"ns::f means 3 functions", "ns::f(double, int)", "ns::f(int)", "ns::f(char const*)"}, []string{"ns::f"}},
		{"same name", c("samename"), exitUsage, []string{"step means 2 functions"}, []string{"step"}},
		{"too many", golang("load"), exitUsage, []string{"--all"}, []string{"*"}},
		{"unknown parameter", c("args"), exitUsage, []string{"idd", "a, id, b, z", "^"}, []string{"mixed", "--by", "idd"}},
		{"unknown parameter in Go", golang("load"), exitUsage, []string{"knd", "kind", "i", "^"}, []string{"main.Handle", "--by", "knd"}},
		{"ordinal", c("args"), exitUsage, []string{"arg9", "^"}, []string{"mixed", "--by", "arg9"}},
		{"no debug information", c("fib").with("strip-debug"), exitUsage, []string{"n", "arg0"}, []string{"fib", "--by", "n"}},
		{"vector register", c("args"), exitUnmeasured, []string{"a", "^"}, []string{"mixed", "--by", "a"}},
		{"no such library", c("fib"), exitUnmeasured, []string{"libnosuch"}, []string{"libnosuch:f"}},
		{"no such function in a library", c("fib"), exitUnmeasured, []string{"getaddrinfoo"}, []string{"libc:getaddrinfoo"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			target, exe := begin(t, row.prog)
			refuse(t, row.code, row.words, append([]string{"record", "-p", target.pid()}, row.args...)...)
			testutil.TextUnchanged(t, target.PID(), exe)
			target.Go()
			unharmed(t, row.prog, exe, target.Prog)
		})
	}
}

// TestTraced refuses or measures a process that a debugger holds, but does
// not harm it, and says what is in the way.
func TestTraced(t *testing.T) {
	testutil.Need(t, "gdb")
	p := c("fib")
	target, exe := begin(t, p)
	gdb := exec.Command("gdb", "-q", "-nx", "-batch-silent", "-p", target.pid(), "-ex", "shell echo held; read line", "-ex", "detach")
	in, err := gdb.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	held, err := gdb.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gdb.Start(); err != nil {
		t.Fatal(err)
	}
	defer gdb.Wait()
	defer in.Close()
	line := make([]byte, 5)
	if _, err := held.Read(line); err != nil {
		t.Fatal(err)
	}
	refuse(t, exitUnmeasured, []string{"debugged", fmt.Sprint(gdb.Process.Pid)}, "record", "-p", target.pid(), "fib")
	refuse(t, exitUnmeasured, []string{"debugged", fmt.Sprint(gdb.Process.Pid)}, "record", "-e", exe, "fib")
	for _, which := range []string{"-p=" + target.pid(), "-e=" + exe} { // attaches nothing
		l := startLatch(t, "list", which, "fib")
		if code := l.wait(); code != exitOK || l.stdout.String() != "fib\n" {
			t.Errorf("latch list %s ends with %d and prints %q; %s", which, code, l.stdout.String(), l.said())
		}
	}
	in.Close()
	if err := gdb.Wait(); err != nil {
		t.Logf("gdb: %v", err)
	}
	target.Go()
	target.WaitDone()
	unharmed(t, p, exe, target.Prog)
}

// TestUnprivileged runs latch as a user who may do nothing of this.
func TestUnprivileged(t *testing.T) {
	testutil.Need(t, "setpriv")
	target, exe := begin(t, c("fib"))
	asNobody := func(args ...string) *exec.Cmd {
		cmd := exec.Command(latchPath(t), args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd
	}
	refuseTool(t, asNobody("record", "-p", target.pid(), "fib"), exitUnmeasured, []string{"permission"})
	refuseTool(t, asNobody("record", "-e", exe, "fib"), exitUnmeasured, []string{"CAP_BPF"})
	refuseTool(t, asNobody("record", "-p", target.pid(), "sys:getppid"), exitUnmeasured, []string{"CAP_BPF"})
	refuseTool(t, asNobody("trace", "-p", target.pid(), "t:sched:sched_process_exec"), exitUnmeasured, []string{"CAP_BPF"})
	testutil.TextUnchanged(t, target.PID(), exe)
	target.Go()
	unharmed(t, c("fib"), exe, target.Prog)
}

// TestUnwritableOutput finds out before anything is attached.
func TestUnwritableOutput(t *testing.T) {
	target, exe := begin(t, c("fib"))
	dir := t.TempDir()
	for name, path := range map[string]string{
		"no directory": filepath.Join(dir, "nosuch", "out.json"),
		"a directory":  mkdir(t, filepath.Join(dir, "out.json")),
	} {
		t.Run(name, func(t *testing.T) {
			words := []string{"out.json"}
			l := startLatch(t, "record", "-p", target.pid(), "-o", path, "fib")
			select {
			case <-l.attached:
				t.Fatalf("latch attached: %s", l.said())
			case <-l.exited:
			}
			if code := l.wait(); code != exitUsage && code != exitUnmeasured {
				t.Errorf("latch ended with %d", code)
			}
			for _, w := range words {
				if !strings.HasPrefix(l.said(), "latch: ") || !strings.Contains(l.said(), w) {
					t.Errorf("latch says %q", l.said())
				}
			}
		})
	}
	testutil.TextUnchanged(t, target.PID(), exe)
	target.Go()
	unharmed(t, c("fib"), exe, target.Prog)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
