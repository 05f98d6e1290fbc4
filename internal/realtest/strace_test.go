package realtest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// straced is a strace that counts a process's system calls.
type straced struct {
	t   testing.TB
	cmd *exec.Cmd
	out bytes.Buffer
}

// strace attaches and returns when it has.
func strace(t testing.TB, pid int) *straced {
	t.Helper()
	testutil.Need(t, "strace")
	s := &straced{t: t, cmd: exec.Command("strace", "-c", "-f", "-U", "calls,name", "-o", "/dev/stdout", "-p", strconv.Itoa(pid))}
	s.cmd.Stdout = &s.out
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), " attached") {
	}
	return s
}

// stop detaches and returns the calls by name.
func (s *straced) stop() map[string]uint64 {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // it ends by the signal
	out := make(map[string]uint64)
	for line := range strings.Lines(s.out.String()) {
		f := strings.Fields(line)
		if len(f) != 2 || f[1] == "total" {
			continue
		}
		if n, err := strconv.ParseUint(f[0], 10, 64); err == nil {
			out[f[1]] = n
		}
	}
	if len(out) == 0 {
		s.t.Fatalf("strace counts nothing:\n%s", &s.out)
	}
	return out
}

// returned are the returns of a recording's system calls by name.
func returned(t testing.TB, rec *latency.Recording) map[string]uint64 {
	t.Helper()
	out := make(map[string]uint64)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if f.Balance.TotalLost() > 0 || f.Balance.Unwound > 0 {
			t.Errorf("%s: %+v", f.Name, f.Balance)
		}
		if f.Balance.Returns > 0 {
			out[strings.TrimPrefix(f.Name, "sys:")] = f.Balance.Returns
		}
	}
	return out
}

// sysQueries are work that takes the same system calls each time: tables and
// indexes that have their pages in the buffers, files that are written.
var sysQueries = []string{
	"select count(*), sum(i) from generate_series(1, 1000) i;",
	"select relkind, count(*) from pg_class group by 1 order by 1;",
	"copy (select i from generate_series(1, 3000) i) to '/dev/null';",
	"select pg_stat_file('PG_VERSION') is not null, length(pg_read_file('PG_VERSION'));",
	"select count(*) from pg_ls_dir('base');",
}

// idle waits until the backend waits for what comes next: else it may find that
// there without having waited.
func idle(t testing.TB, backend int) {
	t.Helper()
	number := strconv.Itoa(unix.SYS_EPOLL_PWAIT) + " "
	if runtime.GOARCH == "amd64" {
		number = "232 " // epoll_wait, which arm64 does not have
	}
	for deadline := time.Now().Add(limit); ; runtime.Gosched() {
		now, err := os.ReadFile("/proc/" + strconv.Itoa(backend) + "/syscall")
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(now), number) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the backend does not wait, but is in %s", now)
		}
	}
}

// testSyscalls compares the counts of a backend's system calls with strace's on
// the same work, and what either adds to the time of it.
func testSyscalls(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	// In one message, or the backend would wait for some and find others there.
	const rounds = 20
	work := strings.TrimSuffix(strings.ReplaceAll(strings.Repeat(strings.Join(sysQueries, ""), rounds), ";", `\; `), `\; `) + ";"
	// took is the least time of a few runs, which is what is measured.
	const runs = 15
	took := func() time.Duration {
		least := time.Hour
		for range runs {
			idle(t, s.backend)
			began := time.Now()
			s.run(work)
			least = min(least, time.Since(began))
		}
		idle(t, s.backend)
		return least
	}
	took() // fills the backend's caches
	bare := took()
	tracer := strace(t, s.backend)
	slow := took()
	want := tracer.stop()
	rec := record(t, pidFlag(s.backend), "sys:*")
	quick := took()
	got := returned(t, rec.stop())
	// Attaching interrupts the call in which the backend waits, which it then
	// makes again; latch has not seen that one begin.
	if d := int64(want["epoll_wait"]) - int64(got["epoll_wait"]); d < 0 || d > 2 {
		t.Errorf("strace counts %d calls of epoll_wait, latch %d", want["epoll_wait"], got["epoll_wait"])
	}
	delete(want, "epoll_wait")
	delete(got, "epoll_wait")
	delete(want, "restart_syscall")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("system calls (-strace +latch):\n%s", diff)
	}
	n := total(got) / runs
	if n < 10*rounds {
		t.Errorf("only %d system calls a run", n)
	}
	t.Logf("%d system calls a run: %v, with strace %v, with latch %v", n, bare, slow, quick)
	if float64(quick-bare) > 0.2*float64(slow-bare) {
		t.Errorf("latch adds %v, strace %v", quick-bare, slow-bare)
	}
	s.unharmed(pg)
}
