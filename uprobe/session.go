package uprobe

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/internal/ledger"
)

// Options change how probes are attached. Nil means the defaults.
type Options struct {
	// Backends are tried in order; none means Sessions, Multi, PerfEvents.
	Backends []Backend
	// MaxKeys bounds the series that have a key of their own; the rest is
	// merged into "(other)", one for each function. 0 means 4096.
	MaxKeys int
	// MaxOpenCalls bounds the calls that can be open at once. 0 means 2^18.
	MaxOpenCalls int
	// EventBytes is the size of the buffer for traced calls, a power of two.
	// 0 means 8 MiB.
	EventBytes int
	// Cancel, once it is closed, makes Attach give up with ErrCanceled
	// between two programs. It may be nil.
	Cancel <-chan struct{}
}

// ErrCanceled says that Attach gave up because it was told to.
var ErrCanceled = errors.New("interrupted before all probes were in")

func (o *Options) canceled() error {
	select {
	case <-o.Cancel:
		return ErrCanceled
	default:
		return nil
	}
}

func (o *Options) maxOpenCalls() int {
	if o.MaxOpenCalls <= 0 {
		return 1 << 18
	}
	return o.MaxOpenCalls
}

// A Session is a plan whose probes are in the target. It does not own the
// plan. Its methods may not be called at the same time.
type Session struct {
	plan    *Plan
	backend Backend
	groups  []*programs
	maps    map[string]*ebpf.Map
	// exits and entries are the links, in the order of attaching.
	exits, entries []io.Closer
	refused        map[*Probe]error
	planted        []planted

	start, end time.Time
	stopOnce   sync.Once
	stopErr    error
	warnings   []string
	events     *eventReader      // of traced calls, else nil
	left       map[openCall]bool // open calls that Stop found to have left
}

// Attach puts every probe of the plan in, still disabled: exits first, then
// entries. A function with a site that the kernel refuses is left out, and
// Refused says why; it is an error if none is left.
func Attach(plan *Plan, opts *Options) (_ *Session, err error) {
	if opts == nil {
		opts = &Options{}
	}
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	backends := opts.Backends
	if len(backends) == 0 {
		backends = []Backend{Sessions, Multi, PerfEvents}
	}
	var errs error
	for _, backend := range backends {
		s, err := attachWith(plan, opts, backend)
		if err == nil {
			return s, nil
		}
		errs = errors.Join(errs, err)
		if !errors.Is(err, ebpf.ErrNotSupported) {
			return nil, err
		}
	}
	return nil, errs
}

func attachWith(plan *Plan, opts *Options, backend Backend) (_ *Session, err error) {
	s := &Session{plan: plan, backend: backend, refused: make(map[*Probe]error)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := supported(backend); err != nil {
		return nil, ledger.Permission(err)
	}
	l := &loader{plan: plan, opts: opts, backend: backend}
	if s.groups, err = l.loadAll(groups(plan)); err != nil {
		return nil, ledger.Permission(err)
	}
	s.maps = l.maps
	if err := l.fill(); err != nil {
		return nil, err
	}
	if plan.Trace {
		if s.events, err = newEventReader(s); err != nil {
			return nil, err
		}
	}
	for _, exits := range []bool{true, false} {
		for _, g := range s.groups {
			if err := opts.canceled(); err != nil {
				return nil, err
			}
			s.attachGroup(g, exits)
		}
	}
	if len(s.refused) == len(plan.Probes) {
		for _, err := range s.refused {
			return nil, err
		}
	}
	for p, err := range s.refused {
		s.warnings = append(s.warnings, fmt.Sprintf("%s is not measured: %v", p.Func.Name, err))
	}
	slices.Sort(s.warnings)
	tp, err := link.AttachRawTracepoint(link.RawTracepointOptions{
		Name: "sched_process_exit", Program: s.groups[0].coll.Programs["thread_exit"],
	})
	if err != nil {
		return nil, fmt.Errorf("watch threads end: %w", ledger.Permission(err))
	}
	s.exits = append(s.exits, tp)
	if err := s.checkPlanted(); err != nil {
		return nil, err
	}
	return s, nil
}

// attachGroup attaches one side of a group's probes, file by file.
func (s *Session) attachGroup(g *programs, exits bool) {
	type job struct {
		image *Image
		kind  ExitKind
	}
	points := make(map[job][]point)
	var order []job
	for _, p := range g.probes {
		if s.refused[p] != nil {
			continue
		}
		j := job{p.Image, ExitNone}
		var sites []point
		switch {
		case exits && p.Exit == ExitReturn:
			j.kind = ExitReturn
			sites = []point{{p, uint64(p.Sites.Entry.Offset)}}
		case exits && p.Exit == ExitRet:
			j.kind = ExitRet
			for _, site := range p.Sites.Exits {
				sites = append(sites, point{p, uint64(site.Offset)})
			}
		case !exits && !(p.Exit == ExitReturn && s.backend == Sessions):
			sites = []point{{p, uint64(p.Sites.Entry.Offset)}}
		}
		if len(sites) == 0 {
			continue
		}
		if points[j] == nil {
			order = append(order, j)
		}
		points[j] = append(points[j], sites...)
	}
	pids := s.plan.PIDs
	if len(pids) == 0 {
		pids = []int{0}
	}
	for _, j := range order {
		for _, pid := range pids {
			if !uses(j.image, pid) {
				continue
			}
			links, refused := attachAll(points[j], s.attacher(g, j.kind, exits, j.image.Path, pid))
			if exits {
				s.exits = append(s.exits, links...)
			} else {
				s.entries = append(s.entries, links...)
			}
			for p, err := range refused {
				s.refused[p] = err
			}
		}
	}
}

// uses says whether the process maps the image, so that a link for it makes
// sense; 0 is every process.
func uses(img *Image, pid int) bool {
	return pid == 0 || slices.ContainsFunc(img.Users, func(u User) bool { return u.Process.PID == pid })
}

// attacher is how this session's backend attaches one kind of points.
func (s *Session) attacher(g *programs, kind ExitKind, exits bool, path string, pid int) attacher {
	name, attachType, flags, ret := "call_entry", uint32(attachUprobeMulti), uint32(0), false
	switch {
	case exits && kind == ExitReturn && s.backend == Sessions:
		name, attachType = "call_session", attachUprobeSession
	case exits && kind == ExitReturn:
		name, flags, ret = "call_return", uprobeMultiReturn, true
	case exits:
		name = "call_exit"
	}
	prog := g.coll.Programs[name]
	return func(points []point) (io.Closer, error) {
		if s.backend == PerfEvents {
			return attachPerf(prog, ret, path, points, pid)
		}
		return attachMulti(prog, attachType, flags, path, points, pid)
	}
}

// Backend returns the way the probes were attached.
func (s *Session) Backend() Backend { return s.backend }

// Attached returns how many functions have their probes in.
func (s *Session) Attached() int { return len(s.plan.Probes) - len(s.refused) }

// Refused returns the functions that the kernel or the target would not let
// be probed, with the reasons.
func (s *Session) Refused() map[*Probe]error { return s.refused }

// Enable starts the measurement.
func (s *Session) Enable() error {
	s.start = time.Now()
	return ledger.Switch(s.groups[0].coll, true)
}

// Stop ends the measurement: it lowers the flag, removes the probes, entries
// first, and compares the targets' text with what it was. Read still answers
// after it. Stopping twice gives the same error.
func (s *Session) Stop() error {
	s.stopOnce.Do(func() {
		if len(s.groups) > 0 && !s.start.IsZero() {
			s.stopErr = errors.Join(s.judgeOpenCalls(), ledger.Switch(s.groups[0].coll, false))
		}
		s.end = time.Now()
		s.stopErr = errors.Join(s.stopErr, ledger.CloseAll(s.entries), ledger.CloseAll(s.exits))
		s.checkRemoved()
	})
	return s.stopErr
}

// Close stops the measurement and frees the programs and maps.
func (s *Session) Close() error {
	err := s.Stop()
	if s.events != nil {
		err = errors.Join(err, s.events.Close())
		s.events = nil
	}
	var wg sync.WaitGroup
	for _, g := range s.groups {
		if g != nil {
			wg.Go(g.coll.Close)
		}
	}
	wg.Wait()
	s.groups = nil
	return err
}
