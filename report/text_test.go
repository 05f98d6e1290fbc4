package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

func text(t *testing.T, rec *latency.Recording, opts *TextOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Text(&out, rec, opts); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTextGolden(t *testing.T) {
	tests := []struct {
		name string
		rec  *latency.Recording
		opts *TextOptions
	}{
		{"text-shop", shop(), nil},
		{"text-shop-width=72", shop(), &TextOptions{Width: 72}},
		{"text-shop-color", shop(), &TextOptions{Color: true}},
		{"text-drops", dropped(), nil},
		{"text-drops-width=60", dropped(), &TextOptions{Width: 60}},
		{"text-systems", systems(), nil},
		{"text-many-keys", manyKeys(), nil},
		{"text-many-keys-top=3-width=140", manyKeys(), &TextOptions{Top: 3, Width: 140}},
		{"text-counted", counted(), nil},
		{"text-hostile", hostile(), nil},
		{"text-empty", recording(), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testutil.Golden(t, tt.name+".golden", text(t, tt.rec, tt.opts))
		})
	}
}

// TestTextWidth holds every line of every report against the width asked for.
func TestTextWidth(t *testing.T) {
	for _, cells := range []int{0, 60, 72, 80, 100, 131, 200} {
		for i, rec := range []*latency.Recording{shop(), dropped(), systems(), manyKeys(), counted(), hostile(), recording()} {
			limit := cells
			if limit == 0 {
				limit = 100
			}
			for _, line := range strings.Split(string(text(t, rec, &TextOptions{Width: cells})), "\n") {
				if n := width(line); n > limit {
					t.Errorf("recording %d: %d cells instead of %d: %s", i, n, limit, line)
				}
			}
		}
	}
}

func TestTextHostile(t *testing.T) {
	for _, color := range []bool{false, true} {
		out := string(text(t, hostile(), &TextOptions{Color: color}))
		if color {
			for _, s := range []style{bold, dim, red} {
				out = strings.ReplaceAll(out, "\x1b["+string(s)+"m", "")
			}
			out = strings.ReplaceAll(out, "\x1b[0m", "")
		}
		if !utf8.ValidString(out) {
			t.Error("not UTF-8")
		}
		for _, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%U in the report", r)
			}
		}
	}
}

func TestTextStatesTotals(t *testing.T) {
	out := string(text(t, manyKeys(), nil))
	for _, want := range []string{
		"  … 280 more series, 39,340 calls\n",
		"balance: 45,150 entries = 45,150 returns + 0 in flight + 0 unwound + 0 filtered + 0 lost",
		"cost: 5.3µs entry + 1.2µs exit per call, 12,345 hits, 0.8% of one CPU (measured)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	rec := shop()
	for name, err := range map[string]error{
		"text":  Text(brokenWriter{}, rec, nil),
		"json":  JSON(brokenWriter{}, rec),
		"pprof": Pprof(brokenWriter{}, rec),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBalanceThatDoesNotHold(t *testing.T) {
	b := latency.Balance{Entries: 5, Returns: 3}
	const want = "balance: 5 entries = 3 returns + 0 in flight + 0 unwound + 0 filtered + 0 lost — does not add up: 3 are accounted for"
	if got := Balance(&b); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManyTargets(t *testing.T) {
	var all []latency.Target
	for i := range 8 {
		all = append(all, latency.Target{PID: 10 + i, Exe: "/bin/a"}, latency.Target{PID: 100 + i, Exe: fmt.Sprintf("/bin/%d", i)})
	}
	const want = "/bin/a (pids 10, 11, 12, 13, 14, 3 more), /bin/0 (pid 100), /bin/1 (pid 101), /bin/2 (pid 102), /bin/3 (pid 103), 4 more programs"
	if got := targets(all); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
