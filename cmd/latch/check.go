package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// checkOptions are the flags of check.
type checkOptions struct {
	target          targetFlags
	file            string
	expect          []string
	duration        time.Duration
	warmup          time.Duration
	untilCalls      uint64
	runs            int
	baseline        string
	baselineCommand string
	allowUnlike     bool
	save            string
	outputs         []string
	json            bool
	strict          bool
	maxKeys         int
	backend         string

	// programs selects what is measured of a command's programs; "" is the
	// command itself.
	programs string
}

func newCheck(s streams) *cobra.Command {
	o := &checkOptions{}
	c := &cobra.Command{
		Use:   "check [-f BUDGET.yaml] [--expect BUDGET]... [-p PID | -e FILE] [flags] [-- COMMAND ARG...]",
		Short: "Measure, and fail when a function breaks its latency budget",
		Long: `Measure functions, judge them by budgets, and fail when one is broken: 0 is
for budgets that hold, 1 for one that is broken, 2 for usage, 3 for what could
not be measured, 4 under --strict for what cannot be told. Where that is 0, the
command's own exit status is passed on.`,
		Example: `  latch check -f budget.yaml -p $(pidof shop) -d 30s
  latch check --expect 'p99(main.handle, route=/api) < 5ms' -- ./loadtest
  latch check -f budget.yaml --exe '*.test' -- go test -run Load ./...
  latch check -f budget.yaml --save main.json -d 1m -p $(pidof shop)
  latch check -f budget.yaml --runs 5 --baseline-command './old --load' -- ./new --load`,
		RunE: func(c *cobra.Command, args []string) error {
			patterns, command := split(c, args)
			if len(patterns) > 0 {
				return usage(fmt.Errorf("%s: budgets say which functions are measured", patterns[0]))
			}
			if err := noneEmpty(c.Flags(), "file", "exe", "baseline", "baseline-command", "save"); err != nil {
				return usage(err)
			}
			return check(c.Context(), s, o, command)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "the budgets, in YAML (docs/ci.md)")
	flags.StringArrayVar(&o.expect, "expect", nil, "one more `BUDGET`, such as 'p99(main.handle, route=/api) < 5ms' (repeatable)")
	o.target.register(flags)
	flags.Lookup("exe").Usage = "measure every process that maps this `file`, now or later; with a command and without a slash, such as '*.test', the programs of that name that the command starts"
	flags.StringArrayVar(&o.target.by, "by", nil, "what a budget's key means, as `KEY=EXPR`: route=req.URL.Path; a key without is an expression itself (repeatable)")
	o.target.registerWhere(flags)
	flags.DurationVarP(&o.duration, "duration", "d", 0, "stop measuring after this long (default: until Ctrl-C or the target ends)")
	flags.DurationVar(&o.warmup, "warmup", 0, "leave out what is called in this time after the probes are in")
	flags.Uint64Var(&o.untilCalls, "until-calls", 0, "stop measuring when everything that is judged has this many calls")
	flags.IntVar(&o.runs, "runs", 1, "measure this often, starting the command anew")
	flags.StringVar(&o.baseline, "baseline", "", "what to compare with: a `FILE` of --save, or a recording")
	flags.StringVar(&o.baselineCommand, "baseline-command", "", "run this `COMMAND` in turns with the other, and compare with it")
	flags.BoolVar(&o.allowUnlike, "allow-unlike", false, "compare with a baseline of another machine")
	flags.StringVar(&o.save, "save", "", "write what was measured to `FILE`, as a baseline")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "write the verdicts to `FILE`, in the format that its name ends in (repeatable)")
	flags.BoolVar(&o.json, "json", false, "print the verdicts as JSON")
	flags.BoolVar(&o.strict, "strict", false, "exit with 4 if anything is inconclusive, with 3 if any call was lost")
	flags.IntVar(&o.maxKeys, "max-keys", 4096, "series with a key of their own; the rest becomes (other)")
	flags.StringVar(&o.backend, "backend", "", "only this way of attaching: session, uprobe_multi or perf")
	return c
}

// noneEmpty refuses flags that are given without a value, as "$BASE" gives them
// where there is no BASE: a check without what it is to compare with passes.
func noneEmpty(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := flags.Lookup(name); f.Changed && strings.TrimSpace(f.Value.String()) == "" {
			return fmt.Errorf("--%s is empty", name)
		}
	}
	return nil
}

// maxTrials is how often check measures at most.
const maxTrials = 1000

// validate refuses what cannot work before anything is touched.
func (o *checkOptions) validate(command []string) (*uprobe.Options, error) {
	switch {
	case o.duration < 0 || o.warmup < 0:
		return nil, usage(errors.New("durations cannot be negative"))
	case o.maxKeys < 1 || o.maxKeys > 1<<20:
		return nil, usage(fmt.Errorf("--max-keys %d: 1 to %d series can be kept", o.maxKeys, 1<<20))
	case o.runs < 1 || o.runs > maxTrials:
		return nil, usage(fmt.Errorf("--runs %d: 1 to %d runs can be made", o.runs, maxTrials))
	case o.runs > 1 && len(command) == 0 && o.duration == 0 && o.untilCalls == 0:
		return nil, usage(errors.New("--runs without a command: say by -d or --until-calls when each of them ends"))
	case o.baseline != "" && o.baselineCommand != "":
		return nil, usage(errors.New("--baseline and --baseline-command exclude each other"))
	case o.baselineCommand != "" && len(command) == 0:
		return nil, usage(errors.New("--baseline-command needs a command to compare with it, behind --"))
	}
	if err := writable(o.outputs, report.CanWriteCheck, o.file, o.baseline, o.save); err != nil {
		return nil, err
	}
	if o.save != "" {
		if err := creatable(o.save); err != nil {
			return nil, usage(err)
		}
	}
	opts := &uprobe.Options{MaxKeys: o.maxKeys}
	return opts, usage(setBackend(opts, o.backend))
}

// A checker measures what budgets demand, as often as the flags say.
type checker struct {
	s       streams
	o       *checkOptions
	signals *interrupts
	opts    *uprobe.Options
	req     uprobe.Request // without the process of a command
	demand
}

// check measures, judges, and reports.
func check(ctx context.Context, s streams, o *checkOptions, command []string) error {
	opts, err := o.validate(command)
	if err != nil {
		return err
	}
	c := &checker{s: s, o: o, opts: opts}
	if len(command) > 0 && isProgramName(o.target.exe) {
		o.programs, o.target.exe = o.target.exe, ""
		if strings.Contains(o.programs, "/") {
			if o.programs, err = filepath.Abs(o.programs); err != nil {
				return fmt.Errorf("find %s: %w", o.programs, err)
			}
		}
		if _, err := filepath.Match(o.programs, ""); err != nil {
			return usage(fmt.Errorf("--exe %s: %w", o.programs, err))
		}
	}
	req, err := o.target.request(nil, command)
	if err != nil {
		return err
	}
	if c.demand, err = o.demand(req.By); err != nil {
		return err
	}
	req.By, req.Each = nil, c.each
	c.req = *req
	other, err := splitCommand(o.baselineCommand)
	if err != nil {
		return usage(fmt.Errorf("--baseline-command: %w", err))
	}
	before, err := o.loadBaseline(s)
	if err != nil {
		return err
	}
	ctx, c.signals = interruptible(ctx)
	defer c.signals.stop()
	sides, err := c.measureAll(ctx, command, other)
	if err != nil {
		return err
	}
	if before == nil {
		before = sides.before
	}
	return c.conclude(sides, before)
}
