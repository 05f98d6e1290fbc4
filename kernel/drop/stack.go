package drop

import (
	"regexp"
	"slices"
	"strings"

	"github.com/latchprof/latch/bpf"
)

// freeing are functions that only free: where a packet is dropped is whoever
// called them.
var freeing = regexp.MustCompile(`^_*(kfree_skb|sk_skb_reason_drop|consume_skb|skb_release_|skb_queue_purge|skb_rbtree_purge|dev_kfree_skb|napi_consume_skb|tcp_drop|kfree_skb_list|qdisc_(bulk_)?drop)`)

// ours are what a tracepoint and its programs add to the stack.
var ours = regexp.MustCompile(`^(bpf_|trace_event_raw_|__traceiter_|__bpf_|__trace_)`)

// frees says that a function only frees.
func frees(function string) bool {
	return freeing.MatchString(function) || strings.HasSuffix(function, "_list_reason")
}

// plain takes off a name what compilers add to it.
func plain(name string) string {
	if at := strings.IndexByte(name, '.'); at > 0 {
		return name[:at]
	}
	return name
}

// A rawStack is a stack as the kernel tells it, and where on it the packet
// was freed.
type rawStack struct {
	frames   [dropFrames]uint64
	location uint64
}

const dropFrames = len(bpf.DropDropEvent{}.Stack)

// maxStacks bounds the stacks whose names are remembered.
const maxStacks = 4096

// frames names the functions on a stack from the one that dropped outward. The
// same stack gets the same slice, which is not to be changed.
func (t *Tracer) frames(addrs []uint64, location uint64) []string {
	raw := rawStack{location: location}
	copy(raw.frames[:], addrs)
	names, ok := t.stacks[raw]
	if !ok {
		if len(t.stacks) >= maxStacks {
			clear(t.stacks)
		}
		names = t.name(addrs, location)
		t.stacks[raw] = names
	}
	return names
}

func (t *Tracer) name(addrs []uint64, location uint64) (names []string) {
	at := slices.Index(addrs, location)
	for i, addr := range addrs {
		if i < at {
			continue
		}
		// A return address may be the first behind a call that never returns.
		name := plain(t.symbols.Name(addr - 1))
		if len(names) == 0 && (frees(name) || ours.MatchString(name)) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// Functions below which the kernel works for whoever it wants, and those below
// which it works for the task that runs: of amd64 (arch/x86/entry) and arm64
// (arch/arm64/kernel). The drop program is told the same ones.
var (
	softirqs    = []string{"handle_softirqs", "__do_softirq", "run_ksoftirqd", "process_one_work"}
	systemCalls = []string{"do_syscall_64", "el0_svc"}
)

func inSoftirq(stack []string) bool {
	return slices.ContainsFunc(stack, func(f string) bool { return slices.Contains(softirqs, f) })
}

// inSystemCall says that the kernel works for the task that runs.
func inSystemCall(stack []string) bool {
	return !inSoftirq(stack) && slices.ContainsFunc(stack, func(f string) bool { return slices.Contains(systemCalls, f) })
}

// inSend says that an interrupt came at the end of a send, when what was sent is
// delivered on this machine, for the task that runs.
func inSend(stack []string) bool {
	at := slices.Index(stack, "__local_bh_enable_ip")
	return at >= 0 && at+1 < len(stack) && stack[at+1] == "__dev_queue_xmit" && inSystemCall(stack[at:])
}
