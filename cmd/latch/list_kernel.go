package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/probe"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
)

// splitKernel parts patterns into those of what the kernel does and the others.
func splitKernel(patterns []string) (kernels, others []string) {
	for _, p := range patterns {
		if isKernels(p) {
			kernels = append(kernels, p)
		} else {
			others = append(others, p)
		}
	}
	return kernels, others
}

// listKernel writes the system calls and tracepoints that patterns select, with
// what they are given.
func listKernel(w io.Writer, o *listOptions, patterns []string) error {
	types, err := kernel.LoadTypes()
	if err != nil {
		types = nil // tables and tracefs may serve
	}
	encoder := json.NewEncoder(w)
	for _, pattern := range patterns {
		all, err := kernelFunctions(pattern, types)
		if err != nil {
			return err
		}
		for i := range all {
			if o.json {
				if err := encoder.Encode(&all[i]); err != nil {
					return fmt.Errorf("write list: %w", err)
				}
				continue
			}
			writeKernelFunction(w, &all[i], o.verbose)
		}
	}
	return nil
}

// kernelFunctions are what a pattern selects.
func kernelFunctions(pattern string, types *kernel.Types) ([]listed, error) {
	if err := checkPattern(pattern); err != nil {
		return nil, usage(err)
	}
	var out []listed
	if name, ok := strings.CutPrefix(pattern, probe.Prefix); ok {
		calls, err := kernel.FindSyscalls(name)
		if err != nil {
			return nil, err
		}
		for _, c := range calls {
			l := listed{Name: probe.Prefix + c.Name, Symbol: c.Name, Lang: latency.LangKernel, Number: &c.Number, Exit: latency.ExitTracepoint}
			if c.NoReturn() {
				l.Exit = latency.ExitNone
			}
			for _, p := range c.Params(types) {
				lp := listedParam{Name: p.Name, Result: p.Result, Type: p.Declared}
				if p.Result {
					lp.Name = "ret"
				}
				l.Params = append(l.Params, lp)
			}
			out = append(out, l)
		}
		return out, nil
	}
	points, err := kernel.FindTracepoints(strings.TrimPrefix(pattern, probe.EventPrefix), types)
	if err != nil {
		return nil, err
	}
	for _, t := range points {
		l := listed{Name: t.String(), Symbol: t.Name, Lang: latency.LangKernel, Exit: latency.ExitNone}
		fields, noRecord := t.Record(types)
		args, noArgs := t.Args(types)
		if noRecord != nil && noArgs != nil {
			l.Error = ledger.InLine(noArgs)
		}
		for _, f := range fields {
			l.Params = append(l.Params, listedField(&f, ""))
		}
		for _, f := range args {
			l.Params = append(l.Params, listedField(&f, "argument"))
		}
		out = append(out, l)
	}
	return out, nil
}

func listedField(f *kernel.Field, where string) listedParam {
	p := listedParam{Name: f.Name, Type: f.Declared, Where: where}
	if f.Err != nil {
		p.Error = f.Err.Error()
	}
	return p
}

// writeKernelFunction prints one for a person: what it is given in the order of C,
// and of a tracepoint what it shows by itself; with all, its own arguments too.
func writeKernelFunction(w io.Writer, l *listed, all bool) {
	var shown, args []string
	result := ""
	for _, p := range l.Params {
		text := declared(&p)
		switch {
		case p.Result:
			result = " = " + report.Escape(p.Type)
		case p.Where != "":
			args = append(args, text)
		default:
			shown = append(shown, text)
		}
	}
	if len(shown) == 0 && len(args) > 0 {
		shown, args = args, nil // without tracefs they are what is shown
	}
	fmt.Fprintf(w, "%s(%s)%s\n", report.Escape(l.Name), strings.Join(shown, ", "), result)
	if l.Error != "" {
		fmt.Fprintf(w, "    cannot be watched: %s\n", report.Escape(l.Error))
	}
	if !all {
		return
	}
	if l.Number != nil {
		fmt.Fprintf(w, "    number %d\n", *l.Number)
	}
	if len(args) > 0 {
		fmt.Fprintf(w, "    or its own arguments (%s)\n", strings.Join(args, ", "))
	}
}

// declared is a parameter as C declares it.
func declared(p *listedParam) string {
	name, typ := report.Escape(p.Name), report.Escape(p.Type)
	switch before, elems, isArray := strings.Cut(typ, "["); {
	case isArray && elems != "]":
		return before + " " + name + "[" + elems
	case strings.HasSuffix(typ, "*"):
		return typ + name
	}
	return typ + " " + name
}
