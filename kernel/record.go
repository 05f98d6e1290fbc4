package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// AttachRecord has a program of type TracePoint run for each record of a
// tracepoint, on every processor, until the returned closer is closed. It goes by
// the number that tracefs gives the event: perf_event_open(2).
func AttachRecord(t Tracepoint, program *ebpf.Program) (io.Closer, error) {
	f, err := readFormat(filepath.Join(t.Group, t.Name))
	if err != nil {
		return nil, err
	}
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: unix.PERF_TYPE_TRACEPOINT, Config: uint64(f.id), Sample_type: unix.PERF_SAMPLE_RAW, Sample: 1, Wakeup: 1,
	}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC) // the program runs for all processors, not only the event's
	if err != nil {
		return nil, fmt.Errorf("open the perf event of %s: %w", t, err)
	}
	event := os.NewFile(uintptr(fd), "perf event")
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_BPF, program.FD()); err != nil {
		return nil, errors.Join(fmt.Errorf("set the program of %s: %w", t, err), event.Close())
	}
	if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("enable %s: %w", t, err), event.Close())
	}
	return event, nil
}
