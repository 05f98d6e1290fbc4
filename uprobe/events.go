package uprobe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/latency"
)

// Where the parts of an event stand: struct event, whose key's data is cut to
// the plan, then the stack.
func (p *Plan) eventKeySize() uint32 { return bpf.KeyHeader + uint32(p.KeySize+7)&^7 }
func (p *Plan) eventStack() uint32   { return bpf.EventHeader + p.eventKeySize() }

func (p *Plan) eventSize() uint32 {
	if !p.Stack {
		return p.eventStack()
	}
	return p.eventStack() + 8*bpf.MaxFrames
}

// eventReader turns the ring buffer's events into calls.
type eventReader struct {
	session *Session
	ring    *ringbuf.Reader
	record  ringbuf.Record
	// zero is the wall-clock time at which CLOCK_MONOTONIC was 0.
	zero    time.Time
	symbols *symbolizer
}

func newEventReader(s *Session) (*eventReader, error) {
	ring, err := ringbuf.NewReader(s.maps["events"])
	if err != nil {
		return nil, fmt.Errorf("read traced calls: %w", err)
	}
	var now unix.Timespec
	wall := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		ring.Close()
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	return &eventReader{
		session: s, ring: ring, zero: wall.Round(0).Add(-time.Duration(now.Nano())),
		symbols: newSymbolizer(s.plan),
	}, nil
}

// Close frees the ring buffer.
func (r *eventReader) Close() error {
	return errors.Join(r.ring.Close(), r.symbols.Close())
}

// NextCall returns the next traced call, in the order in which they ended. It
// waits for one until Drain was called; then it returns os.ErrClosed behind
// the last. It may run beside the session's other methods except Close.
func (s *Session) NextCall() (*latency.Call, error) {
	r := s.events
	if r == nil {
		return nil, errors.New("read traced calls: the plan traces none")
	}
	for {
		err := r.ring.ReadInto(&r.record)
		if errors.Is(err, ringbuf.ErrFlushed) {
			return nil, os.ErrClosed
		}
		if err != nil {
			return nil, fmt.Errorf("read traced calls: %w", err)
		}
		if call := r.call(r.record.RawSample); call != nil {
			return call, nil
		}
	}
}

// Waiting reports whether NextCall has a call to return at once.
func (s *Session) Waiting() bool { return s.events.ring.AvailableBytes() > 0 }

// Drain lets NextCall return the calls that have been seen, and then end. It
// belongs behind Stop, when there will be no more.
func (s *Session) Drain() error {
	if err := s.events.ring.Flush(); err != nil {
		return fmt.Errorf("read traced calls: %w", err)
	}
	return nil
}

// call decodes one event; it is nil for what is none of the plan's.
func (r *eventReader) call(raw []byte) *latency.Call {
	plan := r.session.plan
	if len(raw) < int(plan.eventSize()) {
		return nil
	}
	// The header alone lies in front of the key that is cut to size.
	var e bpf.CallEvent
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e)), bpf.EventHeader+bpf.KeyHeader), raw)
	if int(e.Key.Func) >= len(plan.Probes) {
		return nil
	}
	p := &plan.Probes[e.Key.Func]
	comm := make([]byte, len(e.Comm))
	for i, c := range e.Comm {
		comm[i] = byte(c)
	}
	call := &latency.Call{
		Time: r.zero.Add(time.Duration(e.EntryNs)), PID: int(e.Tgid), TID: int(e.Tid), Goid: e.Goid,
		Comm: unix.ByteSliceToString(comm), Func: p.Func.Name,
		Latency: time.Duration(e.LatencyNs), Untimed: p.Exit == ExitNone,
	}
	p.show(call, e.Key.Status, raw[bpf.EventHeader+bpf.KeyHeader:plan.eventStack()])
	if plan.Stack {
		var stack []uint64
		n := int(min(e.Frames&^bpf.FramesCut, bpf.MaxFrames))
		for at := plan.eventStack(); len(stack) < n; at += 8 {
			stack = append(stack, binary.NativeEndian.Uint64(raw[at:]))
		}
		var whole bool
		call.Stack, whole = r.symbols.stack(call.PID, stack)
		call.StackCut = !whole || e.Frames&bpf.FramesCut != 0
	}
	return call
}

// show adds to a call what a key's status word and data say of it.
func (p *Probe) show(call *latency.Call, status uint64, data []byte) {
	if !hasKey(p.Program) {
		return
	}
	values := p.Program.Decode(status, data)
	for i, part := range p.Program.Parts {
		v := latency.Value{Name: part.Name, Text: values[i].Text, Kind: valueKinds[values[i].Kind]}
		if part.Result {
			call.Results = append(call.Results, v)
		} else {
			call.Args = append(call.Args, v)
		}
	}
}

// valueKinds are the kinds of values as reports know them.
var valueKinds = map[fetch.ValueKind]latency.ValueKind{
	fetch.ValueOther: latency.ValueOther, fetch.ValueText: latency.ValueText,
	fetch.ValueNumber: latency.ValueNumber, fetch.ValueBool: latency.ValueBool,
}
