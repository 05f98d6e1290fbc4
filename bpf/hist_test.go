package bpf_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// harness is a program around hist.bpf.h that prints the slot of each number
// it reads and, where that is above the first limit, its highest one. The settings are constants to eBPF only.
const harness = `
#include <inttypes.h>
#include <stdio.h>
#include <linux/types.h>
#define const
#include "hist.bpf.h"
#undef const

int main(void)
{
	uint64_t v;
	int i;

	for (i = 0; i < NUM_BOUNDS && scanf("%" SCNu64, &v) == 1; i++)
		slot_bounds_ns[i] = v;
	for (i = 0; i < 64 && scanf("%" SCNu64, &v) == 1; i++)
		first_slots[i] = v;
	for (i = 0; i < NUM_LIMITS && scanf("%" SCNu64, &v) == 1; i++)
		limits_ns[i] = v;
	while (scanf("%" SCNu64, &v) == 1)
		printf("%u/%d\n", slot_of(v), v > limits_ns[0] ? (int)limit_of(v) : -1);
	return 0;
}
`

// TestSlotOf compares the C that runs in the kernel with latency.Slot, at all
// bounds, around all powers of two, and at random; and which limit a call is
// above with a search by Go, for each number of limits.
func TestSlotOf(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("gcc is missing")
		}
		t.Skip("gcc is missing")
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "slot.c"), filepath.Join(dir, "slot")
	if err := os.WriteFile(source, []byte(harness), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-O2", "-Wall", "-Werror", "-I.", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	most := len(bpf.CallHist{}.Over)
	for n := range most + 1 {
		limits := make([]uint64, n)
		for i := range limits {
			limits[i] = random.Uint64() >> random.UintN(64)
		}
		slices.Sort(limits)
		compareSlots(t, binary, slices.Compact(limits), random)
	}
}

// compareSlots runs the program on values with these limits.
func compareSlots(t *testing.T, binary string, limits []uint64, random *rand.Rand) {
	t.Helper()
	values := []uint64{0, 1, 1<<64 - 1}
	for _, v := range limits {
		values = append(values, v-1, v, v+1)
	}
	for bit := range 64 {
		v := uint64(1) << bit
		values = append(values, v-1, v, v+1)
	}
	upper := latency.UpperBoundsNS()
	for _, v := range upper {
		values = append(values, v-1, v, v+1)
	}
	for range 20_000 {
		values = append(values, random.Uint64()>>random.UintN(64))
	}

	var in bytes.Buffer
	for i := range bpf.NumBounds {
		v := uint64(1<<64 - 1)
		if i < len(upper) {
			v = upper[i]
		}
		fmt.Fprintln(&in, v)
	}
	for _, first := range latency.FirstSlots() {
		fmt.Fprintln(&in, first)
	}
	for i := range len(bpf.CallHist{}.Over) {
		v := uint64(1<<64 - 1)
		if i < len(limits) {
			v = limits[i]
		}
		fmt.Fprintln(&in, v)
	}
	for _, v := range values {
		fmt.Fprintln(&in, v)
	}
	cmd := exec.Command(binary)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	if len(got) != len(values) {
		t.Fatalf("%d slots for %d values", len(got), len(values))
	}
	for i, v := range values {
		above, _ := slices.BinarySearch(limits, v) // how many limits are below v
		if want := fmt.Sprintf("%d/%d", latency.Slot(v), above-1); got[i] != want {
			t.Errorf("slot and limit of %d are %s, not %s, with limits %d", v, got[i], want, limits)
		}
	}
}
