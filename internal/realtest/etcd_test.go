package realtest

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// freeURL returns a loopback address that nobody listens on.
func freeURL(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// etcd is a single node with its data in a temporary directory.
type etcd struct {
	*process
	url string
}

func startEtcd(t testing.TB) *etcd {
	t.Helper()
	testutil.Need(t, "etcd")
	testutil.Need(t, "etcdctl")
	client, peer := freeURL(t), freeURL(t)
	cmd := exec.Command("etcd", "--name", "one", "--data-dir", t.TempDir(), "--unsafe-no-fsync",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "one="+peer, "--logger", "zap", "--log-outputs", "stderr")
	e := &etcd{start(t, cmd), client}
	e.await(&e.stderr, "serving client traffic", 0)
	return e
}

func (e *etcd) ctl(args ...string) string {
	e.t.Helper()
	cmd := exec.Command("etcdctl", append([]string{"--endpoints=" + e.url, "--command-timeout=60s", "--dial-timeout=60s"}, args...)...)
	cmd.Env = append(cmd.Environ(), "ETCDCTL_API=3")
	return strings.TrimSuffix(output(e.t, cmd), "\n")
}

// Debian's etcd is stripped Go. The functions on the path of a put are found
// by name, and their calls are the puts sent.
func TestEtcd(t *testing.T) {
	testutil.NeedRoot(t)
	e := startEtcd(t)
	path, err := exec.LookPath("etcd")
	if err != nil {
		t.Fatal(err)
	}
	// The package is etcdserver up to 3.4, server/v3/etcdserver from 3.5 on.
	puts := functions(t, pidFlag(e.pid()), `/etcdserver\.\(\*EtcdServer\)\.(Put|Range)$/`)
	if len(puts) != 2 {
		t.Fatalf("the functions behind put and get are %q", puts)
	}
	rec := record(t, append([]string{pidFlag(e.pid())}, puts...)...)
	const sent, asked = 23, 7
	for i := range sent {
		if got := e.ctl("put", fmt.Sprintf("key%d", i%5), fmt.Sprintf("value %d", i)); got != "OK" {
			t.Fatalf("etcdctl put says %q", got)
		}
	}
	for range asked {
		if got := e.ctl("get", "--print-value-only", "key2"); got != "value 22" {
			t.Errorf("etcdctl get says %q", got)
		}
	}
	r := rec.stop()
	for _, name := range puts {
		f := function(t, r, name)
		if strings.HasSuffix(name, "Put") {
			all(t, f, sent)
		} else {
			all(t, f, asked)
		}
		if f.Lang != "go" || f.Exit != "ret" {
			t.Errorf("%s is %s code, left by %s", name, f.Lang, f.Exit)
		}
	}
	e.alive()
	if got := e.ctl("get", "--print-value-only", "key1"); got != "value 21" {
		t.Errorf("afterwards etcdctl get says %q", got)
	}
	testutil.TextUnchanged(t, e.pid(), path)
}
