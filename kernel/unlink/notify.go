package unlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/procfs"
)

// A notifier sees files go by fanotify(7), with directories and names from Linux
// 5.9 on. It tells the process by its number alone, and whoever has ended by the
// time it is read stays a number.
type notifier struct {
	fd      int
	wake    *os.File // the other end is closed to end the reading
	ended   *os.File
	watches []*watch
	dirs    map[string]place // by file system and handle
	waiting []*Event
	looked  time.Time
	heard   time.Time
	drained bool
	lost    uint64
	unsure  []string
}

// What is asked of a directory.
const notifyMask = unix.FAN_DELETE | unix.FAN_MOVED_FROM | unix.FAN_MOVED_TO | unix.FAN_CREATE | unix.FAN_MODIFY | unix.FAN_ONDIR | unix.FAN_EVENT_ON_CHILD

// atHandleFID asks for a handle that names a file but cannot open it (AT_HANDLE_FID,
// linux/fcntl.h).
const atHandleFID = 0x200

// notify starts to watch by fanotify.
func notify(watches []*watch) (_ *notifier, err error) {
	n := &notifier{fd: -1, watches: watches, dirs: make(map[string]place)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("watch removals by fanotify: %w", err), n.detach(), n.close())
		}
	}()
	// Without the right to, it would tell of no process.
	n.fd, err = unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_REPORT_DFID_NAME|unix.FAN_UNLIMITED_QUEUE|unix.FAN_UNLIMITED_MARKS, unix.O_RDONLY|unix.O_LARGEFILE)
	if errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("it needs root, or CAP_SYS_ADMIN: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if n.ended, n.wake, err = os.Pipe(); err != nil {
		return nil, err
	}
	if err := n.arm(true); err != nil {
		return nil, err
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	doubts, err := begin(watches, mounts)
	n.unsure = append(n.unsure, doubts...)
	return n, err
}

// identifyByStat tells files apart as stat(2) does.
func identifyByStat(fd int) (bpf.UnlinkFileId, uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return bpf.UnlinkFileId{}, 0, err
	}
	return bpf.UnlinkFileId{Ino: st.Ino, Dev: st.Dev}, 0, nil
}

// arm looks for all watches again and marks their directories.
func (n *notifier) arm(first bool) error {
	for _, w := range n.watches {
		if err := w.look(identifyByStat, nil); err != nil && first {
			return err
		}
		for i := range w.routes {
			r := &w.routes[i]
			for _, s := range r.steps {
				if s.dir == (bpf.UnlinkFileId{}) {
					break // it is not there
				}
				err := n.mark(s.path)
				switch {
				case err == nil || !first:
				case s.last || !r.there:
					return err
				default: // such as that of an initial RAM disk
					n.unsure = append(n.unsure, fmt.Sprintf("directories of %s: if they are moved away it is not seen", err))
				}
			}
			if !r.isDir {
				continue
			}
			err := n.mark(r.dir.path)
			if w.pattern == "" && err == nil {
				err = n.markBelow(r.dir.path)
			}
			if err != nil && first {
				return err
			}
		}
	}
	return nil
}

// markBelow marks all directories of a tree.
func (n *notifier) markBelow(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it went meanwhile
		}
		return n.mark(path)
	})
}

// mark watches a directory, which is known by its handle from then on.
func (n *notifier) mark(dir string) error {
	key, id, err := handleOf(dir)
	if err != nil {
		return fmt.Errorf("%s: its file system gives no handles: %w", dir, err)
	}
	if known, ok := n.dirs[key]; ok && known.path == dir {
		return nil
	}
	if err := unix.FanotifyMark(n.fd, unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR, notifyMask, unix.AT_FDCWD, dir); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	n.dirs[key] = place{id: id, path: dir}
	return nil
}

// forget passes over what becomes of a directory that was moved, and of those below
// it, until they are found where they are now.
func (n *notifier) forget(dir string) {
	maps.DeleteFunc(n.dirs, func(_ string, p place) bool {
		_, ok := below(p.path, dir)
		return ok
	})
}

// handleOf returns what events name a directory by, and what stat(2) does.
func handleOf(dir string) (string, bpf.UnlinkFileId, error) {
	var id bpf.UnlinkFileId
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
	if errors.Is(err, unix.EOPNOTSUPP) { // overlayfs gives some that cannot be opened (6.5)
		handle, _, err = unix.NameToHandleAt(unix.AT_FDCWD, dir, atHandleFID)
	}
	if err != nil {
		return "", id, err
	}
	var st unix.Stat_t
	var sfs unix.Statfs_t
	if err := errors.Join(unix.Stat(dir, &st), unix.Statfs(dir, &sfs)); err != nil {
		return "", id, err
	}
	fsid := unsafe.Slice((*byte)(unsafe.Pointer(&sfs.Fsid)), unsafe.Sizeof(sfs.Fsid))
	return handleKey(fsid, handle.Type(), handle.Bytes()), bpf.UnlinkFileId{Ino: st.Ino, Dev: st.Dev}, nil
}

func handleKey(fsid []byte, kind int32, handle []byte) string {
	return string(fsid) + string(binary.NativeEndian.AppendUint32(nil, uint32(kind))) + string(handle)
}

func (n *notifier) attached() int           { return len(n.dirs) }
func (n *notifier) doubts() []string        { return n.unsure }
func (n *notifier) losses() (Losses, error) { return Losses{NoRoom: n.lost}, nil }

func (n *notifier) next() (*Event, error) {
	buf := make([]byte, 64<<10)
	for len(n.waiting) == 0 {
		got, err := unix.Read(n.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			if n.drained {
				return nil, os.ErrClosed
			}
			if err := n.wait(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("read removals: %w", err)
		}
		n.heard = time.Now()
		n.take(buf[:got])
	}
	e := n.waiting[0]
	n.waiting = n.waiting[1:]
	return e, nil
}

// wait waits until there is something to read, and now and then looks at the paths.
func (n *notifier) wait() error {
	fds := []unix.PollFd{{Fd: int32(n.fd), Events: unix.POLLIN}, {Fd: int32(n.ended.Fd()), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, int(lookAgain.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for removals: %w", err)
	}
	n.drained = fds[1].Revents != 0
	if time.Since(n.looked) < lookAgain || fds[0].Revents != 0 {
		return nil
	}
	n.looked = time.Now()
	if err := n.arm(false); err != nil {
		return err
	}
	if time.Since(n.heard) > lookAgain {
		n.waiting = append(n.waiting, unexplained(n.watches)...)
	}
	return nil
}

// take reads events (fanotify(7)): each has information records behind it, of
// which one names the directory and the file.
func (n *notifier) take(buf []byte) {
	const metaSize = int(unsafe.Sizeof(unix.FanotifyEventMetadata{}))
	for len(buf) >= metaSize {
		var meta unix.FanotifyEventMetadata
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&meta)), metaSize), buf)
		if int(meta.Event_len) < metaSize || int(meta.Event_len) > len(buf) {
			return
		}
		if meta.Mask&unix.FAN_Q_OVERFLOW != 0 {
			n.lost++
		}
		if dir, name, ok := n.named(buf[metaSize:meta.Event_len]); ok {
			n.match(&meta, dir, name)
		}
		buf = buf[meta.Event_len:]
	}
}

// named finds the directory and the name among an event's records.
func (n *notifier) named(records []byte) (place, string, bool) {
	const header, fsid = 4, 8
	for len(records) >= header {
		size := int(binary.NativeEndian.Uint16(records[2:]))
		if size < header || size > len(records) {
			break
		}
		r := records[:size]
		records = records[size:]
		if r[0] != unix.FAN_EVENT_INFO_TYPE_DFID_NAME || size < header+fsid+8 {
			continue
		}
		length := int(binary.NativeEndian.Uint32(r[header+fsid:]))
		kind := int32(binary.NativeEndian.Uint32(r[header+fsid+4:]))
		at := header + fsid + 8
		if at+length > size {
			continue
		}
		dir, ok := n.dirs[handleKey(r[header:header+fsid], kind, r[at:at+length])]
		name, _, _ := strings.Cut(string(r[at+length:]), "\x00")
		return dir, name, ok
	}
	return place{}, "", false
}

// match turns what happened to a name into events.
func (n *notifier) match(meta *unix.FanotifyEventMetadata, dir place, name string) {
	l := location{id: dir.id, path: dir.path, name: name}
	changed := false
	for _, w := range n.watches {
		h, ok := w.hit(&l, w.at(0)) // events have no time
		if !ok {
			continue
		}
		changed = true
		if h.step != nil && !h.step.last {
			if meta.Mask&unix.FAN_MOVED_FROM != 0 && w.present {
				w.present = false
				n.waiting = append(n.waiting, n.event(meta, h, Moved))
			}
			continue
		}
		for _, kind := range n.kinds(meta.Mask, h, join(dir.path, name)) {
			n.waiting = append(n.waiting, n.event(meta, h, kind))
		}
	}
	const gone = unix.FAN_ONDIR | unix.FAN_MOVED_FROM
	if meta.Mask&gone == gone {
		n.forget(join(dir.path, name))
	}
	if changed || meta.Mask&unix.FAN_ONDIR != 0 {
		_ = n.arm(false) // what cannot be found now is looked for again
	}
}

// kinds are what became of a watched file. Several things that one process did to
// it may come as one event, in an order that is not told.
func (n *notifier) kinds(mask uint64, h hit, path string) (kinds []Kind) {
	own := h.step != nil
	w := h.watch
	if own && !w.present && mask&unix.FAN_CREATE != 0 {
		w.present = true
	}
	was := w.present || !own
	var st unix.Stat_t
	there := unix.Lstat(path, &st) == nil
	for _, k := range []struct {
		bit  uint64
		kind Kind
		is   bool
	}{
		{unix.FAN_MODIFY, Truncated, was && there && st.Size == 0},
		{unix.FAN_MOVED_TO, Replaced, was && own}, // of others it is not known whether there was one
		{unix.FAN_MOVED_FROM, Moved, was},
		{unix.FAN_DELETE, Deleted, was},
	} {
		if mask&k.bit != 0 && k.is {
			kinds = append(kinds, k.kind)
		}
	}
	const changes = unix.FAN_CREATE | unix.FAN_MOVED_TO | unix.FAN_MOVED_FROM | unix.FAN_DELETE
	if own && mask&changes != 0 {
		w.swapped = w.swapped || mask&unix.FAN_MOVED_TO != 0
		w.present = mask&(unix.FAN_MOVED_FROM|unix.FAN_DELETE) == 0 || there && mask&(unix.FAN_CREATE|unix.FAN_MOVED_TO) != 0
	}
	return kinds
}

// event is what is known of every one.
func (n *notifier) event(meta *unix.FanotifyEventMetadata, h hit, kind Kind) *Event {
	e := &Event{Time: time.Now(), Path: h.path, Watched: h.watch.path, Kind: kind, Dir: meta.Mask&unix.FAN_ONDIR != 0 && kind == Deleted}
	e.PID, e.TID = int(meta.Pid), int(meta.Pid)
	proc, err := procfs.Open(e.PID)
	if err != nil {
		e.Note = "who did it had ended before it could be asked"
		return e
	}
	e.Process = processOf(proc)
	for range len(bpf.UnlinkAttempt{}.Parents) {
		if proc, err = procfs.Open(proc.Parent()); err != nil {
			break
		}
		e.Parents = append(e.Parents, processOf(proc))
	}
	return e
}

func (n *notifier) detach() error {
	if n.wake == nil {
		return nil
	}
	err := n.wake.Close()
	n.wake = nil
	return err
}

func (n *notifier) close() (err error) {
	if n.fd >= 0 {
		err = unix.Close(n.fd)
	}
	if n.ended != nil {
		err = errors.Join(err, n.ended.Close())
	}
	return err
}
