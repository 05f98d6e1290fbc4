package testutil

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// NeedRoot skips the test unless it runs as root. Where CI is set, it fails.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root")
	}
}

// Need skips the test unless tool is in PATH. Where CI is set, it fails.
func Need(t testing.TB, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		Missing(t, tool)
	}
}

// NeedFile skips the test unless path is there. Where CI is set, it fails.
func NeedFile(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		Missing(t, path)
	}
}

// NeedDebugInfo skips the test unless the debugging information of the ELF file
// at path, which Debian's package pkg holds, is installed under the file's
// build ID. Where CI is set, it fails.
func NeedDebugInfo(t testing.TB, path, pkg string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	section := file.Section(".note.gnu.build-id")
	if section == nil {
		t.Fatalf("%s has no build ID", path)
	}
	note, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	const header = 16 // of the note, with its owner's name (elf(5))
	if len(note) < header+2 {
		t.Fatalf("%s has a build ID of %d bytes", path, len(note)-header)
	}
	id := note[header:]
	if _, err := os.Stat(fmt.Sprintf("/usr/lib/debug/.build-id/%x/%x.debug", id[:1], id[1:])); err != nil {
		Missing(t, pkg)
	}
}

// inCI says whether this machine is meant to have everything.
func inCI() bool { return os.Getenv("CI") == "true" }

// Missing ends a test for lack of something: it skips it, and where CI is set,
// fails it.
func Missing(t testing.TB, what string) {
	t.Helper()
	if inCI() {
		t.Fatalf("needs %s, and CI must have it", what)
	}
	t.Skipf("needs %s", what)
}

// needWord checks one word of a header's Needs line against this machine and
// the flags of a build.
func needWord(t testing.TB, word string, flags []string) {
	t.Helper()
	switch word {
	case "cgo": // goRecipe asks for the compiler
	case "gcc":
		if slices.Contains(flags, "clang") {
			t.Skip("made for gcc")
		}
	case "amd64", "arm64":
		if runtime.GOARCH != word {
			t.Skipf("made for %s", word)
		}
	default:
		t.Fatalf("unknown need %q", word)
	}
}

// toolchains holds, by version, whether the go command can get it.
var toolchains sync.Map // string -> func() error

// needToolchain fetches a Go toolchain through the module proxy.
func needToolchain(t testing.TB, version string) {
	t.Helper()
	get, _ := toolchains.LoadOrStore(version, sync.OnceValue(func() error {
		cmd := exec.Command("go", "version")
		cmd.Dir = os.TempDir() // outside this module, whose go line would refuse an older one
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version, "GOWORK=off", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err == nil && !bytes.Contains(out, []byte(version+" ")) {
			err = fmt.Errorf("the go command ran another version")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	}))
	if err := get.(func() error)(); err != nil {
		Missing(t, fmt.Sprintf("Go toolchain %s (%v)", version, err))
	}
}

// TextUnchanged asserts that what the process has mapped of the file as
// executable is byte for byte what the file holds, and that some of it is
// mapped. It needs the right to read the process's memory.
func TextUnchanged(t testing.TB, pid int, path string) {
	t.Helper()
	diffs, mapped, err := textDiffs(pid, path)
	switch {
	case err != nil:
		t.Fatalf("compare the text of process %d with %s: %v", pid, path, err)
	case mapped == 0:
		t.Fatalf("process %d has no executable mapping of %s", pid, path)
	case len(diffs) > 0:
		t.Fatalf("the text of process %d differs from %s: %s", pid, path, strings.Join(diffs, ", "))
	}
}

// TextChanged returns the file offsets, "0x1040", at which the process's text
// differs from the file: the places where breakpoints are planted.
func TextChanged(t testing.TB, pid int, path string) []string {
	t.Helper()
	diffs, _, err := textDiffs(pid, path)
	if err != nil {
		t.Fatalf("compare the text of process %d with %s: %v", pid, path, err)
	}
	return diffs
}

// maxDiffs bounds what is listed of a text that is wholly different.
const maxDiffs = 1000

func textDiffs(pid int, path string) (diffs []string, mapped int, err error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	inode := fi.Sys().(*syscall.Stat_t).Ino
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, 0, err
	}
	defer mem.Close()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, 0, err
	}
	for _, line := range strings.Split(string(maps), "\n") {
		lo, hi, off, ino, ok := executable(line)
		// On overlayfs the two inode numbers may differ.
		if !ok || ino != inode && !strings.HasSuffix(line, " "+path) {
			continue
		}
		mapped++
		want := make([]byte, hi-lo)
		n, err := file.ReadAt(want, int64(off))
		if n == 0 && err != nil {
			return nil, mapped, err
		}
		got := make([]byte, n) // the rest of the last page is not the file's
		if _, err := mem.ReadAt(got, int64(lo)); err != nil {
			return nil, mapped, err
		}
		for i := range got {
			if got[i] != want[i] && len(diffs) < maxDiffs {
				diffs = append(diffs, fmt.Sprintf("%#x", off+uint64(i)))
			}
		}
	}
	return diffs, mapped, nil
}

// executable reads a line of /proc/PID/maps (proc(5)): range, permissions,
// offset, device, inode, name.
func executable(line string) (lo, hi, off, ino uint64, ok bool) {
	f := strings.Fields(line)
	if len(f) < 6 || len(f[1]) != 4 || f[1][2] != 'x' {
		return 0, 0, 0, 0, false
	}
	from, to, _ := strings.Cut(f[0], "-")
	var errs [4]error
	lo, errs[0] = strconv.ParseUint(from, 16, 63)
	hi, errs[1] = strconv.ParseUint(to, 16, 63)
	off, errs[2] = strconv.ParseUint(f[2], 16, 63)
	ino, errs[3] = strconv.ParseUint(f[4], 10, 64)
	return lo, hi, off, ino, errs == [4]error{} && lo < hi
}
