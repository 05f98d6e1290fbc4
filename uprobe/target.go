package uprobe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
)

// fileID tells files apart whatever they are called.
type fileID struct{ dev, inode uint64 }

// target is the images that patterns are looked up in, opened when needed.
type target struct {
	req *Request
	// exes come before libs; both without duplicates.
	exes, libs []*candidate
	processes  []*procfs.Process
	// debugged says why no probe may be attached, or is nil.
	debugged error
	// noReturn caches why no process may get a return probe.
	noReturn     string
	noReturnDone bool
	choice       *ledger.Choice
}

// candidate is an image that has perhaps not been opened.
type candidate struct {
	image Image
	root  string // prefix for separate debug files
	err   error
	tried bool
}

func (c *candidate) open() (*Image, error) {
	if !c.tried {
		c.tried = true
		if c.image.Path == "" {
			return &c.image, c.err
		}
		c.image.Binary, c.err = elfsym.Open(c.image.Path, &elfsym.Options{
			Name: c.image.Name, DebugRoot: c.root, DebugDir: filepath.Dir(c.image.Name),
		})
		if c.err == nil && c.image.Binary.Arch() != elfsym.HostArch() {
			c.err = fmt.Errorf("%s: %w", c.image.Name, elfsym.ErrMachine)
			c.image.Binary.Close()
			c.image.Binary = nil
		}
	}
	return &c.image, c.err
}

func newTarget(req *Request) *target {
	t := &target{req: req, choice: req.Choice}
	if t.choice == nil {
		t.choice = req.NewChoice()
	}
	return t
}

func openTarget(req *Request) (*target, error) {
	t := newTarget(req)
	if len(req.PIDs) == 0 {
		return t, t.addFile(req.Exe)
	}
	byFile := make(map[fileID]*candidate)
	for _, pid := range req.PIDs {
		if pid == os.Getpid() {
			return nil, fmt.Errorf("process %d: %w", pid, ErrSelf)
		}
		proc, err := procfs.Open(pid)
		if err != nil {
			return nil, err
		}
		if tracer := proc.TracerPid(); tracer != 0 && !ownThread(tracer) {
			t.debugged = beingDebugged(pid, tracer)
		}
		images, err := proc.Images()
		if err != nil {
			return nil, fmt.Errorf("process %d: read mappings: %w", pid, err)
		}
		t.processes = append(t.processes, proc)
		for _, img := range images {
			id := fileID{img.Dev, img.Inode}
			c := byFile[id]
			if c == nil {
				c = &candidate{
					image: Image{Path: img.Open, Name: img.Path, IsExe: img.IsExe, id: id},
					root:  proc.Root,
					err:   img.Err,
				}
				byFile[id] = c
				if img.IsExe {
					t.exes = append(t.exes, c)
				} else {
					t.libs = append(t.libs, c)
				}
			}
			c.image.Users = append(c.image.Users, User{Process: proc, Maps: img.Maps})
		}
	}
	if len(t.exes) == 0 {
		return nil, fmt.Errorf("process %d has no executable mapped", req.PIDs[0])
	}
	return t, nil
}

// addFile makes the image of a path the only one.
func (t *target) addFile(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, errors.Unwrap(err))
	}
	if self, err := os.Stat("/proc/self/exe"); err == nil && os.SameFile(info, self) {
		return fmt.Errorf("%s: %w", path, ErrSelf)
	}
	c := &candidate{image: Image{Path: abs, Name: abs, IsExe: true}}
	t.exes = append(t.exes, c)
	if _, err := c.open(); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Stat(abs, &stat); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	c.image.id = fileID{stat.Dev, stat.Ino}
	users, err := procfs.UsersOf(stat.Dev, stat.Ino)
	if err != nil {
		return err
	}
	for _, pid := range users {
		proc, err := procfs.Open(pid)
		if err != nil {
			continue
		}
		images, err := proc.Images()
		if err != nil {
			continue
		}
		if tracer := proc.TracerPid(); tracer != 0 && !ownThread(tracer) {
			t.debugged = beingDebugged(pid, tracer)
		}
		for _, img := range images {
			if img.Dev == stat.Dev && img.Inode == stat.Ino {
				apart := t.req.Mounts != 0 && proc.Mounts() != t.req.Mounts
				c.image.Users = append(c.image.Users, User{Process: proc, Maps: img.Maps, Apart: apart})
				t.processes = append(t.processes, proc)
			}
		}
	}
	return nil
}

// opened returns the images that were opened.
func (t *target) opened() []*Image {
	var out []*Image
	for _, c := range slices.Concat(t.exes, t.libs) {
		if c.image.Binary != nil {
			out = append(out, &c.image)
		}
	}
	return out
}

// selection is a function with the image that holds it.
type selection struct {
	fn    *elfsym.Func
	image *Image
	own   ledger.Own
}

// selections are functions, each once.
type selections struct {
	list  []*selection
	seen  map[place]*selection
	globs int // how many were not selected by their names
}

type place struct {
	image *Image
	addr  elfsym.VAddr
}

// add returns the selection of s's function.
func (l *selections) add(s *selection, plain bool) *selection {
	key := place{s.image, s.fn.Addr}
	if old := l.seen[key]; old != nil {
		return old
	}
	l.seen[key] = s
	l.list = append(l.list, s)
	if !plain {
		l.globs++
	}
	return s
}

// selectFuncs finds the functions of all patterns, each once, and the patterns
// of Request.Each that select none.
func (t *target) selectFuncs(req *Request) ([]*selection, []Unmatched, error) {
	out := &selections{seen: make(map[place]*selection)}
	for _, text := range req.Patterns {
		pattern, err := elfsym.ParsePattern(text)
		if err != nil {
			return nil, nil, err
		}
		found, err := t.find(pattern)
		if err != nil {
			return nil, nil, err
		}
		for _, s := range found {
			out.add(s, pattern.Plain())
		}
	}
	unmatched, err := t.selectEach(out)
	if err != nil {
		return nil, nil, err
	}
	if out.globs > MaxFuncs && !req.All {
		return nil, nil, fmt.Errorf("%w: the patterns match %d, more than %d: narrow them or give --all", ErrTooMany, out.globs, MaxFuncs)
	}
	return out.list, unmatched, nil
}

// find looks a pattern up in the executables, or in the libraries it names; a
// plain name that no executable has is looked up in all libraries.
func (t *target) find(pattern elfsym.Pattern) ([]*selection, error) {
	if pattern.Lib != "" {
		var named []*candidate
		for _, c := range slices.Concat(t.exes, t.libs) {
			if pattern.MatchLib(c.image.Name) {
				named = append(named, c)
			}
		}
		if len(named) == 0 {
			return nil, fmt.Errorf("%s: %w: no library %q is mapped%s", pattern, elfsym.ErrNotFound, pattern.Lib, t.libNames())
		}
		return findIn(named, pattern)
	}
	found, err := findIn(t.exes, pattern)
	if err == nil || !pattern.Plain() || !errors.Is(err, elfsym.ErrNotFound) {
		return found, err
	}
	for _, c := range t.libs {
		if found, libErr := findIn([]*candidate{c}, pattern); libErr == nil {
			return found, nil
		}
	}
	if inlined := t.inlined(pattern); inlined != nil {
		return nil, inlined
	}
	return nil, err
}

// inlined is the error for a function that has no code of its own because all
// its calls were inlined; nil if the executables tell of none.
func (t *target) inlined(pattern elfsym.Pattern) error {
	for _, c := range t.exes {
		img, err := c.open()
		if err != nil {
			continue
		}
		sites, err := inlinedAt(img.Binary, pattern.Text, maxDebugNamed)
		if err != nil || len(sites) == 0 {
			continue // the message that there is no such function is as good
		}
		var where []string
		for _, site := range sites[:min(len(sites), 3)] {
			where = append(where, fmt.Sprintf("%s:%d in %s", site.File, site.Line, site.In))
		}
		return fmt.Errorf("%s: %w, at %d places, so it has no code that a probe could sit in: %s; measure a caller", pattern.Text, elfsym.ErrInlined, len(sites), strings.Join(where, ", "))
	}
	return nil
}

// findIn is the matches in all of the images; an error only if there are none.
func findIn(candidates []*candidate, pattern elfsym.Pattern) ([]*selection, error) {
	var out []*selection
	var first error
	for _, c := range candidates {
		img, err := c.open()
		var funcs []*elfsym.Func
		if err == nil {
			funcs, err = img.Binary.Find(pattern)
		}
		var ambiguous *elfsym.AmbiguousError
		if errors.As(err, &ambiguous) {
			return nil, err
		}
		if err != nil && first == nil {
			first = err
		}
		for _, f := range funcs {
			out = append(out, &selection{fn: f, image: img})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, first
}

func (t *target) libNames() string {
	var names []string
	for _, c := range t.libs {
		names = append(names, filepath.Base(c.image.Name))
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	if more := len(names) - 12; more > 0 {
		names = append(names[:12], fmt.Sprintf("%d more", more))
	}
	return "; mapped are " + strings.Join(names, ", ")
}

// ownThread reports whether tid is one of our threads: the kernel names the
// tracing thread, not its process (task_state in fs/proc/array.c), and it is
// ours where the target was launched.
func ownThread(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
	return err == nil
}

// beingDebugged refuses a process with a debugger: it would take the probes
// for its own breakpoints and write them back after latch has gone.
func beingDebugged(pid, tracer int) error {
	return fmt.Errorf("process %d is being debugged by process %d, which would take the probes for its own breakpoints: detach it first", pid, tracer)
}
