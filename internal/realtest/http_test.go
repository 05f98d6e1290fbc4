package realtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

const serveHTTP = "net/http.serverHandler.ServeHTTP"

// A request is what a client sends, and how often.
type request struct {
	method, path string
	n            uint64
}

// What each client sends. The path is what the server decodes.
var requests = []request{
	{"GET", "/", 7},
	{"GET", "/items/größe", 11},
	{"POST", "/items", 13},
	{"PUT", "/items/1", 5},
	{"DELETE", "/items/1", 3},
	{"PURGE", "/" + strings.Repeat("long", 20), 2},
	{"POST", panicking, 3}, // not GET, which net/http would send again
}

const panicking = "/panic"

// ask sends one client's requests over connections of its own, which it keeps
// alive, and checks the answers.
func ask(t testing.TB, url string, sent []request) {
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: limit}
	for _, r := range sent {
		for range r.n {
			body := ""
			if r.method == "POST" {
				body = "name=latch"
			}
			req, err := http.NewRequest(r.method, url+r.path, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := client.Do(req)
			if r.path == panicking {
				if err == nil {
					t.Errorf("a handler that panics answers %s", resp.Status)
				}
				continue
			}
			if err != nil {
				t.Error(err)
				return
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprintf("%s %s %d", r.method, r.path, len(body)); err != nil || string(text) != want {
				t.Errorf("the server answers %q (%v), want %q", text, err, want)
			}
		}
	}
}

// cut is a text as a key shows it.
func cut(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// A server of Go's standard library, by the fields of its requests, from
// several clients at once.
func TestHTTPServer(t *testing.T) {
	testutil.NeedRoot(t)
	path := buildModule(t, "web")
	server := testutil.Start(t, path)
	url := "http://" + server.NextLine()
	const clients = 5
	var calls, posts, panics uint64
	sent := make(map[string]uint64) // by method and path
	var lines []string
	for _, r := range requests {
		n := clients * r.n
		calls += n
		lines = append(lines, fmt.Sprintf("%s %s = %d", r.method, r.path, n))
		switch {
		case r.path == panicking:
			panics = n
			continue // unwound, so without a latency
		case r.method == "POST":
			posts = n
		}
		sent[r.method+" "+cut(r.path)] = n
	}

	keyed := record(t, pidFlag(server.PID()), serveHTTP, "--by", "method=req.Method", "--by", "path=req.URL.Path")
	filtered := record(t, pidFlag(server.PID()), serveHTTP, "--by", "method=req.Method", "--where", `req.Method == "POST" && req.URL.Path != "/panic"`)
	var group sync.WaitGroup
	for range clients {
		group.Go(func() { ask(t, url, requests) })
	}
	group.Wait()

	f := function(t, keyed.stop(), serveHTTP)
	balance(t, f, latency.Balance{Entries: calls, Returns: calls - panics, Unwound: panics})
	got := make(map[string]uint64)
	for _, s := range f.Series {
		got[s.Key["method"]+" "+s.Key["path"]] += s.Count
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("calls by method and path (-sent +measured):\n%s", diff)
	}
	f = function(t, filtered.stop(), serveHTTP)
	balance(t, f, latency.Balance{Entries: calls, Returns: posts, Filtered: calls - posts})
	if diff := cmp.Diff(map[string]uint64{"POST": posts}, counts(t, f)); diff != "" {
		t.Errorf("calls that pass --where (-sent +measured):\n%s", diff)
	}

	if !server.Alive() {
		t.Error("the server is dead")
	}
	testutil.TextUnchanged(t, server.PID(), path)
	server.Go()
	if diff := cmp.Diff(sorted(lines), server.Finish()[1:]); diff != "" {
		t.Errorf("requests (-sent +served):\n%s", diff)
	}
}
