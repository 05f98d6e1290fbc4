package netlab

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Frames are made in layers, each a function of what is inside of it. Their
// checksums are right; a scenario spoils them with edit.

// eth is an Ethernet frame.
func eth(dst, src string, etherType uint16, payload []byte) []byte {
	frame := append(mac(dst), mac(src)...)
	frame = binary.BigEndian.AppendUint16(frame, etherType)
	return append(frame, payload...)
}

// toRouter is a frame from A to the router.
func toRouter(packet []byte) []byte { return eth(MacRA, MacA, etherType(packet), packet) }

func etherType(packet []byte) uint16 {
	if packet[0]>>4 == 6 {
		return 0x86dd
	}
	return 0x0800
}

func mac(text string) []byte {
	a, err := net.ParseMAC(text)
	if err != nil {
		panic(err) // a constant of this package
	}
	return a
}

// edit sets bytes of a copy, from offset on.
func edit(b []byte, offset int, to ...byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[offset:], to)
	return b
}

// ip4 is an IPv4 packet with a time to live of 64.
func ip4(src, dst string, proto byte, payload []byte) []byte {
	return frag4(src, dst, proto, 1, 0, payload)
}

// moreFragments is the flag beside the offset of a fragment (RFC 791).
const moreFragments = 0x2000

// frag4 is an IPv4 fragment. Its offset is in units of 8 bytes, flags above.
func frag4(src, dst string, proto byte, id, offset uint16, payload []byte) []byte {
	h := make([]byte, 20, 20+len(payload))
	h[0] = 0x45
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(h[4:], id)
	binary.BigEndian.PutUint16(h[6:], offset)
	h[8], h[9] = 64, proto
	copy(h[12:], addr(src))
	copy(h[16:], addr(dst))
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, payload...)
}

// ip6 is an IPv6 packet with a hop limit of 64.
func ip6(src, dst string, proto byte, payload []byte) []byte {
	h := make([]byte, 40, 40+len(payload))
	h[0] = 0x60
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	h[6], h[7] = proto, 64
	copy(h[8:], addr(src))
	copy(h[24:], addr(dst))
	return append(h, payload...)
}

func addr(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

const (
	protoICMP = 1
	protoTCP  = 6
	protoUDP  = 17
	portFrom  = 5000
	portTo    = 5001
)

// udp is a datagram from portFrom to a port.
func udp(src, dst string, port uint16, payload []byte) []byte {
	h := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(h, portFrom)
	binary.BigEndian.PutUint16(h[2:], port)
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(payload)))
	h = append(h, payload...)
	binary.BigEndian.PutUint16(h[6:], checksum(pseudo(src, dst, protoUDP, h)))
	return h
}

// Flags of TCP.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// tcp is a segment from portFrom to a port, without data.
func tcp(src, dst string, port uint16, flags byte) []byte {
	return segment{portFrom, port, 1000, 0}.tcp(src, dst, flags, "")
}

// A segment is where a TCP connection is.
type segment struct {
	from, to uint16
	seq, ack uint32
}

func (s segment) tcp(src, dst string, flags byte, data string) []byte {
	h := make([]byte, 20)
	binary.BigEndian.PutUint16(h, s.from)
	binary.BigEndian.PutUint16(h[2:], s.to)
	binary.BigEndian.PutUint32(h[4:], s.seq)
	binary.BigEndian.PutUint32(h[8:], s.ack)
	h[12], h[13] = 5<<4, flags
	binary.BigEndian.PutUint16(h[14:], 1024)
	h = append(h, data...)
	binary.BigEndian.PutUint16(h[16:], checksum(pseudo(src, dst, protoTCP, h)))
	return h
}

// icmp is a message with an identifier, a number and 8 bytes of data.
func icmp(kind, code byte) []byte {
	m := make([]byte, 16)
	m[0], m[1], m[5], m[7] = kind, code, 77, 1
	binary.BigEndian.PutUint16(m[2:], checksum(m))
	return m
}

// pseudo puts the header before a message that its checksum covers.
func pseudo(src, dst string, proto byte, message []byte) []byte {
	b := append(addr(src), addr(dst)...)
	b = append(b, 0, proto)
	b = binary.BigEndian.AppendUint16(b, uint16(len(message)))
	return append(b, message...)
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// arp is a message from A's device: kind 1 is a request, 2 a reply.
func arp(kind byte, sender, target string) []byte {
	m := append([]byte{0, 1, 8, 0, 6, 4, 0, kind}, mac(MacA)...)
	m = append(m, addr(sender)...)
	m = append(m, make([]byte, 6)...)
	return append(m, addr(target)...)
}
