package testutil

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestProgLife(t *testing.T) {
	p := Start(t, Build(t, "c", "keys"), "200")
	if !p.Alive() {
		t.Error("not alive when ready")
	}
	p.Go()
	if line := p.NextLine(); line != "sum -200" {
		t.Errorf("first line %q", line)
	}
	if lines := p.WaitDone(); len(lines) != 2 || lines[1] != "calls keyed = 202" {
		t.Errorf("results %q", lines)
	}
	if !p.Alive() {
		t.Error("not alive when done")
	}
	p.Finish()
	if p.Alive() {
		t.Error("alive after its end")
	}
}

// failing records how a helper ends a test.
type failing struct {
	testing.TB
	fatal, skip string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *failing) Skipf(format string, args ...any) {
	f.skip = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func ending(t *testing.T, f func(testing.TB)) *failing {
	rec := &failing{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(rec)
	}()
	<-ended
	return rec
}

func TestFinishTellsOfDeath(t *testing.T) {
	path := Build(t, "c", "alias")
	rec := ending(t, func(tb testing.TB) {
		p := Start(tb, path)
		p.Go()
		p.WaitDone()
		if err := p.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-p.exited
		p.Finish()
	})
	if !strings.Contains(rec.fatal, "died before its end: signal: killed") {
		t.Errorf("Finish said %q", rec.fatal)
	}
}

func TestMissingTool(t *testing.T) {
	need := func(tb testing.TB) { Need(tb, "no-such-tool") }
	t.Setenv("CI", "")
	if rec := ending(t, need); rec.skip != "needs no-such-tool" {
		t.Errorf("on a desk: skip %q, fatal %q", rec.skip, rec.fatal)
	}
	t.Setenv("CI", "true")
	if rec := ending(t, need); rec.fatal != "needs no-such-tool, and CI must have it" {
		t.Errorf("in CI: skip %q, fatal %q", rec.skip, rec.fatal)
	}
	if rec := ending(t, func(tb testing.TB) { NeedFile(tb, "/no/such/file") }); rec.fatal != "needs /no/such/file, and CI must have it" {
		t.Errorf("in CI: skip %q, fatal %q", rec.skip, rec.fatal)
	}
	if rec := ending(t, func(tb testing.TB) { Need(tb, "sh"); NeedFile(tb, "/") }); rec.skip+rec.fatal != "" {
		t.Errorf("sh is there: skip %q, fatal %q", rec.skip, rec.fatal)
	}
}

func TestMissingDebugInfo(t *testing.T) {
	path := Build(t, "c", "alias", "-Wl,--build-id=0x0123456789abcdef")
	need := func(tb testing.TB) { NeedDebugInfo(tb, path, "alias-dbg") }
	t.Setenv("CI", "")
	if rec := ending(t, need); rec.skip != "needs alias-dbg" {
		t.Errorf("on a desk: skip %q, fatal %q", rec.skip, rec.fatal)
	}
	t.Setenv("CI", "true")
	if rec := ending(t, need); rec.fatal != "needs alias-dbg, and CI must have it" {
		t.Errorf("in CI: skip %q, fatal %q", rec.skip, rec.fatal)
	}
}

func TestTextUnchanged(t *testing.T) {
	NeedRoot(t)
	path := Build(t, "c", "alias")
	p := Start(t, path)
	TextUnchanged(t, p.PID(), path)

	lo, off := textMapping(t, p.PID(), path)
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", p.PID()), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	// Within _init, which has run and will not run again.
	was := make([]byte, 1)
	if _, err := mem.ReadAt(was, lo+1); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.WriteAt([]byte{was[0] ^ 0xff}, lo+1); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(TextChanged(t, p.PID(), path), ","), fmt.Sprintf("%#x", off+1); got != want {
		t.Errorf("changed at %s, want %s", got, want)
	}
	rec := ending(t, func(tb testing.TB) { TextUnchanged(tb, p.PID(), path) })
	if !strings.Contains(rec.fatal, "differs from "+path) {
		t.Errorf("a changed byte gives %q", rec.fatal)
	}
	if _, err := mem.WriteAt(was, lo+1); err != nil {
		t.Fatal(err)
	}
	TextUnchanged(t, p.PID(), path)

	rec = ending(t, func(tb testing.TB) { TextUnchanged(tb, p.PID(), "/proc/self/exe") })
	if !strings.Contains(rec.fatal, "no executable mapping") {
		t.Errorf("a file that is not mapped gives %q", rec.fatal)
	}
	p.Go()
	p.Finish()
}

func textMapping(t *testing.T, pid int, path string) (lo int64, off uint64) {
	t.Helper()
	maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(maps), "\n") {
		if l, _, o, _, ok := executable(line); ok && strings.HasSuffix(line, path) {
			return int64(l), o
		}
	}
	t.Fatalf("no text of %s in process %d", path, pid)
	return 0, 0
}
