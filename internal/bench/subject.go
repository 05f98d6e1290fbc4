package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// subject is a running program of testprogs, or one that speaks like them: it
// says "ready PID", waits for a line, works, prints its own time per call, says
// "done" and waits again.
type subject struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Scanner
	pid   int
}

func (b *bench) start(path string, args ...string) (*subject, error) {
	s := &subject{cmd: b.command("", path, args...)}
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewScanner(stdout)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.pid = s.cmd.Process.Pid
	if !s.out.Scan() || s.out.Text() != fmt.Sprintf("ready %d", s.pid) {
		return nil, fmt.Errorf("%s began with %q", path, s.out.Text())
	}
	return s, nil
}

var perCall = regexp.MustCompile(`^# .*?([0-9.]+) ns per call$`)

// work lets the program work and returns the time it took for each call.
func (s *subject) work() (ns float64, err error) {
	if _, err := io.WriteString(s.stdin, "go\n"); err != nil {
		return 0, err
	}
	found := false
	for s.out.Scan() {
		line := s.out.Text()
		if m := perCall.FindStringSubmatch(line); m != nil {
			found = true
			if ns, err = strconv.ParseFloat(m[1], 64); err != nil {
				return 0, err
			}
		}
		if strings.HasPrefix(line, "wrong") {
			return 0, fmt.Errorf("%s under probes: %s", s.cmd.Path, line)
		}
		if line == "done" {
			if !found {
				break
			}
			return ns, nil
		}
	}
	return 0, fmt.Errorf("%s ended without its time per call", s.cmd.Path)
}

// end lets the program exit.
func (s *subject) end() error {
	s.stdin.Close()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", s.cmd.Path, err)
	}
	return nil
}
