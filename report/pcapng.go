package report

import (
	"encoding/binary"
	"time"
)

// The blocks of pcapng that dropped packets need
// (draft-ietf-opsawg-pcapng). gopacket writes them too, but brings along all
// its protocols, which no linker can leave out: a fifth of latch's size.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6

	byteOrderMagic = 0x1a2b3c4d
	linkEthernet   = 1

	optionEnd       = 0
	optionComment   = 1
	optionName      = 2 // of an interface
	optionPrecision = 9 // of an interface's times
	optionProgram   = 4 // of a section
)

// pcapSection begins a file whose length is not known.
func pcapSection() []byte {
	body := binary.LittleEndian.AppendUint32(nil, byteOrderMagic)
	body = append(body, 1, 0, 0, 0) // version 1.0
	body = binary.LittleEndian.AppendUint64(body, 1<<64-1)
	body = appendOption(body, optionProgram, []byte("latch"))
	return pcapBlock(blockSection, appendOption(body, optionEnd, nil))
}

// pcapInterface describes a device. All are of one link type and one bound of
// length (0, none), since libpcap reads no file with several (sf-pcapng.c).
func pcapInterface(name string) []byte {
	const nanoseconds = 9 // a power of ten
	body := []byte{linkEthernet, 0, 0, 0, 0, 0, 0, 0}
	body = appendOption(body, optionName, []byte(name))
	body = appendOption(body, optionPrecision, []byte{nanoseconds})
	return pcapBlock(blockInterface, appendOption(body, optionEnd, nil))
}

// pcapPacket holds data of a packet of length bytes.
func pcapPacket(device int, at time.Time, data []byte, length int, comment string) []byte {
	ns := uint64(at.UnixNano())
	var body []byte
	for _, word := range []uint32{uint32(device), uint32(ns >> 32), uint32(ns), uint32(len(data)), uint32(length)} {
		body = binary.LittleEndian.AppendUint32(body, word)
	}
	body = pad(append(body, data...))
	body = appendOption(body, optionComment, []byte(comment))
	return pcapBlock(blockPacket, appendOption(body, optionEnd, nil))
}

// pcapBlock puts the type before a body, and the length around it.
func pcapBlock(kind uint32, body []byte) []byte {
	const around = 12
	length := uint32(len(body) + around)
	block := binary.LittleEndian.AppendUint32(nil, kind)
	block = binary.LittleEndian.AppendUint32(block, length)
	return binary.LittleEndian.AppendUint32(append(block, body...), length)
}

// appendOption appends a value of at most 65535 bytes.
func appendOption(body []byte, code uint16, value []byte) []byte {
	body = binary.LittleEndian.AppendUint16(body, code)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(value)))
	return pad(append(body, value...))
}

// pad fills up to a multiple of four bytes.
func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }
