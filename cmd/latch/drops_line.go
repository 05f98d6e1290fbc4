package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/firewall"
	"github.com/latchprof/latch/report"
)

// line puts a drop and what is known of it into a report's words. The answer
// is nil where no firewall did it.
func (w *dropWatch) line(d *drop.Drop, g *group, answer *firewall.Answer) *report.Drop {
	f, cause := &d.Flow, &g.cause
	out := &report.Drop{
		Time: d.First, Last: d.Last, Times: d.Times, Count: d.Count,
		Src: text(d, "src"), Dst: text(d, "dst"), Sport: f.SrcPort, Dport: f.DstPort, Proto: f.Protocol(), Kind: f.Kind(), EtherType: f.EtherType,
		Reason: d.Reason, Location: d.Location, Hook: cause.Hook, Cause: cause.Class, Words: cause.Words, Where: cause.Where,
		Check: cause.Check, Remedy: cause.Remedy, Quiet: cause.Quiet, NetNS: w.spaces.name(f.NetNS), Stack: d.Stack,
	}
	if g.refused != "" {
		out.Call, out.Location = g.refused, ""
		out.Told = fmt.Sprintf("%s() failed with %s", g.refused, d.Reason)
	}
	if g.told != "" {
		out.Told = g.told
	}
	if d.Merged {
		out.Remark = "its flow is not known: too many flows were dropped to tell all of them apart"
	}
	out.Caller = caller(d.Stack)
	if p := d.Packet; p != nil {
		out.IfName, out.Len = p.IfName, p.IPLen
		if out.Len == 0 {
			out.Len = p.Len
		}
	}
	if o := d.Owner; o != nil {
		uid := int(o.UID)
		out.PID, out.TID, out.Comm, out.UID, out.Socket = o.PID, o.TID, o.Comm, &uid, o.Inode
		if o.ByAddress {
			out.Remark = "it had left its socket behind: the sender is known by its addresses"
		} else if p := d.Packet; p != nil && o.PID != 0 && p.TaskPID != o.PID && p.TaskPID != 0 && !d.Merged {
			out.Remark = fmt.Sprintf("it was dropped while %s ran (pid %d), whose packet it is not", p.Comm, p.TaskPID)
		}
	}
	if p := d.Packet; d.Owner == nil && p != nil && p.Sending && !d.Merged {
		out.Remark = fmt.Sprintf("it was dropped while %s (pid %d) was sending, whose packet it may be", p.Comm, p.TaskPID)
	}
	if answer != nil {
		out.RuleConfidence = answer.Doubt()
		if answer.How != "" && len(answer.Rules) > 0 {
			out.RuleConfidence += ": " + answer.How
		}
		var names, texts []string
		for _, r := range answer.Rules {
			names, texts = append(names, r.String()), append(texts, r.Text)
		}
		out.Rule, out.RuleText = strings.Join(slices.Compact(names), " or "), strings.Join(texts, " or ")
		if len(answer.Rules) > 0 {
			out.Check, out.Remedy = answer.Rules[0].Command, answer.Rules[0].Allow
		}
		if len(answer.Rules) == 0 && out.Remark == "" {
			out.Remark = answer.Unknown
		}
	}
	return out
}

// hooks begin the names of functions of firewalls, between a hook's place in the kernel and
// where the packet is freed.
var hooks = []string{"nf_hook", "nft_do_chain", "nf_queue", "ipt_do_table", "ip6t_do_table"}

// caller is the function that led to the one that dropped.
func caller(stack []string) string {
	for i, f := range stack {
		if i > 0 && !slices.ContainsFunc(hooks, func(hook string) bool { return strings.HasPrefix(f, hook) }) {
			return f
		}
	}
	return ""
}

// text is a value that is text.
func text(d *drop.Drop, name string) string {
	s, _ := d.Value(name).(string)
	return s
}

// describeOwner adds where the owner lives, if it still does, and else where
// its socket was made.
func describeOwner(out *report.Drop, o *drop.Owner) {
	proc, err := procfs.Open(o.PID)
	group := kernel.Cgroup{}
	if err == nil && (proc.Comm == o.Comm || o.TID != o.PID) { // else its number may be another's
		out.Exe = proc.Exe
		group, err = kernel.CgroupOf(o.PID)
	} else if o.CgroupID != 0 {
		group, err = kernel.CgroupByID(o.CgroupID)
	}
	if err == nil && group.Path != "/" {
		out.Cgroup = group.Path
	}
	out.Container = group.Container
}
