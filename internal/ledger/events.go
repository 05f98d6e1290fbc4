package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// A Layout says where the parts of an event stand: struct event, whose key's
// data is cut to size, then the callers' addresses.
type Layout struct {
	// DataSize is the length of the key's data in bytes.
	DataSize int
	// Frames is how many addresses there are at most; 0 for none.
	Frames int
}

// KeyBytes is the length of the key, StackAt where the addresses begin, and Size
// the length of an event.
func (l Layout) KeyBytes() uint32 { return bpf.KeyHeader + uint32(l.DataSize+7)&^7 }
func (l Layout) StackAt() uint32  { return bpf.EventHeader + l.KeyBytes() }
func (l Layout) Size() uint32     { return l.StackAt() + 8*uint32(l.Frames) }

// Settings are the constants of a program that writes such events.
func (l Layout) Settings() map[string]any {
	values := map[string]any{"event_key_size": l.KeyBytes(), "event_size": l.Size()}
	if l.Frames > 0 {
		values["event_stack"] = l.StackAt()
	}
	return values
}

// Events reads the events of traced calls from their ring buffer.
type Events struct {
	layout Layout
	ring   *ringbuf.Reader
	record ringbuf.Record
	// zero is the wall-clock time at which CLOCK_MONOTONIC was 0.
	zero time.Time
}

// OpenEvents returns a reader of the ring buffer, which its Close closes.
func OpenEvents(m *ebpf.Map, layout Layout) (*Events, error) {
	ring, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, fmt.Errorf("read traced calls: %w", err)
	}
	var now unix.Timespec
	wall := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		ring.Close()
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	return &Events{layout: layout, ring: ring, zero: wall.Round(0).Add(-time.Duration(now.Nano()))}, nil
}

// Close frees the ring buffer.
func (e *Events) Close() error { return e.ring.Close() }

// Waiting reports whether Next has an event to return at once.
func (e *Events) Waiting() bool { return e.ring.AvailableBytes() > 0 }

// Drain lets Next return what there is, and then end.
func (e *Events) Drain() error {
	if err := e.ring.Flush(); err != nil {
		return fmt.Errorf("read traced calls: %w", err)
	}
	return nil
}

// A RawCall is a traced call as the kernel side tells it.
type RawCall struct {
	Func   uint32 // its number
	Status uint64 // of its key
	Data   []byte // of its key; valid until the next event is read
	// Stack are the addresses, CutShort that there are, or may be, more.
	Stack    []uint64
	CutShort bool
}

// Next waits for an event and returns what its header says of the call, and the
// rest. It returns os.ErrClosed behind the last one once Drain was called.
func (e *Events) Next() (*latency.Call, RawCall, error) {
	for {
		raw, err := e.Raw()
		if err != nil {
			return nil, RawCall{}, err
		}
		if len(raw) >= int(e.layout.Size()) {
			call, rest := e.decode(raw)
			return call, rest, nil
		}
	}
}

// Raw is Next for a reader that knows the layout itself. The bytes are valid until
// the next event is read.
func (e *Events) Raw() ([]byte, error) {
	err := e.ring.ReadInto(&e.record)
	if errors.Is(err, ringbuf.ErrFlushed) {
		return nil, os.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("read traced calls: %w", err)
	}
	return e.record.RawSample, nil
}

// Time is when CLOCK_MONOTONIC was at ns.
func (e *Events) Time(ns uint64) time.Time { return e.zero.Add(time.Duration(ns)) }

// Comm is a thread's name as the kernel writes it.
func Comm(raw [16]int8) string {
	comm := make([]byte, len(raw))
	for i, c := range raw {
		comm[i] = byte(c)
	}
	return unix.ByteSliceToString(comm)
}

func (e *Events) decode(raw []byte) (*latency.Call, RawCall) {
	// The header alone lies in front of the key that is cut to size.
	var ev bpf.CallEvent
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&ev)), bpf.EventHeader+bpf.KeyHeader), raw)
	call := &latency.Call{
		Time: e.Time(ev.EntryNs), PID: int(ev.Tgid), TID: int(ev.Tid), Goid: ev.Goid,
		Comm: Comm(ev.Comm), Latency: time.Duration(ev.LatencyNs),
	}
	rest := RawCall{Func: ev.Key.Func, Status: ev.Key.Status, Data: raw[bpf.EventHeader+bpf.KeyHeader : e.layout.StackAt()]}
	if e.layout.Frames == 0 {
		return call, rest
	}
	n := int(min(ev.Frames&^bpf.FramesCut, uint64(e.layout.Frames)))
	for at := e.layout.StackAt(); len(rest.Stack) < n; at += 8 {
		rest.Stack = append(rest.Stack, binary.NativeEndian.Uint64(raw[at:]))
	}
	rest.CutShort = ev.Frames&bpf.FramesCut != 0
	return call, rest
}
