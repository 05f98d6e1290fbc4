package main

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// listed is what latch list says of a function.
type listed struct {
	Addr  uint64
	Exits []struct{ Offset uint64 }
}

// goProbes compares latch's sites in Go with those of the tools that take the
// start of a function and its RETs. A return probe would kill the program.
func (b *bench) goProbes() error {
	path := filepath.Join(b.dir, "price")
	// Debian's bpftrace refuses addresses inside a function that it knows by
	// name, because it was built without a disassembler. So the symbol table
	// goes; DWARF stays.
	if err := b.build("go", "build", "-ldflags=-s -w=0", "-o", path, filepath.Join("internal", "bench", "testdata", "price.go")); err != nil {
		return err
	}
	const function = "main.Price"
	out, err := b.command("", b.latch, "list", "-e", path, "--json", "-v", function).Output()
	if err != nil {
		return fmt.Errorf("list %s: %w", function, err)
	}
	var f listed
	if err := json.Unmarshal(out, &f); err != nil {
		return fmt.Errorf("list %s: %w", function, err)
	}
	script, err := startAndRets(path, &f)
	if err != nil {
		return err
	}
	costs, err := b.compare(&rivals{function, path, []string{strconv.Itoa(calls)}, []*tracer{
		b.record(function, "kind"), bpftrace(script),
	}})
	if err != nil {
		return err
	}
	t := newTable(b.out, "Added ns per call of a Go function with a stack check, by argument (median, range)",
		"function", "latch", "start + RETs (bpftrace)", "latch/other", "goal")
	t.costs(function, costs, 0.7)
	return t.flush()
}

// startAndRets is the script for a probe on the first instruction and one on
// each RET. The first argument of Go is in AX (Go's ABI specification).
// bpftrace takes addresses of a file without symbols for offsets in the file.
func startAndRets(path string, f *listed) (string, error) {
	start, err := fileOffset(path, f.Addr)
	if err != nil {
		return "", err
	}
	var rets []string
	for _, exit := range f.Exits {
		rets = append(rets, fmt.Sprintf("uprobe:%s:%#x", path, exit.Offset))
	}
	if len(rets) == 0 {
		return "", fmt.Errorf("%s: the function has no RET", path)
	}
	return fmt.Sprintf("uprobe:%s:%#x { @start[tid] = nsecs; @arg[tid] = reg(\"ax\"); }\n", path, start) +
		strings.Join(rets, ", ") + ` /@start[tid]/ { @ns[@arg[tid]] = hist(nsecs - @start[tid]); delete(@start[tid]); delete(@arg[tid]); }
END { clear(@start); clear(@arg); }`, nil
}

func fileOffset(path string, addr uint64) (uint64, error) {
	file, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return addr - p.Vaddr + p.Off, nil
		}
	}
	return 0, fmt.Errorf("%s: address %#x is in no segment", path, addr)
}
