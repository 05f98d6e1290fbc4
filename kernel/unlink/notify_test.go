package unlink_test

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/kernel/unlink"
)

// TestFanotify holds that without eBPF it is told what became of a file, and by
// which process, on each file system.
func TestFanotify(t *testing.T) {
	for kind, make := range fileSystems {
		t.Run(kind, func(t *testing.T) {
			for _, r := range []row{
				{"unlink", []string{"f", "g"}, []string{"f"}, prog("unlink", "@/f"), []string{"deleted f"}},
				{"io_uring", []string{"f"}, []string{"f"}, prog("uring", "@/f"), []string{"deleted f"}},
				{"rename over", []string{"f", "g"}, []string{"f"}, prog("rename", "@/g", "@/f"), []string{"replaced f"}},
				{"moved away", []string{"f"}, []string{"f"}, prog("rename", "@/f", "@/elsewhere"), []string{"moved f"}},
				{"truncate", []string{"f"}, []string{"f"}, prog("truncate", "@/f"), []string{"truncated f"}},
				{"glob", []string{"x.log", "y"}, []string{"*.log"}, prog("unlink", "@/x.log"), []string{"deleted x.log"}},
				{"not watched", []string{"f", "g"}, []string{"f"}, prog("unlink", "@/g"), nil},
				{"rm -rf of a watched directory", []string{"tree/a/f", "tree/b"}, []string{"tree"}, tool("rm", "-rf", "tree"),
					[]string{"deleted tree", "deleted tree/a", "deleted tree/a/f", "deleted tree/b"}},
			} {
				t.Run(r.name, func(t *testing.T) {
					l := make(t)
					l.files(r.files...)
					var paths []string
					for _, name := range r.watch {
						paths = append(paths, l.path(name))
					}
					s := watch(t, &unlink.Options{Backend: unlink.BackendFanotify}, paths...)
					pid := r.do(l)
					var got []string
					for _, e := range s.told() {
						got = append(got, string(e.Kind)+" "+e.Path[len(l.dir)+1:])
						// a worker of io_uring goes by its own number
						if e.PID != pid && r.name != "io_uring" {
							t.Errorf("%s: by process %d, want %d", brief(l, e), e.PID, pid)
						}
					}
					slices.SortFunc(got, cmp.Compare[string])
					if diff := gocmp.Diff(r.want, got); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				})
			}
		})
	}
}

// TestFanotifyMadeAnew holds that a path is waited for without eBPF, too, and
// watched anew.
func TestFanotifyMadeAnew(t *testing.T) {
	l := fileSystems["disk"](t)
	s := watch(t, &unlink.Options{Backend: unlink.BackendFanotify}, l.path("sub/f"))
	if s.w.Backend() != unlink.BackendFanotify {
		t.Errorf("by %s", s.w.Backend())
	}
	for range 3 {
		if err := os.Mkdir(l.path("sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.told() // behind which the new directory is watched
		l.files("sub/f")
		if err := errors.Join(os.Remove(l.path("sub/f")), os.Remove(l.path("sub"))); err != nil {
			t.Fatal(err)
		}
		if told := s.told(); len(told) != 1 || told[0].Kind != unlink.Deleted || told[0].Path != l.path("sub/f") || told[0].PID != os.Getpid() {
			t.Errorf("told %q", briefs(l, told))
		}
	}
}

// TestFanotifyMovedAway holds that what becomes of a directory that has left the
// watched one is not told, and what becomes of one that was moved within it is, by
// its new path.
func TestFanotifyMovedAway(t *testing.T) {
	l := fileSystems["disk"](t)
	l.files("tree/a/f", "tree/b/f", "tree/c/sub/f")
	s := watch(t, &unlink.Options{Backend: unlink.BackendFanotify}, l.path("tree"))
	rename := func(from, to string) error { return os.Rename(l.path(from), l.path(to)) }
	if err := errors.Join(rename("tree/a", "a"), rename("tree/b", "tree/d"), os.Remove(l.path("a/f"))); err != nil {
		t.Fatal(err)
	}
	told := s.told() // behind which the moved directory is found again
	if err := errors.Join(os.Remove(l.path("tree/d/f")), rename("tree/c", "c"), os.Remove(l.path("c/sub/f"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range append(told, s.told()...) {
		got = append(got, string(e.Kind)+" "+e.Path[len(l.dir)+1:])
	}
	check(t, []string{"moved tree/a", "moved tree/b", "deleted tree/d/f", "moved tree/c"}, got)
}
