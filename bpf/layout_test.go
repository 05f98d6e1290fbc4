package bpf_test

import (
	"testing"
	"unsafe"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// The histogram's slots are counted in C and in Go.
func TestSlotsAgree(t *testing.T) {
	var h bpf.CallHist
	if len(h.Slots) != latency.NumSlots {
		t.Errorf("layout.h has %d slots, latency %d", len(h.Slots), latency.NumSlots)
	}
	if n := len(latency.UpperBoundsNS()); n > bpf.NumBounds {
		t.Errorf("%d bounds do not fit the table of %d", n, bpf.NumBounds)
	}
}

// The fetch programs write by offset.
func TestCallLayout(t *testing.T) {
	var c bpf.CallCall
	if got := unsafe.Offsetof(c.Key); got != bpf.CallHeader {
		t.Errorf("struct call's key is at %d, not %d", got, bpf.CallHeader)
	}
	if got := unsafe.Offsetof(c.Key.Data); got != bpf.KeyHeader {
		t.Errorf("struct call_key's data is at %d, not %d", got, bpf.KeyHeader)
	}
	if got := unsafe.Offsetof(c.Key.Dropped); got != bpf.KeyDropped {
		t.Errorf("struct call_key's flag is at %d, not %d", got, bpf.KeyDropped)
	}
	if got := unsafe.Offsetof(c.Key.Status); got != bpf.KeyStatus {
		t.Errorf("struct call_key's status is at %d, not %d", got, bpf.KeyStatus)
	}
	var e bpf.CallEvent
	if got := unsafe.Offsetof(e.Key); got != bpf.EventHeader {
		t.Errorf("struct event's key is at %d, not %d", got, bpf.EventHeader)
	}
	var y bpf.SysSystemCall
	if got := unsafe.Offsetof(y.Key); got != bpf.CallHeader {
		t.Errorf("struct system_call's key is at %d, not %d as struct call's", got, bpf.CallHeader)
	}
	var p bpf.EventPassing
	if got := unsafe.Offsetof(p.Key); got != bpf.CallHeader {
		t.Errorf("struct passing's key is at %d, not %d as struct call's", got, bpf.CallHeader)
	}
	if got := unsafe.Sizeof(bpf.SysMadeIn{}); got != bpf.MadeIn {
		t.Errorf("struct made_in is %d bytes long, not %d", got, bpf.MadeIn)
	}
	if got := len(c.Key.Data); got != bpf.KeyDataMax {
		t.Errorf("struct call_key's data is %d bytes long, not %d", got, bpf.KeyDataMax)
	}
}
