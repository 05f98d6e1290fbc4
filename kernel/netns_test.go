package kernel

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// A process's first thread never ends. If it could be the one that enters the
// namespace, /proc/self/ns/net would be another one from then on.
func TestDoLeavesTheProcess(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Need(t, "ip")
	const name = "lfw-do"
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	ns, err := NetNSNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	own, err := NetNSOf("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 * runtime.GOMAXPROCS(0) {
		err := ns.Do(func() error {
			in, err := NetNSOf("/proc/thread-self/ns/net")
			if err == nil && in.Inode != ns.Inode {
				t.Errorf("ran in namespace %s, not in %d", in, ns.Inode)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if now, err := NetNSOf("/proc/self/ns/net"); err != nil || now.Inode != own.Inode {
		t.Errorf("the process is in namespace %s, was in %s: %v", now, own, err)
	}
}

// TestNetNSNamed holds that only a network namespace is taken for one.
func TestNetNSNamed(t *testing.T) {
	own, err := NetNSOf("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if ns, err := NetNSNamed("/proc/self/ns/net"); err != nil || ns.Inode != own.Inode {
		t.Errorf("%d, not %d: %v", ns.Inode, own.Inode, err)
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, "/proc/self/ns/mnt", "/dev/null"} {
		if _, err := NetNSNamed(path); err == nil || !strings.Contains(err.Error(), path+" is none") {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range []string{"", "nope", "999999999", "../x", "/nonexistent"} {
		if ns, err := NetNSNamed(name); err == nil {
			t.Errorf("%q is %s", name, ns)
		}
	}
}
