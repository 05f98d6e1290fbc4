package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/firewall"
)

// rules names the firewall rules that dropped packets, in the namespaces where
// that happened.
type rules struct {
	spaces   *namespaces
	brackets *firewall.Brackets
	watches  map[uint32]*watched
	trace    bool // rules that are not known may be traced
	// notes are what could not be done, each said once.
	notes map[string]bool
}

// watched is one namespace's firewall.
type watched struct {
	*firewall.Watch
	opened  time.Time // what was dropped before may be in the counters, or not
	updated time.Time
	dropped map[drop.Flow]uint64 // since
	placed  map[string]bool      // hooks with brackets
	broken  error
	// traced are the answers of traces, and those that are asked for.
	traced  map[drop.Flow]firewall.Answer
	tracing *tracing
}

// tracing is a trace that runs. The watch is its own until it is done.
type tracing struct {
	flow   drop.Flow
	cancel context.CancelFunc
	done   chan struct{}
	answer firewall.Answer
	err    error
}

// tracePatience is how long the next packet of a flow is waited for.
const tracePatience = 5 * time.Second

// settle is how often a namespace's rules are read at most: the tools that
// read them take tens of milliseconds.
const settle = time.Second

func newRules(spaces *namespaces, trace bool) (*rules, error) {
	brackets, err := firewall.NewBrackets()
	if err != nil {
		return nil, err
	}
	return &rules{spaces: spaces, trace: trace, brackets: brackets, watches: make(map[uint32]*watched), notes: make(map[string]bool)}, nil
}

// Close takes traces and brackets away.
func (r *rules) Close() error {
	r.settled()
	return r.brackets.Close()
}

// settled ends the traces that run.
func (r *rules) settled() {
	for _, w := range r.watches {
		if w.tracing != nil {
			w.tracing.cancel()
			<-w.tracing.done
			r.collect(w)
		}
	}
}

// collect takes the answer of a trace that is done.
func (r *rules) collect(w *watched) {
	t := w.tracing
	w.tracing = nil
	if t.err != nil && !errors.Is(t.err, context.Canceled) && !errors.Is(t.err, context.DeadlineExceeded) {
		r.note(t.err.Error())
	}
	w.traced[t.flow] = t.answer
}

// begin traces a flow.
func (r *rules) begin(w *watched, p firewall.Packet, flow drop.Flow) {
	trace, err := w.Trace(p)
	if err != nil {
		r.note(err.Error())
		w.traced[flow] = firewall.Answer{}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracePatience)
	t := &tracing{flow: flow, cancel: cancel, done: make(chan struct{})}
	w.tracing = t
	go func() {
		defer close(t.done)
		t.answer, t.err = trace.Wait(ctx)
		t.err = errors.Join(t.err, trace.Close())
	}()
}

// watch reads a namespace's rules before anything is dropped, so that their
// counters tell which one rose.
func (r *rules) watch(ns kernel.NetNS) *watched {
	w := r.watches[ns.Inode]
	if w == nil {
		w = &watched{dropped: make(map[drop.Flow]uint64), placed: make(map[string]bool), traced: make(map[drop.Flow]firewall.Answer)}
		r.watches[ns.Inode] = w
		w.open(ns, r)
	}
	return w
}

// open reads the rules, the baseline.
func (w *watched) open(ns kernel.NetNS, r *rules) {
	w.Watch, w.broken = firewall.Open(ns)
	w.opened = time.Now()
	w.updated = w.opened
	clear(w.dropped)
	if w.broken != nil {
		r.note(w.broken.Error())
	}
}

// update reads the rules again, or anew where the namespace is to be found
// elsewhere: its process has ended, or another one has its number now.
func (w *watched) update(inode uint32, r *rules) {
	err := w.Update()
	if err == nil {
		w.updated = time.Now()
		return
	}
	if ns, ok := r.spaces.find(inode); ok {
		w.open(ns, r)
		return
	}
	w.updated = time.Now()
	r.note(err.Error())
}

// maxFlows bounds the flows whose drops are compared with counters.
const maxFlows = 1 << 16

func (r *rules) note(text string) { r.notes[text] = true }

// said returns what could not be done.
func (r *rules) said() []string { return slices.Sorted(maps.Keys(r.notes)) }

// bracketed names the hooks that have brackets.
func (r *rules) bracketed() []string {
	var out []string
	for inode, w := range r.watches {
		for hook := range w.placed {
			where := "the " + hook + " hook"
			if name := r.spaces.name(inode); name != "" {
				where += " of netns " + name
			}
			out = append(out, where)
		}
	}
	slices.Sort(out)
	return out
}

// count adds d's packets to what its namespace's rules dropped.
func (r *rules) count(d *drop.Drop) {
	ns, ok := r.spaces.find(d.Flow.NetNS)
	if !ok {
		return
	}
	w := r.watch(ns)
	if _, known := w.dropped[d.Flow]; d.First.After(w.opened) && (known || len(w.dropped) < maxFlows) {
		w.dropped[d.Flow] += d.Count
	}
}

// ready says whether d can be explained now: the rules must be read behind its
// packets, which is not done more often than settle.
func (r *rules) ready(d *drop.Drop) bool {
	w := r.watches[d.Flow.NetNS]
	if w != nil && w.tracing != nil {
		select {
		case <-w.tracing.done:
			r.collect(w)
		default:
			return false
		}
	}
	return w == nil || w.broken != nil || w.updated.After(d.Last) || time.Since(w.updated) >= settle
}

// explain names the rule that dropped d's packets. It is not ok where the flow
// is traced first, for which there is no time at the end.
func (r *rules) explain(d *drop.Drop, last bool) (answer firewall.Answer, ok bool) {
	w := r.watches[d.Flow.NetNS]
	if w == nil || w.broken != nil {
		return firewall.Answer{Unknown: "the rules of its network namespace could not be read"}, true
	}
	if w.tracing != nil {
		return answer, false
	}
	if traced := w.traced[d.Flow]; traced.Confidence == firewall.Exact {
		return traced, true
	}
	if !w.updated.After(d.Last) {
		if w.update(d.Flow.NetNS, r); w.broken != nil {
			return firewall.Answer{Unknown: "the rules of its network namespace could not be read"}, true
		}
	}
	p := firewall.Packet{
		Stack: d.Stack, Src: d.Flow.Src, Dst: d.Flow.Dst, Proto: d.Flow.Proto, SrcPort: d.Flow.SrcPort, DstPort: d.Flow.DstPort,
		TCPFlags: d.Flow.TCPFlags, ICMPType: d.Flow.ICMPType, ICMPCode: d.Flow.ICMPCode,
	}
	hook := firewall.HookOf(d.Stack)
	if d.Packet != nil {
		switch hook {
		case "OUTPUT", "POSTROUTING", "egress":
			p.IfOut = d.Packet.IfName
		default:
			p.IfIn = d.Packet.IfName
		}
		if d.Packet.Bracket >= 0 {
			if gap, ok := r.brackets.Gap(d.Packet.Bracket, d.Flow.NetNS, hook); ok {
				p.Gap = gap
			}
		}
	}
	answer = w.Explain(p, w.dropped[d.Flow])
	if answer.Confidence == firewall.OneOf && p.Gap == nil && hook != "" && !w.placed[hook] {
		w.placed[hook] = true
		if err := r.brackets.Add(w.Watch, hook); err != nil {
			r.note(fmt.Sprintf("the %s hook's chains cannot be told apart: %v", hook, err))
		}
	}
	if _, done := w.traced[d.Flow]; r.trace && !last && !done && answer.Confidence != firewall.Exact {
		r.begin(w, p, d.Flow)
		return answer, w.tracing == nil
	}
	return answer, true
}
