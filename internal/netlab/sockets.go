package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// inet opens a socket and names the address of its other or its own end.
func inet(addr string, kind int) (fd int, sa unix.Sockaddr, err error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, nil, err
	}
	family := unix.AF_INET6
	sa = &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
	if ap.Addr().Is4() {
		family = unix.AF_INET
		sa = &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("socket: %w", err)
	}
	return fd, sa, nil
}

// udpSend sends N datagrams of SIZE bytes to ADDR, unfragmented if there is a
// fourth word.
func udpSend(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	n, nerr := strconv.Atoi(args[1])
	size, serr := strconv.Atoi(args[2])
	if err := errors.Join(nerr, serr); err != nil {
		return nil, err
	}
	if len(args) > 3 {
		err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		if _, is6 := sa.(*unix.SockaddrInet6); is6 {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO)
		}
		if err != nil {
			return nil, err
		}
	}
	return func() ([]string, error) {
		seen := make(outcomes)
		for range n {
			seen.add(unix.Sendto(fd, make([]byte, size), 0, sa))
		}
		return seen.lines(), nil
	}, nil
}

// udpServe binds ADDR and never reads. Further words set it up: rcvbuf asks
// for the smallest receive buffer, filter lets nothing through.
func udpServe(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	for _, word := range args[1:] {
		switch word {
		case "rcvbuf":
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
		case "filter":
			nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
			err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing[0]})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return nil, fmt.Errorf("bind %s: %w", args[0], err)
	}
	return nothing, nil
}

func nothing() ([]string, error) { return nil, nil }

// tcpConnect connects to ADDR and gives up after the two SYNs that follow the
// first one: one for TCP_SYNCNT, one for tcp_syn_linear_timeouts as the lab
// sets it.
func tcpConnect(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1); err != nil {
		return nil, err
	}
	return func() ([]string, error) { return []string{outcome(unix.Connect(fd, sa))}, nil }, nil
}

// tcpSyn sends one SYN to ADDR.
func tcpSyn(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return func() ([]string, error) {
		seen := outcome(unix.Connect(fd, sa))
		return []string{seen}, unix.Close(fd)
	}, nil
}

// tcpTalk connects to ADDR, writes a byte, reads one and closes.
func tcpTalk(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	return func() ([]string, error) {
		if err := unix.Connect(fd, sa); err != nil {
			return nil, err
		}
		if err := say(fd); err != nil {
			return nil, err
		}
		return []string{"ok"}, unix.Close(fd)
	}, nil
}

// tcpWrite is connected to ADDR when it is ready, and then writes a byte.
func tcpWrite(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, sa); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return func() ([]string, error) {
		_, err := unix.Write(fd, []byte("x"))
		return []string{outcome(err)}, nil
	}, nil
}

// tcpWhere is connected to ADDR, has written a byte and read one when it is
// ready. Then it tells its port and the numbers of the next byte in each
// direction.
func tcpWhere(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, sa); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := say(fd); err != nil {
		return nil, err
	}
	return func() ([]string, error) {
		own, err := unix.Getsockname(fd)
		if err != nil {
			return nil, err
		}
		at, err := sequence(fd)
		if err != nil {
			return nil, fmt.Errorf("find the sequence numbers: %w", err)
		}
		return []string{fmt.Sprint(own.(*unix.SockaddrInet4).Port, at[0], at[1])}, nil
	}, nil
}

// say writes a byte and reads one.
func say(fd int) error {
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		return err
	}
	_, err := unix.Read(fd, make([]byte, 1))
	return err
}

// sequence reads what CRIU does of a connection that it moves: the numbers of
// the bytes to be sent and to be received next.
func sequence(fd int) (next [2]uint32, err error) {
	const receiving, sending, withoutProbe = 1, 2, -1 // linux/tcp.h
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1); err != nil {
		return next, err
	}
	for i, queue := range []int{sending, receiving} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, queue); err != nil {
			return next, err
		}
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
		if err != nil {
			return next, err
		}
		next[i] = uint32(n)
	}
	return next, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, withoutProbe)
}

// tcpServe listens at ADDR. Further words set it up: full and few make room for
// one connection and for three, of which none is accepted, ttl demands packets
// that no router has seen, md5 wants those of 10.77.1.2 signed. Otherwise it
// serves one connection: answers each byte and waits for the end.
func tcpServe(args []string) (func() ([]string, error), error) {
	fd, sa, err := inet(args[0], unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	backlog, work := 5, func() ([]string, error) { return serveOne(fd) }
	for _, word := range args[1:] {
		switch word {
		case "full":
			backlog, work = 0, nothing
		case "few":
			backlog, work = 2, nothing
		case "ttl":
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, 255)
		case "md5":
			peer := netip.MustParseAddr(A4).As4()
			sig := unix.TCPMD5Sig{Addr: unix.SockaddrStorage{Family: unix.AF_INET}, Keylen: 3}
			copy(sig.Addr.Data[2:], peer[:]) // behind the port (struct sockaddr_in)
			copy(sig.Key[:], "key")
			err = unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, unix.TCP_MD5SIG, &sig)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return nil, fmt.Errorf("bind %s: %w", args[0], err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, fmt.Errorf("listen %s: %w", args[0], err)
	}
	return work, nil
}

func serveOne(listener int) ([]string, error) {
	fd, _, err := unix.Accept(listener)
	if err != nil {
		return nil, err
	}
	for buf := make([]byte, 1); ; {
		n, err := unix.Read(fd, buf)
		if err != nil || n == 0 {
			return []string{"end"}, errors.Join(err, unix.Close(fd))
		}
		if _, err := unix.Write(fd, buf); err != nil {
			return nil, err
		}
	}
}
