package unlink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// identify says what the kernel knows an open file by, and the mount it is on.
type identify func(fd int) (bpf.UnlinkFileId, uint32, error)

// A step is a name in a directory that a path leads through.
type step struct {
	dir  bpf.UnlinkFileId // zero for one that is not there
	path string           // of the directory, without symbolic links
	// inside is that in the directory's file system; mount is where it is seen.
	inside string
	mount  uint32
	name   string
	// last says that the name is the watched file's own, not that of a
	// directory or a symbolic link on the way to it.
	last bool
	link bool
}

// A route is how a path is found now.
type route struct {
	steps []step
	// there says that there is such a file, isDir that it is a directory, in
	// which case dir is where it is.
	there, isDir bool
	dir          place
	file         bpf.UnlinkFileId
	links        uint64 // hard links to the file
	magic        int64  // of the file system of the last directory
}

// A place is a directory.
type place struct {
	id     bpf.UnlinkFileId
	mount  uint32
	path   string
	inside string // in its file system
}

// maxLinks bounds symbolic links, as the kernel does.
const maxLinks = 40

// follow finds the route of an absolute path, as far as it leads. A link at its
// end is itself watched, and so is what it leads to.
func follow(path string, id identify) (r route, err error) {
	fail := func(err error) (route, error) { return r, fmt.Errorf("look for %s: %w", path, err) }
	cur, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	defer func() { unix.Close(cur) }()
	at, links := "/", 0
	todo := strings.Split(strings.Trim(path, "/"), "/")
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		dir, mount, err := id(cur)
		if err != nil {
			return fail(err)
		}
		if name != ".." {
			r.steps = append(r.steps, step{dir: dir, path: at, mount: mount, name: name, last: rest(todo) == 0})
		}
		fd, err := unix.Openat(cur, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			r.magic = magicOf(cur)
			r.await(todo)
			return r, nil
		}
		if err != nil {
			return fail(err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			unix.Close(fd)
			return fail(err)
		}
		switch kind := st.Mode & unix.S_IFMT; {
		case kind == unix.S_IFLNK:
			target, err := readlink(fd)
			unix.Close(fd)
			if err != nil {
				return fail(err)
			}
			if links++; links > maxLinks {
				return fail(unix.ELOOP)
			}
			r.steps[len(r.steps)-1].link = true
			todo = append(strings.Split(target, "/"), todo...)
			if strings.HasPrefix(target, "/") {
				root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
				if err != nil {
					return fail(err)
				}
				unix.Close(cur)
				cur, at = root, "/"
			}
		case kind == unix.S_IFDIR:
			unix.Close(cur)
			cur = fd
			if name == ".." {
				at = filepath.Dir(at)
			} else {
				at = join(at, name)
			}
		case rest(todo) > 0:
			unix.Close(fd)
			return fail(unix.ENOTDIR)
		default:
			r.there, r.links, r.magic = true, uint64(st.Nlink), magicOf(cur)
			r.file, _, err = id(fd)
			unix.Close(fd)
			if err != nil {
				return fail(err)
			}
			return r, nil
		}
	}
	r.there, r.isDir, r.magic = true, true, magicOf(cur)
	r.dir.path = at
	if r.dir.id, r.dir.mount, err = id(cur); err != nil {
		return fail(err)
	}
	return r, nil
}

// await adds the steps that are not there yet, behind the last that is.
func (r *route) await(todo []string) {
	for i, name := range todo {
		last := &r.steps[len(r.steps)-1]
		if name == "" || name == "." || name == ".." {
			continue // which are a link's, and are looked for when it leads somewhere
		}
		r.steps = append(r.steps, step{path: join(last.path, last.name), mount: last.mount, name: name, last: rest(todo[i+1:]) == 0})
	}
}

// rest is how many names are to come.
func rest(todo []string) (n int) {
	for _, name := range todo {
		if name != "" && name != "." {
			n++
		}
	}
	return n
}

func readlink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	return string(buf[:max(n, 0)]), err
}

func magicOf(fd int) int64 {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return 0
	}
	return int64(fs.Type)
}

// open opens what a process meant by a path, which starts at the side's base. It
// is tried through what can still be reached of the process. doubt says that the
// base was only found on another mount: that of the process, whose mounts may lead
// elsewhere, is gone.
func (w *tracer) open(a *attempt, s *side, path string, flags int) (fd int, doubt bool, err error) {
	if path == "" {
		path = "."
	}
	how := &unix.OpenHow{Flags: uint64(flags | unix.O_PATH | unix.O_CLOEXEC)}
	if strings.HasPrefix(path, "/") && (a.Root != w.root || w.foreign(s.mount)) {
		how.Resolve = unix.RESOLVE_IN_ROOT
	}
	other := -1
	for _, start := range w.starts(a, s) {
		base, err := unix.Open(start, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		id, mount, err := w.identify(base)
		switch {
		case err == nil && id == s.base && mount == s.mount:
			if other >= 0 {
				unix.Close(other)
			}
			fd, err := openFrom(base, path, how)
			return fd, false, err
		case err == nil && id == s.base && other < 0:
			other = base
		default:
			unix.Close(base)
		}
	}
	if other < 0 {
		return -1, false, unix.ENOENT
	}
	fd, err = openFrom(other, path, how)
	return fd, true, err
}

// openFrom opens a path from a directory, which it closes.
func openFrom(base int, path string, how *unix.OpenHow) (int, error) {
	defer unix.Close(base)
	fd, err := unix.Openat2(base, path, how)
	if errors.Is(err, unix.ENOSYS) && how.Resolve == 0 { // before 5.6
		fd, err = unix.Openat(base, path, int(how.Flags), 0)
	}
	return fd, err
}

// foreign says that a mount is not among ours: it is another namespace's.
func (w *tracer) foreign(mount uint32) bool { return w.mounts[mount].point == "" }

// starts are paths under which a side's base may be found.
func (w *tracer) starts(a *attempt, s *side) (paths []string) {
	if path, ok := w.mounts[s.mount].seen(s.inside); ok {
		paths = append(paths, path)
	}
	pids := []uint32{a.Tgid}
	for i := range a.Parents {
		pids = append(pids, a.Parents[i].Pid)
	}
	for _, pid := range pids {
		proc := fmt.Sprintf("/proc/%d/", pid)
		paths = append(paths, proc+"cwd", proc+"root")
		if path, err := os.Readlink(proc + "root"); err == nil && path != "/" {
			paths = append(paths, proc+"root"+s.inside)
		}
	}
	return paths
}
