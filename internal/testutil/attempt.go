package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// attempts is how often Attempt tries at most.
const attempts = 4

// Attempt runs a test that counts what interrupts do, such as the packets that
// timers send. A kernel that hides tasks from eBPF runs no program in them, nor
// in the interrupts that happen to come on top of them (seen on a 6.18 made for
// virtual machines, whose process 1 is hidden: 7 retransmitted packets of 1,800
// went uncounted at once, all above it, while the firewall had counted them).
// Where the kernel does that, f gets another attempt when it fails; elsewhere it
// has only one.
func Attempt(t *testing.T, f func(t testing.TB)) {
	t.Helper()
	for n := 1; ; n++ {
		a := &attempt{TB: t}
		a.run(f)
		again := a.failed && n < attempts && hidesTasks()
		for _, line := range a.lines {
			if a.failed && !again {
				t.Error(line)
			} else {
				t.Log(line)
			}
		}
		switch {
		case a.skipped != "":
			t.Skip(a.skipped)
		case a.failed && !again:
			t.FailNow()
		case !a.failed:
			return
		}
		t.Logf("attempt %d failed, on a kernel that hides tasks from eBPF", n)
	}
}

// An attempt is a test that may fail.
type attempt struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	skipped  string
	lines    []string
	cleanups []func()
}

// run runs f to its end, with what it has to clean up.
func (a *attempt) run(f func(testing.TB)) {
	a.apart(func() { f(a) })
	for len(a.cleanups) > 0 {
		last := a.cleanups[len(a.cleanups)-1]
		a.cleanups = a.cleanups[:len(a.cleanups)-1]
		a.apart(last)
	}
}

// apart runs f in a goroutine that FailNow may end.
func (a *attempt) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (a *attempt) note(failed bool, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = a.failed || failed
	if line != "" {
		a.lines = append(a.lines, line)
	}
}

func (a *attempt) Cleanup(f func()) { a.cleanups = append(a.cleanups, f) }

func (a *attempt) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

func (a *attempt) Fail()                             { a.note(true, "") }
func (a *attempt) FailNow()                          { a.note(true, ""); runtime.Goexit() }
func (a *attempt) Error(args ...any)                 { a.note(true, fmt.Sprint(args...)) }
func (a *attempt) Errorf(format string, args ...any) { a.note(true, fmt.Sprintf(format, args...)) }
func (a *attempt) Fatal(args ...any)                 { a.Error(args...); runtime.Goexit() }
func (a *attempt) Fatalf(format string, args ...any) { a.Errorf(format, args...); runtime.Goexit() }
func (a *attempt) Log(args ...any)                   { a.note(false, fmt.Sprint(args...)) }
func (a *attempt) Logf(format string, args ...any)   { a.note(false, fmt.Sprintf(format, args...)) }
func (a *attempt) Skip(args ...any)                  { a.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (a *attempt) Skipf(format string, args ...any)  { a.Skip(fmt.Sprintf(format, args...)) }

// hidesTasks says whether the kernel runs no eBPF program in process 1. It
// watches its switches for a while, as /proc counts them; where there are none
// it says no.
var hidesTasks = sync.OnceValue(func() bool {
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != initialPIDs {
		return false // its process 1 is another one than eBPF's
	}
	seen, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return false
	}
	defer seen.Close()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "sched_switch", License: "GPL",
		Instructions: asm.Instructions{
			asm.FnGetCurrentPidTgid.Call(), // of the task that is left
			asm.RSh.Imm(asm.R0, 32),
			asm.JNE.Imm(asm.R0, 1, "exit"),
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, seen.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),
			asm.Mov.Imm(asm.R1, 1),
			asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, 0).WithSymbol("exit"),
			asm.Return(),
		},
	})
	if err != nil {
		return false
	}
	defer prog.Close()
	watch, err := link.AttachTracing(link.TracingOptions{Program: prog})
	if err != nil {
		return false
	}
	defer watch.Close()
	before := switches(1)
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var n uint64
		if seen.Lookup(uint32(0), &n) != nil || n > 0 {
			return false
		}
		if switches(1) > before+2 {
			return seen.Lookup(uint32(0), &n) == nil && n == 0
		}
	}
	return false
})

// initialPIDs is the first namespace of processes: PROC_PID_INIT_INO in
// include/linux/proc_ns.h.
const initialPIDs = "pid:[4026531836]"

var switchLines = regexp.MustCompile(`(?m)^(?:non)?voluntary_ctxt_switches:\s*(\d+)$`)

// switches is how often the threads of a process were switched from, as /proc
// tells it.
func switches(pid int) (sum uint64) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return 0
	}
	for _, path := range paths {
		status, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, m := range switchLines.FindAllSubmatch(status, -1) {
			n, err := strconv.ParseUint(string(m[1]), 10, 64)
			if err == nil {
				sum += n
			}
		}
	}
	return sum
}
