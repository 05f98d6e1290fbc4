package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
)

// stages has, for each heading of docs/from-bpftrace.md, what is staged for each
// line of latch below it.
var stages = map[string][]func(t *testing.T) *staged{
	"Which probes are there?":                                        {listsDrops},
	"The events of one program, with arguments and kernel stacks":    {tracesPing},
	"From where to where does a dropped packet go?":                  {tracesPair, explainsPair},
	"How long does a function take, by its argument?":                {timesHandle, timesInside},
	"Who deletes this file?":                                         {deletes},
	"Lesson 1: list probes":                                          {listsCalls},
	"Lesson 2: hello world":                                          nil,
	"Lesson 3: files opened":                                         {opens(` = \d+`, " = ENOENT")},
	"Lesson 4: system calls by program":                              {countsByProgram},
	"Lesson 5: distribution of the bytes of read":                    {sizesOfRead("1")},
	"Lesson 6: the same as a linear histogram, of a kernel function": {sizesOfRead("0")},
	"Lesson 7: the time that read takes":                             {timesRead},
	"Lesson 8: count events of processes":                            {countsExecs},
	"Lesson 9: profile kernel stacks":                                nil,
	"Lesson 10: stacks that leave the CPU":                           {switches},
	"Lesson 11: sizes of block I/O":                                  {writesBlock(`(?m)^ *(\d+) size=(\d+)$`)},
	"Lesson 12: structs of the kernel":                               {readsStruct},
	"Files opened, by program":                                       {opens("", "")},
	"Bytes read, by program":                                         {sumsReads},
	"Sizes of reads, by program":                                     {sizesByProgram},
	"System calls in each second":                                    {countsPerSecond},
	"Size of each disk request":                                      {writesBlock(`(?m)t:block:block_rq_issue(\()bytes=(\d+)\)$`)},
	"Page faults":                                                    {faults},
	"Cache misses":                                                   nil,
	"Profile of a program's stacks":                                  nil,
	"Files opened in a control group":                                {opensInGroup},
}

// sysReads are the least and the most that testprogs/c/syscalls reads under
// latch: 13 bytes of its pipe, and the commands that it is told.
var sysReads = [2]int{13, 13 + len("go\n")}

// A syscaller is the program of testprogs/c/syscalls, under a name that no other
// process of this machine has.
type syscaller struct {
	waiting
	comm string
}

func (c syscaller) act() { c.Go(); c.WaitDone() }

func newSyscaller(t *testing.T) syscaller {
	t.Helper()
	exe := aliased(t, testutil.Build(t, sysProg.lang, sysProg.name))
	return syscaller{waiting{testutil.Start(t, exe)}, filepath.Base(exe)}
}

// aliased is a copy of a program under a name of this test's own.
func aliased(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), fmt.Sprintf("shop%d", os.Getpid()))
	if err := os.WriteFile(exe, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return exe
}

// called stages a syscaller, whose process is $PID.
func called(t *testing.T, judge func(c syscaller, out, said string)) *staged {
	c := newSyscaller(t)
	return &staged{env: []string{"PID=" + c.pid()}, act: c.act, judge: func(out, said string) { judge(c, out, said) }}
}

// matches counts the lines, or parts of them, that an expression matches.
func matches(text, expr string) int {
	return len(regexp.MustCompile("(?m)"+expr).FindAllString(text, -1))
}

// between fails the test unless low <= got <= high.
func between(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, not %d to %d", what, got, low, high)
	}
}

// exactly fails the test unless got is want.
func exactly(t *testing.T, what string, got, want int) { t.Helper(); between(t, what, got, want, want) }

// atLeast fails the test if got is less than low.
func atLeast(t *testing.T, what string, got, low int) {
	t.Helper()
	between(t, what, got, low, int(^uint(0)>>1))
}

// numberIn is the first group of an expression in a text, as a number with its
// commas taken out; 0 where it does not match.
func numberIn(t *testing.T, text, expr string) int {
	t.Helper()
	m := regexp.MustCompile("(?m)" + expr).FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// callsOf is the number of calls in the first row of a table with that key.
func callsOf(t *testing.T, out string, key ...string) int {
	t.Helper()
	for i := range key {
		key[i] = regexp.QuoteMeta(key[i])
	}
	return numberIn(t, out, `^ +`+strings.Join(key, " +")+` +([\d,]+) `)
}

func listsDrops(t *testing.T) *staged {
	return &staged{judge: func(out, said string) {
		exactly(t, "lines of other groups", strings.Count(out, "\n")-matches(out, `^t:skb:\w+\(`), 0)
		exactly(t, "kfree_skb", matches(out, `^t:skb:kfree_skb\(.*enum skb_drop_reason reason\)$`), 1)
	}}
}

func listsCalls(t *testing.T) *staged {
	return &staged{judge: func(out, said string) {
		atLeast(t, "system calls", matches(out, `^sys:\w+\(.*\) = long$`), 300)
		exactly(t, "openat", matches(out, `^sys:openat\(int dfd, const char \*filename, int flags, umode_t mode\) = long$`), 1)
	}}
}

// pings stages three packets of a ping, all dropped by their own machine's
// firewall. Other networks of tests may have the same addresses.
func pings(t *testing.T, judge func(out, said string)) *staged {
	lab := netlab.New(t)
	lab.A.Run("iptables-legacy -w -A OUTPUT -p icmp -j DROP")
	return &staged{env: []string{"NETNS=" + lab.A.Name}, judge: judge,
		act: func() { lab.A.Ping("-c 3 -i 0.1 -W 0.2 " + netlab.B4) }}
}

func tracesPing(t *testing.T) *staged {
	return pings(t, func(out, said string) {
		atLeast(t, "drops of ping", matches(out, ` ping +t:skb:kfree_skb\(.*reason=SKB_DROP_REASON_NETFILTER_DROP\)\n(    .*\n)*    nf_hook_slow  \[kernel\]$`), 3)
		exactly(t, "drops of others", matches(out, `t:skb:kfree_skb`)-matches(out, ` ping +t:skb:kfree_skb`), 0)
	})
}

func tracesPair(t *testing.T) *staged {
	return pings(t, func(out, said string) {
		atLeast(t, "drops", matches(out, `\(src=10\.77\.1\.2, dst=10\.77\.2\.2, reason=SKB_DROP_REASON_NETFILTER_DROP\)$`), 3)
	})
}

func explainsPair(t *testing.T) *staged {
	return pings(t, func(out, said string) {
		atLeast(t, "pairs", matches(out, `^10\.77\.1\.2 → 10\.77\.2\.2 icmp echo   dropped in nf_hook_slow \(OUTPUT hook`), 1)
		atLeast(t, "rules", matches(out, `iptables filter/OUTPUT rule 1: "-A OUTPUT -p icmp -j DROP"  \[exact`), 1)
		exactly(t, "packets", numberIn(t, out, `^(\d+) packets were dropped`), 3)
	})
}

func timesHandle(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		for _, kind := range []string{"0", "1", "2"} {
			exactly(t, "handle of "+kind, callsOf(t, out, kind), 10)
		}
		exactly(t, "balances", matches(out, `^  balance: 30 entries = 30 returns \+ 0 in flight \+ 0 unwound \+ 0 filtered \+ 0 lost$`), 1)
	})
}

func timesInside(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		for i, kind := range []string{"0", "1", "2"} {
			exactly(t, "handle of "+kind, callsOf(t, out, kind), 10)
			exactly(t, "getppid in handle of "+kind, callsOf(t, out, kind, "handle"), 10*(i+1))
		}
		exactly(t, "getppid elsewhere", callsOf(t, out, "(none)", "(none)"), 31)
	})
}

func deletes(t *testing.T) *staged {
	file := newFile(t, "export.csv")
	remove := exec.Command("sh", "-c", `rm "$0"; true`, file)
	return &staged{env: []string{"FILE=" + file}, judge: func(out, said string) {
		who := regexp.QuoteMeta(file) + fmt.Sprintf(`  deleted by rm\[\d+\] ← sh\[%d\] .*  \(rm %s\)$`, remove.Process.Pid, regexp.QuoteMeta(file))
		exactly(t, "deletions", matches(out, who), 1)
	}, act: func() {
		if err := remove.Run(); err != nil {
			t.Fatal(err)
		}
	}}
}

// opens has the files that the program opens. What stands behind a call is an
// expression, or nothing where results are not shown.
func opens(opened, missing string) func(t *testing.T) *staged {
	return func(t *testing.T) *staged {
		return called(t, func(c syscaller, out, said string) {
			exactly(t, "opened", matches(out, ` `+c.comm+` +sys:openat\(filename="/dev/null"\)`+opened+`$`), 7)
			exactly(t, "missing", matches(out, ` `+c.comm+` +sys:openat\(filename="/nonexistent/latch"\)`+missing+`$`), 11)
			exactly(t, "all", matches(out, ` `+c.comm+` `), 18)
		})
	}
}

func opensInGroup(t *testing.T) *staged {
	group := netlab.NewCgroup(t, fmt.Sprintf("latch%d", os.Getpid()))
	c := newSyscaller(t)
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(c.pid()), 0); err != nil {
		t.Fatal(err)
	}
	return &staged{env: []string{"CGROUP=" + group}, act: c.act, judge: func(out, said string) {
		exactly(t, "opened", matches(out, ` `+c.comm+` +sys:openat\(filename="/dev/null"\)$`), 7)
		exactly(t, "all", matches(out, `sys:openat\(`), 18)
	}}
}

func countsByProgram(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		exactly(t, "getppid", callsOf(t, out, "getppid", c.comm), 91)
		exactly(t, "openat", callsOf(t, out, "openat", c.comm), 18)
		between(t, "read", callsOf(t, out, "read", c.comm), sysReads[0], sysReads[1])
	})
}

func sizesOfRead(key string) func(t *testing.T) *staged {
	return func(t *testing.T) *staged {
		return called(t, func(c syscaller, out, said string) {
			between(t, "reads of 1 byte", callsOf(t, out, key), sysReads[0], sysReads[1])
		})
	}
}

func timesRead(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		between(t, "reads", callsOf(t, out, c.comm), sysReads[0], sysReads[1])
	})
}

func sizesByProgram(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		between(t, "reads of 1 byte", callsOf(t, out, c.comm, "1"), sysReads[0], sysReads[1])
	})
}

func sumsReads(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		between(t, "bytes", numberIn(t, out, `^`+c.comm+` (\d+)$`), sysReads[0], sysReads[1])
	})
}

func countsPerSecond(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		tables := strings.Split(out, "measured ")[1:]
		if len(tables) != 4 {
			t.Fatalf("%d tables, not 3 and the sum", len(tables))
		}
		sum := 0
		for _, table := range tables[:3] {
			sum += callsOf(t, table, "getppid")
		}
		atLeast(t, "getppid", sum, 91)
		exactly(t, "getppid in all", callsOf(t, tables[3], "getppid"), sum)
	})
}

// countsExecs starts 7 programs.
func countsExecs(t *testing.T) *staged {
	return &staged{judge: func(out, said string) {
		atLeast(t, "execs", numberIn(t, said, `^latch: t:sched:sched_process_exec: ([\d,]+) entries = 0 returns`), 7)
		exactly(t, "lines", matches(out, `t:sched:`), 0)
	}, act: func() {
		for range 7 {
			if err := exec.Command("true").Run(); err != nil {
				t.Fatal(err)
			}
		}
	}}
}

func switches(t *testing.T) *staged {
	return called(t, func(c syscaller, out, said string) {
		events := matches(out, `t:sched:sched_switch\(`)
		exactly(t, "events of the program, in the scheduler", matches(out, `t:sched:sched_switch\(prev_comm="`+c.comm+`".*\n    __schedule  \[kernel\]$`), events)
		atLeast(t, "frames of the program", matches(out, `^    \S.*[^\]…]$`), 1)
	})
}

// diskDir is a directory whose files are not in memory alone, as those of a /tmp
// may be.
func diskDir(t *testing.T) string {
	t.Helper()
	for _, parent := range []string{os.TempDir(), "/var/tmp", "."} {
		var st unix.Statfs_t
		if err := unix.Statfs(parent, &st); err != nil || st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC {
			continue
		}
		dir, err := os.MkdirTemp(parent, "latch-disk-")
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
	testutil.Missing(t, "a directory on a disk")
	return ""
}

// writesBlock writes 64 KiB past the page cache. The groups of an expression are
// the number of requests, or anything else for 1, and their size.
func writesBlock(expr string) func(t *testing.T) *staged {
	return func(t *testing.T) *staged {
		file := filepath.Join(diskDir(t), "block")
		return &staged{judge: func(out, said string) {
			bytes := 0
			for _, m := range regexp.MustCompile(expr).FindAllStringSubmatch(out, -1) {
				size, err := strconv.Atoi(m[2])
				if err != nil {
					t.Fatal(err)
				}
				n, err := strconv.Atoi(m[1])
				if err != nil {
					n = 1
				}
				bytes += n * size
			}
			atLeast(t, "bytes", bytes, 64<<10)
		}, act: func() {
			if out, err := exec.Command("dd", "if=/dev/zero", "of="+file, "bs=64k", "count=1", "oflag=direct").CombinedOutput(); err != nil {
				t.Fatalf("dd: %v\n%s", err, out)
			}
		}}
	}
}

func readsStruct(t *testing.T) *staged {
	path, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	exe := aliased(t, path)
	name := filepath.Base(exe)
	return &staged{judge: func(out, said string) {
		exactly(t, "execs", matches(out, ` `+name+` +t:sched:sched_process_exec\(file="`+name+`"\)$`), 1)
	}, act: func() {
		if err := exec.Command(exe).Run(); err != nil {
			t.Fatal(err)
		}
	}}
}

// faults has a page put out of memory before each of 11 calls that read it.
func faults(t *testing.T) *staged {
	if runtime.GOARCH != "amd64" {
		t.Skip("made for amd64, as the page says")
	}
	return called(t, func(c syscaller, out, said string) {
		atLeast(t, "faults of the kernel", numberIn(t, said, `^latch: t:exceptions:page_fault_kernel: ([\d,]+) entries = 0 returns`), 11)
	})
}
