package latency

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSince(t *testing.T) {
	prev, now := sample(), sample()
	f := &now.Functions[0]
	now.DurationNS = 15e9
	now.Overhead = Overhead{EntryNS: 5300, ExitNS: 1200, Hits: 35, CPUShare: 0.2}
	now.Warnings = append(now.Warnings, "second")
	// Both calls in flight returned, and three of four new ones.
	f.Balance = Balance{
		Entries: 14, Returns: 10, InFlight: 1, Unwound: 1,
		Lost: map[string]uint64{"calls full": 2},
	}
	f.Series = []Series{
		seriesOf(map[string]string{"sku": "a"}, 100, 200, 3000, 150, 90_000),
		seriesOf(map[string]string{"sku": "b"}, 1_000_000, 2_000_000),
		seriesOf(map[string]string{"sku": "c"}, 70, 80),
		seriesOf(map[string]string{"sku": "d"}, 900),
	}
	if err := now.Check(); err != nil {
		t.Fatal(err)
	}

	d := now.Since(prev)
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	if want := prev.Start.Add(10e9); !d.Start.Equal(want) || d.DurationNS != 5e9 {
		t.Errorf("interval is %v + %d ns", d.Start, d.DurationNS)
	}
	if d.Overhead.Hits != 20 || d.Overhead.EntryNS != 5300 || d.Overhead.CPUShare != (0.2*15-0.1*10)/5 {
		t.Errorf("overhead %+v", d.Overhead)
	}
	if diff := cmp.Diff([]string{"second"}, d.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	want := Balance{Entries: 6, Returns: 5, InFlight: 1, Lost: map[string]uint64{}}
	if diff := cmp.Diff(want, d.Functions[0].Balance); diff != "" {
		t.Errorf("balance (-want +got):\n%s", diff)
	}
	a, _ := SlotBoundsNS(Slot(150))
	wantSeries := []Series{
		{Key: map[string]string{"sku": "a"}, Count: 2, SumNS: 90_150, SelfNS: 45_075, MinNS: a + 1, MaxNS: 90_000,
			Buckets: seriesOf(nil, 150, 90_000).Buckets},
		f.Series[2], f.Series[3],
	}
	wantSeries[0].Fill()
	if diff := cmp.Diff(wantSeries, d.Functions[0].Series); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}

	if diff := cmp.Diff(now, now.Since(nil)); diff != "" {
		t.Errorf("since the start (-want +got):\n%s", diff)
	}
	empty := now.Since(now)
	if len(empty.Functions[0].Series) != 0 || empty.Functions[0].Balance.Entries != 1 {
		t.Errorf("since itself: %+v", empty.Functions[0])
	}
}

func TestSinceOneCallIsExact(t *testing.T) {
	prev, now := sample(), sample()
	now.Functions[0].Balance.Entries++
	now.Functions[0].Balance.Returns++
	now.Functions[0].Series[0] = seriesOf(map[string]string{"sku": "a"}, 100, 200, 3000, 1234)
	s := now.Since(prev).Functions[0].Series[0]
	if s.MinNS != 1234 || s.MaxNS != 1234 || s.P50NS != 1234 {
		t.Errorf("one call of 1234 ns: %+v", s)
	}
}

func TestSeriesID(t *testing.T) {
	by := []string{"a", "b"}
	x := Series{Key: map[string]string{"a": `x","y`, "b": "z"}}
	y := Series{Key: map[string]string{"a": "x", "b": `y","z`}}
	if x.id(by) == y.id(by) {
		t.Errorf("both are %s", x.id(by))
	}
}
