package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Image is one file of which a process has mapped executable memory.
type Image struct {
	// Path is the file's name as the process's mappings give it.
	Path string
	// Open is a path under which latch can open exactly this file, whatever
	// has become of its name. It is "" when Err is set.
	Open string
	// Err says why the file cannot be opened.
	Err error
	// Dev and Inode are those of the mappings; on btrfs and overlayfs they
	// may differ from what stat(2) says of the file.
	Dev, Inode uint64
	// Deleted says that Path no longer names the file.
	Deleted bool
	// Maps are the executable mappings of the file, in order of address.
	Maps []Mapping
	// IsExe says that the image is the process's executable.
	IsExe bool
}

// Images returns the distinct files of which p has mapped executable memory,
// the executable first, the others in order of address. Devices and memory
// without a file are left out.
func (p *Process) Images() ([]Image, error) {
	maps, err := p.Mappings()
	if err != nil {
		return nil, err
	}
	type id struct{ dev, inode uint64 }
	index := make(map[id]int)
	var images []Image
	for _, m := range maps {
		if !m.Executable() || m.Inode == 0 {
			continue
		}
		i, ok := index[id{m.Dev, m.Inode}]
		if !ok {
			i = len(images)
			index[id{m.Dev, m.Inode}] = i
			images = append(images, Image{Path: m.Path, Dev: m.Dev, Inode: m.Inode, Deleted: m.Deleted})
		}
		images[i].Maps = append(images[i].Maps, m)
	}
	var kept []Image
	exe := p.findExe(images)
	for i, im := range images {
		switch {
		case i == exe:
			im.IsExe, im.Open, im.Path, im.Deleted = true, p.ExePath(), p.Exe, p.Deleted
			kept = slices.Insert(kept, 0, im)
		case p.locate(&im):
			kept = append(kept, im)
		}
	}
	return kept, nil
}

// findExe returns which of the images is the executable, or -1. Where maps
// shows another device than stat(2) does, the name must tell.
func (p *Process) findExe(images []Image) int {
	var st unix.Stat_t
	if unix.Stat(p.ExePath(), &st) == nil {
		for i, im := range images {
			if im.Dev == st.Dev && im.Inode == st.Ino {
				return i
			}
		}
	}
	return slices.IndexFunc(images, func(im Image) bool { return im.Path == p.Exe && im.Deleted == p.Deleted })
}

// errNotRegular marks files that are mapped but are no program files.
var errNotRegular = errors.New("not a regular file")

// locate fills in Open or Err, and corrects Path and Deleted. It returns false
// for a file that is not a regular one.
func (p *Process) locate(im *Image) bool {
	// A magic link: it leads to the mapped file itself, but needs
	// CAP_CHECKPOINT_RESTORE (proc_map_files_get_link in fs/proc/base.c).
	link := filepath.Join(p.dir, "map_files", fmt.Sprintf("%x-%x", im.Maps[0].Lo, im.Maps[0].Hi))
	var st unix.Stat_t
	err := unix.Stat(link, &st)
	if err == nil {
		im.Open = link
		if target, err := os.Readlink(link); err == nil { // without maps' escape
			im.Path, im.Deleted = p.undelete(target, link)
		}
		return st.Mode&unix.S_IFMT == unix.S_IFREG
	}
	if im.Deleted {
		im.Err = fmt.Errorf("open deleted file %q: %w", im.Path, err)
		return true
	}
	im.Err = p.byName(im)
	return !errors.Is(im.Err, errNotRegular)
}

// byName finds the image by its path, below the process's root or, as the
// kernel prints the paths of chrooted processes, below ours. It takes only
// the file with the mapping's device and inode.
func (p *Process) byName(im *Image) error {
	names := []string{im.Path}
	if strings.Contains(im.Path, "\n") {
		names = append(names, strings.ReplaceAll(im.Path, "\n", `\012`))
	}
	var first error
	for _, name := range names {
		for _, root := range []string{p.Root, "/"} {
			err := verify(root, name, im.Dev, im.Inode)
			if err == nil {
				im.Path, im.Open = name, strings.TrimSuffix(root, "/")+name
				return nil
			}
			if first == nil {
				first = err
			}
		}
	}
	return fmt.Errorf("open %q: %w", im.Path, first)
}

// verify proves that root/name is the regular file dev:inode. The path came
// from the kernel, so it holds no symbolic link; one that is there now was
// planted and could lead out of the root. O_PATH never waits for a FIFO.
func verify(root, name string, dev, inode uint64) error {
	rootfd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(rootfd)
	fd, err := unix.Openat2(rootfd, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Dev != dev || st.Ino != inode {
		return fmt.Errorf("replaced since it was mapped: %w", fs.ErrNotExist)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errNotRegular
	}
	return nil
}

// ReadMem fills buf from address addr of the process's memory. It reads what
// is there, planted breakpoints included, and needs no readable mapping.
func (p *Process) ReadMem(addr uint64, buf []byte) error {
	mem, err := os.Open(filepath.Join(p.dir, "mem"))
	if err != nil {
		return fmt.Errorf("read memory: %w", p.gone(err))
	}
	defer mem.Close()
	// The open file is bound to the memory it was opened for, so a check now
	// holds for the read below.
	if err := p.check(); err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	for done := 0; done < len(buf); {
		n, err := unix.Pread(int(mem.Fd()), buf[done:], int64(addr)+int64(done))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read memory of process %d at %#x: %w", p.PID, addr+uint64(done), err)
		}
		if n == 0 {
			return p.errorf(ErrNoProcess)
		}
		done += n
	}
	return nil
}
