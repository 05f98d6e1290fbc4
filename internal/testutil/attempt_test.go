package testutil

import (
	"slices"
	"testing"
)

// An attempt fails by itself, cleans up after itself, and tells why.
func TestAttempt(t *testing.T) {
	for _, c := range []struct {
		name   string
		f      func(t testing.TB)
		failed bool
		lines  []string
	}{
		{"passes", func(t testing.TB) { t.Logf("%d", 1) }, false, []string{"1", "clean"}},
		{"fails", func(t testing.TB) { t.Errorf("%d", 1); t.Error(2) }, true, []string{"1", "2", "clean"}},
		{"ends", func(t testing.TB) { t.Fatalf("%d", 1); t.Error(2) }, true, []string{"1", "clean"}},
		{"fails when it cleans up", func(t testing.TB) { t.Cleanup(func() { t.Fatal(1) }) }, true, []string{"1", "clean"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &attempt{TB: t}
			a.run(func(t testing.TB) {
				t.Cleanup(func() { t.Log("clean") })
				c.f(t)
			})
			if a.failed != c.failed || !slices.Equal(a.lines, c.lines) {
				t.Errorf("failed %v, lines %q, want %v, %q", a.failed, a.lines, c.failed, c.lines)
			}
		})
	}
	t.Logf("this kernel hides tasks from eBPF: %v", hidesTasks())
}

func TestSwitches(t *testing.T) {
	if switches(1) == 0 {
		t.Error("process 1 was never switched from")
	}
}
