package drop

import (
	"net/netip"
	"strings"

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
// they are in, which it returns, and where the kernel works for the task that runs.
func (t *Tracer) loadCalls(spec *ebpf.CollectionSpec, values map[string]any) (map[string]*ebpf.Map, error) {
	calls := t.opts.Calls
	if calls == nil {
		delete(spec.Programs, bpf.DropProgRetransmit)
		delete(spec.Programs, bpf.DropProgDropInCalls)
		return (*kernel.Calls)(nil).Share(spec), nil
	}
	spec.Programs[bpf.DropProgDrop] = spec.Programs[bpf.DropProgDropInCalls]
	delete(spec.Programs, bpf.DropProgDropInCalls)
	arity, err := kernel.TracepointArity("tcp_retransmit_skb")
	if err != nil {
		return nil, err
	}
	seesUses, err := kernel.HasTracepoint("sock_send_length")
	if err != nil {
		return nil, err
	}
	var inTask [2]bpf.DropCode
	t.findCode(inTask[:], systemCalls)
	var inSoftirq, neighbours [4]bpf.DropCode
	t.findCode(inSoftirq[:], softirqs)
	t.findCode(neighbours[:], neighbourFails)
	var routinely [32]bpf.DropCode
	t.findCode(routinely[:], routinePlaces())
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
	t.noUses = !seesUses
	values[bpf.DropVarUsesSeen] = seesUses
	values[bpf.DropVarNeighbourPlaces] = neighbours
	values[bpf.DropVarRoutinePlaces] = routinely
	values[bpf.DropVarRoutine] = routine
	return calls.Share(spec), nil
}

// Doubts says what this kernel does not tell of calls in flight, one sentence
// each.
func (t *Tracer) Doubts() (doubts []string) {
	if t.opts.Calls != nil && t.noUses {
		doubts = append(doubts, "this kernel does not tell who sends and receives (6.3 does): packets dropped outside of system calls are told of a call only while it connects, and a wait that a drop caused is taken to last until the call ends or a segment is sent again")
	}
	if t.opts.Calls != nil && t.noReasons {
		doubts = append(doubts, "this kernel does not tell why it frees packets (5.17 does): some that are freed as a matter of routine may count as dropped")
	}
	return doubts
}

// isRoutine says that packets freed for a reason are no loss, wherever it is.
func isRoutine(reason string) bool {
	host := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	return Classify(&Drop{Reason: reason, Flow: Flow{EtherType: etherIPv4, Src: host, Dst: host}}, kernel.NetNS{}).Quiet
}

// neighbourFails are the functions that free packets for a neighbour that did
// not answer (net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c).
var neighbourFails = []string{"neigh_invalidate", "arp_error_report", "ndisc_error_report", "neigh_timer_handler"}

// routinePlaces are the functions that free packets as a matter of routine,
// whatever reason they give: those that the table of causes knows by name.
func routinePlaces() (names []string) {
	for _, r := range quietRows {
		if r.caller != "" || r.when != nil || r.reason != "" && !strings.Contains(r.reason, "NOT_SPECIFIED") {
			continue
		}
		for name := range strings.SplitSeq(r.location, "|") {
			if name != "" && !strings.ContainsAny(name, "*[") {
				names = append(names, name)
			}
		}
	}
	return names
}

// findCode says where the functions are that this kernel has.
func (t *Tracer) findCode(code []bpf.DropCode, names []string) {
	for i, name := range names {
		code[i].From, code[i].To = t.symbols.Code(name)
	}
}
