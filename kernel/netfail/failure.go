package netfail

import (
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// A Failure is one socket call that the network made fail.
//
// A firewall that drops a datagram on its way out makes the call fail with
// EPERM and also frees a packet. The drop and the failure are then one event
// with two witnesses: the drop has the same Inode or Socket, ran on the thread
// TID outside of softirq, and is before Time.
type Failure struct {
	// Time is when the call returned.
	Time time.Time
	// Call is the system call: "connect", "sendto", "sendmsg", "sendmmsg",
	// "write" or "writev". send(2) is a sendto.
	Call string
	Err  unix.Errno

	PID, TID int
	// Comm is the thread's name, which it chose itself.
	Comm string
	UID  uint32
	// CgroupID is the inode number of the thread's cgroup (v2).
	CgroupID uint64

	// NetNS is the inode number of the socket's network namespace.
	NetNS uint32
	// Inode is the socket's number, as in socket:[N] of /proc/PID/fd, and
	// Socket the kernel's address of it (struct sock).
	Inode, Socket uint64
	// Type is SOCK_STREAM, SOCK_DGRAM or the like, and Proto the IP protocol.
	Type  int
	Proto uint8
	// Src is the socket's own address. Its port is 0 and its address
	// unspecified (0.0.0.0, ::) as long as the socket is not bound.
	Src netip.AddrPort
	// Dst is where it was to go: the call's address, or the peer to which the
	// socket is connected. It is invalid where neither could be read. Of
	// sendmmsg it is the first message's. An IPv6 zone is an interface's index.
	Dst netip.AddrPort
	// Size is how many bytes were to be sent, -1 if it is not known, and 0
	// for connect.
	Size int64
}

// callNames are the system calls by enum fail_call.
var callNames = map[bpf.NetfailFailCall]string{
	bpf.NetfailFailCallCALL_CONNECT:  "connect",
	bpf.NetfailFailCallCALL_SENDTO:   "sendto",
	bpf.NetfailFailCallCALL_SENDMSG:  "sendmsg",
	bpf.NetfailFailCallCALL_SENDMMSG: "sendmmsg",
	bpf.NetfailFailCallCALL_WRITE:    "write",
	bpf.NetfailFailCallCALL_WRITEV:   "writev",
}

// failure turns the kernel's record into a Failure; zero is the wall-clock
// time at which CLOCK_MONOTONIC was 0.
func failure(r *bpf.NetfailFailure, zero time.Time) *Failure {
	comm := make([]byte, len(r.Comm))
	for i, c := range r.Comm {
		comm[i] = byte(c)
	}
	f := &Failure{
		Time: zero.Add(time.Duration(r.TimeNs)), Call: callNames[bpf.NetfailFailCall(r.Call)], Err: unix.Errno(r.Error),
		PID: int(r.Tgid), TID: int(r.Tid), Comm: unix.ByteSliceToString(comm), UID: r.Uid, CgroupID: r.Cgroup,
		NetNS: r.Netns, Inode: r.Inode, Socket: r.Socket, Type: int(r.Type), Proto: uint8(r.Protocol),
		Src:  netip.AddrPortFrom(netip.AddrFrom16(r.Src).Unmap(), r.Sport),
		Size: int64(r.Size),
	}
	flags := bpf.NetfailFailFlags(r.Flags)
	if flags&bpf.NetfailFailFlagsFAIL_DST != 0 {
		dst := netip.AddrFrom16(r.Dst).Unmap()
		if r.Scope != 0 {
			dst = dst.WithZone(strconv.FormatUint(uint64(r.Scope), 10))
		}
		f.Dst = netip.AddrPortFrom(dst, r.Dport)
	}
	if f.Call != "connect" && flags&bpf.NetfailFailFlagsFAIL_SIZE == 0 {
		f.Size = -1
	}
	return f
}

// errWords say what each error means, by the places in net/ipv4 and net/ipv6
// that return it.
var errWords = map[unix.Errno]string{
	unix.EPERM:         "not permitted: by the firewall, an IPsec policy or a cgroup's eBPF program",
	unix.EACCES:        "not allowed: a prohibit route, or broadcast from a socket without SO_BROADCAST",
	unix.ENODEV:        "the interface that the socket is bound to is gone",
	unix.EINVAL:        "a blackhole route, a link-local address without its interface, or an argument that is not valid",
	unix.EMSGSIZE:      "message too big for the protocol, or for the path where it may not be cut into fragments",
	unix.EADDRNOTAVAIL: "no address to send from, or no local port left",
	unix.ENETDOWN:      "the interface is down",
	unix.ENETUNREACH:   "no route to the destination",
	unix.ENOBUFS:       "the device's queue is full, or an egress filter dropped it",
	unix.EHOSTDOWN:     "the destination was reported down",
	unix.EHOSTUNREACH:  "an unreachable route, or nobody answered for the next hop",
}

// Words is one clause in plain English: why the call can have failed. OfRoute
// tells more.
func (f *Failure) Words() string { return errWords[f.Err] }
