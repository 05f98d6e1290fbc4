package drop

import (
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// keySize is how many bytes of a call's key each event has.
func (t *Tracer) keySize() int {
	if t.opts.Calls == nil {
		return 0
	}
	return t.opts.Calls.KeySize
}

// loadCalls sets what the drop program needs to find calls in flight: the maps
// they are in, and where the kernel works for the task that runs.
func (t *Tracer) loadCalls(spec *ebpf.CollectionSpec, values map[string]any, shared map[string]*ebpf.Map) error {
	calls := t.opts.Calls
	if calls == nil {
		for _, name := range []string{bpf.DropMapOpenCalls, bpf.DropMapInnermost, bpf.DropMapGoLayouts} {
			spec.Maps[name].MaxEntries = 1
		}
		delete(spec.Programs, bpf.DropProgRetransmit)
		return nil
	}
	for name, m := range calls.Maps {
		shared[name] = m
		spec.Maps[name].ValueSize, spec.Maps[name].MaxEntries = m.ValueSize(), m.MaxEntries()
		// The BTF describes the largest key; the kernel compares sizes.
		spec.Maps[name].Key, spec.Maps[name].Value = nil, nil
	}
	arity, err := kernel.TracepointArity("tcp_retransmit_skb")
	if err != nil {
		return err
	}
	var inTask [2]bpf.DropCode
	for i, name := range systemCalls {
		inTask[i].From, inTask[i].To = t.symbols.Code(name)
	}
	var inSoftirq [4]bpf.DropCode
	for i, name := range softirqs {
		inSoftirq[i].From, inSoftirq[i].To = t.symbols.Code(name)
	}
	var routine [256]uint8
	for _, n := range t.reasons.Numbers(isRoutine) {
		if int(n) < len(routine) {
			routine[n] = 1
		}
	}
	values[bpf.DropVarCalls] = true
	values[bpf.DropVarMarking] = calls.Mark
	values[bpf.DropVarCallKeySize] = uint32(calls.KeySize)
	values[bpf.DropVarRetransmitArguments] = uint32(arity)
	values[bpf.DropVarSystemCalls] = inTask
	values[bpf.DropVarSoftirqs] = inSoftirq
	values[bpf.DropVarRoutine] = routine
	for _, n := range t.reasons.Numbers(func(name string) bool { return name == "NEIGH_FAILED" }) {
		values[bpf.DropVarNeighbourFailed] = n
	}
	return nil
}

// isRoutine says that packets freed for a reason are no loss, wherever it is.
func isRoutine(reason string) bool {
	host := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	return Classify(&Drop{Reason: reason, Flow: Flow{EtherType: etherIPv4, Src: host, Dst: host}}, kernel.NetNS{}).Quiet
}
