package netfail_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// labs numbers the namespaces of one run.
var labs atomic.Int32

// newLab makes a network namespace with the loopback device up, and d0 with
// 10.66.0.1/24 and fd66::1/64, behind which there is nothing. There is no
// default route.
func newLab(t testing.TB) kernel.NetNS {
	t.Helper()
	testutil.NeedRoot(t)
	testutil.Need(t, "ip")
	name := fmt.Sprintf("lst%d-%d", os.Getpid(), labs.Add(1))
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", name) })
	for _, line := range []string{
		"link set lo up",
		"link add d0 type veth peer name d1",
		"link set d0 up",
		"link set d1 up",
		"address add 10.66.0.1/24 dev d0",
		"address add fd66::1/64 dev d0 nodad",
	} {
		run(t, "ip", append([]string{"-n", name}, strings.Fields(line)...)...)
	}
	ns, err := kernel.NetNSNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// wait polls until the condition holds, and says what it was if it never does.
func wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10s", what)
		}
	}
}
