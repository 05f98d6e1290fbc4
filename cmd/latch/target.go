package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/probe"
	"github.com/latchprof/latch/uprobe"
)

// pidList is the value of -p: repeatable, and each may hold several numbers,
// as $(pidof NAME) prints them.
type pidList []int

func (l *pidList) Type() string { return "PID" }

// String is "" for none, so that help shows no default.
func (l *pidList) String() string {
	return strings.Trim(fmt.Sprint([]int(*l)), "[]")
}

func (l *pidList) Set(s string) error {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' })
	if len(fields) == 0 {
		return errors.New("no process ID: is the program running?")
	}
	for _, f := range fields {
		pid, err := strconv.Atoi(f)
		if err != nil || pid <= 0 || pid > 1<<30 {
			return fmt.Errorf("%q is not a process ID", f)
		}
		*l = append(*l, pid)
	}
	return nil
}

// targetFlags are the flags that say what to measure, the same in every
// command that attaches.
type targetFlags struct {
	pids    pidList
	exe     string
	by      []string
	where   string
	strLen  int
	all     bool
	retOnly bool
	// events says that the command takes tracepoints.
	events bool
}

func (t *targetFlags) register(flags *pflag.FlagSet) {
	flags.VarP(&t.pids, "pid", "p", "measure this process (repeatable)")
	flags.StringVarP(&t.exe, "exe", "e", "", "measure every process that maps this `file`, now or later")
	flags.BoolVar(&t.all, "all", false, fmt.Sprintf("let patterns select more than %d functions", uprobe.MaxFuncs))
	flags.BoolVar(&t.retOnly, "ret-only", false, "never use return probes, only probes on RET instructions")
}

func (t *targetFlags) registerBy(flags *pflag.FlagSet) {
	flags.StringArrayVar(&t.by, "by", nil, "tell calls apart by this `[NAME=]EXPR`: a parameter, a field such as req.URL.Path, argN, str(argN), ret (repeatable)")
	t.registerWhere(flags)
}

func (t *targetFlags) registerWhere(flags *pflag.FlagSet) {
	flags.StringVar(&t.where, "where", "", "measure only calls for which this `EXPR` is true, such as 'n > 5 && latency > 10*time.Millisecond'")
	flags.IntVar(&t.strLen, "str-len", 64, "bytes kept of each string")
}

// split parts the arguments into what stands before "--" and the command
// behind it.
func split(c *cobra.Command, args []string) (patterns, command []string) {
	if at := c.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// request checks the flags and builds the request; the PID of a launched
// command is added by the caller.
func (t *targetFlags) request(patterns, command []string) (*uprobe.Request, error) {
	given := 0
	if len(t.pids) > 0 {
		given++
	}
	if t.exe != "" {
		given++
	}
	if len(command) > 0 && t.exe == "" {
		given++
	}
	for _, text := range patterns {
		if strings.HasPrefix(text, "k:") {
			return nil, usage(fmt.Errorf("%s: kernel functions cannot be measured yet: system calls (sys:NAME) and the functions of programs and libraries can", text))
		}
		if strings.HasPrefix(text, probe.EventPrefix) && !t.events {
			return nil, usage(fmt.Errorf("%s: a tracepoint takes no time that could be measured: latch trace shows when it is passed", text))
		}
	}
	switch {
	case t.exe != "" && slices.ContainsFunc(patterns, func(p string) bool { return strings.HasPrefix(p, probe.EventPrefix) }):
		return nil, usage(errors.New("-e selects functions of a file; say with -p in which processes tracepoints are watched"))
	case given == 0 && !allSystem(patterns):
		return nil, usage(errors.New("say what to measure: -p PID, -e FILE, or -- COMMAND"))
	case given > 1:
		return nil, usage(errors.New("-p, -e and -- COMMAND exclude each other, except that -e FILE may go with -- COMMAND"))
	case t.strLen < 1 || t.strLen > 1024:
		return nil, usage(fmt.Errorf("--str-len %d: 1 to 1024 bytes of a string can be kept", t.strLen))
	}
	for _, text := range patterns {
		if err := checkPattern(text); err != nil {
			return nil, usage(err)
		}
	}
	req := &uprobe.Request{PIDs: t.pids, Exe: t.exe, Patterns: patterns, StrLen: t.strLen, All: t.all, RetOnly: t.retOnly}
	var err error
	if req.By, err = parseExprs("--by", t.by); err != nil {
		return nil, err
	}
	if t.where != "" {
		e, err := fetch.Parse(t.where)
		if err != nil {
			return nil, usage(fmt.Errorf("--where: %w", err))
		}
		if e.Alias != e.Text {
			return nil, usage(fmt.Errorf("--where: %s=… names an expression: == compares", e.Alias))
		}
		req.Where = e
	}
	return req, nil
}

// allSystem says that the patterns name system calls and tracepoints alone, which
// every process of the machine makes and passes.
func allSystem(patterns []string) bool {
	return len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { return !isKernels(p) })
}

// isKernels says that a pattern names what the kernel does.
func isKernels(p string) bool {
	return strings.HasPrefix(p, probe.Prefix) || strings.HasPrefix(p, probe.EventPrefix)
}

// checkPattern refuses what names nothing that could be measured.
func checkPattern(text string) error {
	if point, ok := strings.CutPrefix(text, probe.EventPrefix); ok {
		_, _, err := kernel.ParseTracepoint(point)
		return err
	}
	_, err := elfsym.ParsePattern(strings.TrimPrefix(text, probe.Prefix))
	return err
}

// parseExprs parses the expressions given to a flag, which must differ in
// their names.
func parseExprs(flag string, texts []string) ([]*fetch.Expr, error) {
	var out []*fetch.Expr
	names := make(map[string]bool)
	for _, text := range texts {
		e, err := fetch.Parse(text)
		if err != nil {
			return nil, usage(fmt.Errorf("%s: %w", flag, err))
		}
		if names[e.Alias] {
			return nil, usage(fmt.Errorf("%s: two expressions are called %q: give one a name, NAME=EXPR", flag, e.Alias))
		}
		names[e.Alias] = true
		out = append(out, e)
	}
	return out, nil
}
