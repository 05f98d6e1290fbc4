package netlab

import (
	"fmt"
	"github.com/latchprof/latch/internal/testutil"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// A Scenario is a way to lose packets. Setup makes the lab lose them, Traffic
// sends them and checks what the sender saw. Both end the test if they
// cannot.
type Scenario struct {
	// Name is unique among All.
	Name    string
	Setup   func(*Lab) // nil for none
	Traffic func(*Lab)
	Want    Want
	// Also are drops of other kinds that come with it.
	Also []Want
}

// A Want is what is to be said of a scenario's drops, as seen on Linux 6.18.
type Want struct {
	// Reason is the kernel's, without its prefix.
	Reason string
	// Location is the function that dropped, Callers are functions that must
	// be on the stack behind it.
	Location string
	Callers  []string
	// NetNS is "A", "R" or "B".
	NetNS string
	// Flow is a pattern (path.Match) for the packet, such as
	// "udp 10.77.1.2 * > 10.77.2.2 7", "icmp 8/0 10.77.1.2 > 10.77.2.2",
	// "arp 10.77.1.2 > 10.77.1.99", "ip 253 ..." for other protocols and
	// "ether 0x88b5". "" is not asserted.
	Flow string
	// Count is how many packets, or the least if AtLeast is set.
	Count   uint64
	AtLeast bool

	// Class, Where and Hook are of the cause, as drop.Cause has them.
	Class, Where, Hook string
	// Words are part of the cause's own, "" if they hold nothing that was
	// read of the packet or its device.
	Words string
	// OwnerComm is the program that owns the packet's socket, "" if it has
	// none.
	OwnerComm string
	// NoEvent says that the kernel traces nothing here, Quiet that what it
	// traces is no loss.
	NoEvent, Quiet bool
}

// How far a packet came.
const (
	leaving    = "before leaving"
	onArrival  = "on arrival"
	inTransit  = "in transit"
	atReceiver = "at the receiver"
)

// NeedKernel skips a test of scenarios on kernels older than the one they were
// seen on: their functions are others, and many give no reason.
func NeedKernel(t testing.TB) {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("kernel release %q: %v", release, err)
	}
	if major < 6 || major == 6 && minor < 18 {
		testutil.Missing(t, "Linux 6.18, for which the scenarios are made, and not "+release)
	}
}

// All lists every scenario.
func All() []Scenario {
	return slices.Concat(firewallOut, firewallIn, sockets, streams, silent, routes, neighbours, queues, programsBPF, devices, frames, fragments, tunnels)
}
