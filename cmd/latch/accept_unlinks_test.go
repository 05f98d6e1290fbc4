package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// A toldRemoval is a line of latch unlinks --json.
type toldRemoval struct {
	Path, Kind, Comm, Exe, Error, Call, Note string
	PID, TID                                 int
	UID                                      uint32
	Argv                                     []string
	Parents                                  []struct {
		PID  int
		Comm string
	}
	During *struct {
		Func    string
		Args    map[string]any
		Elapsed int64 `json:"elapsed_ns"`
	}
}

// removals decodes what latch unlinks --json printed: each line by itself.
func (l *tool) removals() (out []toldRemoval) {
	l.t.Helper()
	if code := l.wait(); code != 0 {
		l.t.Fatalf("latch %q ended with %d\n%s", l.cmd.Args[1:], code, l.said())
	}
	for lines := bufio.NewScanner(strings.NewReader(l.stdout.String())); lines.Scan(); {
		var r toldRemoval
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			l.t.Fatalf("%v in %s", err, lines.Text())
		}
		out = append(out, r)
	}
	return out
}

// newFile makes a file in a directory of the test's own.
func newFile(t testing.TB, name string) string {
	t.Helper()
	testutil.NeedRoot(t)
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnlinksDuring holds that a removal tells the call of the program that it was
// made in, with its argument, also where a worker of io_uring made it.
func TestUnlinksDuring(t *testing.T) {
	for _, how := range []string{"unlink", "uring", "truncate"} {
		t.Run(how, func(t *testing.T) {
			file := newFile(t, "f")
			p := c("removals", how, file)
			target, exe := begin(t, p)
			l := startLatch(t, "unlinks", file, "-p", target.pid(), "--during", "cleanup_job", "--show", "job=str(arg0)", "--json", "--until", "1")
			l.waitAttached()
			target.Go()
			told := l.removals()
			if len(told) != 1 || told[0].PID != target.PID() || told[0].TID != target.PID() || told[0].Comm != "removals" || told[0].Path != file {
				t.Fatalf("told %+v", told)
			}
			during := told[0].During
			if during == nil || during.Func != "cleanup_job" || during.Args["job"] != "nightly-purge" || during.Elapsed <= 0 {
				t.Errorf("during %+v", during)
			}
			if !slices.Equal(told[0].Argv, []string{exe, how, file}) || told[0].Exe != exe || told[0].Parents[0].PID != os.Getpid() {
				t.Errorf("ran %q %q, started by %+v", told[0].Exe, told[0].Argv, told[0].Parents)
			}
			unharmed(t, p, exe, target.Prog)
		})
	}
}

// TestUnlinksCommand holds that a command is watched from its start, that its
// status becomes latch's, and that text says who did what.
func TestUnlinksCommand(t *testing.T) {
	file := newFile(t, "report\x1b.csv")
	l := startLatch(t, "unlinks", file, "--", "sh", "-c", `rm "$0"; exit 7`, file)
	if code := l.wait(); code != 7 {
		t.Errorf("latch ended with %d\n%s", code, l.said())
	}
	escaped := strings.ReplaceAll(file, "\x1b", `\x1b`)
	lines := strings.Split(l.stdout.String(), "\n")
	if len(lines) < 3 || !strings.Contains(lines[0], escaped+"  deleted by rm[") || !strings.Contains(lines[0], " ← sh[") || !strings.Contains(lines[0], "(rm "+escaped+")") {
		t.Errorf("latch printed\n%s", l.stdout.String())
	}
	if !strings.HasPrefix(lines[1], escaped+": deleted by ") || !strings.HasSuffix(lines[1], " → sh → rm "+escaped+", once") || lines[2] != "lost: nothing" {
		t.Errorf("the verdict is\n%s", strings.Join(lines[1:], "\n"))
	}
}

// TestUnlinksFailed holds that an attempt that fails is no removal: --until goes on.
func TestUnlinksFailed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "later")
	l := startLatch(t, "unlinks", file, "--failed", "--json", "--until", "1")
	l.waitAttached()
	if !strings.Contains(l.said(), file+" does not exist yet: it is waited for") {
		t.Errorf("latch says %q", l.said())
	}
	if err := exec.Command("rm", file).Run(); err == nil {
		t.Error("rm removed what was not there")
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("rm", file).Run(); err != nil {
		t.Error(err)
	}
	var got [][3]string
	for _, r := range l.removals() {
		got = append(got, [3]string{r.Kind, r.Comm, r.Error})
	}
	want := [][3]string{{"deleted", "rm", "ENOENT"}, {"deleted", "rm", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUnlinksNothing holds that a run in which nothing went says so.
func TestUnlinksNothing(t *testing.T) {
	l := startLatch(t, "unlinks", newFile(t, "f"), "-d", "300ms")
	if code := l.wait(); code != 0 || !strings.HasPrefix(l.stdout.String(), "nothing was removed in ") {
		t.Errorf("latch ended with %d and printed\n%s%s", code, l.stdout.String(), l.said())
	}
}

// TestUnlinksRefuses holds the exit status and the one sentence for each question
// that cannot be answered.
func TestUnlinksRefuses(t *testing.T) {
	file := newFile(t, "f")
	for _, r := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "say which file"},
		{[]string{""}, exitUsage, "a PATH is empty"},
		{[]string{"/"}, exitUsage, "watch /: that is every file of this machine"},
		{[]string{"/tmp/[a"}, exitUsage, "syntax error in pattern"},
		{[]string{"/.."}, exitUsage, "every file of this machine"},
		{[]string{"/proc/1/status"}, exitUnmeasured, "it is on a proc file system: its files are views into the kernel"},
		{[]string{"/sys/kernel/nosuch"}, exitUnmeasured, "sysfs"},
		{[]string{file + "/x"}, exitUnmeasured, "not a directory"},
		{[]string{file, "-d", "-1s"}, exitUsage, "negative"},
		{[]string{file, "--until", "-1"}, exitUsage, "--until -1"},
		{[]string{file, "--show", "x"}, exitUsage, "--show needs --during FUNC"},
		{[]string{file, "--during", "f"}, exitUsage, "-p PID, or -- COMMAND"},
		{[]string{file, "-p", "1"}, exitUsage, "--during FUNC"},
		{[]string{file, "--backend", "x"}, exitUsage, "bpf or fanotify"},
		{[]string{file, "--"}, exitUsage, "no command"},
		{[]string{file, "-p", "1", "--during", "f", "--", "true"}, exitUsage, "exclude each other"},
	} {
		t.Run(strings.Join(r.args, " "), func(t *testing.T) {
			refuseTool(t, exec.Command(latchPath(t), append([]string{"unlinks"}, r.args...)...), r.code, []string{r.says})
		})
	}
	for _, r := range [][]string{{"needs root, or CAP_BPF and CAP_PERFMON"}, {"needs root, or CAP_SYS_ADMIN", "--backend", "fanotify"}} {
		nobody := exec.Command(latchPath(t), append([]string{"unlinks", "/tmp/x"}, r[1:]...)...)
		nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if said := refuseTool(t, nobody, exitUnmeasured, r[:1]); strings.Contains(strings.TrimSpace(said), "\n") || strings.Contains(said, "MEMLOCK") {
			t.Errorf("latch says more than one sentence: %s", said)
		}
	}
}
