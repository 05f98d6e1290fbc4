package netfail

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
)

// OfRoute reports whether the error is a route's doing: whether the namespace
// answers the question for a route to the destination with it too. That tells
// a blackhole route from an argument that is not valid, and a prohibit route
// from broadcast. Routes may have changed since, and what rules by source
// address, mark or user say is not looked at.
func (f *Failure) OfRoute(ns kernel.NetNS) (bool, error) {
	if !f.Dst.IsValid() {
		return false, nil
	}
	var answer error
	err := ns.Do(func() (err error) {
		answer, err = routeError(f.Dst.Addr())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("ask namespace %s for a route: %w", ns, err)
	}
	return errors.Is(answer, f.Err), nil
}

// Where things are in struct rtmsg of include/uapi/linux/rtnetlink.h.
const (
	sizeofRTMsg = 12
	rtmDstLen   = 1
	rtmType     = 7
)

// typeErrors are what routes answer that lead nowhere (fib_props of
// net/ipv4/fib_semantics.c; ip6_rt_type_to_error of net/ipv6/route.c). For
// IPv4 the kernel answers a question for them with the error itself.
var typeErrors = map[byte]error{
	unix.RTN_BLACKHOLE: unix.EINVAL, unix.RTN_PROHIBIT: unix.EACCES, unix.RTN_UNREACHABLE: unix.EHOSTUNREACH,
}

// routeError returns the error that the route to dst is, nil if it leads
// somewhere.
func routeError(dst netip.Addr) (answer, err error) {
	header := make([]byte, sizeofRTMsg)
	header[0], header[rtmDstLen] = unix.AF_INET, byte(dst.BitLen())
	if dst.Is6() {
		header[0] = unix.AF_INET6
	}
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.RTA_DST, Data: dst.AsSlice()}})
	if err != nil {
		return nil, err
	}
	messages, err := ask(unix.NETLINK_ROUTE, unix.RTM_GETROUTE, 0, append(header, attrs...))
	var refused unix.Errno
	if errors.As(err, &refused) {
		return refused, nil
	}
	if err != nil {
		return nil, err
	}
	for _, message := range messages {
		if len(message.Data) < sizeofRTMsg {
			return nil, fmt.Errorf("an answer of %d bytes", len(message.Data))
		}
		answer = typeErrors[message.Data[rtmType]]
	}
	return answer, nil
}
