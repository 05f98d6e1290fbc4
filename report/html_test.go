package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report/web"
)

func htmlOf(t *testing.T, rec *latency.Recording) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, rec); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// between returns what stands between the first of two texts and the next other.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	if !ok {
		t.Fatalf("no %q", from)
	}
	part, _, ok := strings.Cut(rest, to)
	if !ok {
		t.Fatalf("no %q behind %q", to, from)
	}
	return part
}

// dataOf returns the data of a page.
func dataOf(t *testing.T, html string) (raw string, p *page) {
	t.Helper()
	raw = between(t, html, `<script type="application/json" id="data">`, "</script>")
	p = new(page)
	if err := json.Unmarshal([]byte(raw), p); err != nil {
		t.Fatal(err)
	}
	return raw, p
}

// The page may run its own script and nothing else, and it refers to nothing.
func TestHTMLPolicy(t *testing.T) {
	html := htmlOf(t, site())
	policy := between(t, html, `http-equiv="Content-Security-Policy" content="`, `"`)
	for element, rule := range map[string]string{"script": "script-src ", "style": "style-src "} {
		text := between(t, html, "<"+element+">", "</"+element+">")
		sum := sha256.Sum256([]byte(text))
		if want := rule + "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	for _, want := range []string{"default-src 'none'; ", "base-uri 'none'; ", "form-action 'none'; ", "require-trusted-types-for 'script'; "} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy has no %s: %s", want, policy)
		}
	}
	for _, bad := range []string{"unsafe", "http", "data:", "*"} {
		if strings.Contains(policy, bad) {
			t.Errorf("the policy has %s: %s", bad, policy)
		}
	}
	frame := strings.NewReplacer(web.Script, "", web.Style, "").Replace(html)
	for _, bad := range []string{" src=", "url(", "<link", "@import", "{{", " on"} {
		if strings.Contains(between(t, frame, "<head>", "<pre>"), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func TestHTMLData(t *testing.T) {
	rec := site()
	_, p := dataOf(t, htmlOf(t, rec))
	at := 0
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if got := p.Functions[i]; got.Name != f.Name || got.Balance[0] != f.Balance.Entries || !got.Holds {
			t.Errorf("function %d: %+v", i, got)
		}
		for j := range f.Series {
			s := &f.Series[j]
			if d := cmp.Diff(s.Buckets, unpack(t, p, p.Series.Buckets[at])); d != "" {
				t.Errorf("%s %v (-want +got):\n%s", f.Name, s.Key, d)
			}
			if p.Series.Function[at] != i || p.Series.Count[at] != s.Count || p.Series.Sum[at] != s.SumNS ||
				p.Series.Self[at] != s.SelfNS || p.Series.Min[at] != s.MinNS || p.Series.Max[at] != s.MaxNS {
				t.Errorf("series %d differs from %+v", at, s)
			}
			for k, text := range strings.Split(p.Slices.Series[at], ".") {
				if len(s.Slices) == 0 {
					break // counted only
				}
				if d := cmp.Diff(s.Slices[k], unpack(t, p, text)); d != "" {
					t.Errorf("%s %v, slice %d (-want +got):\n%s", f.Name, s.Key, k, d)
				}
			}
			at++
		}
	}
	if len(p.Series.Function) != at {
		t.Errorf("%d series, want %d", len(p.Series.Function), at)
	}
	if got := p.Functions[0].Lost; got != "4 keys full" {
		t.Errorf("lost: %q", got)
	}
	empty := recording()
	if _, p := dataOf(t, htmlOf(t, empty)); len(p.Bounds)+len(p.Functions)+len(p.Series.Function) != 0 {
		t.Errorf("nothing recorded: %+v", p)
	}
}

// unpack reads what pack writes.
func unpack(t *testing.T, p *page, text string) latency.Histogram {
	t.Helper()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	number := func() (n uint64) {
		for shift := 0; ; shift += 5 {
			v := strings.IndexByte(digits, text[0])
			text = text[1:]
			n |= uint64(v&31) << shift
			if v < 32 {
				return n
			}
		}
	}
	var h latency.Histogram
	slot := uint64(0)
	for len(text) > 0 {
		slot += number()
		h = append(h, latency.Bucket{LoNS: p.Bounds[slot], HiNS: p.Bounds[slot+1], Count: number()})
		slot++
	}
	return h
}

// Whatever a target is called, it cannot end the element that holds the data.
func TestHTMLHostileData(t *testing.T) {
	rec := injection()
	html := htmlOf(t, rec)
	raw, p := dataOf(t, html)
	for _, bad := range []string{"<", ">", "&", "\u2028", "\u2029", "\u202e", "\x1b"} {
		if strings.Contains(raw, bad) {
			t.Errorf("the data has %q", bad)
		}
	}
	for i := range rec.Functions {
		if got, want := p.Functions[i].Name, Escape(rec.Functions[i].Name); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
	plain := htmlOf(t, site())
	for _, tag := range []string{"<script", "</script", "<style", "<img", "<svg", "<!--"} {
		if got, want := strings.Count(html, tag), strings.Count(plain, tag); got != want {
			t.Errorf("%d of %s, want %d", got, tag, want)
		}
	}
	if title := between(t, html, "<title>", "</title>"); strings.ContainsAny(title, "<\n") {
		t.Errorf("title %q", title)
	}
}

// A page with more slices than it has room for has fewer, then those of fewer
// series; what it has of a series is whole.
func TestHTMLSlicesAreBounded(t *testing.T) {
	const n = 100
	rec := crowd(300, 10)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		for j := range f.Series {
			s := &f.Series[j]
			s.Slices = make([]latency.Histogram, n)
			for k, b := range s.Buckets {
				s.Slices[(i+j+k)%n] = append(s.Slices[(i+j+k)%n], b)
			}
		}
	}
	for i := range n {
		rec.SlicesNS = append(rec.SlicesNS, rec.DurationNS*int64(i+1)/n)
	}
	if err := rec.Check(); err != nil {
		t.Fatal(err)
	}
	html := htmlOf(t, rec)
	_, p := dataOf(t, html)
	slices := len(p.Slices.Ends)
	if slices < minPageSlices || slices >= n || p.Slices.Ends[slices-1] != rec.DurationNS {
		t.Errorf("%d slices: %d", slices, p.Slices.Ends)
	}
	if len(p.Slices.Functions) != len(rec.Functions) {
		t.Errorf("slices of %d functions", len(p.Slices.Functions))
	}
	if have, all := len(p.Slices.Series), len(p.Series.Function); have == 0 || have == all {
		t.Errorf("slices of %d series of %d", have, all)
	}
	buckets := 0
	whole := func(text string, want latency.Histogram) {
		var sum latency.Histogram
		parts := strings.Split(text, ".")
		if len(parts) != slices {
			t.Fatalf("%d parts, want %d", len(parts), slices)
		}
		for _, part := range parts {
			h := unpack(t, p, part)
			buckets += len(h)
			sum = sum.Merge(h)
		}
		if d := cmp.Diff(want, sum); d != "" {
			t.Fatalf("slices together (-want +got):\n%s", d)
		}
	}
	at := 0
	for i := range rec.Functions {
		total := latency.Total(rec.Functions[i].Series)
		whole(p.Slices.Functions[i], total.Buckets)
		for j := range rec.Functions[i].Series {
			if text, ok := p.Slices.Series[at]; ok {
				whole(text, rec.Functions[i].Series[j].Buckets)
			}
			at++
		}
	}
	if buckets > maxPageBuckets {
		t.Errorf("%d buckets of slices, the limit is %d", buckets, maxPageBuckets)
	}
	t.Logf("%d slices, of %d series, in %d buckets; the page is %d bytes", slices, len(p.Slices.Series), buckets, len(html))
}

// allowance is how long something may take that must take less than two seconds
// on an idle machine. Where tests run side by side, it may take longer.
func allowance() time.Duration {
	if os.Getenv("CI") == "true" {
		return 10 * time.Second
	}
	return 2 * time.Second
}

// A recording of 1,000 functions and 10,000 series is read and written as text
// and as a page in less than two seconds; the page is below 5 MB.
func TestHTMLLimits(t *testing.T) {
	var file bytes.Buffer
	if err := crowd(1000, 10).Encode(&file); err != nil {
		t.Fatal(err)
	}
	size := file.Len()
	begin := time.Now()
	rec, err := latency.Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(begin)
	if out := text(t, rec, nil); len(out) == 0 {
		t.Error("no text")
	}
	html := htmlOf(t, rec)
	took := time.Since(begin)
	if took > allowance() {
		t.Errorf("took %v, of which loading %v", took, loaded)
	}
	if len(html) > 5e6 {
		t.Errorf("the page has %d bytes", len(html))
	}
	t.Logf("a recording of %d bytes: loaded in %v, with text and page in %v; the page has %d bytes", size, loaded, took, len(html))
}
