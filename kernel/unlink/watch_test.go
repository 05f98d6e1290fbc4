package unlink_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel/unlink"
)

// briefs are events as rows have them.
func briefs(l *lab, events []*unlink.Event) (out []string) {
	for _, e := range events {
		out = append(out, brief(l, e))
	}
	return out
}

func check(t testing.TB, want, got []string) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUnrelated holds that of 200,000 unlinks beside what is watched none is
// reported and none of ours is missed, and that none costs as much as a microsecond,
// whatever is watched.
func TestUnrelated(t *testing.T) {
	const unrelated = 200_000
	for _, watched := range []string{"f", "tree", "*.log"} {
		t.Run(watched, func(t *testing.T) {
			l := newLab(t, filepath.Join(t.TempDir(), "d"))
			l.files("f", "tree/f", "x.log", "beside/keep")
			s := watch(t, nil, l.path(watched))
			p := program(t, "many", l.path("beside"), fmt.Sprint(unrelated))
			p.Go()
			p.NextLine()
			stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
			if err != nil {
				t.Fatal(err)
			}
			defer stats.Close()
			least := returning(t)
			before := runTime(t)
			p.Go()
			ours := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 100 {
					for _, name := range []string{"f", "tree/f", "x.log"} {
						os.WriteFile(l.path(name), nil, 0o600)
						os.Remove(l.path(name))
					}
				}
			}()
			p.WaitDone()
			took := runTime(t) - before
			<-done
			for _, e := range s.told() {
				if e.Kind == unlink.Truncated {
					continue
				}
				ours++
				if e.Kind != unlink.Deleted || e.PID != os.Getpid() {
					t.Errorf("reported: %s, by %s[%d]", brief(l, e), e.Comm, e.PID)
				}
			}
			if ours != 100 {
				t.Errorf("%d of our 100 unlinks were told", ours)
			}
			losses, err := s.w.Losses()
			if err != nil || losses.NoRoom+losses.Unreadable != 0 {
				t.Errorf("lost %+v, %v", losses, err)
			}
			// with what all other calls of the machine cost meanwhile
			each, floor := took/unrelated, least()
			t.Logf("%v for each unlink, %v for a program that only returns", each, floor)
			if each >= time.Microsecond && each >= 30*floor {
				t.Errorf("each unrelated unlink costs %v, a program that only returns %v", each, floor)
			}
		})
	}
}

// returning watches all system calls by a program that only returns, until the
// function that it returns says how long one run of it takes: 33 ns on a machine on
// which an unrelated unlink takes less than a microsecond.
func returning(t *testing.T) func() time.Duration {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "returning", Type: ebpf.RawTracepoint, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_exit", Program: p})
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Duration {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		stats, err := p.Stats()
		if err != nil || stats.RunCount == 0 {
			t.Fatalf("%+v, %v", stats, err)
		}
		return stats.Runtime / time.Duration(stats.RunCount)
	}
}

// runTime is how long the programs of package unlink ran so far.
func runTime(t testing.TB) (sum time.Duration) {
	t.Helper()
	for id, err := ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it went
		}
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains([]string{"sys_exit", "set_ctime", "swap_ctime", "keep_ctime", "submit", "complete"}, info.Name) {
			stats, err := p.Stats()
			if err != nil {
				t.Fatal(err)
			}
			sum += stats.Runtime
		}
		p.Close()
	}
	return sum
}

// TestFailed holds that an attempt that failed is no removal, and is told only
// where it is asked for.
func TestFailed(t *testing.T) {
	for _, failed := range []bool{false, true} {
		t.Run(fmt.Sprint(failed), func(t *testing.T) {
			l := newLab(t, filepath.Join(t.TempDir(), "d"))
			l.files("sub/f")
			s := watch(t, &unlink.Options{Failed: failed}, l.path("gone"), l.path("sub"))
			for _, args := range [][]string{{"unlink", l.path("gone")}, {"uring", l.path("gone")}, {"rename", l.path("gone"), l.path("x")}, {"unlink", l.path("sub")}} {
				p := program(t, args...)
				p.Go()
				if lines := p.Finish(); !strings.HasPrefix(lines[0], "# E") {
					t.Errorf("%q did not fail: %q", args, lines)
				}
			}
			var got []string
			for _, e := range s.told() {
				got = append(got, fmt.Sprintf("%s: %v", brief(l, e), e.Err))
			}
			var want []string
			if failed {
				want = []string{
					"deleted gone unlink removals: no such file or directory",
					"deleted gone io_uring unlink removals: no such file or directory",
					"moved gone rename removals: no such file or directory",
					"deleted sub unlink removals: is a directory",
				}
			}
			check(t, want, got)
		})
	}
}

// TestHostileNames holds that names which try to be something else, and paths as
// long as can be, are told as they are.
func TestHostileNames(t *testing.T) {
	long := strings.Repeat("n", 255)
	names := []string{"new\nline", "esc\x1b[31m", "\xff\xfe", " ", "-rf", "a*b", `back\slash`, "…", long, "deep/" + strings.Repeat(long+"/", 14) + "f"}
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	l.files(names...)
	for _, whole := range []bool{true, false} {
		t.Run(fmt.Sprintf("by its directory %v", whole), func(t *testing.T) {
			l.files(names...)
			var paths []string
			for _, name := range names {
				paths = append(paths, l.path(name))
			}
			if whole {
				paths = []string{l.dir}
			}
			s := watch(t, nil, paths...)
			var want []string
			for _, name := range names {
				prog("unlink", "@/"+name)(l)
				want = append(want, "deleted "+name+" unlink removals")
			}
			check(t, want, briefs(l, s.told()))
		})
	}
}

// TestMadeAnew holds that a path is waited for, with the directories that lead to
// it, and that each time it was there its removal is told, however fast.
func TestMadeAnew(t *testing.T) {
	const times = 100
	for kind, make := range fileSystems {
		t.Run(kind, func(t *testing.T) {
			l := make(t)
			s := watch(t, nil, l.path("a/b/file"))
			if doubts := s.w.Doubts(); !slices.Contains(doubts, l.path("a/b/file")+" does not exist yet: it is waited for") {
				t.Errorf("doubts %q", doubts)
			}
			var want []string
			for i := range times {
				l.files("a/b/file")
				var err error
				switch i % 3 {
				case 0:
					err = os.RemoveAll(l.path("a"))
					want = append(want, "deleted a/b/file")
				case 1:
					err = os.Remove(l.path("a/b/file"))
					want = append(want, "deleted a/b/file")
				case 2:
					err = errors.Join(os.Rename(l.path("a"), l.path(fmt.Sprint("old", i))))
					want = append(want, "moved a/b/file")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, e := range s.told() {
				got = append(got, strings.Join(strings.Fields(brief(l, e))[:2], " "))
			}
			if losses, err := s.w.Losses(); err != nil || losses != (unlink.Losses{}) {
				t.Errorf("lost %+v, %v", losses, err)
			}
			check(t, want, got)
		})
	}
}

// TestScript holds that a script which deletes through another program is named,
// with who started it and its period: here a second.
func TestScript(t *testing.T) {
	testutil.Need(t, "find")
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	script := filepath.Join(l.base, "purge.sh")
	text := "#!/bin/sh\nfor i in 1 2 3 4; do touch \"$1/report.csv\"; sleep 1; find \"$1\" -name '*.csv' -delete; done\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	s := watch(t, nil, l.path("report.csv"))
	cmd := exec.Command(script, l.dir)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var verdicts unlink.Verdicts
	for _, e := range s.told() {
		verdicts.Add(e)
		if e.Comm != "find" || len(e.Parents) < 2 || e.Parents[0].Comm != "purge.sh" || e.Parents[0].PID != cmd.Process.Pid || e.Parents[1].PID != os.Getpid() {
			t.Errorf("%s, started by %+v", brief(l, e), e.Parents)
		}
		if want := []string{"find", l.dir, "-name", "*.csv", "-delete"}; !slices.Equal(e.Argv, want) || filepath.Base(e.Exe) != "find" {
			t.Errorf("it ran %q %q, want %q", e.Exe, e.Argv, want)
		}
	}
	list := verdicts.List()
	if len(list) != 1 || list[0].Count != 4 || list[0].Kind != unlink.Deleted {
		t.Fatalf("verdicts %+v", list)
	}
	v := list[0]
	if chain := strings.Join(v.Chain, " → "); !strings.HasSuffix(chain, "purge.sh → find "+l.dir+" -name *.csv -delete") {
		t.Errorf("chain %q", chain)
	}
	// on a busy machine it may be irregular
	if v.Period != 0 && (v.Period < time.Second || v.Next.Before(time.Now().Add(-time.Minute))) {
		t.Errorf("every %v, next at %v", v.Period, v.Next)
	}
}

// TestOtherRoot holds that the path is found of a process which has another root,
// and has ended.
func TestOtherRoot(t *testing.T) {
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	l.files("sub/f")
	exe, err := os.ReadFile(testutil.Build(t, "c", "removals", "-static"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path("removals"), exe, 0o755); err != nil {
		t.Fatal(err)
	}
	s := watch(t, nil, l.path("sub/f"))
	cmd := exec.Command("/removals", "unlink", "/sub/f")
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: l.dir}
	cmd.Dir = "/"
	p := testutil.StartCmd(t, cmd)
	p.Go()
	p.Finish()
	check(t, []string{"deleted sub/f unlink removals"}, briefs(l, s.told()))
}

// TestOtherMounts holds that a path is taken as the process's mounts had it, which
// end with it: a file by the same path is no other's, and one that was reached by
// another path is found.
func TestOtherMounts(t *testing.T) {
	testutil.Need(t, "unshare")
	for _, r := range []struct {
		script  string
		noTruth bool // as before Linux 6.13, where only the path is known
		want    []string
	}{
		{"mount -t tmpfs none d; echo >d/f; rm $PWD/d/f; exit", false, nil},
		{"mount -t tmpfs none d; echo >d/f; rm $PWD/d/f; exit", true, nil},
		{"mount --bind d other; rm $PWD/other/f; exit", false, []string{"deleted f unlink rm"}},
		{"mount --bind d other; rm $PWD/other/f; sleep 1", false, []string{"deleted f unlink rm"}},
		{"mount --bind d other; rm $PWD/other/sub/deep/f; exit", false, []string{"deleted sub/deep/f unlink rm"}},
		{"mount --bind d other; rm $PWD/other/sub/deep/f; sleep 1", false, []string{"deleted sub/deep/f unlink rm"}},
		{"rm $PWD/d/sub/f; exit", false, []string{"deleted sub/f unlink rm"}},
		{"rm $PWD/d/sub/f; exit", true, []string{"deleted sub/f unlink rm"}},
		{"mount --bind d other; cd other; mv f $PWD/../other/g; exit", false, []string{"moved f rename mv"}},
	} {
		t.Run(fmt.Sprintf("%s directories told %v", r.script, !r.noTruth), func(t *testing.T) {
			l := newLab(t, filepath.Join(t.TempDir(), "d"))
			l.files("f", "sub/f", "sub/deep/f", "../other/f")
			s := watch(t, &unlink.Options{NoTruth: r.noTruth}, l.path("f"), l.path("sub"))
			command(t, l.base, "unshare", "-m", "sh", "-c", r.script)
			check(t, r.want, briefs(l, s.told()))
		})
	}
}

// TestOtherMountsGone holds that removals are counted as lost where their directory is
// gone before it could be found.
func TestOtherMountsGone(t *testing.T) {
	testutil.Need(t, "unshare")
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	l.files("sub/deep/f", "../other/f")
	s := watch(t, nil, l.path("sub"))
	command(t, l.base, "unshare", "-m", "sh", "-c", "mount --bind d other; rm $PWD/other/sub/deep/f; rmdir d/sub/deep")
	told := s.told()
	losses, err := s.w.Losses()
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(told))+losses.Unreadable != 2 {
		t.Errorf("told %q, lost %+v", briefs(l, told), losses)
	}
}

// TestLink holds that of a symbolic link both the link and the file that it leads to
// are watched.
func TestLink(t *testing.T) {
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	l.files("sub/f")
	again := func() {
		if err := os.Symlink("sub/f", l.path("lnk")); err != nil {
			t.Fatal(err)
		}
	}
	again()
	s := watch(t, nil, l.path("lnk"))
	command(t, l.dir, "rm", "lnk")
	check(t, []string{"deleted lnk unlink rm"}, briefs(l, s.told()))
	again()
	command(t, l.dir, "rm", "sub/f")
	told := s.told()
	check(t, []string{"deleted lnk unlink rm"}, briefs(l, told))
	if len(told) == 1 && told[0].Note != "as "+l.path("sub/f") {
		t.Errorf("note %q", told[0].Note)
	}
}

// TestLinkToNothing holds that a file which is replaced by a symbolic link to
// nothing is told once: it has not vanished as well.
func TestLinkToNothing(t *testing.T) {
	for _, backend := range []string{unlink.BackendBPF, unlink.BackendFanotify} {
		l := newLab(t, filepath.Join(t.TempDir(), "d"))
		l.files("f", "witness")
		s := watch(t, &unlink.Options{Backend: backend}, l.path("f"), l.path("witness"))
		command(t, l.dir, "ln", "-sfn", "nowhere", "f")
		if e := s.next(); e.Kind != unlink.Replaced || e.Path != l.path("f") {
			t.Errorf("%s: first %s", backend, brief(l, e))
		}
		// What goes unseen is told together with all else that is missed.
		mount(t, "tmpfs", l.dir, "tmpfs", "")
		if err := os.Symlink("nowhere", l.path("f")); err != nil {
			t.Fatal(err)
		}
		if e := s.next(); e.Kind != unlink.Vanished || e.Path != l.path("witness") {
			t.Errorf("%s: then %s", backend, brief(l, e))
		}
	}
}

// TestExecutesAfter holds that who removed a file is told as it was then, when it
// and its parent have executed other programs by the time it is told.
func TestExecutesAfter(t *testing.T) {
	testutil.Need(t, "perl")
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	l.files("f")
	s := watch(t, nil, l.path("f"))
	cmd := exec.Command("perl", "-e", `pipe R, W; if (!fork) { unlink "f"; exec "cat" } close W; <R>; exec "cat"`)
	cmd.Dir = l.dir
	in, err := cmd.StdinPipe() // which cat waits for
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := s.next()
	if in.Close() != nil || cmd.Wait() != nil {
		t.Error("perl and cat did not end well")
	}
	if e.Comm != "perl" || filepath.Base(e.Exe) != "perl" || len(e.Argv) != 3 || e.Argv[0] != "perl" {
		t.Errorf("%s ran %q %q", e.Comm, e.Exe, e.Argv)
	}
	up := e.Parents[0]
	if up.PID != cmd.Process.Pid || up.Comm != "perl" || len(up.Argv) > 0 && up.Argv[0] != "perl" || up.Exe != "" && filepath.Base(up.Exe) != "perl" {
		t.Errorf("it was started by %+v", up)
	}
}

// TestMountBelow holds that it is said what is not seen of a directory.
func TestMountBelow(t *testing.T) {
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	mount(t, "tmpfs", l.path("tree/other"), "tmpfs", "")
	want := l.path("tree/other") + " is another file system below " + l.path("tree") + ": it is watched only if it is named, too"
	for _, backend := range []string{unlink.BackendBPF, unlink.BackendFanotify} {
		s := watch(t, &unlink.Options{Backend: backend}, l.path("tree"))
		if !slices.Contains(s.w.Doubts(), want) {
			t.Errorf("%s: doubts %q, want %q", backend, s.w.Doubts(), want)
		}
	}
}

// TestDoubtedOnce holds that nothing is said twice: of a path that is given twice,
// and of a directory over which two file systems lie.
func TestDoubtedOnce(t *testing.T) {
	l := newLab(t, filepath.Join(t.TempDir(), "d"))
	mount(t, "tmpfs", l.path("tree/other"), "tmpfs", "")
	mount(t, "tmpfs", l.path("tree/other"), "tmpfs", "")
	for _, backend := range []string{unlink.BackendBPF, unlink.BackendFanotify} {
		s := watch(t, &unlink.Options{Backend: backend}, l.path("tree"), l.path("no"), l.path("no"))
		if got := s.w.Doubts(); len(got) != 2 {
			t.Errorf("%s: doubts %q", backend, got)
		}
	}
}

// TestPatternOfDirectories holds that a pattern of directories passes over what is
// none: a link to itself, and a file.
func TestPatternOfDirectories(t *testing.T) {
	for _, backend := range []string{unlink.BackendBPF, unlink.BackendFanotify} {
		l := newLab(t, filepath.Join(t.TempDir(), "d"))
		l.files("a/x.log", "file")
		if err := os.Symlink("loop", l.path("loop")); err != nil {
			t.Fatal(err)
		}
		s := watch(t, &unlink.Options{Backend: backend}, l.path("*/*.log"))
		command(t, l.dir, "rm", "a/x.log")
		if told := s.told(); len(told) != 1 || told[0].Path != l.path("a/x.log") {
			t.Errorf("%s: %q", backend, briefs(l, told))
		}
	}
}

// TestVanished holds that a file which goes without being seen to go is told.
func TestVanished(t *testing.T) {
	l := fileSystems["tmpfs"](t)
	l.files("f")
	s := watch(t, nil, l.path("f"))
	if err := unix.Unmount(l.dir, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	e := s.next()
	mountAgain(t, l.dir)
	if e.Kind != unlink.Vanished || e.Path != l.path("f") || e.PID != 0 || e.Note == "" {
		t.Errorf("told %+v", e)
	}
}

// mountAgain gives the lab's end something to unmount.
func mountAgain(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
}

// TestRefused holds that what cannot be watched is said.
func TestRefused(t *testing.T) {
	testutil.NeedRoot(t)
	for path, want := range map[string]error{"/": unlink.ErrTooWide, "/proc/self/status": unlink.ErrNoEvents, "/sys/x": unlink.ErrNoEvents} {
		for _, backend := range []string{unlink.BackendBPF, unlink.BackendFanotify} {
			w, err := unlink.Watch([]string{path}, &unlink.Options{Backend: backend})
			if !errors.Is(err, want) {
				t.Errorf("%s by %s: %v, want %v", path, backend, err, want)
			}
			if err == nil {
				w.Close()
			}
		}
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := unlink.Watch([]string{file + "/below"}, nil); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
}
