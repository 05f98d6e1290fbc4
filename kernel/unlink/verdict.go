package unlink

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Verdict is what removals of one kind, done in one way, come to.
type Verdict struct {
	Watched string
	Kind    Kind
	Failed  bool
	// Origin is what starts it, in words: "cron", "systemd unit x.service"; ""
	// where that is not known.
	Origin string
	// Chain is who did it, from who started it on.
	Chain []string
	// Count is how many files were removed, Runs by how many processes.
	Count, Runs int
	// Period is the time between two runs where it is regular, else 0. None was
	// further from it than Spread.
	Period, Spread time.Duration
	// Next is when the next run is due, if it is regular.
	Next time.Time
}

// Verdicts sums up events. Its zero value is ready to be added to.
type Verdicts struct {
	groups map[string]*group
	order  []*group
}

// A group is the events of one verdict.
type group struct {
	Verdict
	last  Process
	times []time.Time // when its runs began, the last maxTimes
}

// maxTimes bounds the times that are kept of a group, maxGroups the groups: what
// is beyond is counted with the last.
const (
	maxTimes  = 1000
	maxGroups = 1000
)

// Add adds an event.
func (v *Verdicts) Add(e *Event) {
	if v.groups == nil {
		v.groups = make(map[string]*group)
	}
	origin, chain := e.trace()
	failed := ""
	if e.Err != nil {
		failed = e.Err.Error()
	}
	key := strings.Join(append([]string{e.Watched, string(e.Kind), failed, origin, e.Comm}, comms(e.Parents)...), "\x00")
	g := v.groups[key]
	if g == nil && len(v.groups) < maxGroups {
		g = &group{Verdict: Verdict{Watched: e.Watched, Kind: e.Kind, Failed: e.Err != nil, Origin: origin, Chain: chain}}
		v.groups[key] = g
		v.order = append(v.order, g)
	} else if g == nil {
		g = v.order[len(v.order)-1]
	}
	g.Count++
	if g.Runs > 0 && g.last.PID == e.PID && g.last.start == e.start {
		return
	}
	g.Runs++
	g.last = e.Process
	if len(g.times) == maxTimes {
		g.times = g.times[1:]
	}
	g.times = append(g.times, e.Time)
}

func comms(processes []Process) (names []string) {
	for _, p := range processes {
		names = append(names, p.Comm)
	}
	return names
}

// List returns the verdicts, those of the most files first.
func (v *Verdicts) List() []Verdict {
	var out []Verdict
	for _, g := range v.order {
		g.Period, g.Spread, g.Next = regular(g.times)
		out = append(out, g.Verdict)
	}
	slices.SortStableFunc(out, func(a, b Verdict) int { return -cmp.Compare(a.Count, b.Count) })
	return out
}

// regular says whether times are a period apart: at least two of them, none of
// which is a tenth off.
func regular(times []time.Time) (period, spread time.Duration, next time.Time) {
	if len(times) < 3 {
		return 0, 0, time.Time{}
	}
	last := times[len(times)-1]
	period = last.Sub(times[0]) / time.Duration(len(times)-1)
	for i := 1; i < len(times); i++ {
		spread = max(spread, (times[i].Sub(times[i-1]) - period).Abs())
	}
	if period <= 0 || spread > period/10 {
		return 0, 0, time.Time{}
	}
	return period, spread, last.Add(period)
}

// origins are programs that start others at their time, or for somebody.
var origins = map[string]string{
	"cron": "cron", "crond": "cron", "CRON": "cron", "anacron": "cron", "atd": "at", "sshd": "an ssh session", "sshd-session": "an ssh session",
	"containerd-shim": "a container", "conmon": "a container", "kubelet": "kubelet", "logrotate": "logrotate", "systemd-tmpfile": "systemd-tmpfiles",
}

// trace returns what started the process that removed a file, and the processes
// from there on to it.
func (e *Event) trace() (origin string, chain []string) {
	chain = []string{e.Process.text(true)}
	for i := range e.Parents {
		p := &e.Parents[i]
		if origin = origins[p.Comm]; origin != "" || p.PID <= 2 {
			break
		}
		chain = append(chain, p.text(false))
	}
	slices.Reverse(chain)
	switch {
	case e.Container != "":
		origin = "container " + e.Container
	case origin == "" && origins[e.Comm] != "":
		origin = origins[e.Comm]
	case origin == "":
		if unit := filepath.Base(e.Cgroup.Path); strings.HasSuffix(unit, ".service") && !strings.HasPrefix(unit, "user@") {
			origin = "systemd unit " + unit
		}
	}
	return origin, chain
}

// interpreters are programs that tell little without what they run.
var interpreters = []string{"sh", "bash", "dash", "zsh", "ksh", "busybox", "python", "perl", "ruby", "node", "php"}

// text is a process's name, or the script that it runs, with its arguments if they
// are wanted.
func (p *Process) text(arguments bool) string {
	if p.Comm == "" && p.PID != 0 {
		return "processes that had ended"
	}
	if arguments && len(p.Argv) > 1 {
		return strings.Join(append([]string{filepath.Base(p.Argv[0])}, p.Argv[1:]...), " ")
	}
	is := func(name string) bool { return strings.TrimRight(p.Comm, "0123456789.") == name }
	if !slices.ContainsFunc(interpreters, is) {
		return p.Comm
	}
	for _, arg := range p.Argv[min(1, len(p.Argv)):] {
		if arg == "-c" {
			break
		}
		if !strings.HasPrefix(arg, "-") {
			return p.Comm + " " + filepath.Base(arg)
		}
	}
	return p.Comm
}

// Text is the process as a reader knows it: its name, and the script that it runs.
func (p *Process) Text() string { return p.text(false) }
