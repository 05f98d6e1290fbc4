package kernel

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// A Cgroup is where a process is in a hierarchy of control groups.
type Cgroup struct {
	// Path is the one in the unified hierarchy, or, where the process is in
	// its root, in that of systemd (cgroups(7), /proc/PID/cgroup).
	Path string
	// Container is the first 12 digits of the container's ID, as the tools of
	// containers print it; "" where the process is in none.
	Container string
}

// shortID is how many digits of a container's ID are told.
const shortID = 12

// CgroupOf reads the control groups of a process.
func CgroupOf(pid int) (Cgroup, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return Cgroup{}, fmt.Errorf("read the control groups of process %d: %w", pid, err)
	}
	return parseCgroup(string(text)), nil
}

// parseCgroup reads lines of hierarchy, controllers and path.
func parseCgroup(text string) Cgroup {
	var c Cgroup
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		path := parts[2]
		if c.Container == "" {
			c.Container = containerOf(path)
		}
		if parts[1] == "" && path != "/" || parts[1] == "name=systemd" && c.Path == "" {
			c.Path = path
		}
	}
	return c
}

// container is how the tools name the group of a container: Docker
// docker/ID and docker-ID.scope, containerd ID below kubepods,
// cri-containerd-ID.scope and SLICE:cri-containerd:ID, Podman libpod-ID.scope,
// CRI-O crio-ID.scope. What only watches one, libpod-conmon-ID.scope and
// crio-conmon-ID.scope, is in none.
var container = regexp.MustCompile(`(?:^|:)(?:(?:docker|cri-containerd|containerd|nerdctl|libpod|crio)[-:])?([0-9a-f]{64})(?:\.scope)?$`)

// containerOf returns the short ID of the container that a path leads into,
// the innermost one.
func containerOf(path string) string {
	id := ""
	for part := range strings.SplitSeq(path, "/") {
		if m := container.FindStringSubmatch(part); m != nil {
			id = m[1][:shortID]
		}
	}
	return id
}

// unified are where the unified hierarchy is mounted: alone, or beside others.
var unified = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}

// CgroupByID finds a control group by its ID in the unified hierarchy, which is
// its directory's inode number. It needs CAP_DAC_READ_SEARCH.
func CgroupByID(id uint64) (Cgroup, error) {
	for _, mount := range unified {
		var fs unix.Statfs_t
		if unix.Statfs(mount, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		path, err := cgroupAt(mount, id)
		if err != nil {
			return Cgroup{}, fmt.Errorf("find control group %d: %w", id, err)
		}
		return Cgroup{Path: path, Container: containerOf(path)}, nil
	}
	return Cgroup{}, fmt.Errorf("find control group %d: no unified hierarchy is mounted", id)
}

// cgroupAt opens a directory of kernfs by its number, as a file handle of type
// FILEID_KERNFS (include/linux/exportfs.h), and asks how it is called.
func cgroupAt(mount string, id uint64) (string, error) {
	const fileidKernfs = 0xfe
	root, err := os.Open(mount)
	if err != nil {
		return "", err
	}
	defer root.Close()
	handle := unix.NewFileHandle(fileidKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(int(root.Fd()), handle, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", err
	}
	return "/" + strings.Trim(strings.TrimPrefix(path, mount), "/"), nil
}
