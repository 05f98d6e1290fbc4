package unlink

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// lookAfter is how often the buffer is looked into while it fills slowly.
const lookAfter = 50 * time.Millisecond

// lookAgain is how often the watched paths themselves are looked at.
const lookAgain = 250 * time.Millisecond

// A tracer sees files go by tracepoints.
type tracer struct {
	coll    *ebpf.Collection
	links   []link.Link
	ring    *ringbuf.Reader
	record  ringbuf.Record
	zero    time.Time // at which CLOCK_MONOTONIC was 0
	root    bpf.UnlinkFileId
	truth   bool
	failed  bool
	submit  string // the tracepoint, "" where there is none
	drained bool

	watches  []*watch
	filter   *filter
	mounts   map[uint32]mount
	armed    uint64
	started  bool
	looked   time.Time
	heard    time.Time // when an attempt was last read
	waiting  []*Event
	requests map[uint64]*attempt // of io_uring, not done yet
	unsure   []string

	searched map[bpf.UnlinkFileId]string // paths of directories below watched ones
	vain     time.Time                   // when a directory was last searched for in vain
	unplaced atomic.Uint64               // removals in directories that were gone by then
}

// trace starts to watch by tracepoints.
func trace(watches []*watch, opts *Options) (_ *tracer, err error) {
	w := &tracer{watches: watches, requests: make(map[uint64]*attempt), failed: opts.Failed}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.detach(), w.close())
		}
	}()
	if err := w.load(opts); err != nil {
		return nil, fmt.Errorf("watch removals: %w", err)
	}
	if w.root, err = w.ownRoot(); err != nil {
		return nil, err
	}
	if err := w.arm(); err != nil {
		return nil, err
	}
	doubts, err := begin(watches, w.mounts)
	if err != nil {
		return nil, err
	}
	w.unsure = append(w.unsure, doubts...)
	w.started = true
	if err := w.attach(); err != nil {
		return nil, fmt.Errorf("watch removals: %w", err)
	}
	return w, nil
}

// A hook is a raw tracepoint and its program.
type hook struct{ tracepoint, program string }

// changes tell, all together, of each change of a directory (fs/inode.c).
var changes = []hook{{"inode_set_ctime_to_ts", bpf.UnlinkProgSetCtime}, {"ctime_ns_xchg", bpf.UnlinkProgSwapCtime}, {"ctime_xchg_skip", bpf.UnlinkProgKeepCtime}}

// load loads the programs, set to the options.
func (w *tracer) load(opts *Options) error {
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	spec, err := bpf.LoadUnlink()
	if err != nil {
		return err
	}
	size := uint32(opts.RingBytes)
	if size == 0 {
		size = 8 << 20
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	spec.Maps[bpf.UnlinkMapAttempts].MaxEntries = size
	spec.Maps[bpf.UnlinkMapScratches].MaxEntries = uint32(cpus)
	keySize := 0
	if opts.Calls != nil {
		keySize = opts.Calls.KeySize
	}
	shared := opts.Calls.Share(spec)
	err = errors.Join(
		spec.Variables[bpf.UnlinkVarFailed].Set(opts.Failed),
		spec.Variables[bpf.UnlinkVarCalls].Set(opts.Calls != nil),
		spec.Variables[bpf.UnlinkVarCallKeySize].Set(uint32(keySize)),
		spec.Variables[bpf.UnlinkVarWakeBytes].Set(size/4),
	)
	if err != nil {
		return err
	}
	w.truth = !opts.NoTruth
	for _, p := range changes {
		there, err := kernel.HasTracepoint(p.tracepoint)
		if err != nil {
			return err
		}
		w.truth = w.truth && there
	}
	submit, err := submitTracepoint()
	if err != nil {
		return err
	}
	if !w.truth {
		for _, p := range changes {
			delete(spec.Programs, p.program)
		}
	}
	if w.submit = submit; submit == "" {
		delete(spec.Programs, bpf.UnlinkProgSubmit)
		delete(spec.Programs, bpf.UnlinkProgComplete)
		w.unsure = append(w.unsure, "this kernel does not tell what io_uring is asked for (6.0 does): what it removes is seen to be gone, but not who did it")
	}
	if w.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared}); err != nil {
		return err
	}
	if w.ring, err = ringbuf.NewReader(w.coll.Maps[bpf.UnlinkMapAttempts]); err != nil {
		return err
	}
	w.zero, err = kernel.MonotonicZero()
	return err
}

// submitTracepoint is the one whose first argument is what io_uring is asked for:
// from 6.0 on, with another name until 6.2.
func submitTracepoint() (string, error) {
	for name, arity := range map[string]int{"io_uring_submit_req": 1, "io_uring_submit_sqe": 2} {
		there, err := kernel.HasTracepoint(name)
		if err != nil {
			return "", err
		}
		if !there {
			continue
		}
		if got, err := kernel.TracepointArity(name); err != nil || got == arity {
			return name, err
		}
	}
	return "", nil
}

// attach attaches the programs, and lets them work when all are in.
func (w *tracer) attach() error {
	all := append(slices.Clone(changes), []hook{{"io_uring_complete", bpf.UnlinkProgComplete}, {w.submit, bpf.UnlinkProgSubmit},
		{"sys_exit", bpf.UnlinkProgSysExit}}...)
	for _, p := range all {
		program := w.coll.Programs[p.program]
		if program == nil {
			continue
		}
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: p.tracepoint, Program: program})
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("this kernel was built without the tracepoint %s: %w", p.tracepoint, err)
		}
		if err != nil {
			return err
		}
		w.links = append(w.links, l)
	}
	return w.coll.Variables[bpf.UnlinkVarEnabled].Set(true)
}

// identify asks the kernel what it knows one of our files by.
func (w *tracer) identify(fd int) (bpf.UnlinkFileId, uint32, error) {
	_, err := w.coll.Programs[bpf.UnlinkProgIdentify].Run(&ebpf.RunOptions{Context: [1]uint64{uint64(fd)}})
	if err != nil {
		return bpf.UnlinkFileId{}, 0, err
	}
	var own bpf.UnlinkOwnFile
	if err := w.coll.Variables[bpf.UnlinkVarFound].Get(&own); err != nil {
		return bpf.UnlinkFileId{}, 0, err
	}
	if own.Found == 0 {
		return bpf.UnlinkFileId{}, 0, os.ErrNotExist
	}
	return own.File, own.Mount, nil
}

func (w *tracer) ownRoot() (bpf.UnlinkFileId, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return bpf.UnlinkFileId{}, fmt.Errorf("open our root: %w", err)
	}
	defer unix.Close(fd)
	id, _, err := w.identify(fd)
	if err != nil {
		return bpf.UnlinkFileId{}, fmt.Errorf("identify our root: %w", err)
	}
	return id, nil
}

func (w *tracer) attached() int    { return len(w.links) }
func (w *tracer) doubts() []string { return w.unsure }

func (w *tracer) next() (*Event, error) {
	for len(w.waiting) == 0 {
		if w.drained {
			return nil, os.ErrClosed
		}
		w.ring.SetDeadline(time.Now().Add(lookAfter))
		err := w.ring.ReadInto(&w.record)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = w.lookAgain()
		case errors.Is(err, ringbuf.ErrFlushed):
			w.drained = true
			err = nil
		case err != nil:
			err = fmt.Errorf("read removals: %w", err)
		default:
			err = w.take(decode(w.record.RawSample, w.zero))
		}
		if err != nil {
			return nil, err
		}
	}
	e := w.waiting[0]
	w.waiting = w.waiting[1:]
	return e, nil
}

// take turns an attempt into events.
func (w *tracer) take(a *attempt) error {
	if a == nil {
		return nil
	}
	w.heard = time.Now()
	switch {
	case a.op() == bpf.UnlinkUnlinkOpOP_COMPLETE:
		asked := w.requests[a.Request]
		delete(w.requests, a.Request)
		if asked == nil || a.Error != 0 && !w.failed {
			return nil
		}
		asked.time, asked.Error = a.time, a.Error
		asked.Flags |= a.Flags
		asked.Touched = a.Touched
		a = asked
	case a.Request != 0:
		w.requests[a.Request] = a
		return nil
	}
	var generation uint64
	if err := w.coll.Variables[bpf.UnlinkVarGeneration].Get(&generation); err != nil {
		return fmt.Errorf("read removals: %w", err)
	}
	events := w.match(a)
	w.waiting = append(w.waiting, events...)
	if len(events) > 0 || generation != w.armed {
		return w.arm()
	}
	return nil
}

// lookAgain looks whether the paths lead elsewhere without anybody having said so.
func (w *tracer) lookAgain() error {
	var generation uint64
	if err := w.coll.Variables[bpf.UnlinkVarGeneration].Get(&generation); err != nil {
		return fmt.Errorf("read removals: %w", err)
	}
	if time.Since(w.looked) < lookAgain && generation == w.armed {
		return nil
	}
	w.looked = time.Now()
	if err := w.arm(); err != nil {
		return err
	}
	if time.Since(w.heard) < lookAgain {
		return nil
	}
	w.waiting = append(w.waiting, unexplained(w.watches)...)
	return nil
}

func (w *tracer) losses() (l Losses, err error) {
	err = errors.Join(
		w.coll.Variables[bpf.UnlinkVarLost].Get(&l.NoRoom), w.coll.Variables[bpf.UnlinkVarUnreadable].Get(&l.Unreadable),
		w.coll.Variables[bpf.UnlinkVarUnfollowed].Get(&l.Unfollowed),
	)
	l.Unreadable += w.unplaced.Load()
	for _, p := range w.coll.Programs {
		stats, statsErr := p.Stats()
		err = errors.Join(err, statsErr)
		if statsErr == nil {
			l.Missed += stats.RecursionMisses
		}
	}
	if err != nil {
		return Losses{}, fmt.Errorf("read what was lost: %w", err)
	}
	return l, nil
}

// detach takes the programs out of the kernel.
func (w *tracer) detach() (err error) {
	for i := len(w.links) - 1; i >= 0; i-- {
		err = errors.Join(err, w.links[i].Close())
	}
	w.links = nil
	if w.ring != nil {
		err = errors.Join(err, w.ring.Flush())
	}
	return err
}

func (w *tracer) close() (err error) {
	if w.ring != nil {
		err = w.ring.Close()
	}
	if w.coll != nil {
		w.coll.Close()
	}
	return err
}
