package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
)

// dropsOptions are the flags of drops.
type dropsOptions struct {
	callFlags
	netns      []string
	where      string
	causes     []string
	failOn     []string
	duration   time.Duration
	untilClean time.Duration
	all        bool
	verbose    bool
	json       bool
	strict     bool
	traceRules bool
	packets    bool
	pcap       string
}

func newDrops(s streams) *cobra.Command {
	o := &dropsOptions{}
	c := &cobra.Command{
		Use:   "drops [-p PID] [flags] [-- COMMAND ARG...]",
		Short: "Show every dropped packet: from where to where, in which function, why, by which rule, whose",
		Long: `Shows every packet that the kernel drops, on the whole machine or where it is asked
to look, and socket calls that fail before there is a packet. A line tells of one
cause and flow; more of the same come at growing intervals, with their number. The
summary at the end goes to stdout, with --json to stderr.

Watching ends with Ctrl-C, -d, --until-clean, the command, the last process of -p,
or the last namespace of --netns. Exit status: 0 fine, 1 what --fail-on or
--until-clean demands does not hold, 2 usage, 3 could not watch. Where that is 0, the
status of a command becomes latch's; a command that fails is always said.`,
		Example: `  latch drops
  latch drops -v --netns shop --where 'dst == "10.0.0.7" && dport == 443'
  latch drops -p $(pidof shop) --during main.sendOrder --show orderID
  latch drops --fail-on firewall,no-route -- ./integration-tests`,
		RunE: func(c *cobra.Command, args []string) error {
			rest, command := split(c, args)
			switch {
			case len(rest) > 0:
				return usage(fmt.Errorf("drops takes no argument %q: functions are given by --during, a command behind --", rest[0]))
			case c.ArgsLenAtDash() >= 0 && len(command) == 0:
				return usage(errors.New("no command stands behind --"))
			}
			// What a shell makes of a variable that is not set must not mean all.
			for _, name := range []string{"cause", "fail-on", "netns", "pcap", "where"} {
				if f := c.Flags().Lookup(name); f.Changed && (f.Value.String() == "" || f.Value.String() == "[]") {
					return usage(fmt.Errorf("--%s is given nothing", name))
				}
			}
			return drops(c.Context(), s, o, command)
		},
	}
	flags := c.Flags()
	flags.VarP(&o.target.pids, "pid", "p", "show only packets from or for sockets of this process (repeatable)")
	flags.StringArrayVar(&o.netns, "netns", nil, "show only drops in this network `namespace`: a name, a PID in it, its inode number, or a container's ID (repeatable)")
	flags.StringVar(&o.where, "where", "", "show only drops for which this `EXPR` is true, such as 'src == \"10.0.0.1\" && dport == 443'")
	flags.StringSliceVar(&o.causes, "cause", nil, "show only these `causes`: "+strings.Join(drop.Classes(), ", "))
	flags.StringSliceVar(&o.failOn, "fail-on", nil, "exit with 1 if a packet was dropped by one of these `causes`; any means all of them")
	o.register(flags)
	flags.DurationVarP(&o.duration, "duration", "d", 0, "stop after this long (default: until Ctrl-C or the command ends)")
	flags.DurationVar(&o.untilClean, "until-clean", 0, "stop when nothing was dropped for this long; exit with 1 if -d comes first")
	flags.BoolVar(&o.all, "all", false, "show routine frees too, which lose nothing")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show of each drop where, why, whose, what the program saw, and what to check")
	flags.BoolVar(&o.json, "json", false, "print JSON Lines")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 if any drop was lost")
	flags.BoolVar(&o.traceRules, "trace-rules", false, "find rules by adding a trace, limited to a few packets, to the firewall for a moment; it is taken out again")
	flags.BoolVar(&o.packets, "packets-only", false, "do not watch for socket calls that fail, for which each system call of this machine takes 0.1µs longer")
	flags.StringVar(&o.pcap, "pcap", "", "write the packets to this `FILE` (pcapng), each with its cause as a comment")
	return c
}

// check refuses what cannot work before anything is touched.
func (o *dropsOptions) check(command []string) error {
	known := drop.Classes()
	for _, list := range []struct {
		flag   string
		values []string
	}{{"--cause", o.causes}, {"--fail-on", o.failOn}} {
		for _, class := range list.values {
			if !slices.Contains(known, class) && (list.flag == "--cause" || class != "any") {
				return fmt.Errorf("%s %s: there is no such cause; there are %s", list.flag, class, strings.Join(known, ", "))
			}
		}
	}
	switch {
	case o.duration < 0 || o.untilClean < 0:
		return errors.New("durations cannot be negative")
	case o.duration > 0 && o.untilClean > o.duration:
		return fmt.Errorf("--until-clean %v cannot come true within -d %v", o.untilClean, o.duration)
	}
	return o.callFlags.check(command)
}

// drops watches until something ends it.
func drops(ctx context.Context, s streams, o *dropsOptions, command []string) error {
	if err := o.check(command); err != nil {
		return usage(err)
	}
	var where *drop.Where
	if o.where != "" {
		var err error
		if where, err = drop.ParseWhere(o.where); err != nil {
			return usage(fmt.Errorf("--where: %w", err))
		}
	}
	for _, pid := range o.target.pids {
		if _, err := procfs.Open(pid); err != nil {
			return err
		}
	}
	var inside []kernel.NetNS
	for _, name := range o.netns {
		ns, err := kernel.NetNSNamed(name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(inside, func(o kernel.NetNS) bool { return o.Inode == ns.Inode }) {
			inside = append(inside, ns)
		}
	}
	ctx, signals := interruptible(ctx)
	defer signals.stop()
	defer keepOnPipe()()
	w := &dropWatch{options: o, where: where, inside: inside, s: s}
	return w.run(ctx, signals, command)
}
