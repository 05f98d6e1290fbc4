package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

func removals() []*Removal {
	at := time.Date(2026, 11, 25, 14, 3, 7, 123456789, time.UTC)
	parents := []RemovalBegan{
		{PID: 4700, Comm: "sh", Argv: []string{"/bin/sh", "/srv/clean.sh"}, Text: "sh clean.sh"},
		{PID: 812, Comm: "cron", Argv: []string{"/usr/sbin/cron", "-f"}, Text: "cron"}, {PID: 1, Comm: "systemd", Text: "systemd"},
	}
	return []*Removal{
		{Time: at, Path: "/srv/data/report.csv", Kind: "deleted", PID: 4711, TID: 4711, Comm: "find", Exe: "/usr/bin/find",
			Argv: []string{"find", "/srv/data", "-name", "*.csv", "-delete"}, Cgroup: "/system.slice/cron.service", Parents: parents, Call: "unlink",
			Watched: "/srv/data"},
		{Time: at, Path: "/etc/app.conf", Kind: "replaced", PID: 9, TID: 10, Comm: "vi", Argv: []string{"vi", "app.conf"}, Other: "app.conf~", Call: "rename",
			Container: "0123456789ab", During: &During{Func: "save", Args: []latency.Value{{Name: "name", Text: "app", Kind: latency.ValueText}}, Elapsed: 28 * time.Microsecond}},
		{Time: at, Path: "/a", Kind: "moved", PID: 9, Comm: "mv", Other: "/b", Call: "rename", Note: "with the directory on the way to it, /"},
		{Time: at, Path: "/a", Kind: "truncated", PID: 9, Comm: "app", Size: 1000, Call: "ftruncate"},
		{Time: at, Path: "/a", Kind: "deleted", PID: 9, Comm: "rm", Error: "EPERM", Call: "unlink"},
		{Time: at, Path: "/a", Kind: "deleted", PID: 9, Comm: "rm", Dir: true, Call: "rmdir"},
		{Time: at, Path: "/a", Kind: "deleted", PID: 9, Note: "who did it had ended before it could be asked"},
		{Time: at, Path: "/a", Kind: "vanished", Note: "no system call that was seen did it"},
		{Time: at, Path: "evil\x1b[31m\n", Kind: "\x1b", PID: 9, Comm: "\u202e", Exe: "\x1b", Argv: []string{"a", "\x1b\n"}, ArgvCut: true, Cgroup: "\x1b",
			Parents: []RemovalBegan{{PID: 7, Comm: "\x1b", Argv: []string{"\x1b"}, Text: "\x1b"}}, Call: "\x1b", Other: "\x1b", Note: "\x1b", Container: "\x1b", Error: "\x1b"},
	}
}

func removalSummary() *RemovalSummary {
	next := time.Date(2026, 11, 25, 14, 5, 0, 0, time.UTC)
	return &RemovalSummary{Elapsed: 10 * time.Second, Removed: 9, Verdicts: []RemovalVerdict{
		{Path: "/srv/data", Kind: "deleted", Origin: "cron", Chain: []string{"sh clean.sh", "find /srv/data -name *.csv -delete"}, Count: 5, Runs: 5,
			Period: time.Minute, Spread: 100 * time.Millisecond, Next: next},
		{Path: "/srv/data", Kind: "deleted", Chain: []string{"rm -rf data"}, Count: 4000, Runs: 2},
		{Path: "/etc/app.conf", Kind: "replaced", Chain: []string{"bash", "vi"}, Count: 1, Runs: 1},
		{Path: "/a", Kind: "deleted", Failed: true, Chain: []string{"rm"}, Count: 2, Runs: 2},
		{Path: "/a", Kind: "vanished", Count: 1, Runs: 1},
		{Path: "\x1b", Kind: "\x1b", Origin: "\x1b", Chain: []string{"\x1b"}, Count: 3, Runs: 3, Period: 2 * time.Second, Spread: time.Millisecond, Next: next},
	}, Lost: map[string]uint64{"attempts that found no room": 3}, Cost: "0.1µs for each system call of this machine"}
}

func TestRemovalsGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		opts *DropOptions
	}{
		{"removals", nil},
		{"removals-width=60", &DropOptions{Width: 60}},
		{"removals-color", &DropOptions{Width: 120, Color: true}},
		{"removals-verbose", &DropOptions{Verbose: true}},
		{"removals-verbose-width=80", &DropOptions{Verbose: true, Width: 80}},
		{"removals-json", &DropOptions{JSON: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewRemovalWriter(&out, c.opts)
			for _, r := range removals() {
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range []*RemovalSummary{removalSummary(), {Elapsed: time.Second}} {
				if err := w.Summary(s); err != nil {
					t.Fatal(err)
				}
			}
			testutil.Golden(t, c.name+".golden", out.Bytes())
			if c.opts == nil || !c.opts.Color && !c.opts.JSON {
				checkTerminal(t, out.String(), w.Width)
			}
		})
	}
}

// TestRemovalJSON holds the names that house rules give the event.
func TestRemovalJSON(t *testing.T) {
	keys := []string{"time", "path", "kind", "pid", "tid", "comm", "exe", "argv", "uid", "cgroup", "parents", "during"}
	var out bytes.Buffer
	w := NewRemovalWriter(&out, &DropOptions{JSON: true})
	if err := errors.Join(w.Write(&Removal{}), w.Write(removals()[0])); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&out)
	var empty, full map[string]any
	if err := errors.Join(dec.Decode(&empty), dec.Decode(&full)); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, ok := empty[key]; !ok {
			t.Errorf("no %q", key)
		}
	}
	if len(empty) != len(keys) {
		t.Errorf("an empty removal has %d keys, want %d: %v", len(empty), len(keys), empty)
	}
	parent := full["parents"].([]any)[1].(map[string]any)
	if full["time"] != "2026-11-25T14:03:07.123456789Z" || parent["pid"] != 812.0 || parent["comm"] != "cron" || !slices.Equal(full["argv"].([]any), []any{"find", "/srv/data", "-name", "*.csv", "-delete"}) {
		t.Errorf("%v", full)
	}
}
