package unlink

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// Options change what a Watcher tells. Nil means the defaults.
type Options struct {
	// Failed asks for attempts that failed, too.
	Failed bool
	// Calls are calls in flight, of which each event is to tell the one it
	// came in; nil looks for none.
	Calls *kernel.Calls
	// RingBytes is the size of the buffer for attempts, a power of two of at
	// least a page. 0 means 8 MiB, some 8000 attempts.
	RingBytes int
	// NoTruth leaves out the tracepoints of Linux 6.13 that say which directory
	// a call changed, as on a kernel before it.
	NoTruth bool
}

// lookAfter is how often the buffer is looked into while it fills slowly.
const lookAfter = 50 * time.Millisecond

// lookAgain is how often the watched paths themselves are looked at.
const lookAgain = 250 * time.Millisecond

// A Watcher sees watched files go. While there is one, every system call of the
// machine returns through the kernel's path for tracing, which takes about 0.1
// microseconds.
type Watcher struct {
	coll    *ebpf.Collection
	links   []link.Link
	ring    *ringbuf.Reader
	record  ringbuf.Record
	zero    time.Time // at which CLOCK_MONOTONIC was 0
	root    bpf.UnlinkFileId
	truth   bool
	failed  bool
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
	doubts   []string

	stop, close sync.Once
	err         error
}

// Watch starts to watch paths: files, which need not exist yet, directories with
// all that is below them, and patterns as of filepath.Match. It needs CAP_BPF,
// CAP_PERFMON and CAP_SYS_RESOURCE or root.
func Watch(paths []string, opts *Options) (_ *Watcher, err error) {
	if opts == nil {
		opts = &Options{}
	}
	w := &Watcher{requests: make(map[uint64]*attempt), failed: opts.Failed}
	for _, path := range paths {
		watch, err := newWatch(path)
		if err != nil {
			return nil, err
		}
		w.watches = append(w.watches, watch)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
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
	for _, watch := range w.watches {
		doubts, err := watch.check()
		if err != nil {
			return nil, err
		}
		w.doubts = append(w.doubts, doubts...)
		watch.present = watch.there()
	}
	w.started = true
	if err := w.attach(); err != nil {
		return nil, fmt.Errorf("watch removals: %w", err)
	}
	return w, nil
}

// load loads the programs, set to the options.
func (w *Watcher) load(opts *Options) error {
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
	if w.truth, err = kernel.HasTracepoint("inode_set_ctime_to_ts"); err != nil {
		return err
	}
	w.truth = w.truth && !opts.NoTruth
	uring, err := kernel.HasTracepoint("io_uring_submit_req")
	if err != nil {
		return err
	}
	if !w.truth {
		delete(spec.Programs, bpf.UnlinkProgSetCtime)
		delete(spec.Programs, bpf.UnlinkProgSwapCtime)
	}
	if !uring {
		delete(spec.Programs, bpf.UnlinkProgSubmit)
		delete(spec.Programs, bpf.UnlinkProgComplete)
		w.doubts = append(w.doubts, "this kernel does not tell what io_uring is asked for (6.0 does): what it removes is seen to be gone, but not who did it")
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

// attach attaches the programs, and lets them work when all are in.
func (w *Watcher) attach() error {
	for _, p := range []struct{ tracepoint, program string }{
		{"inode_set_ctime_to_ts", bpf.UnlinkProgSetCtime}, {"ctime_ns_xchg", bpf.UnlinkProgSwapCtime},
		{"io_uring_complete", bpf.UnlinkProgComplete}, {"io_uring_submit_req", bpf.UnlinkProgSubmit},
		{"sys_exit", bpf.UnlinkProgSysExit},
	} {
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
func (w *Watcher) identify(fd int) (bpf.UnlinkFileId, uint32, error) {
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

func (w *Watcher) ownRoot() (bpf.UnlinkFileId, error) {
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

// Attached returns how many tracepoints are watched.
func (w *Watcher) Attached() int { return len(w.links) }

// Doubts says what will not be seen, one sentence each.
func (w *Watcher) Doubts() []string { return w.doubts }

// Next returns the next event, at most a tenth of a second after it. It waits for
// one until Stop was called; then it returns os.ErrClosed behind the last. It may
// run beside the other methods except Close.
func (w *Watcher) Next() (*Event, error) {
	for {
		if len(w.waiting) > 0 {
			e := w.waiting[0]
			w.waiting = w.waiting[1:]
			return e, nil
		}
		if w.drained {
			return nil, os.ErrClosed
		}
		w.ring.SetDeadline(time.Now().Add(lookAfter))
		err := w.ring.ReadInto(&w.record)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := w.lookAgain(); err != nil {
				return nil, err
			}
		case errors.Is(err, ringbuf.ErrFlushed):
			w.drained = true
		case err != nil:
			return nil, fmt.Errorf("read removals: %w", err)
		default:
			if err := w.take(decode(w.record.RawSample, w.zero)); err != nil {
				return nil, err
			}
		}
	}
}

// take turns an attempt into events.
func (w *Watcher) take(a *attempt) error {
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
func (w *Watcher) lookAgain() error {
	if time.Since(w.looked) < lookAgain {
		return nil
	}
	w.looked = time.Now()
	if err := w.arm(); err != nil {
		return err
	}
	for _, watch := range w.watches {
		if time.Since(w.heard) > lookAgain {
			watch.old = nil
		}
		switch there := watch.there(); {
		case watch.pattern != "" || there == watch.present:
			watch.missing = 0
		case time.Since(w.heard) < lookAgain:
		case there:
			watch.present = true
		default:
			if watch.missing++; watch.missing < 2 {
				continue
			}
			watch.present, watch.missing = false, 0
			w.waiting = append(w.waiting, &Event{Time: w.looked, Path: watch.path, Watched: watch.path, Kind: Vanished,
				Note: "no system call that was seen did it: another machine or the kernel itself, or what was lost"})
		}
	}
	return nil
}

// Losses are what was not told.
type Losses struct {
	// Attempts that found no room in the buffer; whose path could not be read;
	// of io_uring that could not be followed; by programs of 32 bits.
	NoRoom, Unreadable, Unfollowed, Foreign uint64
}

// Losses returns what was not told so far.
func (w *Watcher) Losses() (l Losses, err error) {
	err = errors.Join(
		w.coll.Variables[bpf.UnlinkVarLost].Get(&l.NoRoom), w.coll.Variables[bpf.UnlinkVarUnreadable].Get(&l.Unreadable),
		w.coll.Variables[bpf.UnlinkVarUnfollowed].Get(&l.Unfollowed), w.coll.Variables[bpf.UnlinkVarForeign].Get(&l.Foreign),
	)
	if err != nil {
		return Losses{}, fmt.Errorf("read what was lost: %w", err)
	}
	return l, nil
}

// Stop takes the programs out of the kernel. Next and Losses still answer.
func (w *Watcher) Stop() error {
	w.stop.Do(func() {
		for i := len(w.links) - 1; i >= 0; i-- {
			w.err = errors.Join(w.err, w.links[i].Close())
		}
		if w.ring != nil {
			w.err = errors.Join(w.err, w.ring.Flush())
		}
		if w.err != nil {
			w.err = fmt.Errorf("stop watching removals: %w", w.err)
		}
	})
	return w.err
}

// Close stops the watcher and frees what it holds.
func (w *Watcher) Close() error {
	err := w.Stop()
	w.close.Do(func() {
		if w.ring != nil {
			err = errors.Join(err, w.ring.Close())
		}
		if w.coll != nil {
			w.coll.Close()
		}
	})
	return err
}
