package kernel

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// A Feature is a way to watch what the kernel does.
type Feature struct {
	// Name says what it is, in words.
	Name string
	// Err says why this kernel does not let this user have it; nil where it
	// does.
	Err error
}

// Features tries the ways to watch this kernel, each on something harmless and for
// a moment. Neither versions nor configurations tell: a kernel may have them all
// and refuse some (lockdown).
func Features() []Feature {
	return []Feature{
		{"the kernel's own types (BTF)", tryTypes()},
		{"tracepoints with their arguments", tryProgram(&ebpf.ProgramSpec{Type: ebpf.RawTracepoint}, func(p *ebpf.Program) (io.Closer, error) {
			return link.AttachRawTracepoint(link.RawTracepointOptions{Name: harmlessTracepoint, Program: p})
		})},
		{"tracepoints with their arguments' types", tryProgram(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: harmlessTracepoint}, func(p *ebpf.Program) (io.Closer, error) {
			return link.AttachTracing(link.TracingOptions{Program: p})
		})},
		{"tracepoints with their records", tryProgram(&ebpf.ProgramSpec{Type: ebpf.TracePoint}, func(p *ebpf.Program) (io.Closer, error) {
			return AttachRecord(Tracepoint{"sched", harmlessTracepoint}, p)
		})},
		{"functions of the kernel, by fentry", tryProgram(&ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: harmlessFunction}, func(p *ebpf.Program) (io.Closer, error) {
			return link.AttachTracing(link.TracingOptions{Program: p})
		})},
		{"functions of the kernel, by kprobe", tryProgram(&ebpf.ProgramSpec{Type: ebpf.Kprobe}, func(p *ebpf.Program) (io.Closer, error) {
			return link.Kprobe(harmlessFunction, p, nil)
		})},
	}
}

// What Features attaches to: they are seldom passed and called, and every kernel
// has them.
const (
	harmlessTracepoint = "sched_process_exec"
	harmlessFunction   = "do_nanosleep"
)

func tryTypes() error {
	_, err := LoadTypes()
	return err
}

// tryProgram loads a program that does nothing, attaches it, and takes it out.
func tryProgram(spec *ebpf.ProgramSpec, attach func(*ebpf.Program) (io.Closer, error)) error {
	spec.Name, spec.License = "latch_try", "Dual BSD/GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	program, err := ebpf.NewProgram(spec)
	if errors.Is(err, unix.EPERM) { // what the library says beside it misleads
		return fmt.Errorf("the kernel refuses the program: %w", unix.EPERM)
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	l, err := attach(program)
	if err != nil {
		return errors.Join(fmt.Errorf("attach: %w", err), program.Close())
	}
	return errors.Join(l.Close(), program.Close())
}
