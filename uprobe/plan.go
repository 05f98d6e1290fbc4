// Package uprobe plans, attaches, enables, reads and removes probes at the
// entries and exits of user functions.
//
// A [Plan] is data: [NewPlan] reads ELF files and /proc and attaches nothing,
// so a plan can be printed and compared. [Attach] puts every probe of a plan
// in, still disabled, and returns a [Session], which is enabled, read, stopped
// and closed.
package uprobe

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// A Request says what to measure.
type Request struct {
	// PIDs are the processes to measure. If there are none, every process
	// that maps Exe is measured, now or later.
	PIDs []int
	// Exe is the path of an executable or a library.
	Exe string
	// Mounts, unless it is 0, leaves out processes in other mount namespaces
	// than the one of this number.
	Mounts uint32
	// Patterns name functions, as elfsym.ParsePattern reads them.
	Patterns []string
	// By are the expressions whose values tell series apart, each for the
	// functions in which it compiles; elsewhere its value is latency.KeyNone.
	By []*fetch.Expr
	// Each are further patterns, with expressions and limits of their own.
	Each []Each
	// Where, unless it is nil, says which calls are measured; the others are
	// counted as filtered.
	Where *fetch.Expr
	// StrLen is how many bytes of a string are kept; 0 means 64.
	StrLen int
	// All lifts the limit on how many functions globs may select.
	All bool
	// RetOnly plants exits on RET instructions even where a return probe
	// would be safe.
	RetOnly bool
	// Trace, unless it is nil, asks for the calls themselves instead of
	// histograms; By must be empty then.
	Trace *Trace
	// Watch, unless it is nil, asks for the calls in flight alone; By must be
	// empty and Trace nil then.
	Watch *Watch
	// SplitDrops tells calls in which packets were dropped from the others, as
	// a part of the key called latency.KeyDrops. Whoever shares Session.Calls
	// says which those are.
	SplitDrops bool
	// Choice, unless it is nil, is shared with the plans of other functions,
	// and says then what applies to none of them, and what is warned of; NewChoice
	// makes it.
	Choice *ledger.Choice
}

// Watch says what is known of each call in flight. Calls are paired and
// counted, but neither histograms nor events are kept of those that have ended.
type Watch struct {
	// Show are the expressions, each for the functions in which it compiles.
	// None means all parameters that can be read.
	Show []*fetch.Expr
}

// Trace says what is shown of each call.
type Trace struct {
	// Show are the expressions, each shown for the functions in which it
	// compiles. None means all parameters and results that can be read.
	Show []*fetch.Expr
	// Stack asks for the callers.
	Stack bool
}

// MaxFuncs is how many functions globs may select without Request.All.
const MaxFuncs = 100

// ErrTooMany says that the patterns select more than MaxFuncs functions.
var ErrTooMany = errors.New("too many functions")

// A NoProbesError says why none of the functions that were asked for can be
// measured.
type NoProbesError struct {
	Reasons error
	// Unmatched are the patterns of Request.Each that select nothing.
	Unmatched []Unmatched
}

func (e *NoProbesError) Error() string { return e.Reasons.Error() }

func (e *NoProbesError) Unwrap() error { return e.Reasons }

// ErrSelf says that latch was asked to measure itself.
var ErrSelf = errors.New("latch does not measure itself")

// ExitKind is how the end of a call is seen.
type ExitKind uint8

const (
	// ExitNone counts calls without timing them.
	ExitNone ExitKind = iota
	// ExitRet is a probe on every instruction by which calls leave.
	ExitRet
	// ExitReturn is a return probe: a session where the kernel has them.
	ExitReturn
)

// String names what the exit side is made of.
func (k ExitKind) String() string {
	return [...]string{"none", "ret", "return probe"}[k]
}

// An Image is an ELF file of the target.
type Image struct {
	Binary *elfsym.Binary
	// Path is where the kernel finds the file for attaching; Name is what
	// the target calls it.
	Path, Name string
	// Users are the processes that had it mapped when the plan was made.
	Users []User
	// NoReturnProbe says why no return probe may be used in this image; ""
	// means that one is safe.
	NoReturnProbe string
	IsExe         bool

	id fileID
}

// A User is a process with its mappings of one image.
type User struct {
	Process *procfs.Process
	Maps    []procfs.Mapping
	// Apart says that it is in other mounts than Plan.Mounts: the probes are in
	// its text too, but its calls are not counted.
	Apart bool
}

// A Probe is a function that will be measured.
type Probe struct {
	// ID is its index in Plan.Probes and its attach cookie.
	ID      uint32
	Func    *elfsym.Func
	Image   *Image
	Sites   elfsym.Sites
	Exit    ExitKind
	Program *fetch.Program
	// GoInfo holds the goroutine's layout; only for Go functions.
	GoInfo elfsym.GoInfo
	// By are the names of the key's parts.
	By []string
	// LimitsNS are the latencies above which calls are counted, ascending, in
	// nanoseconds.
	LimitsNS []uint64
}

// A Skip is a function that was asked for and cannot be measured.
type Skip struct {
	Func   *elfsym.Func
	Reason error
}

// A Plan is which functions will be measured where. It owns the images'
// binaries.
type Plan struct {
	PIDs   []int
	Exe    string
	Mounts uint32 // the only mount namespace to measure in, or 0
	Trace  bool   // calls are traced, not counted in histograms
	Stack  bool   // with their callers
	Watch  bool   // only the calls in flight are kept
	Split  bool   // by whether packets were dropped
	Images []*Image
	Probes []Probe
	Skips  []Skip
	// Unmatched are the patterns of Request.Each that select nothing. They are
	// no error as long as others do.
	Unmatched []Unmatched
	By        []string // names of the key's parts that all functions have
	KeySize   int      // of the largest key among the probes, in bytes
	DataSize  int      // of the most that a probe keeps of a call, its key included
	Warnings  []string
}

// Close closes the plan's binaries.
func (p *Plan) Close() error {
	var err error
	for _, img := range p.Images {
		err = errors.Join(err, img.Binary.Close())
	}
	return err
}

// NewPlan resolves the request to functions and sites. Functions that cannot
// be measured become skips; it is an error if none is left.
func NewPlan(req *Request) (_ *Plan, err error) {
	p := &Plan{
		PIDs: req.PIDs, Exe: req.Exe, Mounts: req.Mounts, Trace: req.Trace != nil, Stack: req.Trace != nil && req.Trace.Stack,
		Watch: req.Watch != nil, Split: req.SplitDrops,
	}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	for _, e := range req.By {
		p.By = append(p.By, e.Alias)
	}
	if p.Split {
		p.By = append(p.By, latency.KeyDrops)
	}
	t, err := openTarget(req)
	if err != nil {
		return nil, err
	}
	defer func() { p.Images = t.opened() }()
	if t.debugged != nil {
		return nil, t.debugged
	}
	selected, unmatched, err := t.selectFuncs(req)
	if err != nil {
		return nil, err
	}
	p.Unmatched = unmatched
	for _, s := range selected {
		probe, err := t.probe(req, *s)
		if err != nil {
			p.Skips = append(p.Skips, Skip{Func: s.fn, Reason: err})
			continue
		}
		probe.ID = uint32(len(p.Probes))
		probe.By, probe.LimitsNS = p.parts(s, probe.Program), s.own.LimitsNS
		p.Probes = append(p.Probes, *probe)
		if probe.Program != nil {
			t.choice.Keep(probe.Program)
			p.KeySize = max(p.KeySize, probe.Program.Size)
			p.DataSize = max(p.DataSize, p.KeySize, probe.Program.Size+probe.Program.Hidden)
		}
	}
	if len(p.Probes) == 0 {
		return nil, noProbes(p.Skips, p.Unmatched)
	}
	if req.Choice == nil {
		if err := t.choice.AppliesNowhere(); err != nil {
			return nil, err
		}
		p.Warnings = append(p.Warnings, t.choice.Warnings...)
	}
	for _, s := range p.Skips {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s is not measured: %s", s.Func.Name, ledger.InLine(s.Reason)))
	}
	for i := range p.Probes {
		p.Warnings = append(p.Warnings, p.Probes[i].warnings()...)
	}
	return p, nil
}

// noProbes is the error for a plan without probes: the reason if there is one
// function, or the first of several.
func noProbes(skips []Skip, unmatched []Unmatched) error {
	if len(skips) == 0 {
		var errs error
		for _, u := range unmatched {
			errs = errors.Join(errs, u.Reason)
		}
		return &NoProbesError{errs, unmatched}
	}
	first := skips[0]
	if len(skips) == 1 {
		return &NoProbesError{fmt.Errorf("%s: %w", first.Func.Name, first.Reason), unmatched}
	}
	return &NoProbesError{fmt.Errorf("none of %d functions can be measured; %s: %w", len(skips), first.Func.Name, first.Reason), unmatched}
}

func (p *Probe) warnings() []string {
	var out []string
	if p.Exit == ExitNone {
		out = append(out, fmt.Sprintf("%s is counted, not timed: %v", p.Func.Name, p.Sites.NoExit))
	}
	for _, w := range p.Sites.Warnings {
		out = append(out, fmt.Sprintf("%s: %s", p.Func.Name, w))
	}
	return out
}
