package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"unsafe"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/latency"
)

// passingLayout says where the parts of a passing stand: struct passing, whose
// key's data is cut to size, then the stacks.
type passingLayout struct {
	dataSize int
	stacks   bool
}

func (p *EventPlan) layout() passingLayout { return passingLayout{p.dataSize, p.Stack} }

func (l passingLayout) stackAt() int { return bpf.CallHeader + bpf.KeyHeader + l.dataSize }

func (l passingLayout) size() uint32 {
	n := l.stackAt()
	if l.stacks {
		n += 2 * 8 * bpf.MaxFrames
	}
	return uint32(n)
}

// passings reads what tracepoints tell.
type passings struct {
	*ledger.Events
	layout  passingLayout
	users   *ledger.Symbolizer
	symbols *kernel.Symbols // of the kernel; nil where it hides them
}

func newPassings(s *EventSession) (*passings, error) {
	p := &passings{layout: s.plan.layout(), users: ledger.NewSymbolizer(nil)}
	if s.plan.Stack {
		var err error
		if p.symbols, err = kernel.LoadSymbols(); errors.Is(err, kernel.ErrHidden) {
			s.plan.Warnings = append(s.plan.Warnings, fmt.Sprintf("the kernel's functions have no names: %v", err))
		} else if err != nil {
			return nil, err
		}
	}
	var err error
	p.Events, err = ledger.OpenEvents(s.colls[0].Maps["events"], ledger.Layout{DataSize: int(p.layout.size())})
	return p, err
}

// Close frees the ring buffer.
func (p *passings) Close() error { return errors.Join(p.Events.Close(), p.users.Close()) }

// NextCall returns the next time that a tracepoint was passed, as an untimed call
// of it; it ends as uprobe's Session.NextCall does.
func (s *EventSession) NextCall() (*latency.Call, error) {
	for {
		raw, err := s.reader.Raw()
		if err != nil {
			return nil, err
		}
		if len(raw) < int(s.reader.layout.size()) {
			continue
		}
		// The header alone lies in front of the key that is cut to size.
		var head bpf.EventPassing
		const headLen = bpf.CallHeader + bpf.KeyHeader
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&head)), headLen), raw)
		if int(head.Key.Func) >= len(s.plan.Events) {
			continue // none of the plan's
		}
		e := &s.plan.Events[head.Key.Func]
		call := &latency.Call{
			Time: s.reader.Time(head.TimeNs), PID: int(head.Tgid), TID: int(head.Tid),
			Comm: ledger.Comm(head.Comm), Func: e.Name, Untimed: true,
		}
		ledger.Show(call, e.Program, head.Key.Status, raw[headLen:s.reader.layout.stackAt()])
		if s.plan.Stack {
			s.reader.stack(call, raw[s.reader.layout.stackAt():], int(head.KernelFrames), int(head.UserFrames))
		}
		return call, nil
	}
}

// stack names the frames of the kernel, and those of the process behind them.
func (p *passings) stack(call *latency.Call, raw []byte, inKernel, inUser int) {
	addrs := func(from, n int) (out []uint64) {
		for i := range min(n, bpf.MaxFrames) {
			out = append(out, binary.NativeEndian.Uint64(raw[8*(from+i):]))
		}
		return out
	}
	for _, addr := range addrs(0, inKernel) {
		f := latency.Frame{Addr: addr, Binary: "[kernel]"}
		if p.symbols != nil {
			f.Func = p.symbols.Name(addr - 1)
		}
		if len(call.Stack) == 0 && ownFrames.MatchString(f.Func) {
			continue
		}
		call.Stack = append(call.Stack, f)
	}
	user, whole := p.users.Interrupted(call.PID, addrs(bpf.MaxFrames, inUser))
	call.Stack = append(call.Stack, user...)
	call.StackCut = !whole || inKernel == bpf.MaxFrames || inUser == bpf.MaxFrames
}

// ownFrames are what a tracepoint and its programs add to the stack.
var ownFrames = regexp.MustCompile(`^(bpf_|trace_event_raw_|perf_trace_|perf_event_|trace_call_bpf|__traceiter_|__bpf_|__trace_)`)

// Waiting reports whether NextCall has one to return at once.
func (s *EventSession) Waiting() bool { return s.reader.Waiting() }

// Drain lets NextCall return what has been seen, and then end.
func (s *EventSession) Drain() error { return s.reader.Drain() }
