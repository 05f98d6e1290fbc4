package kernel

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
)

// ErrHidden says that the kernel shows its addresses as zeros.
var ErrHidden = errors.New("the kernel hides its addresses (kernel.kptr_restrict, or CAP_SYSLOG is missing)")

// Symbols are the functions of the running kernel and its modules.
type Symbols struct {
	addrs []uint64
	names []string
}

// LoadSymbols reads the kernel's functions from /proc/kallsyms.
func LoadSymbols() (*Symbols, error) {
	data, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	s, err := parseSymbols(data)
	if err != nil {
		return nil, fmt.Errorf("read /proc/kallsyms: %w", err)
	}
	return s, nil
}

// parseSymbols reads lines of "address type name [module]", of which the types
// t and w are code (nm(1)).
func parseSymbols(data []byte) (*Symbols, error) {
	type symbol struct {
		addr uint64
		name string
	}
	var all []symbol
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20) // Rust's names are long
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 3 || len(fields[1]) != 1 || !bytes.ContainsAny(fields[1], "tTwW") {
			continue
		}
		addr, err := strconv.ParseUint(string(fields[0]), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		if addr != 0 {
			all = append(all, symbol{addr, string(fields[2])})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrHidden
	}
	slices.SortStableFunc(all, func(a, b symbol) int {
		switch {
		case a.addr < b.addr:
			return -1
		case a.addr > b.addr:
			return 1
		}
		return 0
	})
	s := &Symbols{addrs: make([]uint64, len(all)), names: make([]string, len(all))}
	for i, sym := range all {
		s.addrs[i], s.names[i] = sym.addr, sym.name
	}
	return s, nil
}

// Name returns the function that addr is in, without an offset, or "" if addr
// is before the first one. An address behind the last function of a module
// counts as part of it, as kallsyms tells no sizes.
func (s *Symbols) Name(addr uint64) string {
	i := sort.Search(len(s.addrs), func(i int) bool { return s.addrs[i] > addr })
	if i == 0 {
		return ""
	}
	// Of several names for one address the first is taken: the others are aliases.
	for i--; i > 0 && s.addrs[i-1] == s.addrs[i]; i-- {
	}
	return s.names[i]
}

// Code returns where the function called name begins and where the next one
// does; 0 and 0 if there is none.
func (s *Symbols) Code(name string) (from, to uint64) {
	i := slices.Index(s.names, name)
	if i < 0 {
		return 0, 0
	}
	from = s.addrs[i]
	for ; i < len(s.addrs); i++ {
		if s.addrs[i] > from {
			return from, s.addrs[i]
		}
	}
	return from, from + 1
}
