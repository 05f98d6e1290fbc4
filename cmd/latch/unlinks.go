package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/kernel/unlink"
)

// unlinksOptions are the flags of unlinks.
type unlinksOptions struct {
	callFlags
	duration time.Duration
	until    int
	failed   bool
	verbose  bool
	json     bool
	strict   bool
	backend  string
}

func newUnlinks(s streams) *cobra.Command {
	o := &unlinksOptions{}
	c := &cobra.Command{
		Use:   "unlinks PATH... [flags] [-- COMMAND ARG...]",
		Short: "Show who deletes, replaces, moves away or truncates a file",
		Long: `Shows who deletes files, replaces them by a rename, moves them away or truncates them:
the process, how it was called, who started it, and how regularly. A PATH is a file,
which need not exist yet, a directory with all that is below it, or a pattern such as
'/var/log/*.log', which is to be quoted. The summary at the end goes to stdout, with
--json to stderr.

Watching ends with Ctrl-C, -d, --until, the command, or the last process of -p. Exit
status: 0 fine, 2 usage, 3 could not watch. Where that is 0, the status of a command
becomes latch's; a command that fails is always said.`,
		Example: `  latch unlinks /etc/resolv.conf
  latch unlinks /srv/uploads '/var/log/*.log' --until 1
  latch unlinks /srv/cache -p $(pidof shop) --during main.cleanup --show job`,
		RunE: func(c *cobra.Command, args []string) error {
			paths, command := split(c, args)
			switch {
			case len(paths) == 0:
				return usage(errors.New("say which file: latch unlinks PATH"))
			case c.ArgsLenAtDash() >= 0 && len(command) == 0:
				return usage(errors.New("no command stands behind --"))
			}
			return o.run(c.Context(), s, paths, command)
		},
	}
	flags := c.Flags()
	flags.VarP(&o.target.pids, "pid", "p", "the process whose calls --during means (repeatable)")
	o.register(flags)
	flags.DurationVarP(&o.duration, "duration", "d", 0, "stop after this long (default: until Ctrl-C or the command ends)")
	flags.IntVar(&o.until, "until", 0, "stop after this many removals")
	flags.BoolVar(&o.failed, "failed", false, "show attempts that failed, too")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show of each removal all that is known, on several lines")
	flags.BoolVar(&o.json, "json", false, "print JSON Lines")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 if anything was lost")
	flags.StringVar(&o.backend, "backend", "", "use only bpf or only fanotify (default: bpf, and fanotify where that is not to be had)")
	return c
}

// run checks the flags and watches.
func (o *unlinksOptions) run(ctx context.Context, s streams, paths, command []string) error {
	err := o.check(command)
	switch {
	case err != nil:
	case o.duration < 0:
		err = errors.New("durations cannot be negative")
	case o.until < 0:
		err = fmt.Errorf("--until %d: it counts removals", o.until)
	case len(o.target.pids) > 0 && len(o.during) == 0:
		err = errors.New("-p says whose calls --during FUNC means: removals by all processes are shown")
	case o.backend != "" && o.backend != unlink.BackendBPF && o.backend != unlink.BackendFanotify:
		err = fmt.Errorf("--backend %s: bpf or fanotify", o.backend)
	}
	if err != nil {
		return usage(err)
	}
	for _, path := range paths { // what a shell makes of a variable that is not set
		if strings.TrimSpace(path) == "" {
			return usage(errors.New("a PATH is empty"))
		}
	}
	ctx, signals := interruptible(ctx)
	defer signals.stop()
	defer keepOnPipe()()
	w := &unlinkWatch{options: o, paths: paths, s: s}
	return w.run(ctx, signals, command)
}
