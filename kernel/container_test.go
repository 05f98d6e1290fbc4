package kernel

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
)

const (
	id1 = "3f4e0a6f2b1c8d7e5a9b0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e1f"
	id2 = "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999"
)

func TestParseCgroup(t *testing.T) {
	for _, c := range []struct{ label, text, path, container string }{
		{"docker v1", "12:memory:/docker/" + id1 + "\n1:name=systemd:/docker/" + id1 + "\n0::/\n", "/docker/" + id1, "3f4e0a6f2b1c"},
		{"docker v2 systemd", "0::/system.slice/docker-" + id1 + ".scope\n", "/system.slice/docker-" + id1 + ".scope", "3f4e0a6f2b1c"},
		{"docker v2, systemd inside", "0::/system.slice/docker-" + id1 + ".scope/init.scope\n", "/system.slice/docker-" + id1 + ".scope/init.scope", "3f4e0a6f2b1c"},
		{"containerd cgroupfs", "0::/kubepods/besteffort/pod0bd3a3a2-1f2e-4a34-b0f1-8b4c2b8d9a11/" + id1 + "\n", "/kubepods/besteffort/pod0bd3a3a2-1f2e-4a34-b0f1-8b4c2b8d9a11/" + id1, "3f4e0a6f2b1c"},
		{"containerd systemd", "0::/kubepods.slice/kubepods-pod0bd3.slice/cri-containerd-" + id1 + ".scope", "/kubepods.slice/kubepods-pod0bd3.slice/cri-containerd-" + id1 + ".scope", "3f4e0a6f2b1c"},
		{"containerd mixed", "0::/system.slice/containerd.service/kubepods-pod0bd3.slice:cri-containerd:" + id1 + "\n", "/system.slice/containerd.service/kubepods-pod0bd3.slice:cri-containerd:" + id1, "3f4e0a6f2b1c"},
		{"podman", "0::/machine.slice/libpod-" + id1 + ".scope/container\n", "/machine.slice/libpod-" + id1 + ".scope/container", "3f4e0a6f2b1c"},
		{"podman rootless", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id1 + ".scope\n", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id1 + ".scope", "3f4e0a6f2b1c"},
		{"podman cgroupfs", "0::/libpod_parent/libpod-" + id1 + "\n", "/libpod_parent/libpod-" + id1, "3f4e0a6f2b1c"},
		{"podman's monitor", "0::/machine.slice/libpod-conmon-" + id1 + ".scope\n", "/machine.slice/libpod-conmon-" + id1 + ".scope", ""},
		{"crio", "0::/kubepods.slice/kubepods-burstable.slice/crio-" + id1 + ".scope\n", "/kubepods.slice/kubepods-burstable.slice/crio-" + id1 + ".scope", "3f4e0a6f2b1c"},
		{"crio's monitor", "0::/kubepods.slice/crio-conmon-" + id1 + ".scope\n", "/kubepods.slice/crio-conmon-" + id1 + ".scope", ""},
		{"kind: containerd in docker", "0::/docker/" + id1 + "/kubelet/kubepods/pod1/" + id2 + "\n", "/docker/" + id1 + "/kubelet/kubepods/pod1/" + id2, "aaaabbbbcccc"},
		{"seen from another cgroup namespace", "0::/../" + id1 + "\n", "/../" + id1, "3f4e0a6f2b1c"},
		{"a service", "0::/system.slice/ssh.service\n", "/system.slice/ssh.service", ""},
		{"no container", "4:memory:/\n1:name=systemd:/user.slice\n0::/\n", "/user.slice", ""},
		{"63 digits", "0::/docker/" + id1[1:] + "\n", "/docker/" + id1[1:], ""},
		{"a name that looks like one", "0::/my-" + id1 + "\n", "/my-" + id1, ""},
		{"a colon in a path", "0::/a:b\n", "/a:b", ""},
		{"junk", "x\n\n:\n", "", ""},
	} {
		if got := parseCgroup(c.text); got.Path != c.path || got.Container != c.container {
			t.Errorf("%s: %+v, want %q in %q", c.label, got, c.container, c.path)
		}
	}
}

func TestCgroupOf(t *testing.T) {
	if _, err := CgroupOf(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := CgroupOf(1 << 30); err == nil {
		t.Error("a process that cannot be has control groups")
	}
}

func TestCgroupAt(t *testing.T) {
	testutil.NeedRoot(t)
	mount := t.TempDir()
	if err := unix.Mount("none", mount, "cgroup2", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	name := "latch-test-" + filepath.Base(mount) + "/docker-" + id1 + ".scope"
	dir := filepath.Join(mount, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range []string{dir, filepath.Dir(dir)} {
			if err := os.Remove(d); err != nil {
				t.Error(err)
			}
		}
	})
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	path, err := cgroupAt(mount, st.Ino)
	if err != nil || path != "/"+name || containerOf(path) != id1[:12] {
		t.Errorf("%s, want /%s: %v", path, name, err)
	}
	if path, err := cgroupAt(mount, 1<<40); err == nil {
		t.Errorf("a control group that is not there is %s", path)
	}
}
