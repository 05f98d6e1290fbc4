package realtest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
)

// A handler's system calls stand below it, by route, and the times add up.
func TestHTTPSyscalls(t *testing.T) {
	testutil.NeedRoot(t)
	server := testutil.Start(t, buildModule(t, "web"))
	url := "http://" + server.NextLine()
	routes := map[string]uint64{"/disk/0": 5, "/disk/1": 7, "/disk/3": 11, "/disk/20": 3}
	rec := record(t, pidFlag(server.PID()), serveHTTP, "sys:write", "sys:read", "--by", "route=req.URL.Path")
	const clients = 4
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			var sent []request
			for path, n := range routes {
				sent = append(sent, request{"GET", path, n})
			}
			ask(t, url, sent)
		})
	}
	group.Wait()
	r := rec.stop()
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	served, made := make(map[string]uint64), make(map[string]uint64)
	for path, n := range routes {
		var each uint64
		if _, err := fmt.Sscanf(path, "/disk/%d", &each); err != nil {
			t.Fatal(err)
		}
		served[path] = clients * n
		if each > 0 {
			made[path] = clients * n * each
		}
	}
	handler := function(t, r, serveHTTP)
	if diff := cmp.Diff(served, counts(t, handler)); diff != "" {
		t.Errorf("requests by route (-sent +measured):\n%s", diff)
	}
	for _, name := range []string{"sys:write", "sys:read"} {
		got := make(map[string]uint64)
		for _, s := range function(t, r, name).Series {
			if s.Key[latency.KeyIn] == serveHTTP {
				got[s.Key["route"]] += s.Count
			}
		}
		if diff := cmp.Diff(made, got); diff != "" {
			t.Errorf("%s in the handler by route (-made +measured):\n%s", name, diff)
		}
	}
	addsUp(t, r, served)
}

// addsUp holds that what a profile has below the handler, by route, is what the
// handler took.
func addsUp(t *testing.T, rec *latency.Recording, routes map[string]uint64) {
	t.Helper()
	var out bytes.Buffer
	if err := report.Pprof(&out, rec); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	took, within := make(map[string]int64), make(map[string]int64)
	below := 0
	for _, s := range p.Sample {
		route := s.Label["route"][0]
		leaf, root := s.Location[0].Line[0].Function.Name, s.Location[len(s.Location)-1].Line[0].Function.Name
		if root != serveHTTP {
			continue
		}
		within[route] += s.Value[2]
		if leaf == serveHTTP {
			took[route] += s.Value[1]
		} else {
			below++
		}
	}
	if diff := cmp.Diff(took, within); diff != "" {
		t.Errorf("time by route (-latency +self of the handler and below it):\n%s", diff)
	}
	if len(took) != len(routes) || below == 0 {
		t.Errorf("%d routes, %d samples below the handler", len(took), below)
	}
}
