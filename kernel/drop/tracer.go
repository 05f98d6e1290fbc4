package drop

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// Options say which drops are wanted, and how much of each. Nil means all, the
// first few of each kind as packets.
type Options struct {
	// NetNS are the inode numbers of the namespaces whose drops are wanted;
	// none means all. Drops whose namespace cannot be told are left out then.
	NetNS []uint32
	// Every asks for each dropped packet, not only for those within calls and
	// the first few of each kind. It costs about a hundred times as much.
	Every bool
	// CountOnly asks for no packet at all.
	CountOnly bool
	// Data is how many bytes of each packet are wanted.
	Data int
	// MaxFlows bounds the kinds of drops that are told apart by their flow
	// within a minute: those beyond are counted by reason and location alone. 0
	// means 2^16.
	MaxFlows int
	// EventBytes is the size of the buffer for packets, a power of two. 0
	// means 4 MiB, or 32 MiB where every packet is wanted.
	EventBytes int
	// Calls are calls in flight, of which each drop is to tell the one it came
	// in; nil looks for none.
	Calls *Calls
	// Brackets is the map of firewall.Brackets, nil where there are none.
	Brackets *ebpf.Map
}

// Calls are the calls in flight that drops are told of.
type Calls struct {
	kernel.Calls
	// Mark counts drops with their calls, and the time that is lost to them.
	Mark bool
}

// maxData bounds the bytes of a packet.
const maxData = 65535

func (o *Options) eventBytes() int {
	switch {
	case o.EventBytes > 0:
		return o.EventBytes
	case o.CountOnly:
		return os.Getpagesize()
	case o.Every:
		return 32 << 20
	}
	return 4 << 20
}

// A Tracer watches packets being dropped. Its methods may not be called at the
// same time.
type Tracer struct {
	opts    Options
	coll    *ebpf.Collection
	links   []io.Closer
	ring    *ringbuf.Reader
	record  ringbuf.Record
	reasons kernel.DropReasons
	symbols *kernel.Symbols
	// noReasons says that this kernel does not say why it drops.
	noReasons bool
	// noUses says that it does not tell who sends and receives.
	noUses bool
	// zero is the wall-clock time at which CLOCK_MONOTONIC was 0.
	zero    time.Time
	last    time.Time // of the Read before
	counts  counts
	kinds   map[bpf.DropDropKey]*kind
	changed []*kind // with packets to tell
	owners  *owners
	cost    costMeter
	stacks  map[rawStack][]string
	// minGeneration is how long a generation of counts lasts at least.
	minGeneration time.Duration
}

// Start attaches to the tracepoint skb:kfree_skb and to those that tell who has
// a socket.
func Start(opts *Options) (_ *Tracer, err error) {
	t := &Tracer{kinds: make(map[bpf.DropDropKey]*kind), stacks: make(map[rawStack][]string), minGeneration: minGeneration}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.Data < 0 || t.opts.Data > maxData {
		return nil, fmt.Errorf("%d bytes of each packet: at most %d can be had", t.opts.Data, maxData)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if t.symbols, err = kernel.LoadSymbols(); err != nil {
		return nil, err
	}
	if t.reasons, err = kernel.LoadDropReasons(); err != nil {
		return nil, err
	}
	if err := t.load(); err != nil {
		return nil, err
	}
	if t.ring, err = ringbuf.NewReader(t.coll.Maps[bpf.DropMapEvents]); err != nil {
		return nil, fmt.Errorf("read dropped packets: %w", err)
	}
	if t.zero, err = kernel.MonotonicZero(); err != nil {
		return nil, err
	}
	t.last = time.Now()
	if err := t.attach(); err != nil {
		return nil, err
	}
	t.owners = newOwners(t.coll.Programs[bpf.DropProgSocketFiles])
	if err := t.owners.refresh(); err != nil {
		return nil, err
	}
	if err := t.coll.Variables[bpf.DropVarEnabled].Set(true); err != nil {
		return nil, fmt.Errorf("switch the drop program on: %w", err)
	}
	return t, nil
}

// load loads the programs, set to the options.
func (t *Tracer) load() error {
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	spec, err := bpf.LoadDrop()
	if err != nil {
		return fmt.Errorf("read eBPF object: %w", err)
	}
	arity, err := kernel.TracepointArity("kfree_skb")
	if err != nil {
		return err
	}
	t.noReasons = arity < 3
	values := map[string]any{
		bpf.DropVarArguments:     uint32(arity),
		bpf.DropVarHasNamespaces: len(t.opts.NetNS) > 0,
		bpf.DropVarEvery:         t.opts.Every,
		bpf.DropVarHasBrackets:   t.opts.Brackets != nil,
		bpf.DropVarEventData:     uint32(t.opts.Data),
		bpf.DropVarEventSize:     uint32(unsafe.Sizeof(bpf.DropDropEvent{})) + uint32(t.keySize()+t.opts.Data+7)&^7,
	}
	if t.opts.CountOnly {
		t.cost.done = true // timing would make probes dearer, and calls longer
		values[bpf.DropVarFew] = uint32(0)
	}
	shared, err := t.loadCalls(spec, values)
	if err != nil {
		return err
	}
	if t.opts.Brackets != nil {
		shared[bpf.DropMapBrackets] = t.opts.Brackets
	}
	if err := t.sizeCounts(spec, values); err != nil {
		return err
	}
	for name, v := range values {
		if err := spec.Variables[name].Set(v); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	size := t.opts.eventBytes()
	if bits.OnesCount(uint(size)) != 1 || size < os.Getpagesize() {
		return fmt.Errorf("a buffer of %d bytes: its size must be a power of two and at least a page", size)
	}
	spec.Maps[bpf.DropMapEvents].MaxEntries = uint32(size)
	for tp, program := range ownerPrograms {
		if there, err := kernel.HasTracepoint(tp); err != nil {
			return err
		} else if !there {
			delete(spec.Programs, program)
		}
	}
	if t.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared}); err != nil {
		return fmt.Errorf("load eBPF programs: %w", err)
	}
	if err := t.counts.open(t.coll); err != nil {
		return err
	}
	for _, inode := range t.opts.NetNS {
		if err := t.coll.Maps[bpf.DropMapNamespaces].Put(inode, uint8(1)); err != nil {
			return fmt.Errorf("set the namespaces: %w", err)
		}
	}
	return nil
}

// attach attaches the programs, those that know owners first.
func (t *Tracer) attach() error {
	names := []string{bpf.DropProgDrop}
	for _, program := range ownerPrograms {
		if t.coll.Programs[program] != nil {
			names = append([]string{program}, names...)
		}
	}
	for _, name := range names {
		l, err := link.AttachTracing(link.TracingOptions{Program: t.coll.Programs[name]})
		if err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
		t.links = append(t.links, l)
	}
	return nil
}

// Attached returns how many tracepoints are watched.
func (t *Tracer) Attached() int { return len(t.links) }

// Stop detaches. Read still answers after it, with the last drops.
func (t *Tracer) Stop() error {
	var errs []error
	for i := len(t.links) - 1; i >= 0; i-- {
		errs = append(errs, t.links[i].Close())
	}
	t.links = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("detach from tracepoints: %w", err)
	}
	return nil
}

// Close detaches and frees everything.
func (t *Tracer) Close() error {
	err := errors.Join(t.Stop(), t.cost.close())
	if t.ring != nil {
		err = errors.Join(err, t.ring.Close())
		t.ring = nil
	}
	if t.coll != nil {
		err = errors.Join(err, t.counts.close())
		t.coll.Close()
		t.coll = nil
	}
	return err
}
