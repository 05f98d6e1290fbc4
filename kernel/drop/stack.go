package drop

import (
	"regexp"
	"slices"
	"strings"
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

// frames names the functions on a stack from the one that dropped outward, and
// says whether the tracepoint's location was on it.
func (t *Tracer) frames(addrs []uint64, location uint64) (names []string, exact bool) {
	at := slices.Index(addrs, location)
	exact = at >= 0
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
	return names, exact
}

// softirqs are functions below which the kernel works for whoever it wants.
var softirqs = []string{"handle_softirqs", "__do_softirq", "net_rx_action", "run_timer_softirq", "call_timer_fn", "run_ksoftirqd", "process_one_work"}

func inSoftirq(stack []string) bool {
	return slices.ContainsFunc(stack, func(f string) bool { return slices.Contains(softirqs, f) })
}

// inSystemCall says that the kernel works for the task that runs.
func inSystemCall(stack []string) bool {
	return !inSoftirq(stack) && slices.ContainsFunc(stack, func(f string) bool {
		return f == "do_syscall_64" || f == "invoke_syscall" || f == "el0_svc" || strings.HasPrefix(f, "__x64_sys_") || strings.HasPrefix(f, "__arm64_sys_")
	})
}
