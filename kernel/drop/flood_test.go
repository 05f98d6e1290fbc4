package drop

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/testutil"
)

// Several processors drop packets of more flows than there is room for, of which
// all are counted once while they are read, with and without generations that
// begin meanwhile.
func TestFloodIsCountedExactly(t *testing.T) {
	for _, c := range []flood{{40000, time.Hour, false}, {8192, 0, true}} {
		t.Run(fmt.Sprintf("%d flows", c.maxFlows), func(t *testing.T) { testutil.Attempt(t, c.isCounted) })
	}
}

// A flood is of 60,000 flows, of which there are slots for 32,768 on each
// processor.
type flood struct {
	maxFlows      int
	minGeneration time.Duration
	generations   bool
}

func (c flood) isCounted(t testing.TB) {
	const senders, each, ports = 4, 75000, 15000
	ns := namespace(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, MaxFlows: c.maxFlows})
	tr.minGeneration = c.minGeneration
	var wg sync.WaitGroup
	defer wg.Wait()
	for range senders {
		wg.Go(func() {
			if err := closedPorts(ns, each, 1000, ports); err != nil {
				t.Error(err)
			}
		})
	}
	drops, totals := collect(t, tr, senders*each)
	var merged uint64
	flows := make(map[Flow]uint64)
	for i := range drops {
		if d := &drops[i]; !isClosedPort(tr, d) {
			t.Fatalf("%s at %s", d.Reason, d.Location)
		} else if d.Merged {
			merged += d.Count
		} else {
			flows[d.Flow] += d.Count
		}
	}
	if merged != totals.Merged {
		t.Errorf("%d merged, %d by the totals", merged, totals.Merged)
	}
	for flow, n := range flows {
		if n > each/ports {
			t.Fatalf("%d drops of %+v, which has %d", n, flow, each/ports)
		}
	}
	if c.generations {
		if tr.counts.generation == 0 || len(flows) < c.maxFlows {
			t.Errorf("%d flows in %d generations", len(flows), tr.counts.generation+1)
		}
	} else if tr.counts.generation != 0 || len(flows) != c.maxFlows || merged == 0 {
		t.Errorf("%d flows in %d generations, %d merged", len(flows), tr.counts.generation+1, merged)
	}
}

// A generation that begins makes room for flows that had none before.
func TestGenerationMakesRoom(t *testing.T) {
	ns := namespace(t)
	const flows = 64
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, MaxFlows: flows})
	tr.minGeneration = 0
	if err := closedPorts(ns, flows, 1000, flows); err != nil {
		t.Fatal(err)
	}
	var first uint64
	for deadline := time.Now().Add(20 * time.Second); (first < flows || tr.counts.generation == 0) && time.Now().Before(deadline); {
		drops, err := tr.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			first += d.Count
		}
	}
	if first != flows || tr.counts.generation == 0 {
		t.Fatalf("%d drops of %d in %d generations", first, flows, tr.counts.generation+1)
	}
	if err := closedPorts(ns, flows, 2000, flows); err != nil {
		t.Fatal(err)
	}
	if drops, totals := collect(t, tr, flows); totals.Merged != 0 || len(drops) != flows {
		t.Errorf("%d flows of %d, %d merged", len(drops), flows, totals.Merged)
	}
}

// What the program puts into its slots is found by the hash that it computes.
func TestHashIsThePrograms(t *testing.T) {
	ns := namespace(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}})
	const flows, each = 500, 4
	if err := closedPorts(ns, flows*each, 1000, flows); err != nil {
		t.Fatal(err)
	}
	drops, _ := collect(t, tr, flows*each)
	taken := 0
	for i := range tr.counts.buckets {
		bucket := &tr.counts.buckets[i]
		for way, tag := range bucket.Tags {
			if tag == 0 {
				continue
			}
			taken++
			hash := hashOf(&bucket.Keys[way])
			if (hash^tag)&^tagBefore != 0 || int(hash>>(64-log2(tr.counts.each))) != i%tr.counts.each {
				t.Fatalf("bucket %d has tag %#x, hash %#x of %+v", i, tag, hash, bucket.Keys[way])
			}
		}
	}
	if taken < flows {
		t.Errorf("%d slots taken by %d flows, %d drops", taken, flows, len(drops))
	}
}

func log2(n int) (log int) {
	for ; n > 1; n /= 2 {
		log++
	}
	return log
}

// With every packet wanted, those beyond the limit still tell their flow.
func TestEveryPacketBeyondTheLimit(t *testing.T) {
	ns := namespace(t)
	const limit, flows, each = 16, 200, 3
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Every: true, MaxFlows: limit})
	if err := closedPorts(ns, flows*each, 1000, flows); err != nil {
		t.Fatal(err)
	}
	drops, totals := collect(t, tr, flows*each)
	seen := make(map[uint16]int)
	for _, d := range drops {
		if d.Packet == nil || d.Count != 1 || d.Merged {
			t.Fatalf("drop %+v", d)
		}
		seen[d.Flow.DstPort]++
	}
	if len(seen) != flows || totals.Merged != (flows-limit)*each {
		t.Errorf("%d flows of %d, %d merged", len(seen), flows, totals.Merged)
	}
}

func TestSlotsFitTheMachine(t *testing.T) {
	for cpus := 1; cpus <= 1024; cpus++ {
		if logarithm := bucketBits(cpus); logarithm < minBits || logarithm > maxBits ||
			logarithm > minBits && slotBytes(cpus, logarithm) > maxSlotBytes {
			t.Errorf("%d processors: 2^%d buckets each", cpus, logarithm)
		}
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := bpf.LoadDrop()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := int(spec.Maps[bpf.DropMapBuckets].ValueSize)*2*cpus<<bucketBits(cpus), slotBytes(cpus, bucketBits(cpus)); got != want {
		t.Errorf("slots take %d bytes, reckoned %d", got, want)
	}
}
