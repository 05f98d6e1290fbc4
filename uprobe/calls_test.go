package uprobe

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// goProbe is a probe of a Go function in an image that two processes map.
func goProbe(exe bool, tlsg int64) Probe {
	return Probe{
		Func: &elfsym.Func{Name: "main.send", Lang: elfsym.LangGo}, Exit: ExitRet,
		Image: &Image{Name: "shop", IsExe: exe, Users: []User{
			{Process: &procfs.Process{PID: 7}}, {Process: &procfs.Process{PID: 8}},
		}},
		GoInfo: elfsym.GoInfo{TLSG: tlsg, GoidOffset: 152, CurgOffset: 184, SchedBPOffset: 96},
	}
}

// Goroutines are told by process, or where processes come later, by all of them;
// where they cannot be told, it is said.
func TestGoLayouts(t *testing.T) {
	layout := bpf.CallGoLayout{G_offset: -8, GoidOffset: 152, CurgOffset: 184, BpOffset: 96}
	for _, c := range []struct {
		label string
		plan  Plan
		want  map[uint32]bpf.CallGoLayout
		blind []string
	}{
		{"processes", Plan{PIDs: []int{7, 8}, Probes: []Probe{goProbe(true, -8)}}, map[uint32]bpf.CallGoLayout{7: layout, 8: layout}, nil},
		{"file", Plan{Probes: []Probe{goProbe(true, -8)}}, map[uint32]bpf.CallGoLayout{0: layout}, nil},
		{"library", Plan{PIDs: []int{7}, Probes: []Probe{goProbe(false, -8)}}, map[uint32]bpf.CallGoLayout{},
			[]string{"main.send is not seen in flight: it is not known where shop keeps the goroutine that runs"}},
		{"no place of g", Plan{PIDs: []int{7}, Probes: []Probe{goProbe(true, 0)}}, map[uint32]bpf.CallGoLayout{},
			[]string{"main.send is not seen in flight: it is not known where shop keeps the goroutine that runs"}},
		{"counted", Plan{PIDs: []int{7}, Probes: []Probe{{Func: &elfsym.Func{Name: "spin", Lang: elfsym.LangC}}}}, map[uint32]bpf.CallGoLayout{},
			[]string{"spin is not seen in flight: it is counted, not timed"}},
	} {
		t.Run(c.label, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.plan.goLayouts()); diff != "" {
				t.Errorf("layouts (-want +got):\n%s", diff)
			}
			s := &Session{plan: &c.plan}
			if diff := cmp.Diff(c.blind, s.Calls().Blind); diff != "" {
				t.Errorf("not seen (-want +got):\n%s", diff)
			}
		})
	}
}

// A key comes from a program that may have read it while it changed.
func TestDecodeRefuses(t *testing.T) {
	s := &Session{plan: &Plan{Probes: []Probe{{Func: &elfsym.Func{Name: "send"}}}}}
	key := make([]byte, bpf.KeyHeader)
	call, err := s.Decode(key)
	if diff := cmp.Diff(&latency.Call{Func: "send"}, call); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := s.Decode(key[:bpf.KeyHeader-1]); err == nil || err.Error() != "decode a call in flight: 15 bytes are no key" {
		t.Error(err)
	}
	binary.NativeEndian.PutUint32(key, 1)
	if _, err := s.Decode(key); err == nil || err.Error() != "decode a call in flight: there is no function 1" {
		t.Error(err)
	}
}
