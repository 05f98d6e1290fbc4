package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// bigProgram is a Go program of about 40 MB with DWARF. It is fetched through
// the module proxy once; the module and build caches keep it.
const bigProgram = "golang.org/x/tools/gopls@v0.20.0"

// parseFile is in every program that reads Go.
const parseFile = "go/parser.ParseFile"

// attaching measures how long latch takes from its start until its probes
// are in, and how much memory.
func (b *bench) attaching() error {
	t := newTable(b.out, "latch record -p PID "+parseFile+" --by ..., from its start until the probes are in (median, range)",
		"program", "MB", "--by", "ms", "goal", "peak RSS MB", "goal")
	for _, v := range []struct {
		name, ldflags, by string
		maxMS, maxMB      float64
	}{{"with DWARF", "", "filename", 1500, 150}, {"stripped", "-s -w", "arg3", 300, 0}} {
		fmt.Fprintf(b.log, "bench: building %s, %s\n", bigProgram, v.name)
		path, err := b.install(v.ldflags)
		if err != nil { // without a network there is no such program, and no figure
			fmt.Fprintf(b.log, "bench: %v\n", err)
			t.row("gopls "+v.name, "-", v.by, "not measured", "-", "not measured", "-")
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		ms, mb, err := b.attachRounds(path, v.by)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		t.row("gopls "+v.name, fmt.Sprintf("%.1f", float64(info.Size())/1e6), v.by,
			spread(ms), atMost(median(ms), v.maxMS), spread(mb), atMost(median(mb), v.maxMB))
	}
	return t.flush()
}

// install builds the big program with a Go command of its own module.
func (b *bench) install(ldflags string) (string, error) {
	dir := filepath.Join(b.dir, "bin"+strconv.Itoa(len(ldflags)))
	cmd := b.command(b.dir, "go", "install", "-ldflags="+ldflags, bigProgram)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: %w\n%s", bigProgram, err, out)
	}
	return filepath.Join(dir, "gopls"), nil
}

// attachRounds attaches to the program, which serves nobody, and detaches. A
// first round, while the program itself is still starting, does not count.
func (b *bench) attachRounds(path, by string) (ms, rssMB []float64, err error) {
	cmd := b.command("", path, "serve")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	defer func() {
		stdin.Close()
		killErr := cmd.Process.Kill()
		var status *exec.ExitError
		if waitErr := cmd.Wait(); waitErr != nil && !errors.As(waitErr, &status) {
			err = errors.Join(err, waitErr)
		}
		if !errors.Is(killErr, os.ErrProcessDone) {
			err = errors.Join(err, killErr)
		}
	}()
	for round := range b.rounds + 1 {
		took, rss, err := b.attachOnce(b.record(parseFile, by), cmd.Process.Pid)
		if err != nil {
			return nil, nil, err
		}
		if round > 0 {
			ms, rssMB = append(ms, took), append(rssMB, rss)
		}
	}
	return ms, rssMB, nil
}

func (b *bench) attachOnce(tr *tracer, pid int) (ms, rssMB float64, err error) {
	began := time.Now()
	a, err := b.attach(tr, pid)
	if err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	if _, err := a.stop(); err != nil {
		return 0, 0, err
	}
	usage, ok := a.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, errors.New("no resource usage of latch")
	}
	return took.Seconds() * 1000, float64(usage.Maxrss) * 1024 / 1e6, nil
}
