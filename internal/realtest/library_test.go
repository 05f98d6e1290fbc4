package realtest

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// buildNames compiles testdata/names.c, which asks libc for names.
func buildNames(t testing.TB) string {
	t.Helper()
	testutil.Need(t, "gcc")
	path := filepath.Join(t.TempDir(), "names")
	output(t, exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-I", filepath.Join(testutil.Root(t), "testprogs", "c"),
		"-o", path, filepath.Join("testdata", "names.c")))
	return path
}

var (
	wantEnv   = map[string]uint64{"LATCH_SET": 101, "LATCH_UNSET": 53, "": 7}
	wantHosts = map[string]uint64{"127.0.0.1": 13, "::1": 11}
)

// A function of libc, by its argument, in a process that is running.
func TestLibc(t *testing.T) {
	testutil.NeedRoot(t)
	prog := testutil.Start(t, buildNames(t))
	rec := record(t, pidFlag(prog.PID()), "libc:getenv", "libc.so.6:getaddrinfo", "--by", "name=str(arg0)")
	prog.Go()
	prog.WaitDone()
	r := rec.stop()
	for name, want := range map[string]map[string]uint64{"getenv": wantEnv, "getaddrinfo": wantHosts} {
		f := function(t, r, name)
		got := counts(t, f)
		for key := range got { // getaddrinfo asks for the environment, too
			if _, ours := want[key]; !ours && name == "getenv" {
				delete(got, key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s by name (-called +measured):\n%s", name, diff)
		}
	}
	if !prog.Alive() {
		t.Error("the program is dead")
	}
	testutil.TextUnchanged(t, prog.PID(), function(t, r, "getenv").Binary)
	if diff := cmp.Diff([]string{"found 161 and 24"}, prog.Finish()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// By the file of libc, the calls of all its users are seen, of which one
// starts when the probes are in already. Others may run besides.
func TestLibcFile(t *testing.T) {
	testutil.NeedRoot(t)
	path := buildNames(t)
	first := testutil.Start(t, path)
	lib := functions(t, "--json", pidFlag(first.PID()), "libc:getenv")
	if len(lib) != 1 {
		t.Fatalf("libc:getenv is %q", lib)
	}
	rec := record(t, "-e", libcOf(t, lib[0]), "getenv", "--by", "str(arg0)")
	testutil.Run(t, path)
	first.Go()
	first.Finish()
	got := counts(t, function(t, rec.stop(), "getenv"))
	for _, name := range []string{"LATCH_SET", "LATCH_UNSET"} {
		if got[name] != 2*wantEnv[name] {
			t.Errorf("%d calls of getenv(%s), want %d", got[name], name, 2*wantEnv[name])
		}
	}
}

// apt is C++ that Debian ships stripped. apt-config asks its library once for
// each name on its command line.
func TestApt(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Need(t, "apt-config")
	args := []string{"shell"}
	want := map[string]uint64{"Dir::Etc": 5, "APT::Architecture": 3, "Latch::None": 2}
	for _, name := range times(want) {
		args = append(args, "V", name)
	}
	const exists = "Configuration::ExistsAny(char const*) const"
	plain := output(t, exec.Command("apt-config", args...))
	rec, out := launch(t, "", nil, append([]string{"libapt-pkg:Configuration::ExistsAny", "--by", "name=str(arg1)", "--", "apt-config"}, args...)...)
	f := function(t, rec, exists)
	all(t, f, 10)
	if diff := cmp.Diff(want, counts(t, f)); diff != "" {
		t.Errorf("calls by name (-asked +measured):\n%s", diff)
	}
	if len(out) < len(plain) || out[:len(plain)] != plain {
		t.Errorf("measured, apt-config prints\n%s\nand not\n%s", out, plain)
	}
	if rec.Command == nil || rec.Command.Exit != 0 {
		t.Errorf("apt-config ended as %+v", rec.Command)
	}
}

// libcOf takes the path out of a line of latch list --json.
func libcOf(t testing.TB, line string) string {
	t.Helper()
	var f struct{ Binary string }
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		t.Fatal(err)
	}
	return f.Binary
}
