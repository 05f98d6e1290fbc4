package unlink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
)

// ErrTooWide says that a path is no answerable question.
var ErrTooWide = errors.New("that is every file of this machine: name a file, a directory, or a pattern such as /var/log/*.log")

// ErrNoEvents says that files of a path are not removed by anybody.
var ErrNoEvents = errors.New("its files are views into the kernel, which come and go with what they show: nobody deletes them")

// A watch is a path that was given, and how it is found now.
type watch struct {
	path    string // absolute
	pattern string // of the last name, "" for a plain path
	routes  []route
	// old are routes that are no more, but may have been those of attempts that
	// were not read yet.
	old []oldRoutes
	// present says that the file is there, by what was told so far; a route is
	// ahead of that.
	present bool
	// swapped says that another file has got its name, which was not looked at
	// yet: it may be a symbolic link to nothing.
	swapped bool
	missing int   // times in a row that it was looked for in vain although present
	size    int64 // when it was last looked at
}

// oldRoutes are routes that held until a time of CLOCK_MONOTONIC, in nanoseconds.
type oldRoutes struct {
	routes []route
	until  uint64
}

// maxOld bounds the old routes of a watch.
const maxOld = 64

// at returns the routes that may have held at a time.
func (w *watch) at(ns uint64) []route {
	if len(w.old) == 0 {
		return w.routes
	}
	all := slices.Clone(w.routes)
	for i := len(w.old) - 1; i >= 0 && w.old[i].until >= ns; i-- {
		all = append(all, w.old[i].routes...)
	}
	return all
}

// keep keeps routes as old ones if they differ from what holds now.
func (w *watch) keep(before []route) {
	same := slices.EqualFunc(before, w.routes, func(a, b route) bool {
		return a.isDir == b.isDir && a.dir == b.dir && slices.Equal(a.steps, b.steps)
	})
	if same || len(before) == 0 {
		return
	}
	if len(w.old) == maxOld {
		w.old = w.old[1:]
	}
	w.old = append(w.old, oldRoutes{before, now()})
}

// now is CLOCK_MONOTONIC in nanoseconds.
func now() uint64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // which is always there
	return uint64(t.Nano())
}

// newWatch makes a watch of a path as it was given.
func newWatch(given string) (*watch, error) {
	if given == "" {
		return nil, errors.New("a path is empty")
	}
	path, err := filepath.Abs(given)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", given, err)
	}
	if path == "/" {
		return nil, fmt.Errorf("watch %s: %w", given, ErrTooWide)
	}
	w := &watch{path: path}
	var st unix.Stat_t
	if strings.ContainsAny(path, `*?[`) && unix.Lstat(path, &st) != nil {
		if _, err := filepath.Match(path, ""); err != nil {
			return nil, fmt.Errorf("watch %s: %w", given, err)
		}
		w.pattern = filepath.Base(path)
	}
	return w, nil
}

// look finds the watch's routes anew. Of a pattern they are those of the
// directories that it may be in.
func (w *watch) look(id identify, mounts map[uint32]mount) error {
	paths := []string{w.path}
	if w.pattern != "" {
		dir := filepath.Dir(w.path)
		paths = []string{dir}
		if strings.ContainsAny(dir, `*?[`) {
			var err error
			if paths, err = filepath.Glob(dir); err != nil {
				return fmt.Errorf("watch %s: %w", w.path, err)
			}
		}
	}
	routes := make([]route, 0, len(paths))
	for _, path := range paths {
		r, err := follow(path, id)
		if w.pattern != "" && err != nil && path != filepath.Dir(w.path) {
			continue // a match, such as a link to itself, that is no directory to look in
		}
		if err != nil {
			return err
		}
		r.settle(mounts)
		routes = append(routes, r)
	}
	before := w.routes
	w.routes = routes
	w.keep(before)
	var st unix.Stat_t
	if w.pattern == "" && unix.Stat(w.path, &st) == nil {
		w.size = st.Size
	}
	return nil
}

// there says whether the file was there when it was looked for.
func (w *watch) there() bool { return w.pattern == "" && len(w.routes) > 0 && w.routes[0].there }

// A filter is what the kernel is to tell of.
type filter struct {
	names    map[uint64]bool
	dirs     map[bpf.UnlinkFileId]uint32
	devices  map[uint64]bool
	files    map[bpf.UnlinkFileId]bool
	suffixes []bpf.UnlinkSuffix
	any      bool
	trees    bool
	// truth says that all directories are on file systems that tell of their
	// change within the system call.
	truth bool
}

// maxSuffixes is how many the kernel compares.
const maxSuffixes = len([4]bpf.UnlinkSuffix{})

func newFilter(watches []*watch) *filter {
	f := &filter{names: make(map[uint64]bool), dirs: make(map[bpf.UnlinkFileId]uint32), devices: make(map[uint64]bool),
		files: make(map[bpf.UnlinkFileId]bool), truth: true}
	for _, w := range watches {
		for _, r := range w.routes {
			f.add(w, &r)
		}
	}
	if len(f.suffixes) > maxSuffixes {
		f.any, f.suffixes = true, f.suffixes[:0]
	}
	return f
}

func (f *filter) add(w *watch, r *route) {
	for _, s := range r.steps {
		f.names[hash(s.name)] = true
		if s.dir == (bpf.UnlinkFileId{}) {
			continue
		}
		f.dir(s.dir, uint32(bpf.UnlinkDirFlagsDIR_NAMES))
	}
	if !tellsChange(r.magic) {
		f.truth = false
	}
	switch {
	case !r.isDir:
		if r.there {
			f.files[r.file] = true
		}
	case w.pattern == "":
		f.dir(r.dir.id, uint32(bpf.UnlinkDirFlagsDIR_TREE))
		f.trees = true
	default:
		f.dir(r.dir.id, uint32(bpf.UnlinkDirFlagsDIR_SUFFIXES))
		f.suffix(w.pattern)
	}
}

func (f *filter) dir(id bpf.UnlinkFileId, flags uint32) {
	f.dirs[id] |= flags
	f.devices[id.Dev] = true
}

// suffix takes what names of a pattern end in.
func (f *filter) suffix(pattern string) {
	end := pattern[strings.LastIndexAny(pattern, `*?]\`)+1:]
	if end == "" || strings.Contains(pattern, `\`) {
		f.any = true
		return
	}
	s := bpf.UnlinkSuffix{Hash: hash(end), Len: uint64(len(end))}
	for _, known := range f.suffixes {
		if known.Hash == s.Hash && known.Len == s.Len {
			return
		}
	}
	f.suffixes = append(f.suffixes, s)
}

// hash is that of a name in attempt.bpf.h, which begins at its end.
func hash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := len(name) - 1; i >= 0; i-- {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// tellsChange says whether a file system sets the times of a directory within the
// system call that changes it (statfs(2)). It is known of those alone that were
// tried.
func tellsChange(magic int64) bool {
	switch magic {
	case unix.EXT4_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}

// pseudo are file systems that show the kernel.
var pseudo = map[int64]string{
	unix.PROC_SUPER_MAGIC: "proc", unix.SYSFS_MAGIC: "sysfs", unix.CGROUP_SUPER_MAGIC: "cgroup", unix.CGROUP2_SUPER_MAGIC: "cgroup2",
	unix.DEBUGFS_MAGIC: "debugfs", unix.TRACEFS_MAGIC: "tracefs", unix.SECURITYFS_MAGIC: "securityfs", unix.DEVPTS_SUPER_MAGIC: "devpts",
}

// remote are file systems that others may change.
var remote = map[int64]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.V9FS_MAGIC: "9P", unix.FUSE_SUPER_MAGIC: "FUSE",
	unix.CEPH_SUPER_MAGIC: "Ceph", unix.AFS_SUPER_MAGIC: "AFS",
}

// check refuses what cannot be watched, and says what is not seen.
func (w *watch) check(mounts map[uint32]mount) (doubts []string, err error) {
	for _, r := range w.routes {
		if name := pseudo[r.magic]; name != "" {
			return nil, fmt.Errorf("watch %s: it is on a %s file system: %w", w.path, name, ErrNoEvents)
		}
		if name := remote[r.magic]; name != "" {
			doubts = append(doubts, fmt.Sprintf("%s is on a file system of others (%s): what they remove is seen to be gone, but not who did it", w.path, name))
		}
		for _, m := range mounts {
			if rest, ok := below(m.point, r.dir.path); ok && rest != "" && r.isDir && w.pattern == "" {
				doubts = append(doubts, fmt.Sprintf("%s is another file system below %s: it is watched only if it is named, too", m.point, w.path))
			}
		}
		if r.links > 1 {
			doubts = append(doubts, fmt.Sprintf("%s has %d names (hard links): only the removal of this one is told", w.path, r.links))
		}
	}
	if !w.there() && w.pattern == "" {
		doubts = append(doubts, w.path+" does not exist yet: it is waited for")
	}
	return doubts, nil
}

// arm looks for all watches again and tells the kernel.
func (w *tracer) arm() error {
	var generation uint64
	if err := w.coll.Variables[bpf.UnlinkVarGeneration].Get(&generation); err != nil {
		return fmt.Errorf("watch paths: %w", err)
	}
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	w.mounts = mounts
	for _, watch := range w.watches {
		if err := watch.look(w.identify, mounts); err != nil && !w.started {
			return err
		} // else it cannot be reached for the moment, and what was known is kept
	}
	if err := w.put(newFilter(w.watches), generation); err != nil {
		return fmt.Errorf("watch paths: %w", err)
	}
	w.armed = generation
	return nil
}

// settle says where a route's directories are in their file systems.
func (r *route) settle(mounts map[uint32]mount) {
	r.dir.inside, _ = mounts[r.dir.mount].inside(r.dir.path)
	for i := range r.steps {
		s := &r.steps[i]
		s.inside, _ = mounts[s.mount].inside(s.path)
	}
}

// put puts a filter into the kernel: what is new, then the word that it is
// there, then it takes away what is old.
func (w *tracer) put(f *filter, generation uint64) error {
	vars := w.coll.Variables
	var suffixes [maxSuffixes]bpf.UnlinkSuffix
	copy(suffixes[:], f.suffixes)
	err := errors.Join(
		vars[bpf.UnlinkVarTruth].Set(f.truth && w.truth),
		vars[bpf.UnlinkVarTrees].Set(f.trees),
		vars[bpf.UnlinkVarAnySuffix].Set(f.any),
		vars[bpf.UnlinkVarSuffixes].Set(suffixes),
		add(w.coll.Maps[bpf.UnlinkMapNames], f.names),
		add(w.coll.Maps[bpf.UnlinkMapDevices], f.devices),
		add(w.coll.Maps[bpf.UnlinkMapFiles], f.files),
		add(w.coll.Maps[bpf.UnlinkMapDirs], f.dirs),
	)
	if err == nil {
		err = vars[bpf.UnlinkVarArmed].Set(generation)
	}
	if err != nil || w.filter == nil {
		w.filter = f
		return err
	}
	old := w.filter
	w.filter = f
	return errors.Join(
		remove(w.coll.Maps[bpf.UnlinkMapNames], old.names, f.names),
		remove(w.coll.Maps[bpf.UnlinkMapDevices], old.devices, f.devices),
		remove(w.coll.Maps[bpf.UnlinkMapFiles], old.files, f.files),
		remove(w.coll.Maps[bpf.UnlinkMapDirs], old.dirs, f.dirs),
	)
}

func add[K comparable, V any](m *ebpf.Map, entries map[K]V) error {
	for k, v := range entries {
		var value any = v
		if flag, ok := value.(bool); ok && flag {
			value = uint8(1)
		}
		if err := m.Put(k, value); err != nil {
			return fmt.Errorf("too many paths: %w", err)
		}
	}
	return nil
}

func remove[K comparable, V any](m *ebpf.Map, old, now map[K]V) error {
	for k := range old {
		if _, ok := now[k]; ok {
			continue
		}
		if err := m.Delete(k); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
	return nil
}
