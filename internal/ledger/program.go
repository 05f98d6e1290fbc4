package ledger

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// Splice replaces the body of the function called name by body, which keeps
// the old one's BTF: the kernel refuses a function without (check_btf_func). An
// empty body replaces nothing.
func Splice(insns asm.Instructions, name string, body asm.Instructions) (asm.Instructions, error) {
	start := -1
	end := len(insns)
	for i := range insns {
		if start >= 0 && btf.FuncMetadata(&insns[i]) != nil {
			end = i
			break
		}
		if insns[i].Symbol() == name {
			start = i
		}
	}
	if start < 0 {
		return nil, fmt.Errorf("eBPF object has no function %s", name)
	}
	if len(body) == 0 {
		return insns, nil
	}
	body = append(asm.Instructions(nil), body...)
	first := body[0].WithSymbol(name).WithSource(insns[start].Source())
	body[0] = btf.WithFuncMetadata(first, btf.FuncMetadata(&insns[start]))
	out := append(asm.Instructions(nil), insns[:start]...)
	out = append(out, body...)
	return append(out, insns[end:]...), nil
}

// Settings are the constants of a program: the tables of the histograms, the
// limits above which calls are counted, and whose calls are.
func Settings(limits []uint64, pids []int, mounts uint32) map[string]any {
	var bounds [bpf.NumBounds]uint64
	var above [MaxLimits]uint64
	upper := latency.UpperBoundsNS()
	fillUp(bounds[:], upper[:])
	fillUp(above[:], limits)
	values := map[string]any{
		"slot_bounds_ns": bounds,
		"first_slots":    latency.FirstSlots(),
		"limits_ns":      above,
		"target_mounts":  mounts,
	}
	switch len(pids) {
	case 0:
	case 1:
		values["target_tgid"] = uint32(pids[0])
	default:
		values["has_targets"] = true
	}
	return values
}

// fillUp copies values to the larger table, and fills that up with the largest
// number, which nothing is above.
func fillUp(table, values []uint64) {
	for i := copy(table, values); i < len(table); i++ {
		table[i] = math.MaxUint64
	}
}

// MaxKeys is how many series have a key of their own where nothing, 0, is said.
func MaxKeys(n int) int {
	if n <= 0 {
		return 4096
	}
	return n
}

// EventBytes is the size of the buffer for traced calls where nothing, 0, is said.
func EventBytes(n int) int {
	if n <= 0 {
		return 8 << 20
	}
	return n
}

// Set sets the constants of a program.
func Set(spec *ebpf.CollectionSpec, values map[string]any) error {
	for name, v := range values {
		variable := spec.Variables[name]
		if variable == nil {
			return fmt.Errorf("eBPF object has no setting %s", name)
		}
		if err := variable.Set(v); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// SetTargets writes the measured processes to the map of targets, where it is
// asked: one alone is a setting.
func SetTargets(targets *ebpf.Map, pids []int) error {
	if len(pids) < 2 {
		return nil
	}
	for _, pid := range pids {
		if err := targets.Put(uint32(pid), uint8(1)); err != nil {
			return fmt.Errorf("add process %d: %w", pid, err)
		}
	}
	return nil
}

// Switch raises or lowers the flag that programs look at first.
func Switch(coll *ebpf.Collection, on bool) error {
	enabled := coll.Variables["enabled"]
	if enabled == nil {
		return errors.New("switch probes: eBPF object has no flag for it")
	}
	if err := enabled.Set(on); err != nil {
		return fmt.Errorf("switch probes: %w", err)
	}
	return nil
}

// CloseAll closes links side by side: for each the kernel waits until no
// processor runs its program (RCU), tens of milliseconds.
func CloseAll(links []io.Closer) error {
	errs := make([]error, len(links))
	var wg sync.WaitGroup
	for i, l := range links {
		wg.Go(func() { errs[i] = l.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// IsPermission reports that the kernel refused for want of a privilege. The
// verifier answers EACCES to a program that it does not take.
func IsPermission(err error) bool {
	var verifier *ebpf.VerifierError
	if errors.As(err, &verifier) && errors.Is(err, unix.EACCES) {
		return false
	}
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
}

// Permission turns the kernel's refusal into what to do about it. What the
// library says beside it, a guess at the memory limit, misleads. Other errors
// stay as they are.
func Permission(err error) error {
	if !IsPermission(err) {
		return err
	}
	if os.Geteuid() == 0 {
		return fmt.Errorf("the kernel refuses eBPF to this root user (a container, or lockdown?): %w", unix.EPERM)
	}
	return fmt.Errorf("probing needs root, or CAP_BPF and CAP_PERFMON: %w", unix.EPERM)
}
