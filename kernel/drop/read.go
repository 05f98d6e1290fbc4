package drop

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// A kind is what is known so far of the drops with one key.
type kind struct {
	key     bpf.DropDropKey
	untold  uint64 // packets that Read has not returned
	waiting []*event
	stack   []string // of the latest packet
	owner   *Owner

	// The last generation in which it was met, and its count in that one's map.
	generation uint32
	inMap      uint64
}

// Totals say what became of all drops.
type Totals struct {
	// Merged were counted by reason and location alone, without their flow.
	Merged uint64
	// Lost were not seen at all, or not counted by their cause.
	Lost uint64
	// Unsampled are packets that were counted but not shown, so that showing
	// stays cheap; EventsLost those for which the buffer had no room.
	Unsampled, EventsLost uint64
	// Runs and Time are those of the drop program while the kernel timed it: a
	// while at the first drops, and whenever kernel.bpf_stats_enabled is set.
	Runs uint64
	Time time.Duration
}

// Read returns the drops since the last Read, in no order. Each of them is
// counted in one Drop.
func (t *Tracer) Read() ([]Drop, error) {
	// The program shows a packet behind counting it: so the packets come last.
	if err := t.count(); err != nil {
		return nil, err
	}
	if err := t.readEvents(); err != nil {
		return nil, err
	}
	if err := t.measureCost(len(t.changed) > 0); err != nil {
		return nil, err
	}
	now := time.Now()
	drops := make([]Drop, 0, len(t.changed))
	for _, k := range t.changed {
		drops = t.tell(drops, k, now)
		k.untold = 0
	}
	t.changed, t.last = t.changed[:0], now
	return drops, nil
}

// readEvents takes the packets that are in the buffer.
func (t *Tracer) readEvents() error {
	t.ring.SetDeadline(time.Now())
	for {
		err := t.ring.ReadInto(&t.record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil && !errors.Is(err, ringbuf.ErrFlushed) {
			return fmt.Errorf("read dropped packets: %w", err)
		}
		if e := t.event(t.record.RawSample); e != nil {
			k := t.kind(&e.counted)
			k.waiting = append(k.waiting, e)
		}
	}
}

// tell appends the untold packets of a kind to drops: each that is wanted on its
// own or was within a call, and all others as one.
func (t *Tracer) tell(drops []Drop, k *kind, now time.Time) []Drop {
	seen, n := k.waiting, k.untold
	if uint64(len(seen)) > n {
		seen = seen[:n]
	}
	if k.waiting = k.waiting[len(seen):]; len(k.waiting) == 0 {
		k.waiting = nil // else it would keep what is told
	}
	var shared []*event
	for _, e := range seen {
		t.learn(k, e)
		if !t.opts.Every && e.call == nil {
			shared = append(shared, e)
			continue
		}
		d := t.drop(k, e)
		d.Count, d.First, d.Last = 1, e.packet.Time, e.packet.Time
		drops = append(drops, d)
		n--
	}
	if n == 0 {
		return drops
	}
	d := t.drop(k, nil)
	d.Count, d.First, d.Last = n, t.last, now
	for i, e := range shared {
		if i == 0 {
			d.Packet, d.First = e.packet, e.packet.Time
		}
		d.Times = append(d.Times, e.packet.Time)
		if uint64(len(shared)) == n {
			d.Last = e.packet.Time
		}
	}
	return append(drops, d)
}

// learn takes from a packet what holds for all of its kind.
func (t *Tracer) learn(k *kind, e *event) {
	k.stack = e.stack
	if owner := t.owners.of(e); owner != nil {
		k.owner = owner
	}
}

// drop makes a Drop of one kind, around the packet e if there is one.
func (t *Tracer) drop(k *kind, e *event) Drop {
	key := &k.key
	if e != nil {
		key = &e.key // which has a flow where the kind has none
	}
	d := Drop{Flow: flowOf(key), Stack: k.stack, Owner: k.owner, Merged: key.Merged != 0}
	if e != nil {
		d.Packet, d.Stack, d.Call = e.packet, e.stack, e.call
		if owner := t.owners.of(e); owner != nil {
			d.Owner = owner
		}
	}
	if !t.noReasons {
		d.Reason = t.reasons.Name(key.Reason)
	}
	d.Location = plain(t.symbols.Name(key.Location - 1)) // as in frames
	if len(d.Stack) > 0 && frees(d.Location) {
		d.Location = d.Stack[0]
	}
	return d
}

// Totals returns what became of all drops so far.
func (t *Tracer) Totals() (Totals, error) {
	var each []bpf.DropDropTotals
	if err := t.coll.Maps[bpf.DropMapTotals].Lookup(uint32(0), &each); err != nil {
		return Totals{}, fmt.Errorf("read drop totals: %w", err)
	}
	var sum Totals
	for _, c := range each {
		sum.Merged += c.Merged
		sum.Lost += c.Uncounted
		sum.Unsampled += c.Unsampled
		sum.EventsLost += c.Lost
	}
	stats, err := t.coll.Programs[bpf.DropProgDrop].Stats()
	if err != nil {
		return Totals{}, fmt.Errorf("read the drop program's statistics: %w", err)
	}
	// A drop in an interrupt that came while the program ran (bpf_trace_run).
	sum.Lost += stats.RecursionMisses
	sum.Runs, sum.Time = stats.RunCount, stats.Runtime
	return sum, nil
}

// An event is one dropped packet as it came.
type event struct {
	key     bpf.DropDropKey
	counted bpf.DropDropKey // what it was counted by
	packet  *Packet
	call    *kernel.Call
	stack   []string
	raw     rawOwner
}

// event decodes a packet; it is nil for what is none.
func (t *Tracer) event(raw []byte) *event {
	var e bpf.DropDropEvent
	size := int(unsafe.Sizeof(e))
	if len(raw) < size {
		return nil
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e)), size), raw)
	p := &Packet{
		Time: t.zero.Add(time.Duration(e.TimeNs)), Len: int(e.Len), IPLen: int(e.IpLen),
		IfName: text(e.Ifname[:]), QdiscID: text(e.Qdisc[:]), QdiscLimit: int(e.QdiscLimit),
		RcvBuf: int(e.Rcvbuf), RmemAlloc: int(e.RmemAlloc), Bracket: int(e.Bracket),
		TaskPID: int(e.Tgid), TaskTID: int(e.Tid), Comm: text(e.Comm[:]), LinkHeader: e.LinkHeader != 0,
	}
	data := size + t.keySize()
	if n := int(e.DataLen); n > 0 && data+n <= len(raw) {
		p.Data = slices.Clone(raw[data : data+n])
	}
	var call *kernel.Call
	if e.Call.EntryNs > 0 {
		call = &kernel.Call{Key: slices.Clone(raw[size:data]), Began: t.zero.Add(time.Duration(e.Call.EntryNs)), Goid: e.Call.Goid}
	}
	frames := e.Stack[:min(int(e.Frames), len(e.Stack))]
	stack := t.frames(frames, e.Key.Location)
	p.Softirq, p.Sending = inSoftirq(stack), inSend(stack)
	counted := e.Key
	if e.Merged != 0 {
		counted = *mergedKey(&e.Key)
	}
	return &event{key: e.Key, counted: counted, packet: p, call: call, stack: stack, raw: rawOwner{
		sock: e.Sock, inode: e.Inode, cgroup: e.Cgroup, uid: e.Uid, receiving: e.Receiving != 0,
		state: e.SockState, port: e.SockPort, noted: e.Owner, inCall: inSystemCall(stack),
	}}
}

// text is a C string in a kernel's array.
func text(c []int8) string {
	out := make([]byte, 0, len(c))
	for _, b := range c {
		if b == 0 {
			break
		}
		out = append(out, byte(b))
	}
	return string(out)
}
