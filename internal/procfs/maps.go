package procfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mapping is one line of /proc/PID/maps.
type Mapping struct {
	// Lo and Hi bound the addresses, [Lo, Hi).
	Lo, Hi uint64
	// Perms is four letters, such as "r-xp".
	Perms string
	// Offset is where in the file the mapping starts.
	Offset uint64
	// Dev and Inode name the file; both are 0 for memory without one. Dev is
	// encoded as in stat(2).
	Dev, Inode uint64
	// Path is the file's path as the kernel prints it, "[name]" for special
	// memory, or "". It is relative to the root of the mount namespace, or to
	// the reader's root where that is the nearer one.
	Path string
	// Deleted says that the kernel marked the path as deleted. Path is then
	// without the mark.
	Deleted bool
}

// Executable reports whether the mapping can be executed.
func (m Mapping) Executable() bool { return len(m.Perms) > 2 && m.Perms[2] == 'x' }

// Mappings returns the mappings of p in order of address.
func (p *Process) Mappings() ([]Mapping, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, "maps"))
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", p.gone(err))
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	maps, err := parseMaps(data)
	if err != nil {
		return nil, fmt.Errorf("read mappings of process %d: %w", p.PID, err)
	}
	return maps, nil
}

func parseMaps(data []byte) ([]Mapping, error) {
	maps := make([]Mapping, 0, bytes.Count(data, []byte{'\n'}))
	for line := range bytes.Lines(data) {
		m, err := parseMapping(strings.TrimSuffix(string(line), "\n"))
		if err != nil {
			return nil, err
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// parseMapping parses a line as show_map_vma of fs/proc/task_mmu.c prints it:
//
//	lo-hi perms offset major:minor inode<padding>path
//
// The path is taken literally from behind the padding: it may hold runs of
// spaces, which is why the line is not split into fields.
func parseMapping(line string) (Mapping, error) {
	bad := func() (Mapping, error) { return Mapping{}, fmt.Errorf("malformed line %.200q", line) }
	var f [5]string
	rest := line
	for i := range f {
		f[i], rest, _ = strings.Cut(rest, " ")
	}
	lo, hi, ok := strings.Cut(f[0], "-")
	major, minor, ok2 := strings.Cut(f[3], ":")
	if !ok || !ok2 || len(f[1]) != 4 {
		return bad()
	}
	var n [6]uint64
	for i, s := range []string{lo, hi, f[2], major, minor} {
		v, err := strconv.ParseUint(s, 16, 64)
		if err != nil {
			return bad()
		}
		n[i] = v
	}
	inode, err := strconv.ParseUint(f[4], 10, 64)
	if err != nil || n[0] > n[1] || n[3] > 1<<12 || n[4] > 1<<20 {
		return bad()
	}
	m := Mapping{Lo: n[0], Hi: n[1], Perms: f[1], Offset: n[2], Inode: inode,
		Dev: unix.Mkdev(uint32(n[3]), uint32(n[4]))}
	m.Path = strings.TrimLeft(rest, " ")
	if m.Inode != 0 {
		m.Path, m.Deleted = strings.CutSuffix(m.Path, deletedSuffix)
	}
	m.Path = unescape(m.Path)
	return m, nil
}

// unescape undoes the one escape of seq_path(m, file, "\n"). A name that
// holds a literal \012 is printed the same way, so the result is a claim that
// must be checked against the inode.
func unescape(s string) string { return strings.ReplaceAll(s, `\012`, "\n") }
