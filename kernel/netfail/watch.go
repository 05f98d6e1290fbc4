package netfail

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// Options change what a Watcher sees. Nil means the defaults.
type Options struct {
	// NetNS are the namespaces whose sockets matter, at most 1024. None means
	// all.
	NetNS []kernel.NetNS
	// RingBytes is the size of the buffer for failures, a power of two of at
	// least a page. 0 means 1 MiB, some 6000 failures.
	RingBytes int
}

// lookAfter is how often the buffer is looked into while it fills slowly: the
// kernel wakes the reader only when a quarter of it is full.
const lookAfter = 100 * time.Millisecond

// A Watcher sees socket calls fail. While there is one, every system call of the
// machine returns through the kernel's path for tracing, which takes about 0.1
// microseconds; what the program does with it is too little to be measured.
type Watcher struct {
	coll   *ebpf.Collection
	link   link.Link
	ring   *ringbuf.Reader
	record ringbuf.Record
	zero   time.Time // at which CLOCK_MONOTONIC was 0
	// drained says that Next returned all there was when Stop was called.
	drained bool

	stop  sync.Once
	close sync.Once
	err   error
}

// Watch starts to watch. It needs CAP_BPF and CAP_PERFMON, or root.
func Watch(opts *Options) (_ *Watcher, err error) {
	if opts == nil {
		opts = &Options{}
	}
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	spec, err := bpf.LoadNetfail()
	if err != nil {
		return nil, fmt.Errorf("watch socket calls: %w", err)
	}
	size := uint32(opts.ringBytes())
	spec.Maps[bpf.NetfailMapFailures].MaxEntries = size
	err = errors.Join(
		spec.Variables[bpf.NetfailVarSomeNetns].Set(len(opts.NetNS) > 0),
		spec.Variables[bpf.NetfailVarWakeBytes].Set(size/4),
	)
	if err != nil {
		return nil, fmt.Errorf("watch socket calls: %w", err)
	}
	w := &Watcher{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("watch socket calls: %w", err), w.Close())
		}
	}()
	if w.coll, err = ebpf.NewCollection(spec); err != nil {
		return nil, err
	}
	for _, ns := range opts.NetNS {
		if err := w.coll.Maps[bpf.NetfailMapNetnses].Put(ns.Inode, uint8(1)); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", ns, err)
		}
	}
	if w.ring, err = ringbuf.NewReader(w.coll.Maps[bpf.NetfailMapFailures]); err != nil {
		return nil, err
	}
	if w.zero, err = kernel.MonotonicZero(); err != nil {
		return nil, err
	}
	w.link, err = link.AttachRawTracepoint(link.RawTracepointOptions{
		Name: "sys_exit", Program: w.coll.Programs[bpf.NetfailProgSysExit],
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("this kernel was built without tracing of system calls (CONFIG_HAVE_SYSCALL_TRACEPOINTS): %w", err)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (o *Options) ringBytes() int {
	if o.RingBytes <= 0 {
		return 1 << 20
	}
	return o.RingBytes
}

// Next returns the next failure, at most a tenth of a second after it. It waits
// for one until Stop was called; then it returns os.ErrClosed behind the last.
// It may run beside the other methods except Close.
func (w *Watcher) Next() (*Failure, error) {
	for !w.drained {
		w.ring.SetDeadline(time.Now().Add(lookAfter))
		err := w.ring.ReadInto(&w.record)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case errors.Is(err, ringbuf.ErrFlushed):
			w.drained = true
			continue
		case err != nil:
			return nil, fmt.Errorf("read failed socket calls: %w", err)
		}
		var r bpf.NetfailFailure
		raw := unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r))
		if copy(raw, w.record.RawSample) == len(raw) {
			return failure(&r, w.zero), nil
		}
	}
	return nil, os.ErrClosed
}

// Waiting reports whether Next has a failure to return at once.
func (w *Watcher) Waiting() bool { return w.ring.AvailableBytes() > 0 }

// Counts returns how many failures there were so far, and how many of them
// Next will not return because the buffer had no room.
func (w *Watcher) Counts() (seen, lost uint64, err error) {
	err = errors.Join(w.coll.Variables[bpf.NetfailVarSeen].Get(&seen), w.coll.Variables[bpf.NetfailVarLost].Get(&lost))
	if err != nil {
		return 0, 0, fmt.Errorf("read counts of failed socket calls: %w", err)
	}
	return seen, lost, nil
}

// Stop takes the watcher's program out of the kernel. Next and Counts still
// answer. Stopping twice gives the same error.
func (w *Watcher) Stop() error {
	w.stop.Do(func() {
		if w.link != nil {
			w.err = w.link.Close()
		}
		if w.ring != nil {
			w.err = errors.Join(w.err, w.ring.Flush())
		}
		if w.err != nil {
			w.err = fmt.Errorf("stop watching socket calls: %w", w.err)
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
