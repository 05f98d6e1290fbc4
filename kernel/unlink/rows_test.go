package unlink_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/kernel/unlink"
)

// A row is a way to take files away, and what is to be told of it: "KIND PATH
// CALL COMM", paths without the lab's directory.
type row struct {
	name  string
	files []string
	watch []string
	do    func(l *lab) (pid int)
	want  []string
}

// prog is the test program with arguments in which @ stands for the lab.
func prog(args ...string) func(l *lab) int {
	return func(l *lab) int {
		given := slices.Clone(args)
		for i := range given {
			given[i] = strings.ReplaceAll(given[i], "@", l.dir)
		}
		p := program(l.t, given...)
		p.Go()
		for _, line := range p.Finish() {
			if strings.HasPrefix(line, "# ") {
				l.t.Errorf("%q: %s", args, line)
			}
		}
		return p.PID()
	}
}

// tool is a program of the system, run in the lab's directory.
func tool(name string, args ...string) func(l *lab) int {
	return func(l *lab) int { return command(l.t, l.dir, name, args...) }
}

// rows are the ways in which files go away.
var rows = []row{
	{"rm", []string{"f", "keep"}, []string{"f"}, tool("rm", "f"), []string{"deleted f unlink rm"}},
	{"rm by path", []string{"sub/f", "keep"}, []string{"sub/f"}, tool("rm", "sub/../sub/f"), []string{"deleted sub/f unlink rm"}},
	{"unlink", []string{"f"}, []string{"f"}, prog("unlink", "@/f"), []string{"deleted f unlink removals"}},
	{"unlink of 32 bits", []string{"f"}, []string{"f"}, prog("unlink32", "@/f"), []string{"deleted f unlink removals"}},
	{"unlinkat", []string{"sub/f"}, []string{"sub/f"}, prog("unlinkat", "@/sub", "../sub/f"), []string{"deleted sub/f unlink removals"}},
	{"rm -rf of the file's directory", []string{"sub/f"}, []string{"sub/f"}, tool("rm", "-rf", "sub"), []string{"deleted sub/f unlink rm"}},
	{"rm -rf of a watched directory", []string{"tree/a/f", "tree/b"}, []string{"tree"}, tool("rm", "-rf", "tree"),
		[]string{"deleted tree rmdir rm", "deleted tree/a rmdir rm", "deleted tree/a/f unlink rm", "deleted tree/b unlink rm"}},
	{"rm by path in a watched directory", []string{"tree/a/f", "tree/b"}, []string{"tree"}, prog("unlink", "@/tree/a/f"), []string{"deleted tree/a/f unlink removals"}},
	{"find -delete", []string{"tree/x.log", "tree/y.txt"}, []string{"tree/*.log"}, tool("find", "tree", "-type", "f", "-delete"), []string{"deleted tree/x.log unlink find"}},
	{"glob by path", []string{"x.log", "y.txt"}, []string{"*.log"}, prog("unlink", "@/x.log"), []string{"deleted x.log unlink removals"}},
	{"rename over", []string{"f", "g"}, []string{"f"}, tool("mv", "g", "f"), []string{"replaced f rename mv"}},
	{"rename over, by path", []string{"f", "g"}, []string{"f"}, prog("rename", "@/g", "@/f"), []string{"replaced f rename removals"}},
	{"rename over, in a tree", []string{"tree/f", "tree/g"}, []string{"tree"}, prog("rename", "@/tree/g", "@/tree/f"),
		[]string{"moved tree/g rename removals", "replaced tree/f rename removals"}},
	{"moved away", []string{"f"}, []string{"f"}, tool("mv", "f", "elsewhere"), []string{"moved f rename mv"}},
	{"moved from one directory to the other under its name", []string{"a/f", "b/x"}, []string{"a/f"}, prog("rename", "@/a/f", "@/b/f"), []string{"moved a/f rename removals"}},
	{"exchanged", []string{"f", "g"}, []string{"f"}, prog("exchange", "@/g", "@/f"), []string{"replaced f renameat2 removals"}},
	{"its directory moved away", []string{"sub/f"}, []string{"sub/f"}, tool("mv", "sub", "elsewhere"), []string{"moved sub/f rename mv"}},
	{"io_uring", []string{"f"}, []string{"f"}, prog("uring", "@/f"), []string{"deleted f io_uring unlink removals"}},
	{"io_uring, relative", []string{"sub/f"}, []string{"sub/f"}, prog("uringat", "@/sub", "f"), []string{"deleted sub/f io_uring unlink removals"}},
	{"io_uring, in a tree", []string{"tree/a/f"}, []string{"tree"}, prog("uring", "@/tree/a/f"), []string{"deleted tree/a/f io_uring unlink removals"}},
	{"io_uring, renamed over", []string{"f", "g"}, []string{"f"}, prog("uringrename", "@/g", "@/f"), []string{"replaced f io_uring rename removals"}},
	{"through a symbolic link", []string{"sub/f"}, []string{"sub/f"}, func(l *lab) int {
		if err := os.Symlink("sub", l.path("lnk")); err != nil {
			l.t.Fatal(err)
		}
		return prog("unlink", "@/lnk/f")(l)
	}, []string{"deleted sub/f unlink removals"}},
	{"truncate", []string{"f"}, []string{"f"}, tool("truncate", "-s", "0", "f"), []string{"truncated f ftruncate truncate"}},
	{"truncate by path", []string{"f"}, []string{"f"}, prog("truncate", "@/f"), []string{"truncated f truncate removals"}},
	{"truncate through a link", []string{"sub/f"}, []string{"sub/f"}, func(l *lab) int {
		if err := os.Symlink("sub/f", l.path("other")); err != nil {
			l.t.Fatal(err)
		}
		return prog("truncate", "@/other")(l)
	}, []string{"truncated sub/f truncate removals"}},
	{"ftruncate", []string{"f"}, []string{"f"}, prog("ftruncate", "@/f"), []string{"truncated f ftruncate removals"}},
	{"opened with O_TRUNC", []string{"f"}, []string{"f"}, prog("otrunc", "@/f"), []string{"truncated f open removals"}},
	{"opened with O_TRUNC in a tree", []string{"tree/f"}, []string{"tree"}, prog("otrunc", "@/tree/f"), []string{"truncated tree/f open removals"}},
	{"made longer", []string{"f"}, []string{"f"}, prog("grow", "@/f"), nil},
	{"made", nil, []string{"new"}, prog("create", "@/new"), nil},
	{"unlinked while open", []string{"f"}, []string{"f"}, prog("held", "@/f"), []string{"deleted f unlink removals"}},
	{"another file of the name", []string{"f", "sub/f"}, []string{"f"}, prog("unlink", "@/sub/f"), nil},
}

// brief is an event as rows have it.
func brief(l *lab, e *unlink.Event) string {
	return fmt.Sprintf("%s %s %s %s", e.Kind, strings.TrimPrefix(e.Path, l.dir+"/"), e.Call, e.Comm)
}

// TestRows holds that each way to take a file away is told, on each file system,
// with the right process, and nothing else is; with what Linux 6.13 tells of
// directories, and without.
func TestRows(t *testing.T) {
	for kind, make := range fileSystems {
		for _, noTruth := range []bool{false, true} {
			if noTruth && strings.HasSuffix(kind, "tmpfs") {
				continue // which is as the disk then
			}
			t.Run(fmt.Sprintf("%s directories told %v", kind, !noTruth), func(t *testing.T) {
				for _, r := range rows {
					t.Run(r.name, func(t *testing.T) {
						l := make(t)
						l.files(r.files...)
						var paths []string
						for _, name := range r.watch {
							paths = append(paths, l.path(name))
						}
						s := watch(t, &unlink.Options{NoTruth: noTruth}, paths...)
						pid := r.do(l)
						var got []string
						for _, e := range s.told() {
							got = append(got, brief(l, e))
							if e.PID != pid {
								t.Errorf("%s: by process %d, want %d", brief(l, e), e.PID, pid)
							}
						}
						want := r.want
						if r.name == "its directory moved away" && strings.HasPrefix(kind, "overlay") {
							// a directory of the image cannot be renamed: mv copies it, and deletes
							want = []string{"deleted sub/f unlink mv"}
						}
						slices.SortFunc(got, cmp.Compare[string])
						if diff := gocmp.Diff(want, got); diff != "" {
							t.Errorf("(-want +got):\n%s", diff)
						}
					})
				}
			})
		}
	}
}
