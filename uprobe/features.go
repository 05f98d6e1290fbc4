package uprobe

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"

	"github.com/latchprof/latch/internal/ledger"
)

// supported reports whether the kernel has the backend, by trying it: versions
// and configurations tell nothing about what a distribution backported.
func supported(b Backend) error {
	switch b {
	case Multi:
		if err := features.HaveBPFLinkUprobeMulti(); err != nil {
			return fmt.Errorf("uprobe_multi: %w", ledger.Permission(err))
		}
	case Sessions:
		prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Name: "probe_session", Type: ebpf.Kprobe, AttachType: attachUprobeSession,
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}, License: "Dual BSD/GPL",
		})
		if ledger.IsPermission(err) {
			return ledger.Permission(err)
		}
		if err != nil {
			return fmt.Errorf("uprobe session: %w: %w", ebpf.ErrNotSupported, err)
		}
		defer prog.Close()
		// The load accepts attach types that only the link call checks: an
		// offset list of nothing answers EINVAL in either case, a path that
		// does not exist ENOENT only where the type is known.
		_, err = attachMulti(prog, attachUprobeSession, 0, "/proc/self/does-not-exist", []point{{probe: &Probe{}}}, 0)
		if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("uprobe session: %w: %w", ebpf.ErrNotSupported, ledger.Permission(err))
		}
	}
	return nil
}
