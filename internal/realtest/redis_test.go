package realtest

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// Debian's redis is stripped, but exports its functions to its modules. Some
// commands are nothing but a jump to another function, or end in one.
func TestRedis(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Need(t, "redis-server")
	testutil.Need(t, "redis-cli")
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	server := start(t, exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir))
	server.await(&server.stdout, "connections at "+socket, 0)
	ask := func(n int, command string) map[string]int {
		t.Helper()
		args := append([]string{"-s", socket, "-r", strconv.Itoa(n)}, strings.Fields(command)...)
		answers := make(map[string]int)
		for line := range strings.Lines(output(t, exec.Command("redis-cli", args...))) {
			answers[strings.TrimSpace(line)]++
		}
		return answers
	}

	rec := record(t, pidFlag(server.pid()), "processCommand", "pingCommand", "setCommand", "getCommand", "incrCommand")
	for _, c := range []struct {
		n       int
		command string
		want    string
	}{{307, "PING", "PONG"}, {211, "SET k 41", "OK"}, {101, "GET k", "41"}} {
		if diff := cmp.Diff(map[string]int{c.want: c.n}, ask(c.n, c.command)); diff != "" {
			t.Errorf("answers to %s (-want +got):\n%s", c.command, diff)
		}
	}
	ask(59, "INCR k")
	r := rec.stop()
	all(t, function(t, r, "processCommand"), 307+211+101+59)
	all(t, function(t, r, "pingCommand"), 307)
	all(t, function(t, r, "setCommand"), 211)
	all(t, function(t, r, "getCommand"), 101)
	all(t, function(t, r, "incrCommand"), 59)
	server.alive()
	if diff := cmp.Diff(map[string]int{"100": 1}, ask(1, "GET k")); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	// The file's own name is redis-check-rdb; redis goes by what it is called.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	testutil.TextUnchanged(t, server.pid(), path)
}
