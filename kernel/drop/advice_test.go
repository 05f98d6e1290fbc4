package drop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// TestAdviceRuns runs the commands of iproute2 and procps that are for a
// namespace, in one of its own, where none may fail.
func TestAdviceRuns(t *testing.T) {
	testutil.NeedRoot(t)
	tools := []string{"ip", "ss", "tc", "nstat", "sysctl", "bridge"}
	for _, tool := range tools {
		testutil.Need(t, tool)
	}
	ns := fmt.Sprintf("latch-advice-%d", os.Getpid())
	run := func(command string) {
		t.Helper()
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
	run("ip netns add " + ns)
	t.Cleanup(func() { run("ip netns del " + ns) })
	for _, command := range []string{"link set lo up", "link add adv0 type veth peer name adv1", "link set adv1 up", "link set adv0 up",
		"addr add 10.99.1.1/24 dev adv0", "route add default via 10.99.1.9", "addr add fd99:1::1/64 dev adv0 nodad", "-6 route add default via fd99:1::9"} {
		run("ip -n " + ns + " " + command)
	}
	run("tc -n " + ns + " qdisc add dev adv0 clsact")
	ran := 0
	for _, flow := range []Flow{
		{EtherType: etherIPv4, Src: netip.MustParseAddr("10.99.1.2"), Dst: netip.MustParseAddr("10.50.0.1"), DstPort: 9},
		{EtherType: etherIPv6, Src: netip.MustParseAddr("fd99:1::2"), Dst: netip.MustParseAddr("fdaa::1"), DstPort: 9},
	} {
		v := values(&Drop{Flow: flow, Packet: &Packet{IfName: "adv0"}}, kernel.NetNS{Name: ns})
		for _, a := range advices {
			for _, template := range []string{a.check, a.remedy} {
				rest, inside := strings.CutPrefix(template, "{in}")
				if tool, _, _ := strings.Cut(rest, " "); inside && slices.Contains(tools, tool) {
					run(fill(template, v.quoted))
					ran++
				}
			}
		}
	}
	if ran < 50 {
		t.Errorf("%d commands ran", ran)
	}
}
