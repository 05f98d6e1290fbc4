package uprobe

import (
	"errors"
	"slices"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
)

// layout is where the parts of a traced call's event stand.
func (p *Plan) layout() ledger.Layout {
	l := ledger.Layout{DataSize: p.KeySize}
	if p.Stack {
		l.Frames = bpf.MaxFrames
	}
	return l
}

// eventReader turns the ring buffer's events into calls.
type eventReader struct {
	session *Session
	*ledger.Events
	symbols *ledger.Symbolizer
}

func newEventReader(s *Session) (*eventReader, error) {
	events, err := ledger.OpenEvents(s.maps["events"], s.plan.layout())
	if err != nil {
		return nil, err
	}
	return &eventReader{session: s, Events: events, symbols: ledger.NewSymbolizer(s.plan.binary)}, nil
}

// binary is the plan's binary of a file; nil if it has none.
func (p *Plan) binary(dev, inode uint64) *elfsym.Binary {
	if at := slices.IndexFunc(p.Images, func(i *Image) bool { return i.id == fileID{dev, inode} }); at >= 0 {
		return p.Images[at].Binary
	}
	return nil
}

// Close frees the ring buffer.
func (r *eventReader) Close() error {
	return errors.Join(r.Events.Close(), r.symbols.Close())
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
		call, raw, err := r.Next()
		if err != nil {
			return nil, err
		}
		if int(raw.Func) >= len(s.plan.Probes) {
			continue // none of the plan's
		}
		p := &s.plan.Probes[raw.Func]
		call.Func, call.Untimed = p.Func.Name, p.Exit == ExitNone
		ledger.Show(call, p.Program, raw.Status, raw.Data)
		if s.plan.Stack {
			var whole bool
			call.Stack, whole = r.symbols.Stack(call.PID, raw.Stack)
			call.StackCut = !whole || raw.CutShort
		}
		return call, nil
	}
}

// Waiting reports whether NextCall has a call to return at once.
func (s *Session) Waiting() bool { return s.events.Waiting() }

// Drain lets NextCall return the calls that have been seen, and then end. It
// belongs behind Stop, when there will be no more.
func (s *Session) Drain() error { return s.events.Drain() }
