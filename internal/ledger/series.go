package ledger

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// Series reads the series that have keys, by function, whose number is its
// place in funcs.
func Series(m *ebpf.Map, funcs []Func) (map[uint32][]latency.Series, error) {
	out := make(map[uint32][]latency.Series)
	if !slices.ContainsFunc(funcs, func(f Func) bool { return f.keyed() }) {
		return out, nil
	}
	// Two keys can have one text: an unreadable value keeps no data, but a
	// string that is not UTF-8 is shown by its replacement.
	merged := make(map[uint32]map[string]int)
	key := make([]byte, m.KeySize())
	var value bpf.CallHist
	it := m.Iterate()
	for it.Next(&key, &value) {
		id := binary.NativeEndian.Uint32(key)
		if int(id) >= len(funcs) || !funcs[id].keyed() {
			continue
		}
		f := &funcs[id]
		one := seriesOf(&value, f)
		if one.Count == 0 {
			continue
		}
		one.Key = f.key(key)
		text := keyText(&one, f.By)
		if merged[id] == nil {
			merged[id] = make(map[string]int)
		}
		if at, ok := merged[id][text]; ok {
			out[id][at].Merge(&one)
			continue
		}
		merged[id][text] = len(out[id])
		out[id] = append(out[id], one)
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	return out, nil
}

// key is the texts of a key's parts.
func (f *Func) key(key []byte) map[string]string {
	named := make(map[string]string, len(f.By))
	for _, name := range f.By {
		named[name] = latency.KeyNone // unless the function has such a value
	}
	if f.Beside != nil {
		for name, text := range f.Beside(key) {
			named[name] = text
		}
	}
	if HasKey(f.Program) {
		values := f.Program.Decode(binary.NativeEndian.Uint64(key[bpf.KeyStatus:]), key[bpf.KeyHeader:])
		for i, part := range f.Program.Parts {
			named[part.Name] = values[i].Text
		}
	}
	return named
}

// Whole reads the series of all calls of a function without keys, or the one of
// the calls whose keys came after the limit, which are as many as merged says. It
// is nil when empty.
func Whole(m *ebpf.Map, id uint32, f *Func, merged uint64) (*latency.Series, error) {
	if f.keyed() && merged == 0 {
		return nil, nil
	}
	var value bpf.CallHist
	if err := m.Lookup(id, &value); err != nil {
		return nil, fmt.Errorf("read series of %s: %w", f.Name, err)
	}
	one := seriesOf(&value, f)
	if one.Count == 0 {
		return nil, nil
	}
	one.Key = map[string]string{}
	var beside map[string]string
	if f.Beside != nil {
		beside = f.Beside(nil)
	}
	for _, name := range f.By {
		one.Key[name] = latency.KeyNone
		if _, ok := beside[name]; ok || HasKey(f.Program) {
			one.Key[name] = latency.KeyOther
		}
	}
	return &one, nil
}

// Sort puts series in the order in which a recording has them: those that took
// longest first.
func Sort(f *latency.Function) {
	slices.SortFunc(f.Series, func(a, b latency.Series) int {
		return cmp.Or(-cmp.Compare(a.SumNS, b.SumNS), -cmp.Compare(a.Count, b.Count), strings.Compare(keyText(&a, f.By), keyText(&b, f.By)))
	})
}

func keyText(s *latency.Series, by []string) string {
	var b strings.Builder
	for _, name := range by {
		b.WriteString(s.Key[name])
		b.WriteByte(0)
	}
	return b.String()
}

func seriesOf(h *bpf.CallHist, f *Func) latency.Series {
	one := latency.Series{Key: map[string]string{}}
	if f.Untimed { // counted in the first slot, without a duration
		one.Count = h.Slots[0]
		return one
	}
	one.Buckets = latency.FromSlots(h.Slots[:])
	one.Count = one.Buckets.Count()
	one.SumNS, one.SelfNS, one.LostNS = h.SumNs, h.SelfNs, h.LostNs
	one.MinNS, one.MaxNS = ^h.InverseMinNs, h.MaxNs
	one.Over = over(h, f.LimitsNS)
	one.Fill()
	return one
}

// over adds up how many calls are above each limit: the kernel counts each call
// at the highest one alone.
func over(h *bpf.CallHist, limits []uint64) []latency.Over {
	out := make([]latency.Over, len(limits))
	var calls uint64
	for i := len(limits) - 1; i >= 0; i-- {
		calls += h.Over[i]
		out[i] = latency.Over{LimitNS: limits[i], Calls: calls}
	}
	return out
}
