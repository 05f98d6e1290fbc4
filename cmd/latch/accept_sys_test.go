package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// sysProg is the program of testprogs/c/syscalls.
var sysProg = prog{lang: "c", name: "syscalls"}

// TestSyscalls holds the counts of system calls by what they were given and
// returned, to the call.
func TestSyscalls(t *testing.T) {
	rec := observe(t, sysProg, "sys:getppid", "sys:openat", "sys:read", "sys:exit", "sys:futex",
		"--by", "file=str(filename)", "--by", "error=ret < 0", "--by", "code=error_code")
	want := map[string]string{
		"sys:getppid": allReturned(91), "sys:openat": allReturned(18), "sys:exit": allReturned(3),
	}
	got := balances(rec)
	read := got["sys:read"]
	delete(got, "sys:read")
	delete(got, "sys:futex")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("balances (-stated +recorded):\n%s", diff)
	}
	// The program reads its own commands too, one of which it may be waiting for.
	if !strings.Contains(read, "returned") {
		t.Errorf("read: %s", read)
	}
	if b := function(t, rec, "sys:futex").Balance; b.InFlight != 1 {
		t.Errorf("futex: %+v, but 1 is in flight", b)
	}
	keys := map[string]map[string]uint64{
		"sys:openat": {"/dev/null false (none)": 7, "/nonexistent/latch true (none)": 11},
		"sys:exit":   {"(none) (none) 0": 3},
	}
	for name, want := range keys {
		if diff := cmp.Diff(want, keyed(rec, name)); diff != "" {
			t.Errorf("keys of %s (-stated +recorded):\n%s", name, diff)
		}
	}
	exit := function(t, rec, "sys:exit")
	if exit.Exit != latency.ExitNone || exit.Lang != latency.LangKernel {
		t.Errorf("exit is caught by %q in language %q", exit.Exit, exit.Lang)
	}
}

// TestAllSyscalls holds that every call is counted where all are asked for, also
// those whose numbers have no names.
func TestAllSyscalls(t *testing.T) {
	rec := observe(t, sysProg, "sys:*", "--by", "ret")
	got := balances(rec)
	want := map[string]string{"sys:getppid": allReturned(91), "sys:openat": allReturned(18), "sys:exit": allReturned(3), "sys:unnamed": allReturned(17), "sys:pipe2": allReturned(1)}
	for name, balance := range want {
		if got[name] != balance {
			t.Errorf("%s: %s, not %s", name, got[name], balance)
		}
	}
	if diff := cmp.Diff(map[string]uint64{"ENOSYS": 17}, keyed(rec, "sys:unnamed")); diff != "" {
		t.Errorf("results of calls without a name (-stated +recorded):\n%s", diff)
	}
	if _, ok := got["sys:connect"]; ok {
		t.Error("a call that was not made is listed")
	}
}

// TestSyscallErrors holds that results are the errors' names, and that they can
// be asked for by them.
func TestSyscallErrors(t *testing.T) {
	rec := observe(t, sysProg, "sys:openat", "--by", "ret", "--where", `ret == ENOENT && hasPrefix(str(filename), "/nonexistent")`)
	if got, want := balances(rec)["sys:openat"], "18 calls: 11 returned, 7 filtered"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if diff := cmp.Diff(map[string]uint64{"ENOENT": 11}, keyed(rec, "sys:openat")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
	// The filter alone decides where it cannot be read at the entry.
	rec = observe(t, sysProg, "sys:openat", "--where", `str(filename) == "/nonexistent/latch"`)
	if got, want := balances(rec)["sys:openat"], "18 calls: 11 returned, 7 filtered"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestSyscallExec holds the balance where a program is executed by a thread
// that is not the process's first, which ends that one in the middle of a call.
func TestSyscallExec(t *testing.T) {
	p := sysProg
	p.args = []string{"exec"}
	rec := observeExec(t, p, "sys:getppid", "sys:execve", "sys:pause", "--by", "ret")
	want := map[string]string{
		"sys:getppid": allReturned(8), "sys:execve": allReturned(2), "sys:pause": allReturned(1),
	}
	if diff := cmp.Diff(want, balances(rec)); diff != "" {
		t.Errorf("balances (-stated +recorded):\n%s", diff)
	}
	for name, want := range map[string]map[string]uint64{
		"sys:execve": {"ENOENT": 1, "0": 1},
		"sys:pause":  {"ERESTARTNOHAND": 1}, // no program sees that: the thread ends
	} {
		if diff := cmp.Diff(want, keyed(rec, name)); diff != "" {
			t.Errorf("results of %s (-stated +recorded):\n%s", name, diff)
		}
	}
}

// observeExec is observe for a program whose text is another's in the end.
func observeExec(t *testing.T, p prog, args ...string) *latency.Recording {
	t.Helper()
	target, _ := begin(t, p)
	l := startLatch(t, append([]string{"record", "--json", "-p", target.pid()}, args...)...)
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	return l.recording()
}

// TestSyscallsInCalls holds that system calls are the children of the user calls
// that make them: they have those calls' keys, and are no part of their self
// time.
func TestSyscallsInCalls(t *testing.T) {
	rec := observe(t, sysProg, "handle", "sys:getppid", "--by", "kind")
	if diff := cmp.Diff(map[string]string{"handle": allReturned(30), "sys:getppid": allReturned(91)}, balances(rec)); diff != "" {
		t.Errorf("balances (-stated +recorded):\n%s", diff)
	}
	f := function(t, rec, "sys:getppid")
	if diff := cmp.Diff([]string{"kind", latency.KeyIn}, f.By); diff != "" {
		t.Errorf("parts of the key (-want +got):\n%s", diff)
	}
	want := map[string]uint64{"(none) (none)": 31, "0 handle": 10, "1 handle": 20, "2 handle": 30}
	if diff := cmp.Diff(want, keyed(rec, "sys:getppid")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
	inside := map[string]uint64{}
	for _, s := range f.Series {
		inside[s.Key["kind"]] += s.SumNS
	}
	for _, s := range function(t, rec, "handle").Series {
		if got := s.SumNS - s.SelfNS; got != inside[s.Key["kind"]] {
			t.Errorf("kind %s: %d ns were spent in others, but %d in getppid", s.Key["kind"], got, inside[s.Key["kind"]])
		}
	}
}

// TestSyscallsInCallsByResult holds that what a user call keeps for its exit is no
// part of its system calls' keys: a result is not known in them.
func TestSyscallsInCallsByResult(t *testing.T) {
	rec := observe(t, sysProg, "handle", "sys:getppid", "--by", "sum=kind+ret", "--max-keys", "5")
	if diff := cmp.Diff(map[string]uint64{"0": 10, "2": 10, "4": 10}, keyed(rec, "handle")); diff != "" {
		t.Errorf("keys of handle (-stated +recorded):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]uint64{"(none) (none)": 31, "(none) handle": 60}, keyed(rec, "sys:getppid")); diff != "" {
		t.Errorf("keys of getppid (-stated +recorded):\n%s", diff)
	}
}

// TestSyscallsUnderLoad attaches and detaches while threads are in the kernel, begin
// and end: every call is accounted for, and none is lost.
func TestSyscallsUnderLoad(t *testing.T) {
	p := sysProg
	p.args = []string{"loop"}
	target, _ := begin(t, p)
	target.Go()
	for range 4 {
		l := startLatch(t, "record", "--json", "-p", target.pid(), "sys:*", "--by", "ret", "-d", "150ms")
		rec := l.recording() // it checks the balances
		for _, name := range []string{"sys:getppid", "sys:openat"} {
			f := function(t, rec, name)
			if b := &f.Balance; b.Returns < 100 || b.InFlight > 3 || b.Unwound > 0 || b.TotalLost() > 0 {
				t.Errorf("%s: %+v", name, *b)
			}
		}
		if got := keyed(rec, "sys:openat"); len(got) != 1 || got["ENOENT"] == 0 {
			t.Errorf("results of openat: %v", got)
		}
		// On a busy machine no thread may have ended meanwhile.
		if exit, ok := balances(rec)["sys:exit"]; ok && !strings.HasSuffix(exit, " returned") {
			t.Errorf("exit: %s", exit)
		}
	}
	target.Stop()
	target.WaitDone()
}

// TestCheckSyscalls holds budgets of system calls, by their own keys and by those
// of the calls that make them, and what a budget of none says.
func TestCheckSyscalls(t *testing.T) {
	for _, row := range []struct {
		label  string
		expect []string
		code   int
		said   string
	}{
		{"hold", []string{"calls(sys:getppid) >= 91", "calls(handle, kind=2) >= 10", "calls(sys:getppid, kind=2) >= 30"}, exitOK, ""},
		{"broken", []string{"calls(sys:openat, error=true) > 11"}, exitBroken, ""},
		{"unknown", []string{"calls(sys:opneat) > 1"}, exitUnmeasured, "openat"},
	} {
		t.Run(row.label, func(t *testing.T) {
			target, _ := begin(t, sysProg)
			args := []string{"check", "-p", target.pid()}
			if row.label == "broken" {
				args = append(args, "--by", "error=ret < 0")
			}
			for _, e := range row.expect {
				args = append(args, "--expect", e)
			}
			l := startLatch(t, args...)
			if row.code != exitUnmeasured {
				l.waitAttached()
				target.Go()
				target.WaitDone()
				l.interrupt()
			}
			if code := l.wait(); code != row.code {
				t.Errorf("latch ended with %d, not %d\n%s\n%s", code, row.code, l.said(), l.stdout.String())
			}
			if !strings.Contains(l.said()+l.stdout.String(), row.said) {
				t.Errorf("no %q in\n%s\n%s", row.said, l.said(), l.stdout.String())
			}
		})
	}
}

// TestSyscallTargets holds whose calls are counted: those of several processes,
// of all that run a file, also if they start later, and of everybody.
func TestSyscallTargets(t *testing.T) {
	first, exe := begin(t, sysProg)
	second, _ := begin(t, sysProg)
	other, _ := begin(t, sysProg)
	// Another file of the same text is another program.
	copied := filepath.Join(t.TempDir(), "copy")
	text, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, text, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := waiting{testutil.Start(t, copied)}
	two := startLatch(t, "record", "--json", "-p", first.pid(), "-p", second.pid(), "sys:getppid", "--by", "pid")
	file := startLatch(t, "record", "--json", "-e", exe, "sys:getppid")
	all := startLatch(t, "record", "--json", "sys:getppid", "--where", `comm == "syscalls" || comm == "copy"`, "--by", "comm")
	for _, l := range []*tool{two, file, all} {
		l.waitAttached()
	}
	later, _ := begin(t, sysProg)
	for _, p := range []waiting{first, second, other, stranger, later} {
		p.Go()
		p.WaitDone()
	}
	for _, l := range []*tool{two, file, all} {
		l.interrupt()
	}
	rec := two.recording()
	if diff := cmp.Diff(map[string]uint64{first.pid(): 91, second.pid(): 91}, keyed(rec, "sys:getppid")); diff != "" {
		t.Errorf("two processes (-stated +recorded):\n%s", diff)
	}
	if len(rec.Targets) != 2 || rec.Targets[0].Exe != exe || rec.Targets[0].BuildID == "" {
		t.Errorf("targets: %+v", rec.Targets)
	}
	if got := balances(file.recording())["sys:getppid"]; got != allReturned(4*91) {
		t.Errorf("processes of a file: %s", got)
	}
	if diff := cmp.Diff(map[string]uint64{"syscalls": 4 * 91, "copy": 91}, keyed(all.recording(), "sys:getppid")); diff != "" {
		t.Errorf("everybody (-stated +recorded):\n%s", diff)
	}
}

// TestSyscallTargetEnded holds that a recording says which program it is of, though
// the process has ended by then.
func TestSyscallTargetEnded(t *testing.T) {
	testutil.NeedRoot(t)
	exe, err := filepath.EvalSymlinks("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	l := startLatch(t, "record", "sys:*", "--json", "--", "/bin/true")
	targets := l.recording().Targets
	if len(targets) != 1 || targets[0].Exe != exe || targets[0].BuildID == "" {
		t.Errorf("it is of %+v, want %s", targets, exe)
	}
}
