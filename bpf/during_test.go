package bpf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/uprobe"
)

// An observer is the program of callers.bpf.c, at work on one process.
type observer struct {
	t       *testing.T
	session *uprobe.Session
	ring    *ringbuf.Reader
}

// observe lets the observer share the session's calls in flight.
func observe(t *testing.T, session *uprobe.Session, pid int) *observer {
	t.Helper()
	spec, err := bpf.LoadCallers()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]uint32{
		"observed_tgid": uint32(pid), "nr_getppid": unix.SYS_GETPPID, "nr_getpgid": unix.SYS_GETPGID,
		"nr_getsid": unix.SYS_GETSID, "nr_getpriority": unix.SYS_GETPRIORITY,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			t.Fatal(err)
		}
	}
	calls := session.Calls()
	for name, m := range calls.Maps {
		s := spec.Maps[name]
		s.ValueSize, s.MaxEntries, s.Key, s.Value = m.ValueSize(), m.MaxEntries(), nil, nil
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: calls.Maps})
	if err != nil {
		var verifier *ebpf.VerifierError
		if errors.As(err, &verifier) {
			t.Logf("%+v", verifier)
		}
		t.Fatal(err)
	}
	t.Cleanup(coll.Close)
	tp, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sys_enter", Program: coll.Programs["enter_syscall"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tp.Close() })
	ring, err := ringbuf.NewReader(coll.Maps["sightings"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	return &observer{t, session, ring}
}

// seen returns the calls that were in flight, "-" for none.
func (o *observer) seen() (calls []string) {
	o.t.Helper()
	o.each(func(_ uint32, call string) { calls = append(calls, call) })
	return calls
}

// each hands out the calls that were in flight, "-" for none, each with the
// argument of the system call.
func (o *observer) each(yield func(arg uint32, call string)) {
	o.t.Helper()
	if err := o.ring.Flush(); err != nil {
		o.t.Fatal(err)
	}
	for {
		record, err := o.ring.Read()
		if errors.Is(err, ringbuf.ErrFlushed) {
			return
		}
		if err != nil {
			o.t.Fatal(err)
		}
		var s bpf.CallersSighting
		if err := binary.Read(bytes.NewReader(record.RawSample), binary.NativeEndian, &s); err != nil {
			o.t.Fatal(err)
		}
		if s.Found == 0 {
			yield(s.Arg, "-")
			continue
		}
		key := binary.NativeEndian.AppendUint32(nil, s.Func)
		key = binary.NativeEndian.AppendUint32(key, 0)
		key = binary.NativeEndian.AppendUint64(key, s.Status)
		key = append(key, s.Data[:]...)
		call, err := o.session.Decode(key[:o.session.Calls().KeySize])
		if err != nil {
			o.t.Fatal(err)
		}
		var args []string
		for _, v := range call.Args {
			args = append(args, v.Text)
		}
		yield(s.Arg, fmt.Sprintf("%s(%s)", strings.TrimPrefix(call.Func, "main."), strings.Join(args, ", ")))
	}
}

// attach puts the request's probes into a test program, enabled.
func attach(t *testing.T, req *uprobe.Request, opts *uprobe.Options) *uprobe.Session {
	t.Helper()
	plan, err := uprobe.NewPlan(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	session, err := uprobe.Attach(plan, opts)
	if errors.Is(err, ebpf.ErrNotSupported) {
		testutil.Missing(t, "a kernel that can attach this way: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	if err := session.Enable(); err != nil {
		t.Fatal(err)
	}
	return session
}

// returned stops the session and returns how many calls of each function
// returned. All of them must be accounted for, and none be left in flight.
func returned(t *testing.T, session *uprobe.Session) map[string]uint64 {
	t.Helper()
	if err := session.Stop(); err != nil {
		t.Fatal(err)
	}
	rec, err := session.Read()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]uint64)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if err := f.Balance.Check(); err != nil || f.Balance.InFlight > 0 || f.Balance.TotalLost() > 0 {
			t.Errorf("%s: %+v: %v", f.Name, f.Balance, err)
		}
		if len(f.Series) > 0 {
			t.Errorf("%s has %d series", f.Name, len(f.Series))
		}
		out[f.Name] = f.Balance.Returns
	}
	return out
}

var (
	duringFuncs = map[string][]string{
		"c/during": {"send_order", "send_part", "hold_order"}, "go/during": {"main.*Order", "main.sendPart"},
		"go/duringcgo": {"main.SendOrder", "main.CallBack", "main.Relay", "main.Inner", "c_relay"},
	}
	duringC = []string{"send_order(order-1)", "-", "send_order(order-2)", "send_part(0)", "hold_order(outer)", "-", "send_order(other)", "-",
		"-", "hold_order(catches)", "send_order(late)", "send_order(late)", "-"}
	duringGo = []string{"sendOrder(order-1)", "-", "moveOrder(order-2)", "sendPart(0)", "-", "sendOrder(other)", "-",
		"-", "-", "catchOrder(catches)", "sendOrder(late)", "sendOrder(late)", "-", "growOrder(grows)"}
	duringCgo = []string{"SendOrder(order-1)", "SendOrder(order-1)", "-", "CallBack(order-2)", "CallBack(order-2)", "c_relay(7)", "Inner(order-3)", "-"}
)

// nameless is what is known of calls where nothing tells of parameters.
func nameless(calls []string) (out []string) {
	for _, call := range calls {
		name, _, _ := strings.Cut(call, "(")
		if name != call {
			name += "()"
		}
		out = append(out, name)
	}
	return out
}

// TestCurrentCall holds which call a program finds in flight that runs on
// behalf of a task, and what it knows of its arguments.
func TestCurrentCall(t *testing.T) {
	testutil.NeedRoot(t)
	for _, c := range []struct {
		label, lang, name string
		flags             []string
		req               uprobe.Request
		opts              *uprobe.Options
		want              []string
		returned          map[string]uint64
	}{
		{label: "c", lang: "c", name: "during", want: duringC, returned: map[string]uint64{"send_order": 4, "send_part": 4, "hold_order": 3}},
		{label: "c-ret", lang: "c", name: "during", req: uprobe.Request{RetOnly: true}, want: duringC},
		{label: "c-clang", lang: "c", name: "during", flags: []string{"clang"}, want: duringC},
		{label: "c-multi", lang: "c", name: "during", opts: &uprobe.Options{Backends: []uprobe.Backend{uprobe.Multi}}, want: duringC},
		{label: "c-perf", lang: "c", name: "during", opts: &uprobe.Options{Backends: []uprobe.Backend{uprobe.PerfEvents}}, want: duringC},
		{label: "c-exe", lang: "c", name: "during", req: uprobe.Request{Exe: "later"}, want: duringC},
		{label: "go", lang: "go", name: "during", want: duringGo,
			returned: map[string]uint64{"main.sendOrder": 3, "main.moveOrder": 1, "main.sendPart": 4, "main.holdOrder": 1, "main.boomOrder": 0, "main.catchOrder": 1, "main.growOrder": 1}},
		{label: "go-exe", lang: "go", name: "during", req: uprobe.Request{Exe: "later"}, want: duringGo},
		{label: "go-pie", lang: "go", name: "during", flags: []string{"pie"}, want: duringGo},
		{label: "go-no-debug-info", lang: "go", name: "during", flags: []string{"cgo", "-w"}, want: nameless(duringGo)},
		{label: "go1.18", lang: "go", name: "during", flags: []string{"toolchain=go1.18.10"}, want: duringGo},
		{label: "go1.23", lang: "go", name: "during", flags: []string{"toolchain=go1.23.12"}, want: duringGo},
		{label: "cgo", lang: "go", name: "duringcgo", want: duringCgo},
		{label: "cgo-stripped", lang: "go", name: "duringcgo", flags: []string{"-s -w"}, req: uprobe.Request{Patterns: []string{"main.SendOrder", "main.CallBack", "main.Relay", "main.Inner"}},
			want: []string{"SendOrder()", "SendOrder()", "-", "CallBack()", "CallBack()", "Relay()", "Inner()", "-"}},
		{label: "cgo-exe", lang: "go", name: "duringcgo", req: uprobe.Request{Exe: "later"}, want: duringCgo},
		{label: "cgo1.21", lang: "go", name: "duringcgo", flags: []string{"toolchain=go1.21.13"}, want: duringCgo},
	} {
		t.Run(c.label, func(t *testing.T) {
			exe := testutil.Build(t, c.lang, c.name, c.flags...)
			c.req.Watch = &uprobe.Watch{}
			if c.req.Patterns == nil {
				c.req.Patterns = duringFuncs[c.lang+"/"+c.name]
			}
			var session *uprobe.Session
			var target *testutil.Prog
			if c.req.Exe != "" { // the process comes when the probes are in
				c.req.Exe = exe
				session = attach(t, &c.req, c.opts)
				target = testutil.Start(t, exe)
			} else {
				target = testutil.Start(t, exe)
				c.req.PIDs = []int{target.PID()}
				session = attach(t, &c.req, c.opts)
			}
			if blind := session.Calls().Blind; len(blind) > 0 {
				t.Errorf("not seen: %q", blind)
			}
			o := observe(t, session, target.PID())
			target.Go()
			target.WaitDone()
			if diff := cmp.Diff(c.want, o.seen()); diff != "" {
				t.Errorf("in flight (-stated +seen):\n%s", diff)
			}
			got := returned(t, session)
			if diff := cmp.Diff(c.returned, got); c.returned != nil && diff != "" {
				t.Errorf("returned (-stated +counted):\n%s", diff)
			}
			target.Finish()
		})
	}
}

// What is known only at a return cannot be shown of a call in flight.
func TestWatchRefuses(t *testing.T) {
	testutil.NeedRoot(t)
	exe := testutil.Build(t, "c", "during")
	expr := func(text string) *fetch.Expr {
		e, err := fetch.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, c := range []struct {
		show  []*fetch.Expr
		where *fetch.Expr
		err   string // "" for none
	}{
		{[]*fetch.Expr{expr("ret")}, nil, "ret: it is known only when the call has returned"},
		{nil, expr("latency > 5"), "send_part: latency > 5: it is known only when the call has returned"},
		{[]*fetch.Expr{expr("n")}, expr("n > 1"), ""},
	} {
		plan, err := uprobe.NewPlan(&uprobe.Request{Exe: exe, Patterns: []string{"send_part"}, Watch: &uprobe.Watch{Show: c.show}, Where: c.where})
		got := ""
		if err != nil {
			got = err.Error()
		} else if err := plan.Close(); err != nil {
			t.Error(err)
		}
		if got != c.err {
			t.Errorf("error %q, not %q", got, c.err)
		}
	}
}

// TestManyCalls holds that no call of many threads or goroutines is taken for
// another's, and none that was left by a longjmp or a panic for one in flight.
func TestManyCalls(t *testing.T) {
	testutil.NeedRoot(t)
	for _, c := range []struct {
		lang, pattern, name string
		flags               []string
		asked               int
	}{
		{"c", "send_number", "send_number", nil, 5899},
		{"go", "main.sendNumber", "sendNumber", nil, 11797},
		{"go", "main.sendNumber", "sendNumber", []string{"cgo"}, 11797},
		{"go", "main.sendNumber", "sendNumber", []string{"toolchain=go1.21.13"}, 11797},
	} {
		t.Run(strings.Join(append([]string{c.lang}, c.flags...), "-"), func(t *testing.T) {
			target := testutil.Start(t, testutil.Build(t, c.lang, "during", c.flags...), "many")
			session := attach(t, &uprobe.Request{
				PIDs: []int{target.PID()}, Patterns: []string{c.pattern}, Watch: &uprobe.Watch{},
			}, nil)
			o := observe(t, session, target.PID())
			target.Go()
			target.WaitDone()
			asked, wrong := 0, make(map[string]int)
			o.each(func(arg uint32, call string) {
				want := "-"
				if arg != 0 {
					want = fmt.Sprintf("%s(%d)", c.name, arg)
				}
				if asked++; call != want {
					wrong[strings.Trim(call, "0123456789()")+" for "+strings.Trim(want, "0123456789()")]++
				}
			})
			if asked != c.asked || len(wrong) > 0 {
				t.Errorf("asked %d times, %d stated; wrong: %v", asked, c.asked, wrong)
			}
			target.Finish()
		})
	}
}

// TestSplitDrops holds that calls with and without a drop are series of their
// own, and that the time lost to drops is theirs and their callers'.
func TestSplitDrops(t *testing.T) {
	testutil.NeedRoot(t)
	byID, err := fetch.Parse("id=str(id)")
	if err != nil {
		t.Fatal(err)
	}
	const wait = 20_000_000 // of the program, at least
	for _, c := range []struct {
		label string
		req   uprobe.Request
		want  map[string]uint64 // count of each series
		lost  map[string]uint64 // at least, else nothing
	}{
		{"all", uprobe.Request{},
			map[string]uint64{"send_order @drops=with": 2, "send_order @drops=without": 3, "hold_order @drops=with": 1},
			map[string]uint64{"send_order @drops=with": 2 * wait, "hold_order @drops=with": wait}},
		{"by", uprobe.Request{By: []*fetch.Expr{byID}},
			map[string]uint64{"send_order id=a @drops=without": 1, "send_order id=b @drops=with": 1, "send_order id=c @drops=with": 1,
				"send_order id=d @drops=without": 1, "send_order id=e @drops=without": 1, "hold_order id=drops @drops=with": 1},
			map[string]uint64{"send_order id=b @drops=with": wait, "send_order id=c @drops=with": wait, "hold_order id=drops @drops=with": wait}},
	} {
		t.Run(c.label, func(t *testing.T) {
			target := testutil.Start(t, testutil.Build(t, "c", "during"), "drops")
			c.req.PIDs, c.req.Patterns, c.req.SplitDrops = []int{target.PID()}, []string{"send_order", "hold_order"}, true
			session := attach(t, &c.req, nil)
			observe(t, session, target.PID())
			target.Go()
			target.WaitDone()
			if err := session.Stop(); err != nil {
				t.Fatal(err)
			}
			rec, err := session.Read()
			if err != nil {
				t.Fatal(err)
			}
			if err := rec.Check(); err != nil {
				t.Error(err)
			}
			got := make(map[string]uint64)
			for i := range rec.Functions {
				f := &rec.Functions[i]
				for _, s := range f.Series {
					name := f.Name
					for _, part := range f.By {
						name += fmt.Sprintf(" %s=%s", part, s.Key[part])
					}
					got[name] += s.Count
					if least := c.lost[name]; s.LostNS < least || least == 0 && s.LostNS != 0 {
						t.Errorf("%s lost %d ns, at least %d", name, s.LostNS, least)
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("series (-stated +recorded):\n%s", diff)
			}
			target.Finish()
		})
	}
}
