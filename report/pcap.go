package report

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
)

// A DropPacket is what was read of one dropped packet.
type DropPacket struct {
	Time time.Time
	// Data begins with the Ethernet header where LinkHeader says so, else with
	// the network header.
	Data       []byte
	LinkHeader bool
	// Len is the packet's whole length in bytes, from where Data begins.
	Len int
}

// A PcapWriter writes dropped packets as a pcapng file, each with a comment
// that says why it was dropped. It buffers nothing: after each Write the file
// is whole.
type PcapWriter struct {
	w          io.Writer
	interfaces map[string]int // by name
}

// NewPcapWriter begins a file on w, which it does not close.
func NewPcapWriter(w io.Writer) (*PcapWriter, error) {
	p := &PcapWriter{w: w, interfaces: make(map[string]int)}
	begin := append(pcapSection(), pcapInterface("none")...)
	if _, err := w.Write(begin); err != nil {
		return nil, fmt.Errorf("write packets: %w", err)
	}
	p.interfaces[""] = 0 // of packets that had no device yet
	return p, nil
}

// What is bounded of a file of packets.
const (
	maxInterfaces = 1000 // further devices count as none
	maxComment    = 8192 // bytes; the format allows 65535
	ethernetBytes = 14
)

// Write adds a packet of d. One that was read without a link header gets one
// whose addresses are zero, and whose comment says so.
func (w *PcapWriter) Write(d *Drop, p *DropPacket) error {
	data, comment := p.Data, dropComment(d)
	length := max(p.Len, len(data))
	if !p.LinkHeader {
		header := binary.BigEndian.AppendUint16(make([]byte, ethernetBytes-2, ethernetBytes+len(data)), etherType(d, data))
		data, length = append(header, data...), length+ethernetBytes
		comment += "\nthe Ethernet header is made up: the packet had none yet, or none any more"
	}
	id, begin := w.device(d)
	block := append(begin, pcapPacket(id, p.Time, data, length, comment)...)
	if _, err := w.w.Write(block); err != nil {
		return fmt.Errorf("write packet: %w", err)
	}
	return nil
}

// device returns the number of the packet's device, "eth0" or "eth0 in NETNS",
// and the block that tells of it if it is new.
func (w *PcapWriter) device(d *Drop) (id int, begin []byte) {
	name := cutBytes(d.IfName, maxLabel)
	if name != "" && d.NetNS != "" {
		name += " in " + cutBytes(d.NetNS, maxLabel)
	}
	id, ok := w.interfaces[name]
	if ok || len(w.interfaces) >= maxInterfaces {
		return id, nil
	}
	id = len(w.interfaces)
	w.interfaces[name] = id
	return id, pcapInterface(name)
}

// etherType is the packet's own, or what its first bits say.
func etherType(d *Drop, data []byte) uint16 {
	const ipv4, ipv6 = 0x0800, 0x86dd
	switch {
	case d.EtherType != 0:
		return d.EtherType
	case len(data) > 0 && data[0]>>4 == 6:
		return ipv6
	}
	return ipv4
}

// dropComment says on a few lines why a packet was dropped.
func dropComment(d *Drop) string {
	lines := []string{cutEscaped(d.why()), d.place()}
	if d.PID != 0 || d.NetNS != "" {
		lines = append(lines, d.who())
	}
	if d.During != nil {
		lines = append(lines, "during "+d.During.text())
	}
	if d.Told != "" {
		lines = append(lines, "saw: "+Escape(d.Told))
	}
	if d.Remark != "" {
		lines = append(lines, "note: "+Escape(d.Remark))
	}
	text := strings.Join(lines, "\n")
	if len(text) > maxComment {
		text = strings.ToValidUTF8(text[:maxComment], "") + "…"
	}
	return text
}
