package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A NetNS is a network namespace. Its inode number names it in the kernel and
// in /proc alike (ns_common.inum, nsfs).
type NetNS struct {
	Inode uint32
	// Name is the one it has in /run/netns (ip-netns(8)), "" where it has
	// none.
	Name string
	// PID is a process that is in it, 0 where none was found.
	PID int

	path string
}

// namedNetNS is where ip netns keeps its names.
const namedNetNS = "/run/netns"

// NetNSOf opens the namespace behind path, such as /proc/PID/ns/net.
func NetNSOf(path string) (NetNS, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return NetNS{}, fmt.Errorf("find network namespace %s: %w", path, err)
	}
	return NetNS{Inode: uint32(st.Ino), path: path}, nil
}

// netNSAt opens the namespace behind a path that may be anything.
func netNSAt(path string) (NetNS, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return NetNS{}, fmt.Errorf("find network namespace: %w", err)
	}
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE) // ENOTTY for other files
	_ = f.Close()                                                  // it was only asked
	if err != nil || kind != unix.CLONE_NEWNET {
		return NetNS{}, fmt.Errorf("find network namespace: %s is none", path)
	}
	return NetNSOf(path)
}

// NetNSNamed finds a namespace by its name in /run/netns, by a PID in it, by
// its inode number, by the ID of a container in it, or by a path.
func NetNSNamed(name string) (NetNS, error) {
	if filepath.Base(name) == name {
		if ns, err := netNSAt(filepath.Join(namedNetNS, name)); err == nil {
			ns.Name = name
			return ns, nil
		}
	}
	if filepath.IsAbs(name) {
		return netNSAt(name)
	}
	if len(name) >= shortID && strings.Trim(name, "0123456789abcdef") == "" {
		return netNSContainer(name)
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return NetNS{}, fmt.Errorf("no network namespace %q: give a name (ip netns list), a PID in it, its inode number, a container's ID, or a path", name)
	}
	if ns, err := NetNSOf(fmt.Sprintf("/proc/%d/ns/net", n)); err == nil {
		ns.PID = int(n)
		return ns, nil
	}
	all, err := NetNamespaces()
	if err != nil {
		return NetNS{}, err
	}
	for _, ns := range all {
		if ns.Inode == uint32(n) {
			return ns, nil
		}
	}
	return NetNS{}, fmt.Errorf("no network namespace %d: it is neither a PID nor the inode number of one that a process or a name keeps", n)
}

// netNSContainer finds the namespace of a container by the first digits of its
// ID. Several containers may share one.
func netNSContainer(id string) (NetNS, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return NetNS{}, fmt.Errorf("list processes: %w", err)
	}
	for _, entry := range procs {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		c, err := CgroupOf(pid)
		if err != nil || c.Container == "" || !strings.HasPrefix(id, c.Container) {
			continue
		}
		if ns, err := NetNSOf(fmt.Sprintf("/proc/%d/ns/net", pid)); err == nil { // else it has ended
			ns.PID = pid
			return ns, nil
		}
	}
	return NetNS{}, fmt.Errorf("no network namespace of a container %s", id)
}

// Container is the short ID of the container that the namespace's process is
// in, "" where there is none.
func (n NetNS) Container() string {
	if n.PID == 0 {
		return ""
	}
	c, err := CgroupOf(n.PID)
	if err != nil {
		return "" // it has ended
	}
	return c.Container
}

// NetNamespaces lists the namespaces that have a name or a process in them,
// each once, named ones first.
func NetNamespaces() ([]NetNS, error) {
	var all []NetNS
	at := make(map[uint32]int)
	names, err := os.ReadDir(namedNetNS)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	for _, entry := range names {
		ns, err := NetNSOf(filepath.Join(namedNetNS, entry.Name()))
		if err != nil {
			continue // deleted meanwhile
		}
		ns.Name = entry.Name()
		if _, ok := at[ns.Inode]; !ok {
			at[ns.Inode] = len(all)
			all = append(all, ns)
		}
	}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, entry := range procs {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		ns, err := NetNSOf(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			continue // ended meanwhile, or not ours to see
		}
		i, ok := at[ns.Inode]
		if !ok {
			i = len(all)
			at[ns.Inode] = i
			all = append(all, ns)
		}
		if all[i].PID == 0 {
			all[i].PID = pid
		}
	}
	return all, nil
}

// Here says whether the namespace is still where it was found. Its number is
// soon another's when it is not.
func (n NetNS) Here() bool {
	now, err := NetNSOf(n.path)
	return err == nil && now.Inode == n.Inode
}

// Do runs f in a thread that is in the namespace. Processes that f starts are
// in it too. The thread ends with f.
func (n NetNS) Do(f func() error) error {
	done := make(chan error, 1)
	go n.doApart(f, done)
	return <-done
}

// doApart calls f in a thread that it never unlocks, so that the runtime ends
// it with the goroutine. The process's first thread cannot end: it would stay
// in the namespace, and /proc/self/ns/net with it (runtime, mexit of m0).
func (n NetNS) doApart(f func() error, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		done <- n.enter(f)
		return
	}
	other := make(chan error, 1)
	go n.doApart(f, other) // in another thread while this one is locked
	done <- <-other
	runtime.UnlockOSThread()
}

func (n NetNS) enter(f func() error) error {
	file, err := os.Open(n.path)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
	_ = file.Close() // it was only read
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", n.path, err)
	}
	return f()
}

// String is the namespace's name, or its inode number.
func (n NetNS) String() string {
	if n.Name != "" {
		return n.Name
	}
	return strconv.FormatUint(uint64(n.Inode), 10)
}
