package drop

import (
	"net/netip"
	"time"

	"github.com/latchprof/latch/kernel"
)

// A Flow is what a packet says of itself, and where it was.
type Flow struct {
	// NetNS is the inode number of the network namespace, 0 if unknown.
	NetNS uint32
	// IfIndex is the device's number in it, 0 if the packet had no device
	// yet, as in the OUTPUT hook.
	IfIndex int
	// EtherType is that of the network header (0x0800 for IPv4, 0x0806 for
	// ARP), 0 for sockets that are not packets on a wire (AF_UNIX).
	EtherType uint16
	// Proto is the IP protocol behind extension headers, 0 if there is none
	// or the packet is a later fragment.
	Proto uint8
	// TCPFlags is byte 13 of the TCP header: FIN 1, SYN 2, RST 4, ACK 16.
	TCPFlags uint8
	// ICMPType and ICMPCode are those of ICMP and ICMPv6.
	ICMPType, ICMPCode uint8
	// Src and Dst are invalid where the packet has no addresses that were
	// found. For ARP they are the sender's and the target's.
	Src, Dst netip.Addr
	// SrcPort and DstPort are those of TCP, UDP, SCTP and DCCP, else 0.
	SrcPort, DstPort uint16
}

// A Drop is a number of packets of one flow that were dropped for one reason
// at one place.
type Drop struct {
	// Reason is the kernel's name without its prefix (enum skb_drop_reason),
	// such as NETFILTER_DROP; "" where the kernel gives none.
	Reason string
	// Location is the function that dropped: the first one on the stack that
	// does more than free. It has no offset.
	Location string
	// Stack is the kernel's stack from the location outward, names without
	// offsets. It is a sample, of one of the packets.
	Stack []string
	Flow  Flow
	// First and Last are when the first and the last of the packets were
	// dropped.
	First, Last time.Time
	// Count is how many packets.
	Count uint64
	// Times are those of the packets that were seen one by one, the first few.
	Times []time.Time
	// Call is the call that the packet was dropped in, nil if there was none or
	// none was looked for.
	Call *kernel.Call
	// Merged says that there was no room to tell the flows apart: Flow has
	// nothing but the namespace and the EtherType.
	Merged bool
	// Packet is one of them, nil if none was sampled.
	Packet *Packet
	// Owner is whose socket sent or was to receive it, nil if it had none.
	Owner *Owner
}

// A Packet is what was read of one dropped packet.
type Packet struct {
	Time time.Time
	// Len is its length at the layer that dropped it, IPLen the one that the
	// IP header says, 0 if none was found. In bytes.
	Len, IPLen int
	// IfName is the device's, "" without one.
	IfName string
	// QdiscID and QdiscLimit are of the device's root queueing discipline,
	// such as "tbf" and its limit in packets or bytes.
	QdiscID    string
	QdiscLimit int
	// RcvBuf and RmemAlloc are the receiving socket's limit and use, in
	// bytes; 0 without one.
	RcvBuf, RmemAlloc int
	// Bracket is the tag of the last firewall bracket that it passed, -1
	// without one.
	Bracket int
	// TaskPID, TaskTID and Comm are of the task that ran. It is the sender
	// only where Softirq is false.
	TaskPID, TaskTID int
	Comm             string
	// Softirq says that the kernel was in an interrupt or a timer.
	Softirq bool
	// Sending says that the interrupt came within a send of the task that ran.
	// What is delivered then on this machine is mostly what it sent.
	Sending bool
	// Data is the packet from the network header on, or from the link header
	// where LinkHeader says so, cut to what was asked for.
	Data       []byte
	LinkHeader bool
}

// An Owner is the socket that a packet belonged to, and who has it.
type Owner struct {
	// Inode is the socket's number, as in socket:[N] of /proc/PID/fd; 0 if it
	// has none any more.
	Inode uint64
	UID   uint32
	// CgroupID is the inode number of its cgroup (v2), 0 if unknown.
	CgroupID uint64
	// PID, TID and Comm are of the process that connected, sent or received
	// last, 0 if it is not known.
	PID, TID int
	Comm     string
	// State is the TCP state, such as SYN_SENT, else "".
	State string
	// Port is the socket's own.
	Port uint16
	// Receiving says that the packet was for this socket, not from it.
	Receiving bool
	// ByAddress says that the packet had left its socket behind, and that this
	// is the only one of this machine that sends from and to its addresses.
	ByAddress bool
}
