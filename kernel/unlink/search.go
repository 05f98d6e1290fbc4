package unlink

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

const (
	// maxSearched is how many directories a search looks at.
	maxSearched = 1 << 16
	// searchRest is how long after a search in vain there is none.
	searchRest = time.Second
)

var errFound = errors.New("found")

// changed is where the directory is of which the kernel says that the attempt
// changed it, for one that was named by a path of other mounts: a directory that is
// watched with all below it is shown elsewhere too. ok is false where it is gone.
func (w *tracer) changed(a *attempt, name string) (l location, ok bool) {
	if path := w.searched[a.Touched]; path != "" {
		if p, ok := w.placeAt(path); ok && p.id == a.Touched {
			return location{id: p.id, path: p.path, inside: p.inside, name: name}, true
		}
	}
	if time.Since(w.vain) < searchRest {
		return location{}, false
	}
	w.searched = make(map[bpf.UnlinkFileId]string)
	for _, watch := range w.watches {
		for i := range watch.routes {
			if r := &watch.routes[i]; r.isDir && watch.pattern == "" {
				if l, ok := w.search(a, r.dir.path, name); ok {
					return l, true
				}
			}
		}
	}
	w.vain = time.Now()
	return location{}, false
}

// elsewhere finds what is watched of a removal that was named by a path of other
// mounts, and counts it where that cannot be told any more.
func (w *tracer) elsewhere(a *attempt, name string) []hit {
	file := a.op() == bpf.UnlinkUnlinkOpOP_UNLINK // else the kernel may mean the directory that went
	if file {
		if l, ok := w.changed(a, name); ok {
			return w.hits(a, &l)
		}
	}
	if w.hasTree() && !(file && w.isStep(a.Touched)) {
		w.unplaced.Add(1)
	}
	return nil
}

// hasTree says whether a directory is watched with all below it.
func (w *tracer) hasTree() bool {
	for _, watch := range w.watches {
		for i := range watch.routes {
			if watch.routes[i].isDir && watch.pattern == "" {
				return true
			}
		}
	}
	return false
}

// isStep says whether a directory is one that a watched path leads through.
func (w *tracer) isStep(id bpf.UnlinkFileId) bool {
	for _, watch := range w.watches {
		for i := range watch.routes {
			r := &watch.routes[i]
			if r.dir.id == id || slices.ContainsFunc(r.steps, func(s step) bool { return s.dir == id }) {
				return true
			}
		}
	}
	return false
}

// search looks for it below a directory, and notes what it sees.
func (w *tracer) search(a *attempt, top, name string) (l location, ok bool) {
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // what is gone meanwhile
		}
		if len(w.searched) >= maxSearched {
			return fs.SkipAll
		}
		p, there := w.placeAt(path)
		if !there {
			return nil
		}
		w.searched[p.id] = path
		if p.id != a.Touched {
			return nil
		}
		l = location{id: p.id, path: p.path, inside: p.inside, name: name}
		return errFound
	})
	return l, errors.Is(err, errFound)
}

// placeAt says where the directory of a path of ours is.
func (w *tracer) placeAt(path string) (place, bool) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, false
	}
	defer unix.Close(fd)
	return w.placeOf(fd)
}
