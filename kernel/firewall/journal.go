package firewall

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
)

// journalDir holds one file for each trace that is set up, from before the
// first change until after the last one is undone. A restart empties it, and
// the rules with it.
const journalDir = "/run/latch"

// A change is what a trace does to a namespace's ruleset: all that is needed
// to undo it.
type change struct {
	PID int `json:"pid"`
	// Start is the process's, in clock ticks since boot (proc(5), stat).
	Start uint64 `json:"start"`
	NetNS uint32 `json:"netns"`
	// Cookie tells the namespace from later ones of its number; 0 before
	// Linux 5.14 (SO_NETNS_COOKIE).
	Cookie uint64 `json:"netns_cookie"`
	// Table is the name of an inet table of nft.
	Table string `json:"table,omitempty"`
	// Tool and Rule are a program of iptables and its arguments behind -I or
	// -D, without the position.
	Tool string   `json:"tool,omitempty"`
	Rule []string `json:"rule,omitempty"`
	// Log has what net.netfilter.nf_log.N was, by N, where it is changed.
	Log map[string]string `json:"nf_log,omitempty"`
}

// nfLogTrace is what nf_log is set to.
const nfLogTrace = "nfnetlink_log"

func nfLogPath(pf string) string { return "/proc/sys/net/netfilter/nf_log/" + pf }

// write makes the change's file, which is whole or not there.
func (c *change) write(path string) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// apply makes the change in this thread's namespace. What marks it as made,
// the table or the rule, comes first and goes last.
func (c *change) apply(table string) error {
	if c.Table != "" {
		if err := nftScript(table); err != nil {
			return err
		}
	} else if _, err := run(c.Tool, append([]string{"-t", "raw", "-I"}, c.Rule...)...); err != nil {
		return err
	}
	for pf := range c.Log {
		if err := os.WriteFile(nfLogPath(pf), []byte(nfLogTrace), 0); err != nil {
			return fmt.Errorf("send traces of iptables to netlink: %w", err)
		}
	}
	return nil
}

// cookie is that of this thread's namespace, 0 where the kernel gives none.
func cookie() uint64 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	c, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0
	}
	return c
}

// undo takes back, in this thread's namespace, what is still there of the
// change: a reload of the firewall may have removed the table or the rule. It says whether this is the change's
// namespace.
func (c *change) undo() (here bool, err error) {
	made, err := c.made()
	if err != nil {
		return false, err
	}
	if c.Cookie != cookie() || c.Cookie == 0 && !made {
		return false, nil // another one, of the same number
	}
	for pf, was := range c.Log {
		now, err := os.ReadFile(nfLogPath(pf))
		if err != nil {
			return true, err
		}
		if strings.TrimSpace(string(now)) != nfLogTrace {
			continue // set by someone else since, or not yet by us
		}
		if err := os.WriteFile(nfLogPath(pf), []byte(was), 0); err != nil {
			return true, fmt.Errorf("set nf_log back to %s: %w", was, err)
		}
	}
	if !made {
		return true, nil
	}
	if c.Table != "" {
		_, err = run("nft", "delete", "table", "inet", c.Table)
		return true, err
	}
	_, err = run(c.Tool, append([]string{"-t", "raw", "-D"}, c.Rule...)...)
	return true, err
}

// made says whether the change's mark is in this thread's namespace.
func (c *change) made() (bool, error) {
	if c.Table == "" {
		_, err := run(c.Tool, append([]string{"-t", "raw", "-C"}, c.Rule...)...)
		return err == nil, nil
	}
	out, err := run("nft", "list", "tables", "inet")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "table inet "+c.Table {
			return true, nil
		}
	}
	return false, nil
}

// Sweep undoes what traces of processes that ended without doing so have left
// in any namespace that still has a process or a name. It says what it undid.
// It is to be called at every start.
func Sweep() (undone []string, err error) {
	entries, err := os.ReadDir(journalDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for traces that were left behind: %w", err)
	}
	var all error
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), journalPrefix) {
			continue
		}
		what, err := sweepFile(filepath.Join(journalDir, entry.Name()))
		if err != nil {
			all = errors.Join(all, fmt.Errorf("undo the trace of %s: %w", entry.Name(), err))
		}
		if what != "" {
			undone = append(undone, what)
		}
	}
	return undone, all
}

// journalPrefix begins the files' names, the process's number follows.
const journalPrefix = "trace-"

func sweepFile(path string) (undone string, err error) {
	if strings.HasSuffix(path, ".tmp") { // nothing was changed yet
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), journalPrefix), "-")
		if _, err := os.Stat("/proc/" + pid); err == nil {
			return "", nil
		}
		return "", os.Remove(path)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // undone meanwhile
	}
	if err != nil {
		return "", err
	}
	var c change
	if err := json.Unmarshal(data, &c); err != nil {
		return "", err
	}
	if start, err := startTime(c.PID); err == nil && start == c.Start {
		return "", nil // still at it
	}
	in, err := c.undoAnywhere()
	if err != nil {
		return "", err
	}
	if in != "" {
		undone = fmt.Sprintf("a trace that process %d left in network namespace %s", c.PID, in)
	}
	return undone, os.Remove(path)
}

func (c *change) undoIn(ns kernel.NetNS) (here bool, err error) {
	err = ns.Do(func() (err error) {
		here, err = c.undo()
		return err
	})
	return here, err
}

// undoAnywhere finds the change's namespace by its number and undoes it there.
// A namespace that has neither a process nor a name is taken to be gone.
func (c *change) undoAnywhere() (in string, err error) {
	all, err := kernel.NetNamespaces()
	if err != nil {
		return "", err
	}
	for _, ns := range all {
		if ns.Inode != c.NetNS {
			continue
		}
		here, err := c.undoIn(ns)
		if here {
			in = ns.String()
		}
		return in, err
	}
	return "", nil
}

// startTime is when a process started, in clock ticks since boot.
func startTime(pid int) (uint64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything.
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	const field = 22 - 3 // starttime, counted from the state behind the name
	if len(f) <= field {
		return 0, fmt.Errorf("read the start of process %d: %d fields", pid, len(f))
	}
	return strconv.ParseUint(f[field], 10, 64)
}
