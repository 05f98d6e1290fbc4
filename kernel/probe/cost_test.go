package probe

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/testutil"
)

// TestCostForOthers holds that system calls of processes that are not measured
// cost little: whose they are is asked first. What the kernel's programs take is
// what bpf_stats says.
func TestCostForOthers(t *testing.T) {
	testutil.NeedRoot(t)
	idle := exec.Command("sleep", "1h")
	if err := idle.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = idle.Process.Kill() // it ends with the test at the latest
		_ = idle.Wait()
	})
	plan, err := NewPlan(&Request{PIDs: []int{idle.Process.Pid}, Patterns: []string{"*"}, Choice: &ledger.Choice{}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Attach(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Enable(); err != nil {
		t.Fatal(err)
	}
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	const calls = 200_000
	for range calls {
		_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) // it cannot fail
	}
	for _, name := range []string{"sys_enter", "sys_exit"} {
		prog := s.colls[0].Programs[name]
		got, err := prog.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if got.RunCount < calls {
			t.Fatalf("%s ran %d times in %d calls", name, got.RunCount, calls)
		}
		each := got.Runtime / time.Duration(got.RunCount)
		t.Logf("%s takes %v for a call of another process", name, each)
		if each > 250*time.Nanosecond {
			t.Errorf("%s takes %v for a call of another process", name, each)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	rec, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rec.Functions {
		t.Errorf("%s was counted %d times in process %d, which sleeps; this is %d", f.Name, f.Balance.Entries, idle.Process.Pid, os.Getpid())
	}
}

// TestCalibrate holds that what measuring a system call costs can be told, and
// is more than nothing.
func TestCalibrate(t *testing.T) {
	testutil.NeedRoot(t)
	cost, err := calibrate()
	if err != nil || cost <= 0 || cost > 100*time.Microsecond {
		t.Errorf("%v: %v", cost, err)
	}
	t.Logf("measuring a system call costs it %v", cost)
}
