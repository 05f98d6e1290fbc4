package netfail_test

import (
	"fmt"
	"net"
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
// 10.66.0.1/24 and fd66::1/64. Its other end is in a namespace of its own, where
// nothing answers. There is no default route.
func newLab(t testing.TB) kernel.NetNS {
	t.Helper()
	testutil.NeedRoot(t)
	testutil.Need(t, "ip")
	name := fmt.Sprintf("lst%d-%d", os.Getpid(), labs.Add(1))
	ns, peer := addNetNS(t, name), addNetNS(t, name+"-peer")
	noIPv6(t, peer, "default")
	for _, line := range []string{
		"-n NAME link set lo up",
		"-n NAME link add d0 type veth peer name d1 netns NAME-peer",
		"-n NAME-peer link set d1 up",
		"-n NAME link set d0 up",
		"-n NAME address add 10.66.0.1/24 dev d0",
		"-n NAME address add fd66::1/64 dev d0 nodad",
	} {
		run(t, "ip", strings.Fields(strings.ReplaceAll(line, "NAME", name))...)
	}
	wait(t, "d0 has its link", func() (running bool) {
		err := ns.Do(func() error {
			d0, err := net.InterfaceByName("d0")
			running = err == nil && d0.Flags&net.FlagRunning != 0
			return err
		})
		return err == nil && running
	})
	return ns
}

func addNetNS(t testing.TB, name string) kernel.NetNS {
	t.Helper()
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", name) })
	ns, err := kernel.NetNSNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// noIPv6 keeps the device, or all that will be made, from sending packets of
// its own.
func noIPv6(t testing.TB, ns kernel.NetNS, device string) {
	t.Helper()
	if err := ns.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/"+device+"/disable_ipv6", []byte("1"), 0)
	}); err != nil {
		t.Fatal(err)
	}
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
