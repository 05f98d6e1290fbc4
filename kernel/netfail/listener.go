package netfail

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
)

// A Listener is a TCP socket that listens.
type Listener struct {
	// Addr is what it listens at; 0.0.0.0 and :: are all addresses.
	Addr netip.AddrPort
	// Queue is how many connections wait to be accepted, and Backlog the
	// limit that listen(2) and net.core.somaxconn set. One more than Backlog
	// fit in.
	Queue, Backlog int
	// Drops is how many SYNs and final ACKs it lost since it was made: its
	// share of TcpExt ListenDrops, 0 where the kernel does not say (before
	// 4.7).
	Drops uint64
	// Inode is the socket's number, as in socket:[N] of /proc/PID/fd.
	Inode uint64
	UID   uint32
	// Owners are the processes that hold it, by PID. There are none where we
	// may not look into them.
	Owners []Owner
}

// An Owner is a process that holds a socket.
type Owner struct {
	PID int
	// Comm is its name, which it chose itself.
	Comm string
}

// Full reports whether the listener takes no connection at the moment
// (sk_acceptq_is_full).
func (l *Listener) Full() bool { return l.Queue > l.Backlog }

// FullListeners returns the listeners of the namespace that are full, or that
// ever lost a connection, with their owners. The listeners that a moving
// TcpExt ListenDrops speaks of are those whose Drops went up since the last
// time it was asked.
func FullListeners(ns kernel.NetNS) ([]Listener, error) {
	var full []Listener
	err := ns.Do(func() error {
		for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
			all, err := listeners(family)
			if err != nil {
				return err
			}
			full = append(full, all...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask for listeners of namespace %s: %w", ns, err)
	}
	full = slices.DeleteFunc(full, func(l Listener) bool { return !l.Full() && l.Drops == 0 })
	if err := findOwners(full); err != nil {
		return nil, err
	}
	return full, nil
}

const (
	// tcpListen is TCP_LISTEN of include/net/tcp_states.h. Asked for it alone,
	// the kernel looks only at listeners.
	tcpListen = 10
	// sockDiagByFamily is SOCK_DIAG_BY_FAMILY, and memInfoDrops is
	// SK_MEMINFO_DROPS, of include/uapi/linux/sock_diag.h.
	sockDiagByFamily = 20
	memInfoDrops     = 8
	// inetDiagMemInfo is INET_DIAG_SKMEMINFO of include/uapi/linux/inet_diag.h,
	// and the others are the lengths of its structs inet_diag_req_v2 and
	// inet_diag_msg.
	inetDiagMemInfo   = 7
	sizeofInetDiagReq = 56
	sizeofInetDiag    = 72
)

// listeners asks for those of the namespace that the thread is in.
func listeners(family byte) ([]Listener, error) {
	req := make([]byte, sizeofInetDiagReq)
	req[0], req[1], req[2] = family, unix.IPPROTO_TCP, 1<<(inetDiagMemInfo-1)
	binary.NativeEndian.PutUint32(req[4:], 1<<tcpListen)
	messages, err := ask(unix.NETLINK_SOCK_DIAG, sockDiagByFamily, netlink.Dump, req)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("this kernel does not tell of its sockets (CONFIG_INET_DIAG): %w", err)
	}
	if err != nil {
		return nil, err
	}
	var all []Listener
	for _, message := range messages {
		l, err := parseListener(message.Data)
		if err != nil {
			return nil, fmt.Errorf("read socket: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

// parseListener reads struct inet_diag_msg and the attributes behind it.
func parseListener(b []byte) (Listener, error) {
	if len(b) < sizeofInetDiag {
		return Listener{}, fmt.Errorf("%d bytes are too few", len(b))
	}
	addr := netip.AddrFrom4([4]byte(b[8:]))
	if b[0] == unix.AF_INET6 {
		addr = netip.AddrFrom16([16]byte(b[8:]))
	}
	l := Listener{
		Addr:    netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[4:])),
		Queue:   int(binary.NativeEndian.Uint32(b[56:])), // sk_ack_backlog, and
		Backlog: int(binary.NativeEndian.Uint32(b[60:])), // sk_max_ack_backlog: tcp_diag_get_info
		UID:     binary.NativeEndian.Uint32(b[64:]),
		Inode:   uint64(binary.NativeEndian.Uint32(b[68:])),
	}
	attrs, err := netlink.NewAttributeDecoder(b[sizeofInetDiag:])
	if err != nil {
		return Listener{}, err
	}
	for attrs.Next() {
		if info := attrs.Bytes(); attrs.Type() == inetDiagMemInfo && len(info) >= 4*(memInfoDrops+1) {
			l.Drops = uint64(binary.NativeEndian.Uint32(info[4*memInfoDrops:]))
		}
	}
	return l, attrs.Err()
}
