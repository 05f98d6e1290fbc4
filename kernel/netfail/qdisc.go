package netfail

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// addQdiscs asks for the queueing disciplines of all devices in the namespace
// that the thread is in.
func (c counters) addQdiscs() error {
	messages, err := ask(unix.NETLINK_ROUTE, unix.RTM_GETQDISC, netlink.Dump, make([]byte, sizeofTCMsg))
	if err != nil {
		return fmt.Errorf("ask for queueing disciplines: %w", err)
	}
	devices, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("ask for devices: %w", err)
	}
	names := make(map[int]string)
	for _, device := range devices {
		names[device.Index] = device.Name
	}
	for _, message := range messages {
		q, err := parseQdisc(message.Data)
		if err != nil {
			return fmt.Errorf("read queueing discipline: %w", err)
		}
		// Those of one device that have no handle are one counter.
		c[Counter{Source: "qdisc", Name: "dropped", Interface: names[q.ifIndex], Qdisc: fmt.Sprintf("%s %x:", q.kind, q.handle>>16)}] += uint64(q.drops)
	}
	return nil
}

// A qdisc is what is read of a struct tcmsg and its attributes.
type qdisc struct {
	ifIndex       int
	handle, drops uint32
	kind          string
}

const (
	sizeofTCMsg = 20
	// tcaStatsQueue is TCA_STATS_QUEUE of include/uapi/linux/gen_stats.h, and
	// queueDrops where drops is in its struct gnet_stats_queue.
	tcaStatsQueue = 3
	queueDrops    = 8
)

func parseQdisc(b []byte) (q qdisc, err error) {
	if len(b) < sizeofTCMsg {
		return q, fmt.Errorf("%d bytes are too few", len(b))
	}
	q.ifIndex = int(int32(binary.NativeEndian.Uint32(b[4:])))
	q.handle = binary.NativeEndian.Uint32(b[8:])
	attrs, err := netlink.NewAttributeDecoder(b[sizeofTCMsg:])
	if err != nil {
		return q, err
	}
	for attrs.Next() {
		switch attrs.Type() {
		case unix.TCA_KIND:
			q.kind = attrs.String()
		case unix.TCA_STATS2:
			attrs.Nested(func(stats *netlink.AttributeDecoder) error {
				for stats.Next() {
					if queue := stats.Bytes(); stats.Type() == tcaStatsQueue && len(queue) >= queueDrops+4 {
						q.drops = binary.NativeEndian.Uint32(queue[queueDrops:])
					}
				}
				return nil
			})
		}
	}
	return q, attrs.Err()
}
