package unlink_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel/unlink"
)

// A lab is a directory on some file system.
type lab struct {
	t    testing.TB
	dir  string
	base string // beside it, for what must not be watched
}

// fileSystems make a directory on each kind of file system; it goes with the test.
var fileSystems = map[string]func(t testing.TB) *lab{
	"disk": func(t testing.TB) *lab { return newLab(t, filepath.Join(t.TempDir(), "d")) },
	"tmpfs": func(t testing.TB) *lab {
		dir := filepath.Join(t.TempDir(), "d")
		mount(t, "tmpfs", dir, "tmpfs", "")
		return newLab(t, dir)
	},
	"overlay": func(t testing.TB) *lab { return overlay(t, temp(t)) },
	"overlay on tmpfs": func(t testing.TB) *lab {
		base := filepath.Join(temp(t), "t")
		mount(t, "tmpfs", base, "tmpfs", "")
		return overlay(t, base)
	},
}

// temp is t.TempDir with a name that mount options can hold.
func temp(t testing.TB) string {
	dir, err := os.MkdirTemp("", "unlink")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// overlay mounts an overlay of directories below base. Its files are those of the
// image, the lower one.
func overlay(t testing.TB, base string) *lab {
	for _, name := range []string{"lower", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(base, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	lower := newLab(t, filepath.Join(base, "lower", "in"))
	lower.files("f", "g", "sub/f", "keep")
	dir := filepath.Join(base, "d")
	mount(t, "overlay", dir, "overlay", fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", base))
	return newLab(t, filepath.Join(dir, "in"))
}

func mount(t testing.TB, source, dir, kind, data string) {
	t.Helper()
	testutil.NeedRoot(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(source, dir, kind, 0, data); err != nil {
		t.Fatalf("mount %s: %v", kind, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

func newLab(t testing.TB, dir string) *lab {
	t.Helper()
	l := &lab{t: t, dir: dir, base: filepath.Dir(dir)}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return l
}

// path is that of a file of the lab.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// files makes files, with their directories, that are not there yet.
func (l *lab) files(names ...string) {
	l.t.Helper()
	for _, name := range names {
		path := l.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
				l.t.Fatal(err)
			}
		}
	}
}

// A watching is a watcher, and what it has told.
type watching struct {
	t      testing.TB
	w      *unlink.Watcher
	last   string // a watched file of the test's own
	events chan *unlink.Event
	ended  error
}

// waitLimit bounds every wait. It measures nothing.
const waitLimit = time.Minute

// watch starts a watcher.
func watch(t testing.TB, opts *unlink.Options, paths ...string) *watching {
	t.Helper()
	testutil.NeedRoot(t)
	s := &watching{t: t, last: filepath.Join(t.TempDir(), "last"), events: make(chan *unlink.Event, 1<<16)}
	if err := os.WriteFile(s.last, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.w, err = unlink.Watch(append(paths, s.last), opts); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.events)
		for {
			e, err := s.w.Next()
			if err != nil {
				s.ended = err
				return
			}
			s.events <- e
		}
	}()
	t.Cleanup(func() {
		if err := s.w.Stop(); err != nil {
			t.Error(err)
		}
		<-done
		if !errors.Is(s.ended, os.ErrClosed) {
			t.Errorf("reading ended with %v", s.ended)
		}
		if err := s.w.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// told returns all events of what was done before. The last of them is known by
// the removal of the test's own file.
func (s *watching) told() (events []*unlink.Event) {
	s.t.Helper()
	if err := os.WriteFile(s.last, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(s.last); err != nil {
		s.t.Fatal(err)
	}
	for {
		e := s.next()
		if e.Path == s.last {
			if e.PID != os.Getpid() {
				s.t.Errorf("%s was removed by us (%d), not by %d", s.last, os.Getpid(), e.PID)
			}
			if e.Kind == unlink.Truncated {
				continue
			}
			return events
		}
		events = append(events, e)
	}
}

// next waits for an event.
func (s *watching) next() *unlink.Event {
	s.t.Helper()
	select {
	case e, ok := <-s.events:
		if !ok {
			s.t.Fatal("no more events come")
		}
		return e
	case <-time.After(waitLimit):
		losses, err := s.w.Losses()
		s.t.Fatalf("no event came within %v; lost %+v, %v", waitLimit, losses, err)
	}
	return nil
}

// program starts the test program removals; it waits for Go.
func program(t testing.TB, args ...string) *testutil.Prog {
	t.Helper()
	return testutil.Start(t, testutil.Build(t, "c", "removals"), args...)
}

// command runs a program that is to end well, and returns its PID.
func command(t testing.TB, dir, name string, args ...string) int {
	t.Helper()
	testutil.Need(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return cmd.Process.Pid
}
