package unlink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
)

// How files are watched.
const (
	BackendBPF      = "bpf"
	BackendFanotify = "fanotify"
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
	// Backend is BackendBPF or BackendFanotify; "" means the first of them that
	// works.
	Backend string
	// NoTruth leaves out the tracepoints of Linux 6.13 that say which directory
	// a call changed, as on a kernel before it.
	NoTruth bool
}

// A source is a way to see files go.
type source interface {
	// next returns os.ErrClosed behind the last event, once it was detached.
	next() (*Event, error)
	detach() error
	close() error
	losses() (Losses, error)
	attached() int
	doubts() []string
}

// A Watcher sees watched files go. With BPF, every system call of the machine
// returns through the kernel's path for tracing while there is one, which takes
// about 0.1 microseconds.
type Watcher struct {
	source
	stopped, closed sync.Once
	err             error
}

// Watch starts to watch paths: files, which need not exist yet, directories with
// all that is below them, and patterns as of filepath.Match. It needs CAP_BPF and
// CAP_PERFMON, or, for fanotify, CAP_SYS_ADMIN; root has all of them.
func Watch(paths []string, opts *Options) (*Watcher, error) {
	if opts == nil {
		opts = &Options{}
	}
	var watches []*watch
	for _, path := range paths {
		w, err := newWatch(path)
		if err != nil {
			return nil, err
		}
		watches = append(watches, w)
	}
	if opts.Backend == BackendFanotify {
		return wrap(notify(watches))
	}
	t, err := trace(watches, opts)
	if opts.Backend == BackendBPF || !isMissing(err) {
		return wrap(t, err)
	}
	n, second := notify(watches)
	if errors.Is(err, fs.ErrPermission) && errors.Is(second, fs.ErrPermission) {
		return nil, err // for which there is one reason
	}
	if second != nil {
		return nil, errors.Join(err, second)
	}
	n.unsure = append(n.unsure, fmt.Sprintf("eBPF is not to be had (%v): fanotify tells less, and of processes that end at once only their number", err))
	return wrap(n, nil)
}

func wrap[S source](s S, err error) (*Watcher, error) {
	if err != nil {
		return nil, err
	}
	return &Watcher{source: s}, nil
}

// isMissing says that eBPF, or what it is to be attached to, is not to be had.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.ENOSYS) || errors.Is(err, os.ErrNotExist)
}

// Backend returns which way is used.
func (w *Watcher) Backend() string {
	if _, ok := w.source.(*tracer); ok {
		return BackendBPF
	}
	return BackendFanotify
}

// Attached returns how many tracepoints or directories are watched.
func (w *Watcher) Attached() int { return w.attached() }

// Doubts says what will not be seen, one sentence each.
func (w *Watcher) Doubts() []string { return w.doubts() }

// Next returns the next event, at most a tenth of a second after it. It waits for
// one until Stop was called; then it returns os.ErrClosed behind the last. It may
// run beside the other methods except Close.
func (w *Watcher) Next() (*Event, error) { return w.next() }

// Losses are what was not told.
type Losses struct {
	// Attempts that found no room in the buffer; whose path could not be read, or
	// was of other mounts and is gone; of io_uring that could not be followed.
	NoRoom, Unreadable, Unfollowed uint64
	// Missed are calls of all kinds that were not looked at, as another was
	// being looked at on their processor.
	Missed uint64
}

// Losses returns what was not told so far.
func (w *Watcher) Losses() (Losses, error) { return w.losses() }

// Stop ends the watching. Next and Losses still answer. Stopping twice gives the
// same error.
func (w *Watcher) Stop() error {
	w.stopped.Do(func() {
		if err := w.detach(); err != nil {
			w.err = fmt.Errorf("stop watching removals: %w", err)
		}
	})
	return w.err
}

// Close stops the watcher and frees what it holds.
func (w *Watcher) Close() error {
	err := w.Stop()
	w.closed.Do(func() { err = errors.Join(err, w.close()) })
	return err
}

// begin checks watches that were looked for, and says what will not be seen.
func begin(watches []*watch, mounts map[uint32]mount) (doubts []string, err error) {
	for _, w := range watches {
		more, err := w.check(mounts)
		if err != nil {
			return nil, err
		}
		for _, d := range more { // a path may be given twice, a mount lie over another
			if !slices.Contains(doubts, d) {
				doubts = append(doubts, d)
			}
		}
		w.present = w.there()
	}
	return doubts, nil
}

// isLink says whether a path is that of a symbolic link.
func isLink(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode()&fs.ModeSymlink != 0
}

// unexplained tells of files that are gone although nothing was heard for a while,
// and notes those that are there.
func unexplained(watches []*watch) (events []*Event) {
	for _, w := range watches {
		w.old = nil
		switch there := w.there(); {
		case w.pattern != "" || there == w.present:
			w.missing, w.swapped = 0, w.swapped && !there
		case there:
			w.present, w.swapped = true, false
		default:
			if w.missing++; w.missing < 2 {
				continue
			}
			w.present, w.missing = false, 0
			if w.swapped && isLink(w.path) {
				continue // what replaced it leads nowhere: nothing went
			}
			events = append(events, &Event{Time: time.Now(), Path: w.path, Watched: w.path, Kind: Vanished,
				Note: "no system call that was seen did it: another machine, the kernel itself, or what was lost"})
		}
	}
	return events
}
