package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Running is how often a program ran, and how long in all.
type running struct {
	name      string
	ns, count float64
}

// runs are the times of all loaded programs, where the kernel keeps statistics.
func runs() (map[ebpf.ProgramID]running, error) {
	out := make(map[ebpf.ProgramID]running)
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list programs: %w", err)
		}
		id = next
		prog, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it has gone
		}
		info, err := prog.Info()
		if err == nil {
			if ran, err := prog.Stats(); err == nil {
				out[id] = running{info.Name, float64(ran.Runtime.Nanoseconds()), float64(ran.RunCount)}
			}
		}
		prog.Close()
	}
}

// programsOf are those that a process has loaded: other tools may have some of
// the same name.
func programsOf(pid int) (map[ebpf.ProgramID]bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return nil, err
	}
	own := make(map[ebpf.ProgramID]bool)
	for _, file := range files {
		info, err := os.ReadFile(file)
		if err != nil {
			continue // it is closed
		}
		if m := programID.FindSubmatch(info); m != nil {
			id, err := strconv.ParseUint(string(m[1]), 10, 32)
			if err != nil {
				return nil, err
			}
			own[ebpf.ProgramID(id)] = true
		}
	}
	return own, nil
}

var programID = regexp.MustCompile(`(?m)^prog_id:\s*(\d+)$`)

// returning is a program for the tracepoint skb:kfree_skb that only returns:
// what the kernel's statistics say of it is what they take themselves.
func returning() (*ebpf.Program, error) {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "kfree_skb", License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return nil, fmt.Errorf("load a program that only returns: %w", err)
	}
	return prog, nil
}
