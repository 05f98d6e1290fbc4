package netfail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// findOwners looks through the descriptors of all processes for the sockets.
// Processes that end meanwhile, or into which we may not look, own nothing.
func findOwners(sockets []Listener) error {
	if len(sockets) == 0 {
		return nil
	}
	wanted := make(map[string]*Listener)
	for i := range sockets {
		wanted[fmt.Sprintf("socket:[%d]", sockets[i].Inode)] = &sockets[i]
	}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("find owners of sockets: %w", err)
	}
	for _, entry := range procs {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			findOwned(pid, wanted)
		}
	}
	for i := range sockets {
		slices.SortFunc(sockets[i].Owners, func(a, b Owner) int { return cmp.Compare(a.PID, b.PID) })
	}
	return nil
}

// findOwned makes the process an owner of the sockets that it holds.
func findOwned(pid int, wanted map[string]*Listener) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	fds, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return
	}
	for _, fd := range fds {
		target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		if err != nil {
			continue
		}
		socket := wanted[target]
		if socket == nil || slices.ContainsFunc(socket.Owners, func(o Owner) bool { return o.PID == pid }) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		socket.Owners = append(socket.Owners, Owner{PID: pid, Comm: strings.TrimSuffix(string(comm), "\n")})
	}
}
