package latency

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestSlotAtBounds(t *testing.T) {
	bounds := UpperBoundsNS()
	for i, b := range bounds {
		if got := Slot(b - 1); got != i && !(i > 0 && b-1 == bounds[i-1] && got == i-1) {
			t.Errorf("Slot(%d) = %d, want %d", b-1, got, i)
		}
		if got := Slot(b); got != i {
			t.Errorf("Slot(%d) = %d, want %d", b, got, i)
		}
		if got := Slot(b + 1); got != i+1 {
			t.Errorf("Slot(%d) = %d, want %d", b+1, got, i+1)
		}
	}
}

func TestSlotBoundsContain(t *testing.T) {
	values := []uint64{0, 1, 58, 59, 60, math.MaxUint64 - 1, math.MaxUint64}
	for k := range 64 {
		v := uint64(1) << k
		values = append(values, v-1, v, v+1)
	}
	for range 10_000 {
		values = append(values, rand.Uint64()>>rand.IntN(64))
	}
	for _, v := range values {
		slot := Slot(v)
		lo, hi := SlotBoundsNS(slot)
		if v > hi || v <= lo && v != 0 {
			t.Errorf("Slot(%d) = %d, whose bounds are (%d, %d]", v, slot, lo, hi)
		}
	}
}

func TestUpperBoundsExact(t *testing.T) {
	known := map[int]uint64{
		0:   59,            // 2^-24 s = 59.604 ns
		16:  119,           // 2^-23 s
		224: 976_562,       // 2^-10 s = 976562.5 ns
		384: 1_000_000_000, // 1 s
		392: 1_414_213_562, // 2^(1/2) s
		400: 2_000_000_000,
		576: 4_096_000_000_000,
	}
	bounds := UpperBoundsNS()
	for slot, want := range known {
		if bounds[slot] != want {
			t.Errorf("bound %d = %d, want %d", slot, bounds[slot], want)
		}
	}
	// bound^16 * 2^384 <= 10^144 * 2^slot < (bound+1)^16 * 2^384
	power := func(v uint64) *big.Int {
		n := new(big.Int).Exp(new(big.Int).SetUint64(v), big.NewInt(16), nil)
		return n.Lsh(n, 384)
	}
	for slot, b := range bounds {
		n := new(big.Int).Exp(big.NewInt(10), big.NewInt(144), nil)
		n.Lsh(n, uint(slot))
		if power(b).Cmp(n) > 0 || power(b+1).Cmp(n) <= 0 {
			t.Errorf("bound %d = %d is not the floor of the power", slot, b)
		}
	}
}

func TestFirstSlots(t *testing.T) {
	first := FirstSlots()
	for e, f := range first {
		slot := Slot(1 << e)
		last := Slot(1<<e + (1<<e - 1))
		if int(f) > slot || last > int(f)+16 || f > 561 {
			t.Errorf("first[%d] = %d, but slots %d to %d hold such values", e, f, slot, last)
		}
		if e <= 40 && int(f) != slot {
			t.Errorf("first[%d] = %d, want %d", e, f, slot)
		}
	}
}

func BenchmarkTables(b *testing.B) {
	for b.Loop() {
		for i := range numBounds {
			upperBound(i)
		}
	}
}
