package elfsym

import (
	"fmt"
	"strings"
)

// maxListed is how many functions a message lists.
const maxListed = 10

// Error lists the functions with their addresses.
func (e *AmbiguousError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s means %d functions:", e.Name, len(e.Matches))
	for i, f := range e.Matches {
		if i == maxListed {
			fmt.Fprintf(&s, " and %d more", len(e.Matches)-i)
			break
		}
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, " %s at %#x", shortened(f.Name), f.Addr)
		if f.Symbol != f.Name {
			fmt.Fprintf(&s, " (%s)", shortened(f.Symbol))
		}
	}
	return s.String()
}

func shortened(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// ambiguous returns an error unless fs are one function or the copies of one:
// instances of a generic, constructor variants, .constprop clones. Two
// functions of the very same linker name are different ones, local to their
// files; only the shapes of a stripped Go program of before 1.21 are all
// called F[...].
func ambiguous(name string, fs []found) error {
	symbols := map[string]bool{}
	instances := map[string]string{}
	for _, m := range fs {
		full, seen := instances[m.instance]
		if m.key != fs[0].key || symbols[m.f.Symbol] && !strings.Contains(m.f.Symbol, "[...]") || seen && full != m.full {
			return &AmbiguousError{Name: name, Matches: funcsOf(fs)}
		}
		symbols[m.f.Symbol], instances[m.instance] = true, m.full
	}
	return nil
}

func funcsOf(fs []found) []*Func {
	out := make([]*Func, len(fs))
	for i, m := range fs {
		out[i] = m.f
	}
	return out
}

// withoutTwins drops the deleting destructors (D0) that stand beside the
// destructor they call, and gcc's local unified constructors and destructors
// (C4, D4) that stand beside the public ones, which jump to them.
func withoutTwins(fs []found) []found {
	names := make(map[string]bool)
	for _, m := range fs {
		names[m.f.Symbol] = true
		for _, alias := range m.f.Aliases {
			names[alias] = true
		}
	}
	beside := func(sym, own, public string) bool {
		i := strings.LastIndex(sym, own)
		return i > 0 && names[sym[:i]+public+sym[i+len(own):]]
	}
	var rest []found
	for _, m := range fs {
		sym := m.f.Symbol
		twin := m.f.Lang == LangCXX && (strings.Contains(sym, "D0Ev") ||
			beside(sym, "C4E", "C1E") || beside(sym, "C4E", "C2E") || beside(sym, "D4E", "D1E") || beside(sym, "D4E", "D2E"))
		if !twin {
			rest = append(rest, m)
		}
	}
	if len(rest) == 0 {
		return fs
	}
	return rest
}
