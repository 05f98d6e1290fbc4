package launch

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// following starts argv, whose output goes to a file, and follows it.
func following(t *testing.T, f func(*Exec), argv ...string) (c *Cmd, execs *Execs, out string) {
	t.Helper()
	testutil.NeedRoot(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if c, err = Start(argv, &Options{Stdout: file, Execs: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Kill() })
	if execs, err = c.Execs(f); err != nil {
		t.Fatal(err)
	}
	return c, execs, file.Name()
}

// TestExecs follows a command, its child, and that one's child, which is made
// while the command runs. Each is told of while the process still runs the
// program before, and nothing that others execute is.
func TestExecs(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "in ner")
	data, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copied")
	if err := os.WriteFile(copied, data, 0o755); err != nil {
		t.Fatal(err)
	}
	var seen []string
	c, execs, out := following(t, func(e *Exec) {
		if info, err := e.File.Stat(); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v %v", e.Path, info, err)
		}
		if filepath.Dir(e.Path) != dir {
			return
		}
		seen = append(seen, filepath.Base(e.Path))
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.PID))
		if err != nil || filepath.Dir(exe) == dir {
			t.Errorf("%s: process %d runs %s: %v", e.Path, e.PID, exe, err)
		}
	}, "/bin/sh", "-c", `cp "$0" "$1"; "$0" one; sh -c '"$0" two; exec "$0" three' "$1"`, copied, inner)
	if own, err := os.Readlink("/proc/self/ns/mnt"); err != nil || strings.Contains(own, fmt.Sprint(execs.Mounts)) {
		t.Errorf("the command is on our mounts, %s: %v", own, err)
	}
	if err := exec.Command(copied).Run(); err != nil { // would be seen, if it were the command's
		t.Fatal(err)
	}
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if st := finish(t, c); st != (Status{}) {
		t.Errorf("the command ended with %v", st)
	}
	if err := execs.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"copied", "in ner", "in ner"}, seen); diff != "" {
		t.Errorf("executed (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "one\ntwo\nthree\n" {
		t.Errorf("the command printed %q: %v", got, err)
	}
	if err := execs.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestExecsClosed lets a process that waits go on when nobody follows any more.
func TestExecsClosed(t *testing.T) {
	asked, leave := make(chan bool), make(chan bool)
	c, execs, out := following(t, func(e *Exec) {
		if filepath.Base(e.Path) == "echo" {
			asked <- true
			<-leave
		}
	}, "/bin/sh", "-c", "/bin/echo on")
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	<-asked
	closed := make(chan error)
	go func() { closed <- execs.Close() }()
	if st := finish(t, c); st != (Status{}) { // with f still at work
		t.Errorf("the command ended with %v", st)
	}
	close(leave)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "on\n" {
		t.Errorf("the command printed %q: %v", got, err)
	}
}

// TestExecsWaiterKilled kills a process that waits: nobody is left to answer, and
// that is no error.
func TestExecsWaiterKilled(t *testing.T) {
	c, execs, out := following(t, func(e *Exec) {
		if filepath.Base(e.Path) != "echo" {
			return
		}
		proc, err := os.FindProcess(e.PID) // by a pidfd, which tells of the end
		if err == nil {
			err = proc.Kill()
		}
		if err != nil {
			t.Error(err)
		}
		for gone := false; !gone; time.Sleep(time.Millisecond) { // a zombie has no program
			_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", e.PID))
			gone = err != nil
		}
	}, "/bin/sh", "-c", "/bin/echo on & wait $!; echo $?")
	if err := c.Continue(); err != nil {
		t.Fatal(err)
	}
	if st := finish(t, c); st != (Status{}) {
		t.Errorf("the command ended with %v", st)
	}
	if err := execs.Close(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "137\n" {
		t.Errorf("the command printed %q: %v", got, err)
	}
}

// dieAsked is the other role of this test's program.
func dieAsked(argv string) {
	c, err := Start(strings.Fields(argv), &Options{Execs: true})
	if err == nil {
		_, err = c.Execs(func(e *Exec) {
			if filepath.Base(e.Path) == "echo" {
				fmt.Println("asked")
				select {}
			}
		})
	}
	if err == nil {
		err = c.Continue()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// TestExecsKilled kills, with SIGKILL, who follows a command that waits for it:
// the command goes on, and its output is what it would have been.
func TestExecsKilled(t *testing.T) {
	testutil.NeedRoot(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LAUNCH_TEST_DIE_ASKED=/usr/bin/env /bin/echo goes on")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	var got []string
	for open := true; open; {
		var line string
		select {
		case line, open = <-lines:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			t.Fatalf("the command hangs; printed %q", got)
		}
		if got = append(got, line); line == "asked" {
			cmd.Process.Signal(syscall.SIGKILL)
		}
	}
	cmd.Wait()
	if want := []string{"asked", "goes on", ""}; !slices.Equal(got, want) {
		t.Errorf("printed %q, not %q\n%s", got, want, &stderr)
	}
}

func TestMountPoints(t *testing.T) {
	info := `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid,nodev,noexec - proc proc rw
24 22 0:28 / /a\040b\134c rw - tmpfs none rw
junk
`
	if diff := cmp.Diff([]string{"/", `/a b\c`}, mountPoints([]byte(info))); diff != "" {
		t.Errorf("mount points (-want +got):\n%s", diff)
	}
}
