package unlink

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A mount is where a part of a file system is seen (proc(5), mountinfo).
type mount struct {
	id    uint32
	root  string // in the file system
	point string
	kind  string // of file system
}

// readMounts reads our own mounts.
func readMounts() (map[uint32]mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	return parseMounts(string(text)), nil
}

func parseMounts(text string) map[uint32]mount {
	all := make(map[uint32]mount)
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(kind) == 0 {
			continue
		}
		id, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil {
			continue
		}
		all[uint32(id)] = mount{uint32(id), octal.Replace(f[3]), octal.Replace(f[4]), kind[0]}
	}
	return all
}

// octal takes back what the kernel does to spaces and the like in names.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// seen turns a path within a file system into the one that a mount gives it. ok is
// false where the mount is not ours, or does not show it.
func (m mount) seen(inside string) (path string, ok bool) {
	if m.point == "" {
		return inside, false
	}
	rest, ok := below(inside, m.root)
	if !ok {
		return inside, false
	}
	return join(m.point, rest), true
}

// inside is the reverse of seen.
func (m mount) inside(path string) (string, bool) {
	rest, ok := below(path, m.point)
	if !ok || m.root == "" {
		return path, false
	}
	return join(m.root, rest), true
}

// below cuts the directory dir off a path: "" where the path is dir itself.
func below(path, dir string) (rest string, ok bool) {
	if path == dir {
		return "", true
	}
	rest, ok = strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
	return rest, ok
}

// join puts a relative path behind a directory. It cleans neither: names are what
// they are.
func join(dir, rest string) string {
	if rest == "" {
		return dir
	}
	return strings.TrimSuffix(dir, "/") + "/" + rest
}
