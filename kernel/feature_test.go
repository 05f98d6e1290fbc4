package kernel

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/internal/testutil"
)

// TestFeatures holds that what latch stands on is to be had, that what is not is
// said with a reason, and that trying leaves nothing behind.
func TestFeatures(t *testing.T) {
	testutil.NeedRoot(t)
	got := make(map[string]error)
	for _, f := range Features() {
		got[f.Name] = f.Err
		t.Logf("%s: %v", f.Name, f.Err)
	}
	for _, name := range []string{"the kernel's own types (BTF)", "tracepoints with their arguments", "tracepoints with their records"} {
		if err, ok := got[name]; !ok || err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range got {
		if err != nil && len(err.Error()) < 10 {
			t.Errorf("%s: the reason is %q", name, err)
		}
	}
	var id ebpf.ProgramID
	var err error
	for id, err = ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // another's, which has gone meanwhile
		}
		if info, err := p.Info(); err == nil && info.Name == "latch_try" {
			t.Error("a program stays")
		}
		_ = p.Close() // it was only looked at
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
