package procfs

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	promfs "github.com/prometheus/procfs"
)

// Machine names the processor and how many there are, such as "4 x AMD EPYC
// 9B14"; "" where that cannot be read.
func Machine() string { return New("").Machine() }

// Machine names the processor and how many there are, such as "4 x AMD EPYC
// 9B14"; "" where that cannot be read.
func (f FS) Machine() string {
	pfs, err := promfs.NewFS(f.root)
	if err != nil {
		return ""
	}
	cpus, err := pfs.CPUInfo()
	if err != nil || len(cpus) == 0 {
		return ""
	}
	model := strings.TrimSpace(cpus[0].ModelName)
	if model == "" { // arm64 gives numbers only
		model = runtime.GOARCH
		if id, err := os.ReadFile("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1"); err == nil {
			model += " " + strings.TrimSpace(string(id))
		}
	}
	return fmt.Sprintf("%d x %s", len(cpus), model)
}
