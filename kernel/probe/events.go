package probe

import (
	"errors"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
)

// layout is where the parts of a traced call's event stand. In front of what the
// frame pointers lead to is where the call was made.
func (p *Plan) layout() ledger.Layout {
	l := ledger.Layout{DataSize: p.dataSize}
	if p.Stack {
		l.Frames = bpf.MaxFrames + 1
	}
	return l
}

// eventReader turns the ring buffer's events into calls.
type eventReader struct {
	*ledger.Events
	symbols *ledger.Symbolizer
}

func newEventReader(s *Session) (*eventReader, error) {
	events, err := ledger.OpenEvents(s.maps["events"], s.plan.layout())
	if err != nil {
		return nil, err
	}
	return &eventReader{Events: events, symbols: ledger.NewSymbolizer(nil)}, nil
}

// Close frees the ring buffer.
func (r *eventReader) Close() error {
	return errors.Join(r.Events.Close(), r.symbols.Close())
}

// NextCall returns the next traced call, as uprobe's Session.NextCall does.
func (s *Session) NextCall() (*latency.Call, error) {
	if s.events == nil {
		return nil, errors.New("read traced calls: the plan traces none")
	}
	for {
		call, raw, err := s.events.Next()
		if err != nil {
			return nil, err
		}
		if int(raw.Func) >= len(s.plan.Funcs) {
			continue // none of the plan's
		}
		f := &s.plan.Funcs[raw.Func]
		call.Func, call.Untimed = f.Name, f.Call.NoReturn()
		ledger.Show(call, f.Program, raw.Status, raw.Data)
		if s.plan.Stack {
			var whole bool
			call.Stack, whole = s.events.symbols.Site(call.PID, raw.Stack)
			call.StackCut = !whole || raw.CutShort
		}
		return call, nil
	}
}

// Waiting reports whether NextCall has a call to return at once.
func (s *Session) Waiting() bool { return s.events.Waiting() }

// Drain lets NextCall return the calls that have been seen, and then end.
func (s *Session) Drain() error { return s.events.Drain() }
