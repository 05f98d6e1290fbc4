package kernel

import (
	"time"

	"github.com/cilium/ebpf"
)

// Calls are the calls in flight of a measurement, for programs that see what
// happens inside of them (bpf/during.bpf.h).
type Calls struct {
	// Maps are those of uprobe's Session.Calls.
	Maps map[string]*ebpf.Map
	// KeySize is how many bytes of a call's key are told.
	KeySize int
}

// callMaps are the maps that such programs look calls up in.
var callMaps = []string{"open_calls", "innermost", "go_layouts"}

// Share makes the programs of a collection look up these calls. The result
// belongs into the collection's map replacements. Where c is nil there are none
// to look up, and the maps are made as small as can be.
func (c *Calls) Share(spec *ebpf.CollectionSpec) map[string]*ebpf.Map {
	shared := make(map[string]*ebpf.Map)
	for _, name := range callMaps {
		if c == nil {
			spec.Maps[name].MaxEntries = 1
			continue
		}
		m := c.Maps[name]
		shared[name] = m
		spec.Maps[name].ValueSize, spec.Maps[name].MaxEntries = m.ValueSize(), m.MaxEntries()
		// The BTF describes the largest key; the kernel compares sizes.
		spec.Maps[name].Key, spec.Maps[name].Value = nil, nil
	}
	return shared
}

// A Call is one that was in flight when something happened.
type Call struct {
	// Key is the call's, as uprobe's Session.Decode reads it.
	Key []byte
	// Began is when it was entered, Goid the goroutine it is on, 0 for a
	// thread.
	Began time.Time
	Goid  uint64
}
