package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// fibIn measures fib in a started target: it must be found through the
// process, whatever has become of its path.
func fibIn(t *testing.T, target waiting, flags ...string) *latency.Recording {
	t.Helper()
	l := startLatch(t, slices.Concat([]string{"record", "--json", "-p", target.pid(), "fib", "--by", "n"}, flags)...)
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	if got, want := balances(rec)["fib"], allReturned(177); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	for n, calls := range fibCounts {
		if got := keyed(rec, "fib")[n]; got != calls {
			t.Errorf("fib(%s) was recorded %d times, not %d", n, got, calls)
		}
	}
	if lines := testutil.Stated(target.Finish()); !slices.Contains(lines, "calls fib = 177") {
		t.Errorf("the program printed %q", lines)
	}
	return rec
}

// copyOf copies a program into a directory of its own.
func copyOf(t *testing.T, exe string) string {
	t.Helper()
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fib")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExecutableGone measures programs whose file is no longer where it was.
func TestExecutableGone(t *testing.T) {
	testutil.NeedRoot(t)
	exe := testutil.Build(t, "c", "fib")
	t.Run("deleted", func(t *testing.T) {
		path := copyOf(t, exe)
		target := waiting{testutil.Start(t, path)}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		fibIn(t, target)
	})
	t.Run("replaced", func(t *testing.T) {
		path := copyOf(t, exe)
		target := waiting{testutil.Start(t, path)}
		other := copyOf(t, testutil.Build(t, "c", "deep")) // has no fib
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		fibIn(t, target)
	})
	t.Run("memfd", func(t *testing.T) {
		fd, err := unix.MemfdCreate("pro\x1bgram", 0)
		if err != nil {
			t.Fatal(err)
		}
		file := os.NewFile(uintptr(fd), "memfd")
		defer file.Close()
		data, err := os.ReadFile(exe)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(data); err != nil {
			t.Fatal(err)
		}
		readOnly, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		defer readOnly.Close()
		file.Close() // what is open for writing cannot be executed
		cmd := exec.Command(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), readOnly.Fd()))
		rec := fibIn(t, waiting{testutil.StartCmd(t, cmd)})
		if binary := rec.Functions[0].Binary; !strings.Contains(binary, "memfd:pro") {
			t.Errorf("the binary is called %q", binary)
		}
	})
}

// TestContainer measures programs that see another root than latch does.
func TestContainer(t *testing.T) {
	testutil.NeedRoot(t)
	t.Run("chroot", func(t *testing.T) {
		root := t.TempDir()
		exe := copyOf(t, testutil.Build(t, "c", "fib", "musl", "-static"))
		if err := os.Rename(exe, filepath.Join(root, "inside")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/inside")
		cmd.Err = nil // the path is the container's
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
		rec := fibIn(t, waiting{testutil.StartCmd(t, cmd)})
		if got := rec.Functions[0].Entry.Offset; got == 0 {
			t.Errorf("the entry is at offset %d", got)
		}
	})
	// A file of an overlay's lower layer has other numbers in the maps than
	// its path gives; one of the upper layer is written there by a copy.
	for _, layer := range []string{"lower", "upper"} {
		t.Run("overlay "+layer, func(t *testing.T) {
			testutil.Need(t, "unshare")
			dir := t.TempDir()
			exe := testutil.Build(t, "c", "fib")
			script := `set -e
mount -t tmpfs latch-test "$1"
mkdir "$1/lower" "$1/upper" "$1/work" "$1/merged"
cp "$2" "$1/$3/fib"
mount -t overlay latch-test -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged"
exec "$1/merged/fib"`
			// The mounts are the namespace's own and go with the program.
			cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", dir, exe, layer)
			fibIn(t, waiting{testutil.StartCmd(t, cmd)})
		})
	}
}

// TestAddresses measures programs whose addresses say little of their offsets.
func TestAddresses(t *testing.T) {
	for label, flags := range map[string][]string{
		"static":     {"-static"},
		"static-pie": {"-static-pie"},
		"musl":       {"musl", "-static"},
		"moved":      {"-no-pie", "-Wl,-Ttext-segment=0x7000000"},
		"prelinked":  {"-Wl,-Ttext-segment=0x3000000"}, // a PIE with addresses of its own
	} {
		t.Run(label, func(t *testing.T) {
			target, exe := begin(t, c("fib").with(flags...))
			l := startLatch(t, "record", "--json", "-p", target.pid(), "fib")
			l.waitAttached()
			target.Go()
			target.WaitDone()
			l.interrupt()
			if got, want := balances(l.recording())["fib"], allReturned(177); got != want {
				t.Errorf("%s, not %s", got, want)
			}
			unharmed(t, c("fib"), exe, target.Prog)
		})
	}
}

// TestOpenedLibrary names a function of a library that the process has opened
// before latch comes.
func TestOpenedLibrary(t *testing.T) {
	testutil.NeedRoot(t)
	plugin := filepath.Join(filepath.Dir(testutil.Build(t, "c", "dlopen")), "libplugin.so")
	exe := compile(t, `
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	void *lib = dlopen(argv[1], RTLD_NOW);
	long (*work)(long) = lib ? (long (*)(long))dlsym(lib, "plugin_work") : 0;
	if (!work)
		return 1;
	printf("ready %d\n", getpid());
	fflush(stdout);
	getchar();
	for (int i = 0; i < 17; i++)
		work(i & 1);
	printf("done\n");
	fflush(stdout);
	while (getchar() >= 0) ;
	return 0;
}
`)
	target := waiting{testutil.Start(t, exe, plugin)}
	l := startLatch(t, "record", "--json", "-p", target.pid(), "libplugin:plugin_work", "--by", "arg0")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	testutil.TextUnchanged(t, target.PID(), plugin)
	target.Finish()
	if got := keyed(rec, "plugin_work"); got["0"] != 9 || got["1"] != 8 {
		t.Errorf("plugin_work: %v", got)
	}
}

// TestSeccomp measures a program under a filter that allows only what it
// needs: a return probe's own system call would not be among that.
func TestSeccomp(t *testing.T) {
	testutil.NeedRoot(t)
	exe := compile(t, `
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((noipa)) int work(int n) { return n + 1; }
int main(void)
{
	char c, text[32];
	int sum = 0, n = snprintf(text, sizeof(text), "ready %d\n", getpid());
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	write(1, text, n);
	read(0, &c, 1);
	while (c != '\n')
		read(0, &c, 1);
	for (int i = 0; i < 19; i++)
		sum += work(i);
	write(1, sum == 190 ? "right\ndone\n" : "wrong\ndone\n", 11);
	while (read(0, &c, 1) == 1) ;
	syscall(SYS_exit, 0); /* exit_group is not allowed */
}
`)
	target := waiting{testutil.Start(t, exe)}
	l := startLatch(t, "record", "--json", "-p", target.pid(), "work")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	if lines := target.Finish(); !slices.Equal(lines, []string{"right"}) {
		t.Errorf("the program printed %q", lines)
	}
	if got, want := balances(rec)["work"], allReturned(19); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if exit := rec.Functions[0].Exit; exit != "ret" {
		t.Errorf("calls of a filtered process are left by %s", exit)
	}
}

// TestReplacedText refuses a function whose page the program has replaced in
// memory, as those do that move their code to huge pages: a probe would be
// planted in the file's page, which nobody runs.
func TestReplacedText(t *testing.T) {
	testutil.NeedRoot(t)
	exe := compile(t, `
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((noipa, aligned(4096))) int work(int n) { return n + 1; }
__attribute__((noipa, aligned(4096))) int other(int n) { return n + 2; }
int main(void)
{
	char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, (void *)work, 4096);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	if (mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)work) == MAP_FAILED)
		return 1;
	printf("ready %d\n", getpid());
	fflush(stdout);
	getchar();
	printf("%d\ndone\n", work(1) + other(1));
	fflush(stdout);
	while (getchar() >= 0) ;
	return 0;
}
`)
	target := waiting{testutil.Start(t, exe)}
	refuse(t, exitUnmeasured, []string{"work", "not mapped from the file"}, "record", "-p", target.pid(), "work")
	l := startLatch(t, "record", "--json", "-p", target.pid(), "other") // the rest of the program is as ever
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if got, want := balances(l.recording())["other"], allReturned(1); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if lines := target.Finish(); !slices.Equal(lines, []string{"5"}) {
		t.Errorf("the program printed %q", lines)
	}
}
