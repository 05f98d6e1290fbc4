package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/latency"
)

// Options change how probes are attached. Nil means the defaults.
type Options struct {
	// MaxKeys bounds the series that have a key of their own; the rest is
	// merged into "(other)", one for each system call. 0 means 4096.
	MaxKeys int
	// EventBytes is the size of the buffer for traced calls, a power of two.
	// 0 means 8 MiB.
	EventBytes int
	// Cancel, once it is closed, makes Attach give up with ErrCanceled. It
	// may be nil.
	Cancel <-chan struct{}
	// Calls are the user calls in flight, and Decode says what the key of one
	// means, as uprobe's Session does; both only where Request.In is set.
	Calls  *kernel.Calls
	Decode func(key []byte) (*latency.Call, error)
}

// ErrCanceled says that Attach gave up because it was told to.
var ErrCanceled = errors.New("interrupted before all probes were in")

// maxThreads bounds the threads whose calls are open at once.
const maxThreads = 1 << 18

// A Session is a plan whose probes are in. It does not own the plan, nor the maps
// of Options.Calls. Its methods may not be called at the same time.
type Session struct {
	attached
	plan   *Plan
	opts   *Options
	maps   map[string]*ebpf.Map
	events *eventReader // of traced calls, else nil
	funcs  []ledger.Func

	targets []latency.Target
	narrow  []int // processes that run 32-bit programs
}

// Attach puts the programs in, still disabled: those of exits first.
func Attach(plan *Plan, opts *Options) (_ *Session, err error) {
	if opts == nil {
		opts = &Options{}
	}
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	s := &Session{plan: plan, opts: opts, targets: targetsOf(plan.PIDs), narrow: narrowOf(plan.PIDs)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	l := &loader{plan: plan, opts: opts}
	all := groups(plan)
	for _, group := range all {
		select {
		case <-opts.Cancel:
			return nil, ErrCanceled
		default:
		}
		coll, err := l.load(group, len(all))
		if err != nil {
			return nil, ledger.Permission(err)
		}
		s.colls = append(s.colls, coll)
	}
	s.maps = l.maps
	if err := l.fill(s.colls); err != nil {
		return nil, err
	}
	s.funcs = s.readable()
	if plan.Trace {
		if s.events, err = newEventReader(s); err != nil {
			return nil, err
		}
	}
	for _, d := range dispatchers {
		tp, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: d.tracepoint, Program: l.first.Programs[d.program]})
		if err != nil {
			return nil, fmt.Errorf("attach to tracepoint %s: %w", d.tracepoint, ledger.Permission(err))
		}
		s.links = append(s.links, tp)
	}
	return s, nil
}

// Attached returns how many system calls are measured.
func (s *Session) Attached() int { return len(s.plan.Funcs) }

// Close stops the measurement and frees the programs and maps.
func (s *Session) Close() error {
	var reader io.Closer
	if s.events != nil {
		reader, s.events = s.events, nil
	}
	return s.free(reader)
}

// open counts the calls that are in the kernel, by system call.
func (s *Session) open() (map[uint32]ledger.Open, error) {
	const keyAt = bpf.CallHeader
	m := s.maps["open_syscalls"]
	out := make(map[uint32]ledger.Open)
	var tid uint32
	value := make([]byte, m.ValueSize())
	it := m.Iterate()
	for it.Next(&tid, &value) {
		if binary.NativeEndian.Uint64(value[unsafe.Offsetof(bpf.SysSystemCall{}.EntryNs):]) == 0 {
			continue
		}
		id := binary.NativeEndian.Uint32(value[keyAt:])
		sum := out[id]
		sum.InFlight++
		out[id] = sum
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read open system calls: %w", err)
	}
	return out, nil
}

// readable are the calls as reading knows them.
func (s *Session) readable() []ledger.Func {
	var out []ledger.Func
	for i := range s.plan.Funcs {
		f := &s.plan.Funcs[i]
		one := ledger.Func{Name: f.Name, Program: f.Program, By: f.By, Untimed: f.Call.NoReturn(), LimitsNS: f.LimitsNS}
		if s.plan.in != nil {
			one.Beside = s.madeIn
		}
		out = append(out, one)
	}
	return out
}

// madeIn is what a key says of the user call that made the system call.
func (s *Session) madeIn(key []byte) map[string]string {
	out := map[string]string{latency.KeyIn: latency.KeyNone}
	for _, name := range s.plan.in.By {
		out[name] = latency.KeyNone
	}
	at := bpf.KeyHeader + s.plan.inAt
	if len(key) < at+bpf.MadeIn {
		return out
	}
	function := binary.NativeEndian.Uint64(key[at:])
	if function == 0 {
		return out
	}
	// As the call's own key begins.
	own := make([]byte, bpf.KeyHeader, bpf.KeyHeader+s.plan.in.keySize())
	binary.NativeEndian.PutUint32(own, uint32(function-1))
	copy(own[bpf.KeyStatus:], key[at+8:at+16])
	own = append(own, key[at+bpf.MadeIn:]...)
	call, err := s.opts.Decode(own)
	if err != nil {
		out[latency.KeyIn] = latency.KeyUnreadable
		return out
	}
	out[latency.KeyIn] = call.Func
	for _, v := range call.Args {
		out[v.Name] = v.Text
	}
	return out
}
