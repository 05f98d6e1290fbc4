package drop

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// counts are what the drop program counts, in the kernel's memory. Every number
// in them only grows until a new generation begins; then slots and maps are
// others, and the old ones are read for the last time.
type counts struct {
	outer *ebpf.Map        // of the maps in use
	specs [2]*ebpf.MapSpec // of those maps, by bpf.DropDropKinds
	inner [2]*ebpf.Map

	generation uint32
	began      time.Time // the generation
	flows      int       // in its map

	memory  []byte
	buckets []bpf.DropDropBucket // in memory: by processor, parity of the generation, hash
	seen    [][ways]seenSlot     // of their slots
	each    int                  // buckets of one processor in one generation
	cpus    []progress           // of the slots of each processor
	lookups progress             // of the maps

	keys   []bpf.DropDropKey
	values []bpf.DropDropCount
}

// A seenSlot is what was last read of a slot.
type seenSlot struct {
	kind    *kind
	packets uint64
}

// progress tells whether anything was counted since the last time. The program
// raises its counter behind what it counts, but another processor need not see
// it in that order: that nothing moved is believed the second time.
type progress struct {
	counter uint64
	sure    bool
}

func (p *progress) moved(counter uint64) bool {
	same := counter == p.counter
	skip := same && p.sure
	p.counter, p.sure = counter, same
	return !skip
}

// ways are the slots of a bucket; tagBefore is TAG_BEFORE of drop.h.
const (
	ways      = len(bpf.DropDropBucket{}.Tags)
	tagBefore = 0xff
)

const (
	// All processors' slots take at most so many bytes of the kernel's memory:
	// 2^15 flows for each generation on 12 processors, fewer where there are more.
	maxSlotBytes = 64 << 20
	minBits      = 4
	maxBits      = 13
	// How long a generation lasts at least: it costs new lines for all flows.
	minGeneration = time.Minute
	// The kinds that are told apart where flows are not.
	maxMerged = 1 << 12
)

// slotBytes is what the slots of all processors take, with 2^logarithm buckets
// for each of both generations.
func slotBytes(cpus, logarithm int) int {
	return 2 * cpus << logarithm * int(unsafe.Sizeof(bpf.DropDropBucket{}))
}

// bucketBits is the logarithm of the buckets that each processor gets.
func bucketBits(cpus int) int {
	return min(max(bits.Len(uint(maxSlotBytes/slotBytes(cpus, 0)))-1, minBits), maxBits)
}

// sizeCounts sets how many flows the program has room for.
func (t *Tracer) sizeCounts(spec *ebpf.CollectionSpec, values map[string]any) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	c := &t.counts
	c.cpus = make([]progress, cpus)
	logarithm := bucketBits(cpus)
	c.each = 1 << logarithm
	values[bpf.DropVarBucketBits] = uint32(logarithm)
	spec.Maps[bpf.DropMapBuckets].MaxEntries = uint32(2 * cpus * c.each)
	for i := range c.specs {
		c.specs[i] = spec.Maps[bpf.DropMapKinds].InnerMap.Copy()
	}
	if t.opts.MaxFlows > 0 {
		c.specs[bpf.DropDropKindsFLOWS].MaxEntries = uint32(t.opts.MaxFlows)
	}
	c.specs[bpf.DropDropKindsMERGED].MaxEntries = maxMerged
	return nil
}

// open makes the first generation's maps and maps the slots into memory.
func (c *counts) open(coll *ebpf.Collection) error {
	c.outer = coll.Maps[bpf.DropMapKinds]
	slots := coll.Maps[bpf.DropMapBuckets]
	size := int(slots.MaxEntries()) * int(unsafe.Sizeof(bpf.DropDropBucket{}))
	var err error
	if c.memory, err = unix.Mmap(slots.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("map drop counts into memory: %w", err)
	}
	c.buckets = unsafe.Slice((*bpf.DropDropBucket)(unsafe.Pointer(&c.memory[0])), slots.MaxEntries())
	c.seen = make([][ways]seenSlot, len(c.buckets))
	const batch = 1024
	c.keys, c.values = make([]bpf.DropDropKey, batch), make([]bpf.DropDropCount, batch)
	_, err = c.replace()
	return err
}

func (c *counts) close() error {
	var errs []error
	for _, m := range c.inner {
		errs = append(errs, m.Close())
	}
	if c.memory != nil {
		errs = append(errs, unix.Munmap(c.memory))
	}
	*c = counts{}
	return errors.Join(errs...)
}

// replace puts new maps in the place of those in use, which it returns. The
// kernel waits for programs that use the old ones: maybe_wait_bpf_programs in
// kernel/bpf/syscall.c.
func (c *counts) replace() (old [2]*ebpf.Map, err error) {
	c.began, c.flows = time.Now(), 0
	for i := range c.inner {
		m, err := ebpf.NewMap(c.specs[i])
		if err != nil {
			return old, fmt.Errorf("make drop counts: %w", err)
		}
		if err := c.outer.Put(uint32(i), m); err != nil {
			return old, errors.Join(fmt.Errorf("set drop counts: %w", err), m.Close())
		}
		old[i], c.inner[i] = c.inner[i], m
	}
	return old, nil
}

// count takes what was dropped since the last time, and begins a new generation
// where flows have become so many that there may soon be no room for others.
func (t *Tracer) count() error {
	c := &t.counts
	var each []bpf.DropDropTotals
	if err := t.coll.Maps[bpf.DropMapTotals].Lookup(uint32(0), &each); err != nil {
		return fmt.Errorf("read drop totals: %w", err)
	}
	lookups := uint64(0)
	for i := range each {
		lookups += each[i].LookedUp
		if i < len(c.cpus) && c.cpus[i].moved(each[i].Counted) {
			t.readSlots(i)
		}
	}
	if c.lookups.moved(lookups) {
		if err := t.readMaps(&c.inner); err != nil {
			return err
		}
	}
	if uint32(c.flows) > c.specs[bpf.DropDropKindsFLOWS].MaxEntries/2 && time.Since(c.began) >= t.minGeneration {
		return t.beginGeneration()
	}
	return nil
}

// beginGeneration gives the program empty slots and maps, and reads the old
// ones for the last time. Kinds that did not occur in it are forgotten.
func (t *Tracer) beginGeneration() error {
	c := &t.counts
	if err := t.coll.Variables[bpf.DropVarGeneration].Set(c.generation + 1); err != nil {
		return fmt.Errorf("begin a new generation of drop counts: %w", err)
	}
	old, err := c.replace()
	if err != nil {
		return err
	}
	for i := range c.cpus {
		t.readSlots(i)
	}
	if err := t.readMaps(&old); err != nil {
		return err
	}
	for i := range c.cpus {
		from := c.first(i)
		clear(c.buckets[from : from+c.each])
		clear(c.seen[from : from+c.each])
		c.cpus[i].sure = false
	}
	for key, k := range t.kinds {
		if k.generation != c.generation && k.untold == 0 && len(k.waiting) == 0 {
			delete(t.kinds, key)
		}
	}
	c.generation++
	c.flows, c.lookups.sure = 0, false
	return errors.Join(old[0].Close(), old[1].Close())
}

// first is the number of a processor's first bucket in this generation.
func (c *counts) first(cpu int) int { return (2*cpu + int(c.generation&1)) * c.each }

// readSlots takes what a processor counted in its slots.
func (t *Tracer) readSlots(cpu int) {
	c := &t.counts
	from := c.first(cpu)
	for i := from; i < from+c.each; i++ {
		bucket := &c.buckets[i]
		for way := range bucket.Packets {
			seen := &c.seen[i][way]
			packets := atomic.LoadUint64(&bucket.Packets[way])
			if packets == seen.packets {
				continue
			}
			if seen.kind == nil {
				key := bucket.Keys[way]
				if (hashOf(&key)^atomic.LoadUint64(&bucket.Tags[way]))&^tagBefore != 0 {
					continue // it is being written
				}
				seen.kind = t.kind(&key)
			}
			t.note(seen.kind, packets-seen.packets)
			seen.packets = packets
		}
	}
}

// readMaps takes what was counted in the maps of this generation.
func (t *Tracer) readMaps(maps *[2]*ebpf.Map) error {
	c := &t.counts
	for i, m := range maps {
		entries := 0
		var cursor ebpf.MapBatchCursor
		for done := false; !done; {
			n, err := m.BatchLookup(&cursor, c.keys, c.values, nil)
			if done = errors.Is(err, ebpf.ErrKeyNotExist); err != nil && !done {
				return fmt.Errorf("read drop counts: %w", err)
			}
			entries += n
			for j := range n {
				k := t.kind(&c.keys[j])
				if k.generation != c.generation {
					k.generation, k.inMap = c.generation, 0
				}
				t.note(k, c.values[j].Packets-k.inMap)
				k.inMap = c.values[j].Packets
			}
		}
		if i == int(bpf.DropDropKindsFLOWS) {
			c.flows = entries
		}
	}
	return nil
}

// note adds packets to those of a kind that are to be told.
func (t *Tracer) note(k *kind, packets uint64) {
	if packets == 0 {
		return
	}
	if k.untold == 0 {
		t.changed = append(t.changed, k)
	}
	k.untold += packets
}

// kind finds or makes what is known of drops with a key.
func (t *Tracer) kind(key *bpf.DropDropKey) *kind {
	k := t.kinds[*key]
	if k == nil {
		k = &kind{key: *key, generation: t.counts.generation}
		t.kinds[*key] = k
	}
	return k
}

// hashOf is hash_of of count.bpf.h.
func hashOf(key *bpf.DropDropKey) uint64 {
	words := (*[8]uint64)(unsafe.Pointer(key))
	var mix uint64
	for i, factor := range [8]uint64{
		0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93,
		0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53, 0xa0761d6478bd642f, 0xe7037ed1a0b428db,
	} {
		mix += words[i] * factor
	}
	return (mix ^ mix>>32) * 0x9e3779b97f4a7c15
}

// mergedKey is the key of drops that are counted without their flow:
// count_merged of count.bpf.h.
func mergedKey(key *bpf.DropDropKey) *bpf.DropDropKey {
	m := &bpf.DropDropKey{Location: key.Location, Reason: key.Reason, Netns: key.Netns, Merged: 1}
	switch key.Ethertype {
	case 0, etherIPv4, etherIPv6, etherARP:
		m.Ethertype = key.Ethertype
	default:
		m.Ethertype = etherUnknown
	}
	return m
}
