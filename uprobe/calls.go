package uprobe

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
)

// Calls are the calls in flight, kept in eBPF maps that another program may
// share: bpf/during.bpf.h finds the one of the current task in them. The maps
// belong to the session.
type Calls struct {
	// Maps are OpenCalls, Innermost and GoLayouts by the names that the eBPF
	// side gives them. The size of open_calls' values is that of the plan.
	Maps map[string]*ebpf.Map
	// KeySize is how many bytes of an open call's key, from its first on,
	// Decode wants to see: at most what a value of open_calls has of it.
	KeySize int
	// Blind says of which functions calls are not found, and why.
	Blind []string
}

// Calls returns the calls in flight.
func (s *Session) Calls() Calls {
	c := Calls{Maps: make(map[string]*ebpf.Map), KeySize: bpf.KeyHeader + (s.plan.KeySize+7)&^7}
	for _, name := range []string{"open_calls", "innermost", "go_layouts"} {
		c.Maps[name] = s.maps[name]
	}
	for i := range s.plan.Probes {
		p := &s.plan.Probes[i]
		switch {
		case s.refused[p] != nil:
		case p.Exit == ExitNone:
			c.Blind = append(c.Blind, fmt.Sprintf("%s is not seen in flight: it is counted, not timed", p.Func.Name))
		case p.Func.Lang == elfsym.LangGo && !p.tellsGoroutine():
			c.Blind = append(c.Blind, fmt.Sprintf("%s is not seen in flight: it is not known where %s keeps the goroutine that runs", p.Func.Name, p.Image.Name))
		}
	}
	return c
}

// Decode turns the key of an open call, its first Calls.KeySize bytes, into the
// function and what the plan shows of its calls. Name and values are set alone.
func (s *Session) Decode(key []byte) (*latency.Call, error) {
	if len(key) < bpf.KeyHeader {
		return nil, fmt.Errorf("decode a call in flight: %d bytes are no key", len(key))
	}
	id := binary.NativeEndian.Uint32(key)
	if int(id) >= len(s.plan.Probes) {
		return nil, fmt.Errorf("decode a call in flight: there is no function %d", id)
	}
	p := &s.plan.Probes[id]
	call := &latency.Call{Func: p.Func.Name}
	ledger.Show(call, p.Program, binary.NativeEndian.Uint64(key[bpf.KeyStatus:]), key[bpf.KeyHeader:])
	call.Results = nil // there are none yet
	return call, nil
}

// tellsGoroutine reports whether the kernel side can find the goroutine that
// runs. Only an executable has its thread-local storage where the file says; a
// library's is where the loader put it.
func (p *Probe) tellsGoroutine() bool { return p.Image.IsExe && p.GoInfo.TLSG != 0 }

// goLayouts is where the measured processes keep their goroutines, by process.
// Those that start later all run the one file that is measured: they are
// process 0.
func (p *Plan) goLayouts() map[uint32]bpf.CallGoLayout {
	out := make(map[uint32]bpf.CallGoLayout)
	for i := range p.Probes {
		probe := &p.Probes[i]
		if probe.Func.Lang != elfsym.LangGo || !probe.tellsGoroutine() {
			continue
		}
		layout := bpf.CallGoLayout{
			G_offset: probe.GoInfo.TLSG, GoidOffset: int32(probe.GoInfo.GoidOffset),
			CurgOffset: int32(probe.GoInfo.CurgOffset), BpOffset: probe.GoInfo.SchedBPOffset,
		}
		if len(p.PIDs) == 0 {
			out[0] = layout
		}
		for _, user := range probe.Image.Users {
			if len(p.PIDs) > 0 {
				out[uint32(user.Process.PID)] = layout
			}
		}
	}
	return out
}
