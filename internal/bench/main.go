// Bench measures what a probe costs its target, beside bpftrace and
// funclatency of libbpf-tools, and how long latch takes to attach. All tools
// take turns in each round, so that a busy machine troubles them alike, and
// the figures are medians over the rounds. It needs root, amd64 and the tools.
//
//	go run ./internal/bench
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench holds what all measurements share.
type bench struct {
	ctx    context.Context // of the whole run
	rounds int
	root   string // of the module
	dir    string // for everything that is built; removed at the end
	latch  string // the binary under test
	out    io.Writer
	log    io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 5, "rounds of each measurement")
	only := flags.String("only", "", "only one part: probes, go, attach, expr or drops")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case runtime.GOARCH != "amd64":
		return fmt.Errorf("the benchmark's functions are written for amd64, this is %s", runtime.GOARCH)
	case os.Geteuid() != 0:
		return fmt.Errorf("measuring probes needs root")
	case *rounds < 1:
		return fmt.Errorf("%d rounds measure nothing", *rounds)
	}
	dir, err := os.MkdirTemp("", "latch-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, rounds: *rounds, dir: dir, out: stdout, log: stderr, latch: filepath.Join(dir, "latch")}
	root, err := b.command("", "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	b.root = strings.TrimSpace(string(root))
	if err := b.build("go", "build", "-trimpath", "-o", b.latch, "./cmd/latch"); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d rounds, %d CPUs, %s\n", b.rounds, runtime.NumCPU(), kernel())
	for _, part := range []struct {
		name string
		run  func() error
	}{{"probes", b.native}, {"go", b.goProbes}, {"attach", b.attaching}, {"expr", b.expressions}, {"drops", b.drops}} {
		if *only != "" && *only != part.name {
			continue
		}
		if err := part.run(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "an unknown kernel"
	}
	return "Linux " + strings.TrimSpace(string(release))
}

// command is a command that does not outlive the run.
func (b *bench) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = dir
	return cmd
}

// build runs a compiler in the module, without cgo.
func (b *bench) build(args ...string) error {
	cmd := b.command(b.root, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
