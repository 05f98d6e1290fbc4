package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// UsersOf returns the PIDs of the processes that have the file dev:inode, as
// stat(2) names it, mapped as executable, ascending.
func UsersOf(dev, inode uint64) ([]int, error) { return New("").UsersOf(dev, inode) }

// UsersOf returns the PIDs of the processes that have the file dev:inode, as
// stat(2) names it, mapped as executable, ascending. Processes that come, go,
// or may not be looked into while it reads are left out.
func (f FS) UsersOf(dev, inode uint64) ([]int, error) {
	dir, err := os.Open(f.root)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && uses(filepath.Join(f.root, name), dev, inode) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// uses reports whether the process at dir has mapped the file as executable.
func uses(dir string, dev, inode uint64) bool {
	isFile := func(path string) bool {
		var st unix.Stat_t
		return unix.Stat(path, &st) == nil && st.Dev == dev && st.Ino == inode
	}
	if isFile(filepath.Join(dir, "exe")) {
		return true
	}
	data, err := os.ReadFile(filepath.Join(dir, "maps"))
	if err != nil {
		return false
	}
	maps, err := parseMaps(data)
	if err != nil {
		return false
	}
	for _, m := range maps {
		if !m.Executable() || m.Inode != inode {
			continue
		}
		// btrfs and overlayfs print another device in maps than in stat.
		if m.Dev == dev || isFile(filepath.Join(dir, "map_files", fmt.Sprintf("%x-%x", m.Lo, m.Hi))) {
			return true
		}
	}
	return false
}
