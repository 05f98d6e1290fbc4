package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/report"
)

// packetBytes is how much of each packet a file gets: a frame of Ethernet.
const packetBytes = 1514

// pcapFile is a file of packets that gets its name when it is complete. It is
// nil where none is wanted.
type pcapFile struct {
	*report.PcapWriter
	file *os.File
	path string
}

func createPcap(path string) (*pcapFile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("write packets: %w", err)
	}
	p := &pcapFile{file: file, path: path}
	if p.PcapWriter, err = report.NewPcapWriter(file); err != nil {
		return nil, errors.Join(err, p.abandon())
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
	err := errors.Join(p.file.Chmod(0o644), p.file.Close())
	if err == nil {
		err = os.Rename(p.file.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("write packets: %w", err)
	}
	p.file = nil
	return nil
}

// abandon removes the file, unless it is complete.
func (p *pcapFile) abandon() error {
	if p == nil || p.file == nil {
		return nil
	}
	return errors.Join(p.file.Close(), os.Remove(p.file.Name()))
}
