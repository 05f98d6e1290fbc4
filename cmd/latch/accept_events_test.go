package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// withTracefs returns a command that runs latch in a mount namespace of its own,
// where tracefs is mounted, or neither is nor can be.
func withTracefs(t testing.TB, mounted bool, args ...string) *exec.Cmd {
	t.Helper()
	testutil.NeedRoot(t)
	testutil.Need(t, "unshare")
	testutil.Need(t, "setpriv")
	script := `umount -a -t tracefs; exec setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin -- "$@"`
	if mounted {
		script = `umount -a -t tracefs; mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"`
	}
	return exec.Command("unshare", append([]string{"-m", "sh", "-c", script, "sh", latchPath(t)}, args...)...)
}

// traceProg is follow for a latch with or without tracefs.
func traceProg(t testing.TB, p prog, mounted bool, args ...string) ([]tracedCall, *tool) {
	t.Helper()
	target, _ := begin(t, p)
	l := startTool(t, withTracefs(t, mounted, append([]string{"trace", "--json", "-p", target.pid()}, args...)...))
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	return l.calls(), l
}

// TestTracepoints holds what a tracepoint shows, by its record where tracefs is
// mounted and by its own arguments, and that filters and counts hold.
func TestTracepoints(t *testing.T) {
	for _, row := range []struct {
		label   string
		mounted bool
		args    []string
		want    string
		said    string
	}{
		{"record", true, []string{"--show", "filename"}, "t:sched:sched_process_exec(filename=%s)", ""},
		{"arguments", true, []string{"--show", "str(bprm.filename)", "--show", "name=p.comm"}, "t:sched:sched_process_exec(name=exe str(bprm.filename)=%s)", ""},
		{"no tracefs", false, []string{"--show", "str(bprm.filename)", "--show", "name=p.comm"}, "t:sched:sched_process_exec(name=exe str(bprm.filename)=%s)", "tracefs is not mounted"},
	} {
		t.Run(row.label, func(t *testing.T) {
			p := sysProg
			p.args = []string{"exec"}
			calls, l := traceProg(t, p, row.mounted, append([]string{"t:sched:sched_process_exec", "--where", `comm == "exe"`}, row.args...)...)
			want := counts(fmt.Sprintf(row.want, "/proc/self/exe"), 1)
			if diff := cmp.Diff(want, tally(calls)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if !strings.Contains(l.said(), row.said) || !strings.Contains(l.said(), "1 entries = 1 returns + 0 in flight + 0 unwound + 0 filtered + 0 lost") {
				t.Errorf("latch said:\n%s", l.said())
			}
		})
	}
}

// TestTracepointAddresses holds that a record's bytes are shown as addresses, and
// its numbers as they are.
func TestTracepointAddresses(t *testing.T) {
	calls, l := traceProg(t, c("orders", "tcp", "127.0.0.1", "2"), true, "t:sock:inet_sock_set_state",
		"--where", "newstate == 2 && dport > 80", "--show", "ntop(daddr)", "--show", "ntop(daddr_v6)", "--show", "dport")
	const line = "t:sock:inet_sock_set_state(dport=%d ntop(daddr)=127.0.0.1 ntop(daddr_v6)=::ffff:127.0.0.1)"
	want := counts(fmt.Sprintf(line, 81), 1, fmt.Sprintf(line, 82), 1)
	if diff := cmp.Diff(want, tally(calls)); diff != "" {
		t.Errorf("lines (-want +got):\n%s\n%s", diff, l.said())
	}
}

// TestTracepointStack holds that both stacks are named, the kernel's first.
func TestTracepointStack(t *testing.T) {
	target, _ := begin(t, sysProg)
	l := startTool(t, withTracefs(t, true, "trace", "--json", "--stack", "-p", target.pid(), "t:sched:sched_process_fork", "-n", "1", "--show", "child_comm", "--show", "child_pid > parent_pid"))
	l.waitAttached()
	target.Go()
	target.WaitDone()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	calls := l.calls()
	if len(calls) != 1 || calls[0].text() != "t:sched:sched_process_fork(child_comm=syscalls child_pid > parent_pid=true)" {
		t.Fatalf("%+v", calls)
	}
	var names []string
	for _, f := range calls[0].Stack {
		names = append(names, f.Func)
	}
	all := strings.Join(names, " ")
	// The C library, which makes the program's threads, has no frame pointers.
	kernel, user := strings.Index(all, "kernel_clone"), strings.LastIndex(all, " clone")
	if kernel != 0 || user < kernel {
		t.Errorf("stack: %s", all)
	}
}

// TestTraceSyscalls holds that a system call's line has what it was given, by
// name and as an address, and its result.
func TestTraceSyscalls(t *testing.T) {
	calls, l := follow(t, c("orders", "tcp", "127.0.0.1", "2"), "sys:connect", "sys:exit_group", "--show", "to=ntop(uservaddr)", "--show", "ret")
	want := counts("sys:connect(to=127.0.0.1:81) ret=EINPROGRESS", 1, "sys:connect(to=127.0.0.1:82) ret=EINPROGRESS", 1)
	if diff := cmp.Diff(want, tally(calls)); diff != "" {
		t.Errorf("calls (-stated +traced):\n%s\n%s", diff, l.said())
	}
	for _, c := range calls {
		if c.Latency == nil || *c.Latency == 0 {
			t.Errorf("%s has no latency", c.text())
		}
	}
}

// TestTraceKinds holds that calls of functions, system calls and tracepoints come
// in one trace.
func TestTraceKinds(t *testing.T) {
	calls, l := follow(t, sysProg, "handle", "sys:pipe2", "t:sched:sched_process_fork", "--show", "kind", "--show", "flags")
	got := tally(calls)
	want := counts("handle(kind=0)", 10, "handle(kind=1)", 10, "handle(kind=2)", 10, "sys:pipe2(flags=0)", 1, "t:sched:sched_process_fork()", 4)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-stated +traced):\n%s\n%s", diff, l.said())
	}
}

// TestListKernel holds that what the kernel does is listed with what it is given.
func TestListKernel(t *testing.T) {
	for _, row := range []struct {
		mounted bool
		args    []string
		want    []string
	}{
		{false, []string{"sys:openat"}, []string{"sys:openat(int dfd, const char *filename, int flags, umode_t mode) = long\n"}},
		{false, []string{"sys:*openat*"}, []string{"sys:openat(", "sys:openat2("}},
		{false, []string{"t:sched:sched_process_exec"}, []string{"t:sched:sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)\n"}},
		{true, []string{"t:sched:sched_process_exec"}, []string{"t:sched:sched_process_exec(char[] filename, pid_t pid, pid_t old_pid)\n"}},
		{true, []string{"t:skb:*"}, []string{"t:skb:kfree_skb(", "enum skb_drop_reason reason", "t:skb:consume_skb("}},
		{true, []string{"--json", "t:sock:inet_sock_set_state"}, []string{`{"name":"saddr_v6","type":"__u8[16]"}`, `"where":"argument"`}},
	} {
		l := startTool(t, withTracefs(t, row.mounted, append([]string{"list"}, row.args...)...))
		if code := l.wait(); code != 0 {
			t.Errorf("%q ended with %d: %s", row.args, code, l.said())
		}
		for _, want := range row.want {
			if !strings.Contains(l.stdout.String(), want) {
				t.Errorf("%q prints\n%s\nwithout %q", row.args, l.stdout.String(), want)
			}
		}
	}
}

// TestNoKernelFunction names what the kernel does not have, and what cannot be
// asked of it.
func TestNoKernelFunction(t *testing.T) {
	testutil.NeedRoot(t)
	for _, row := range []struct {
		name  string
		code  int
		words []string
		args  []string
	}{
		{"near system call", exitUnmeasured, []string{"sys:opneat", "no such system call", "openat"}, []string{"record", "-p", "1", "sys:opneat"}},
		{"no system call", exitUnmeasured, []string{"sys:zzz*"}, []string{"record", "-p", "1", "sys:zzz*"}},
		{"bad expression", exitUsage, []string{"filenam", "filename", "^"}, []string{"record", "-p", "1", "sys:openat", "--by", "filenam"}},
		{"list", exitUnmeasured, []string{"sys:opneat", "openat"}, []string{"list", "sys:opneat"}},
		{"no such process", exitUnmeasured, []string{"no such process"}, []string{"record", "-p", "4000000", "sys:openat"}},
		{"no such process for a tracepoint", exitUnmeasured, []string{"no such process"}, []string{"trace", "-p", "4000000", "t:sched:sched_process_exec"}},
		{"kernel thread", exitUnmeasured, []string{"kernel thread"}, []string{"record", "-p", "2", "sys:openat"}},
		{"no such file", exitUnmeasured, []string{"no such file"}, []string{"record", "-e", "/nonexistent/file", "sys:openat"}},
		{"kernel function", exitUsage, []string{"k:vfs_read", "cannot be measured yet"}, []string{"record", "k:vfs_read"}},
		{"tracepoint in a recording", exitUsage, []string{"t:skb:kfree_skb", "latch trace"}, []string{"record", "t:skb:kfree_skb"}},
		{"two views", exitUsage, []string{"p.nosuch", "filename, pid, old_pid", "^"}, []string{"trace", "t:sched:sched_process_exec", "--show", "filename", "--show", "p.nosuch"}},
		{"near tracepoint", exitUnmeasured, []string{"sched_proces_exec", "sched_process_exec"}, []string{"trace", "t:sched:sched_proces_exec"}},
		{"half a tracepoint", exitUsage, []string{"t:GROUP:NAME"}, []string{"trace", "t:sched"}},
		{"tracepoint of system calls", exitUnmeasured, []string{"sys:NAME"}, []string{"trace", "t:syscalls:sys_enter_openat"}},
		{"half a tracepoint in a list", exitUsage, []string{"t:GROUP:NAME"}, []string{"list", "t:sched:"}},
		{"no name of a system call", exitUsage, []string{"names no function"}, []string{"list", "sys:"}},
		{"latency of a tracepoint", exitUsage, []string{"takes no time"}, []string{"trace", "t:sched:sched_process_exec", "--min", "1ms"}},
		{"file and tracepoint", exitUsage, []string{"-e", "-p"}, []string{"trace", "-e", "/bin/sh", "t:sched:sched_process_exec"}},
		{"drops of system calls", exitUsage, []string{"--drops"}, []string{"record", "--drops", "-d", "1s", "sys:openat"}},
	} {
		t.Run(row.name, func(t *testing.T) { refuse(t, row.code, row.words, row.args...) })
	}
	t.Run("itself", func(t *testing.T) {
		refuseTool(t, exec.Command("sh", "-c", fmt.Sprintf(`exec %s record -p $$ sys:openat`, latchPath(t))), exitUnmeasured, []string{"itself"})
	})
	t.Run("group without tracefs", func(t *testing.T) {
		refuseTool(t, withTracefs(t, false, "trace", "t:sched:*"), exitUnmeasured, []string{"t:sched:*", "tracefs is not mounted", "mount -t tracefs"})
	})
}

// TestTraceSyscallStack holds that a system call's callers are named, also the one
// that called the C library, which keeps no frame of its own.
func TestTraceSyscallStack(t *testing.T) {
	calls, l := follow(t, sysProg, "sys:getppid", "--stack")
	callers := map[string]int{}
	for _, c := range calls {
		if len(c.Stack) < 2 || c.Stack[0].Func != "syscall" {
			t.Fatalf("stack %+v\n%s", c.Stack, l.said())
		}
		callers[c.Stack[1].Func]++
	}
	if callers["handle"] != 60 || callers["main"] != 31 {
		t.Errorf("callers: %v", callers)
	}
}
