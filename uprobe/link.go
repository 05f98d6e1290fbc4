package uprobe

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/ledger"
)

// Backend is a way to attach probes to user programs.
type Backend uint8

const (
	// Sessions attaches many sites with one link and sees entry and return
	// with one probe (Linux 6.13).
	Sessions Backend = iota
	// Multi attaches many sites with one link (Linux 6.6).
	Multi
	// PerfEvents opens one perf event for each site.
	PerfEvents
)

// String names the backend.
func (b Backend) String() string {
	return [...]string{"session", "uprobe_multi", "perf"}[b]
}

// Attach types and flags of include/uapi/linux/bpf.h that the library has no
// link call for.
const (
	attachUprobeMulti   = 48 // BPF_TRACE_UPROBE_MULTI
	attachUprobeSession = 57 // BPF_TRACE_UPROBE_SESSION
	uprobeMultiReturn   = 1  // BPF_F_UPROBE_MULTI_RETURN
	bpfLinkCreate       = 28 // BPF_LINK_CREATE
)

// point is one place a program is attached to.
type point struct {
	probe  *Probe
	offset uint64
}

// multiAttr is union bpf_attr for BPF_LINK_CREATE with uprobe_multi.
type multiAttr struct {
	progFD     uint32
	targetFD   uint32
	attachType uint32
	linkFlags  uint32
	path       unsafe.Pointer
	offsets    unsafe.Pointer
	refCtr     unsafe.Pointer
	cookies    unsafe.Pointer
	count      uint32
	flags      uint32
	pid        uint32
	_          uint32
}

// attachMulti attaches prog to all points of one file with one link. pid 0
// means every process.
func attachMulti(prog *ebpf.Program, attachType, flags uint32, path string, points []point, pid int) (io.Closer, error) {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("attach to %q: %w", path, err)
	}
	offsets := make([]uint64, len(points))
	cookies := make([]uint64, len(points))
	for i, p := range points {
		offsets[i], cookies[i] = p.offset, uint64(p.probe.ID)
	}
	attr := multiAttr{
		progFD: uint32(prog.FD()), attachType: attachType, path: unsafe.Pointer(name),
		offsets: unsafe.Pointer(&offsets[0]), cookies: unsafe.Pointer(&cookies[0]),
		count: uint32(len(points)), flags: flags, pid: uint32(pid),
	}
	var pins runtime.Pinner
	pins.Pin(name)
	pins.Pin(&offsets[0])
	pins.Pin(&cookies[0])
	defer pins.Unpin()
	fd, _, errno := unix.Syscall(unix.SYS_BPF, bpfLinkCreate, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(prog)
	if errno != 0 {
		return nil, errno
	}
	unix.CloseOnExec(int(fd))
	return link.NewFromFD(int(fd))
}

// perfLinks are the perf events of many sites.
type perfLinks []link.Link

// Close closes the events, the last one first.
func (l perfLinks) Close() error {
	var err error
	for i := len(l) - 1; i >= 0; i-- {
		err = errors.Join(err, l[i].Close())
	}
	return err
}

// attachPerf opens one perf event for each point.
func attachPerf(prog *ebpf.Program, ret bool, path string, points []point, pid int) (_ io.Closer, err error) {
	var links perfLinks
	defer func() {
		if err != nil {
			err = errors.Join(err, links.Close())
		}
	}()
	exe, err := link.OpenExecutable(path)
	if err != nil {
		return nil, fmt.Errorf("open %s for attaching: %w", path, err)
	}
	attach := exe.Uprobe
	if ret {
		attach = exe.Uretprobe
	}
	for _, p := range points {
		l, err := attach("", prog, &link.UprobeOptions{Address: p.offset, PID: pid, Cookie: uint64(p.probe.ID)})
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}

// attacher attaches a program to points, telling what was refused.
type attacher func(points []point) (io.Closer, error)

// attachAll attaches all points with as few links as possible. The kernel
// refuses a link for a single bad instruction; the points are then halved
// until the refused ones stand alone.
func attachAll(points []point, attach attacher) (links []io.Closer, refused map[*Probe]error) {
	refused = make(map[*Probe]error)
	var try func(points []point)
	try = func(points []point) {
		if len(points) == 0 {
			return
		}
		l, err := attach(points)
		if err == nil {
			links = append(links, l)
			return
		}
		if len(points) == 1 || !perSite(err) {
			for _, p := range points {
				refused[p.probe] = fmt.Errorf("attach %s at file offset %#x: %w", p.probe.Func.Name, p.offset, ledger.Permission(err))
			}
			return
		}
		half := len(points) / 2
		try(points[:half])
		try(points[half:])
	}
	try(points)
	return links, refused
}

// errNotSupported is ENOTSUPP, which the uprobe code returns for instructions
// it does not probe; it is not among the errno values of user space.
const errNotSupported = unix.Errno(524)

// perSite says whether an error may concern one site alone.
func perSite(err error) bool {
	return errors.Is(err, errNotSupported) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIO) ||
		errors.Is(err, unix.EOPNOTSUPP)
}
