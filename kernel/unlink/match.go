package unlink

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// A location is a name in a directory. The directory is known by its number or by
// its path in its file system, which is what it was at the time: one that was made
// anew since has another number.
type location struct {
	id     bpf.UnlinkFileId // zero where it cannot be found any more
	path   string           // as we see it; "" where we do not
	inside string           // in its file system
	// guessed says that the path is the one that was given: what it passed
	// through is gone.
	guessed bool
	// foreign says that the directory was reached in another mount namespace,
	// where its path is that; doubt that it was reached in one that may not be
	// the process's.
	foreign, doubt bool
	name           string
}

// in says whether the location's directory is one of which so much is known.
func (l *location) in(id bpf.UnlinkFileId, inside, path string) bool {
	switch {
	case l.foreign:
		return l.id == id
	case l.guessed || l.inside == "" || inside == "":
		return l.id != (bpf.UnlinkFileId{}) && l.id == id || l.path != "" && l.path == path
	case id == (bpf.UnlinkFileId{}): // it was not there when it was looked for
		return l.inside == inside && l.path == path
	}
	return l.inside == inside && l.id.Dev == id.Dev
}

// locate finds where a side of an attempt leads. What it passed through may be
// gone by now: then its path counts as it was given.
func (w *tracer) locate(a *attempt, s *side) location {
	dir, name := split(s.typed)
	l := location{id: s.base, inside: s.inside, name: name}
	base, ok := w.mounts[s.mount].seen(s.inside)
	if ok {
		l.path = base
	}
	if dir == "" {
		return l
	}
	fd, doubt, err := w.open(a, s, dir, unix.O_DIRECTORY)
	if err == nil {
		defer unix.Close(fd)
		found, reached := w.placeOf(fd)
		reached = reached && w.leadsTo(a, s, dir, found.id)
		told := a.op() == bpf.UnlinkUnlinkOpOP_UNLINK && a.has(bpf.UnlinkAttemptFlagsATTEMPT_TOUCHED)
		if reached && !(doubt && told && found.id != a.Touched) {
			return location{id: found.id, path: found.path, inside: found.inside, name: name, foreign: w.foreign(found.mount), doubt: doubt && !told}
		}
	}
	l.id, l.guessed = bpf.UnlinkFileId{}, true
	if ok {
		l.path = filepath.Clean(join(base, strings.TrimLeft(dir, "/")))
	}
	if a.op() == bpf.UnlinkUnlinkOpOP_UNLINK && a.has(bpf.UnlinkAttemptFlagsATTEMPT_TOUCHED) {
		l.id = a.Touched
	}
	return l
}

// leadsTo says whether a path still leads to a directory: one that was moved while
// it was looked at has another place than at the time of the attempt.
func (w *tracer) leadsTo(a *attempt, s *side, dir string, to bpf.UnlinkFileId) bool {
	fd, _, err := w.open(a, s, dir, unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	id, _, err := w.identify(fd)
	return err == nil && id == to
}

// placeOf says where a directory of ours is.
func (w *tracer) placeOf(fd int) (place, bool) {
	id, mount, err := w.identify(fd)
	if err != nil {
		return place{}, false
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return place{}, false
	}
	p := place{id: id, mount: mount, path: path}
	p.inside, _ = w.mounts[mount].inside(path)
	return p, true
}

// is says whether a step's name is the location's.
func (s *step) is(l *location) bool {
	return s.name == l.name && l.in(s.dir, s.inside, s.path)
}

// A hit is a watched file that an attempt concerns.
type hit struct {
	watch *watch
	path  string
	step  *step // nil where the file only lies in a watched directory
	doubt bool  // see location
}

// hits finds what is watched at a location.
func (w *tracer) hits(a *attempt, l *location) (all []hit) {
	for _, watch := range w.watches {
		if h, ok := watch.hit(l, watch.at(a.TimeNs)); ok {
			h.doubt = l.doubt
			all = append(all, h)
		}
	}
	return all
}

func (w *watch) hit(l *location, routes []route) (hit, bool) {
	for i := range routes {
		r := &routes[i]
		for j := range r.steps {
			s := &r.steps[j]
			if !s.is(l) {
				continue
			}
			return hit{watch: w, path: w.path, step: s}, true
		}
		if !r.isDir {
			continue
		}
		if w.pattern != "" {
			if ok, _ := filepath.Match(w.pattern, l.name); ok && l.in(r.dir.id, r.dir.inside, r.dir.path) {
				return hit{watch: w, path: join(r.dir.path, l.name)}, true
			}
			continue
		}
		rest, ok := "", l.in(r.dir.id, r.dir.inside, r.dir.path)
		switch {
		case ok:
		case l.foreign:
			rest, ok = below(l.path, r.dir.path)
			ok = ok && l.id.Dev == r.dir.id.Dev
		case l.guessed || l.inside == "" || r.dir.inside == "":
			rest, ok = below(l.path, r.dir.path)
		default:
			rest, ok = below(l.inside, r.dir.inside)
			ok = ok && l.id.Dev == r.dir.id.Dev
		}
		if ok {
			return hit{watch: w, path: join(join(w.path, rest), l.name)}, true
		}
	}
	return hit{}, false
}

// match turns an attempt into what it did to watched files.
func (w *tracer) match(a *attempt) (events []*Event) {
	switch a.op() {
	case bpf.UnlinkUnlinkOpOP_UNLINK, bpf.UnlinkUnlinkOpOP_RMDIR:
		l := w.locate(a, &a.sides[0])
		hits := w.hits(a, &l)
		if len(hits) == 0 && (l.guessed || l.foreign) && a.has(bpf.UnlinkAttemptFlagsATTEMPT_TOUCHED) {
			hits = w.elsewhere(a, l.name)
		}
		for _, h := range hits {
			events = append(events, w.removed(a, h, Deleted, "")...)
		}
	case bpf.UnlinkUnlinkOpOP_RENAME, bpf.UnlinkUnlinkOpOP_EXCHANGE:
		from, to := w.locate(a, &a.sides[0]), w.locate(a, &a.sides[1])
		kind := Moved
		if a.op() == bpf.UnlinkUnlinkOpOP_EXCHANGE {
			kind = Replaced
		}
		for _, h := range w.hits(a, &from) {
			events = append(events, w.removed(a, h, kind, a.sides[1].typed)...)
		}
		for _, h := range w.hits(a, &to) {
			events = append(events, w.removed(a, h, Replaced, a.sides[0].typed)...)
		}
	case bpf.UnlinkUnlinkOpOP_APPEAR:
		l := w.locate(a, &a.sides[0])
		for _, h := range w.hits(a, &l) {
			if h.step != nil && h.step.last {
				h.watch.present, h.watch.size = true, 0
			}
		}
	default:
		events = w.truncated(a)
	}
	return events
}

// removed makes the event of a name that was taken away, if it is one.
func (w *tracer) removed(a *attempt, h hit, kind Kind, other string) []*Event {
	if _, err := os.Lstat(h.path); h.doubt && kind == Deleted && a.Error == 0 && err == nil {
		return nil // what went was another file, by the same path
	}
	e := w.event(a, h, kind)
	e.Other, e.Dir = other, a.op() == bpf.UnlinkUnlinkOpOP_RMDIR
	if h.step != nil && h.step.last {
		if real := join(h.step.path, h.step.name); real != h.path {
			e.Note = "as " + real
		}
	}
	took := kind == Replaced && a.op() == bpf.UnlinkUnlinkOpOP_RENAME
	victim := a.has(bpf.UnlinkAttemptFlagsATTEMPT_VICTIM)
	switch {
	case h.step == nil:
		if took && !victim {
			if w.truth && !a.has(bpf.UnlinkAttemptFlagsATTEMPT_URING) {
				return nil // there was nothing in its place
			}
			e.Note = "whether there was a file before is not known"
		}
	case h.step.last && a.Error == 0:
		was := h.watch.present
		h.watch.present, h.watch.swapped = kind == Replaced, kind == Replaced
		if took && !was && !victim {
			return nil
		}
	case h.step.last:
	case !h.watch.present || kind == Deleted && !h.step.link || took:
		return nil // a directory on the way, without the file
	case a.Error == 0:
		h.watch.present = false
		what := "the directory"
		if h.step.link {
			what = "the symbolic link"
		}
		e.Note = fmt.Sprintf("with %s on the way to it, %s", what, join(h.step.path, h.step.name))
	}
	return []*Event{e}
}

// truncated makes the events of a file whose content was cut.
func (w *tracer) truncated(a *attempt) (events []*Event) {
	l := w.locate(a, &a.sides[0])
	if a.op() == bpf.UnlinkUnlinkOpOP_TRUNCATE { // links at the end are followed
		if fd, _, err := w.open(a, &a.sides[0], a.sides[0].typed, 0); err == nil {
			path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			unix.Close(fd)
			if err == nil {
				l = location{path: filepath.Dir(path), name: filepath.Base(path), guessed: true}
			}
		}
	}
	size := int64(a.Size)
	if a.op() == bpf.UnlinkUnlinkOpOP_OPEN {
		size = 0
	}
	for _, watch := range w.watches {
		h, ok := watch.hit(&l, watch.at(a.TimeNs))
		if ok && h.step != nil && !h.step.last {
			continue
		}
		if !ok && a.has(bpf.UnlinkAttemptFlagsATTEMPT_FILE) && watch.there() && !watch.routes[0].isDir && a.File == watch.routes[0].file {
			h, ok = hit{watch: watch, path: watch.path}, true
		}
		if !ok || size > 0 && watch.pattern == "" && size >= watch.size && watch.there() && !watch.routes[0].isDir {
			continue // it grew
		}
		e := w.event(a, h, Truncated)
		e.Size = size
		if a.Error == 0 && h.path == watch.path {
			watch.size = size
		}
		events = append(events, e)
	}
	return events
}

// event is what is known of every one.
func (w *tracer) event(a *attempt, h hit, kind Kind) *Event {
	e := &Event{Time: a.time, Path: h.path, Watched: h.watch.path, Kind: kind, Call: calls[a.op()], InFlight: a.call}
	if a.has(bpf.UnlinkAttemptFlagsATTEMPT_URING) {
		e.Call = "io_uring " + e.Call
	}
	if a.Error != 0 {
		e.Err = unix.Errno(a.Error)
	}
	e.Process, e.Parents = w.who(a)
	if h.doubt {
		e.Note = "by its path: it was in another mount namespace, which is gone"
	}
	return e
}
