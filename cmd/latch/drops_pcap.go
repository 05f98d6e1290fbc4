package main

import (
	"errors"

	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/report"
)

// packetBytes is how much of each packet a file gets: a frame of Ethernet.
const packetBytes = 1514

// pcapFile is a file of packets that gets its name when it is complete. It is
// nil where none is wanted.
type pcapFile struct {
	*report.PcapWriter
	file *report.File
}

func createPcap(path string) (*pcapFile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := report.Create(path)
	if err != nil {
		return nil, err
	}
	p := &pcapFile{file: file}
	if p.PcapWriter, err = report.NewPcapWriter(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

// add writes packets that are told in one line.
func (p *pcapFile) add(line *report.Drop, packets []*drop.Packet) error {
	for _, packet := range packets {
		length := max(packet.Len, len(packet.Data))
		if packet.LinkHeader && packet.Len < len(packet.Data) {
			length = len(packet.Data)
		}
		err := p.Write(line, &report.DropPacket{Time: packet.Time, Data: packet.Data, LinkHeader: packet.LinkHeader, Len: length})
		if err != nil {
			return err
		}
	}
	return nil
}

// complete gives the file its name.
func (p *pcapFile) complete() error {
	if p == nil {
		return nil
	}
	return p.file.Complete()
}

// abandon removes the file, unless it is complete.
func (p *pcapFile) abandon() error {
	if p == nil {
		return nil
	}
	return p.file.Close()
}
