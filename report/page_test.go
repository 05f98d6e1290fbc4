package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
)

// TestPage opens pages in a browser and uses them. A complaint of the browser,
// such as a violation of the page's policy, fails each of these tests.
func TestPage(t *testing.T) {
	browser := startBrowser(t)
	for _, tt := range []struct {
		name string
		test func(t *testing.T, browser context.Context)
	}{
		{"numbers", testPageNumbers},
		{"select", testPageSelect},
		{"filter", testPageFilter},
		{"sort and turn pages", testPageSort},
		{"flame graph", testPageFlame},
		{"axis", testPageAxis},
		{"over time", testPageTime},
		{"keyboard", testPageKeyboard},
		{"names", testPageNames},
		{"colours", testPageColours},
		{"widths", testPageWidths},
		{"picture", testPagePicture},
		{"policy", testPagePolicy},
		{"hostile names", testPageHostile},
		{"large", testPageLarge},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, browser) })
	}
}

// The table says what the text report says.
func testPageNumbers(t *testing.T, browser context.Context) {
	for name, rec := range map[string]*latency.Recording{"site": site(), "shop": shop(), "dropped": dropped(), "counted": counted()} {
		p := open(t, browser, rec, 1400, 900)
		got := make(map[string]string)
		for _, row := range eval[[][]string](p, `[...document.querySelectorAll("#series-table tbody tr")].map((tr) => [...tr.querySelectorAll("td:not(.pick):not(.distribution)")].map((td) => td.textContent))`) {
			got[strings.Join(row[:2], " ")] = strings.Join(row[2:], " ")
		}
		for i := range rec.Functions {
			f := &rec.Functions[i]
			for j := range f.Series {
				s := &f.Series[j]
				key := "all calls"
				if len(f.By) > 0 {
					var parts []string
					for _, by := range f.By {
						parts = append(parts, cutBytes(by, maxLabel)+"="+keyText(s, by, 1000))
					}
					key = strings.Join(parts, ", ")
				}
				var want []string
				for _, c := range columns(f.By, s) {
					if c.name != "share" && c.name != "lost" {
						want = append(want, c.cell(s))
					}
				}
				if have := got[f.Name+" "+key]; !strings.HasPrefix(have+" ", strings.Join(want, " ")+" ") {
					t.Errorf("%s: %s %s: %q, want %q", name, f.Name, key, have, want)
				}
			}
		}
		equation := strings.Join(strings.Fields(p.texts("#balance .equation")[0]), " ")
		var total latency.Balance
		for i := range rec.Functions {
			total.Add(&rec.Functions[i].Balance)
		}
		want := fmt.Sprintf("%s entries= %s returns", formatCount(total.Entries), formatCount(total.Returns))
		if !strings.HasPrefix(strings.ReplaceAll(equation, "entries =", "entries="), want) && !strings.HasPrefix(strings.ReplaceAll(equation, "=", "= "), want) {
			t.Errorf("%s: balance %q, want %q", name, equation, want)
		}
		if about := p.texts("#about dl")[0]; !strings.Contains(about, strings.TrimPrefix(cost(&rec.Overhead), "cost: ")) || !strings.Contains(about, "/usr/bin/shop (pid 4242)") {
			t.Errorf("%s: about %q", name, about)
		}
		if d := cmp.Diff(append([]string(nil), rec.Warnings...), append([]string(nil), p.texts("#warnings li")...)); d != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", name, d)
		}
	}
}

// series is the row of the series with that number.
func row(series int) string { return fmt.Sprintf(`#series-table tr[data-series="%d"]`, series) }

func testPageSelect(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	marks := func() []string { return p.texts("#curves .curve .end") }
	if d := cmp.Diff([]string{"A", "B", "C"}, marks()); d != "" {
		t.Errorf("curves at first (-want +got):\n%s", d)
	}
	p.do(chromedp.Click(chromedp.CSS(row(4) + " td.key")))
	if d := cmp.Diff([]string{"A", "B", "C", "D"}, marks()); d != "" {
		t.Errorf("curves after a click (-want +got):\n%s", d)
	}
	if path := eval[string](p, `document.querySelector('.curve[data-series="4"] path').getAttribute("d")`); strings.Count(path, "H") < 10 || strings.Contains(path, "NaN") {
		t.Errorf("the curve is %q", path)
	}
	if last := p.texts("#curves tbody tr:last-child > *"); len(last) != 7 || last[0] != "D/healthz, GET" || last[1] != "21.1µs" || last[4] != "32.6µs" {
		t.Errorf("percentiles %q", last)
	}
	if got := p.texts("#heat .pick[aria-pressed=true] .label"); !slices.Contains(got, "/healthz, GET") {
		t.Errorf("selected in the heat map: %q", got)
	}
	p.do(chromedp.Click(chromedp.CSS(row(4) + " button")))
	if d := cmp.Diff([]string{"A", "B", "C"}, marks()); d != "" {
		t.Errorf("curves after another click (-want +got):\n%s", d)
	}
	// A series of another function, from the heat map, and more than six.
	eval[bool](p, `(() => { const s = document.getElementById("function"); s.value = 1; s.dispatchEvent(new Event("change")); return true })()`)
	for range 3 {
		p.do(chromedp.Click(chromedp.CSS("#heat .pick[aria-pressed=false]")))
	}
	if d := cmp.Diff([]string{"A", "B", "C", "D", "E", "F"}, marks()); d != "" {
		t.Errorf("six curves (-want +got):\n%s", d)
	}
	p.do(chromedp.Click(chromedp.CSS(row(5) + " td.key")))
	if d := cmp.Diff([]string{"A", "B", "C", "D", "E", "F"}, marks()); d != "" {
		t.Errorf("the seventh takes a place (-want +got):\n%s", d)
	}
	p.do(chromedp.Click(chromedp.CSS("#curves .remove")))
	if d := cmp.Diff([]string{"B", "C", "D", "E", "F"}, marks()); d != "" {
		t.Errorf("the first removed (-want +got):\n%s", d)
	}
}

func testPageFilter(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	rows := func() int { return len(p.texts("#series-table tbody tr[data-series]")) }
	if n := rows(); n != 12 {
		t.Fatalf("%d rows", n)
	}
	p.do(chromedp.SendKeys(chromedp.CSS("#filter"), "ORDERS get"))
	p.wait(`document.getElementById("matches").textContent === "1 series of 12"`)
	if n := rows(); n != 1 {
		t.Errorf("%d rows", n)
	}
	if got := p.texts("#heat .row .pick .label"); !slices.Equal(got, []string{"all 8 keys", "/api/orders, GET"}) {
		t.Errorf("rows of the heat map: %q", got)
	}
	if got := p.texts("#balance-table tbody tr td.function"); !slices.Equal(got, []string{"main.(*API).handle"}) {
		t.Errorf("functions in the balance: %q", got)
	}
	// The heat map goes to a function that matches.
	eval[bool](p, `document.getElementById("filter").select() || true`)
	p.keys("sql=")
	p.wait(`document.getElementById("matches").textContent === "3 series of 12"`)
	if got := eval[string](p, `document.getElementById("function").selectedOptions[0].textContent`); !strings.HasPrefix(got, "db::Session") {
		t.Errorf("the heat map is of %s", got)
	}
	p.keys(kb.Escape)
	p.wait(`document.querySelectorAll("#series-table tbody tr[data-series]").length === 12`)
	p.do(chromedp.SendKeys(chromedp.CSS("#filter"), "no such key"))
	p.wait(`document.querySelector("#series-table tbody").textContent === "No series matches."`)
}

func testPageSort(t *testing.T, browser context.Context) {
	p := open(t, browser, manyKeys(), 1400, 900)
	calls := func() []string { return p.texts("#series-table tbody td.calls") }
	where := func() string { return p.texts("#series-table .pager span")[0] }
	head := func(id string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.CSS("#series-table th." + id + " button"))
	}
	order := func(id string) string {
		return eval[string](p, `document.querySelector("#series-table th.%s").getAttribute("aria-sort")`, id)
	}
	p.do(head("calls"))
	if got := calls(); got[0] != "300" || got[19] != "281" || order("calls") != "descending" || order("total") != "none" {
		t.Errorf("the most calls first: %q, %s", got, order("calls"))
	}
	p.do(head("calls"))
	if got := calls(); got[0] != "1" || got[19] != "20" || order("calls") != "ascending" {
		t.Errorf("the fewest calls first: %q, %s", got, order("calls"))
	}
	if where() != "1–20 of 300 series" {
		t.Errorf("at %s", where())
	}
	p.do(chromedp.Click(chromedp.CSS("#series-table .pager button:last-child")))
	if got := calls(); got[0] != "21" || where() != "21–40 of 300 series" {
		t.Errorf("next page: %q, %s", got, where())
	}
	p.do(head("key"))
	if got := p.texts("#series-table tbody td.key"); !strings.HasPrefix(got[0], "query=SELECT 0,") || !strings.HasPrefix(got[19], "query=SELECT 19,") || where() != "1–20 of 300 series" {
		t.Errorf("by key: %q", got)
	}
	if n := len(p.texts("#heat .row .pick")); n != 11 {
		t.Errorf("%d rows in the heat map", n)
	}
	p.do(chromedp.Click(chromedp.CSS("#heat-next")))
	if got := p.texts("#heat .pager span"); got[0] != "11–20 of 300 keys" {
		t.Errorf("the heat map is at %q", got)
	}
}

func testPageFlame(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
	p.wait(`document.querySelectorAll("#flame g.frame").length > 5`)
	labels := func() []string {
		return eval[[]string](p, `[...document.querySelectorAll("#flame g.frame")].map((g) => g.getAttribute("aria-label"))`)
	}
	find := func(text string) bool {
		return slices.ContainsFunc(labels(), func(l string) bool { return strings.Contains(l, text) })
	}
	for _, want := range []string{"all: 140s self, 100.0%", "shop › main.(*API).handle › route=/api/orders › method=POST: 23.1s self", "libdb.so.5 › db::Session::query(std::string const&, int): "} {
		if !find(want) {
			t.Errorf("no frame %q in %q", want, labels())
		}
	}
	p.do(chromedp.Click(chromedp.CSS("label[for=flame-mode-latency]")))
	for _, want := range []string{"all: 192s latency, 100.0%", "route=/api/orders › method=POST: 33.0s latency"} {
		if !find(want) {
			t.Errorf("no frame %q in %q", want, labels())
		}
	}
	wide := func(text string) float64 {
		return eval[float64](p, `Number([...document.querySelectorAll("#flame g.frame")].find((g) => g.getAttribute("aria-label").includes(%q))?.getAttribute("width"))`, text)
	}
	before := wide("route=/api/orders: ")
	p.do(chromedp.Click(chromedp.CSS(`#flame g.frame[name="route=/api/orders"]`)))
	if after := wide("route=/api/orders: "); after < 1.5*before || after < 1000 {
		t.Errorf("zoomed from %v to %v pixels", before, after)
	}
	p.do(chromedp.Click(chromedp.CSS("#flame .controls button")))
	if after := wide("route=/api/orders: "); after != before {
		t.Errorf("zoomed out to %v, was %v pixels", after, before)
	}
}

// The axis is that of the cells, also where calls are outside of all buckets.
func testPageAxis(t *testing.T, browser context.Context) {
	durations := spread(90, 1e6, 1)
	for _, extreme := range [][]uint64{nil, {0, 30}, {9_000e9}, {0, 9_000e9}} {
		p := open(t, browser, recording(function("f", nil, seriesOf(map[string]string{}, slices.Concat(durations, spread(9, 7e4, 1), spread(9, 2e8, 1), extreme)...))), 1400, 900)
		p.wait(`[...document.querySelectorAll("#heat .axis text")].some((t) => t.textContent === "1ms")`) // drawn with the next frame
		place := eval[[]float64](p, `(() => {
			const canvas = document.querySelector("#heat canvas.strip");
			const tick = [...document.querySelectorAll("#heat .axis text")].find((t) => t.textContent === "1ms");
			return [Number(tick.getAttribute("x")) / canvas.clientWidth, Number(canvas.getAttribute("aria-valuemax")) + 1];
		})()`)
		p.do(chromedp.Focus(chromedp.CSS("#heat canvas.strip")))
		p.keys(kb.ArrowRight, kb.ArrowLeft) // to the fullest bucket, where it begins
		at := eval[float64](p, `Number(document.querySelector("#heat canvas.strip").getAttribute("aria-valuenow"))`)
		if got := place[0] * place[1]; got < at-0.01 || got > at+1.01 {
			t.Errorf("with %v, 1ms is at column %.2f, and its calls are in column %.0f", extreme, got, at)
		}
		if got := p.texts("#heat .readout")[0]; !strings.HasPrefix(got, "90 calls ") {
			t.Errorf("with %v: %q", extreme, got)
		}
		p.keys(kb.End)
		if got := p.texts("#heat .readout")[0]; slices.Contains(extreme, 9_000e9) && !strings.HasPrefix(got, "1 call of all calls took more than ") {
			t.Errorf("with %v, the last column: %q", extreme, got)
		}
	}
}

func testPageTime(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	p.do(chromedp.Click(chromedp.CSS("label[for=heat-mode-time]")))
	want := []string{"all 8 keys", "Aroute=/api/search, method=GET", "Broute=/api/orders, method=GET", "Croute=/api/orders, method=POST"}
	if d := cmp.Diff(want, p.texts("#heat .picture .name")); d != "" {
		t.Errorf("pictures (-want +got):\n%s", d)
	}
	p.do(chromedp.Focus(chromedp.CSS("#heat .picture:nth-child(3) canvas")))
	p.keys(kb.Home, strings.Repeat(kb.ArrowRight, 35))
	rec := site()
	h := rec.Functions[0].Series[0].Slices[35]
	readout := p.texts("#heat .readout")[0]
	if begin := fmt.Sprintf("35.0s to 36.0s: %d calls, p50 ", h.Count()); !strings.HasPrefix(readout, begin) || !strings.Contains(readout, "p50 11.") && !strings.Contains(readout, "p50 12.") {
		t.Errorf("in the incident: %q, want %q", readout, begin)
	}
	old := open(t, browser, shop(), 1400, 900)
	old.do(chromedp.Click(chromedp.CSS("label[for=heat-mode-time]")))
	if got := old.texts("#heat .heat-body")[0]; !strings.Contains(got, "latch record -i 1s") {
		t.Errorf("without slices: %q", got)
	}
}

// Everything can be done without a mouse, and one always sees where one is.
func testPageKeyboard(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	at := func() string {
		return eval[string](p, `((e) => e.id || e.getAttribute("aria-label") || e.closest("[id]")?.id + " " + e.textContent)(document.activeElement)`)
	}
	var order []string
	for range 60 {
		p.keys(kb.Tab)
		here := at()
		if slices.Contains(order, here) || eval[bool](p, "document.activeElement === document.body") {
			break
		}
		order = append(order, here)
		if !eval[bool](p, `((e) => { const of = e.type === "radio" ? e.parentElement : e; const s = getComputedStyle(of); const r = e.querySelector?.("rect"); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 || r !== null && getComputedStyle(r).strokeWidth === "2.5px" })(document.activeElement)`) {
			t.Errorf("the focus on %q cannot be seen", here)
		}
	}
	want := []string{"theme", "filter", "function", "heat-mode-argument", "latency of all 8 keys: p50 402µs, p99 43.2ms", "compare /api/search, GET"}
	last := -1
	for _, w := range want {
		i := slices.Index(order, w)
		if i <= last {
			t.Errorf("%q is not in the order of the focus: %q", w, order)
		}
		last = i
	}
	if !slices.ContainsFunc(order, func(s string) bool { return strings.HasPrefix(s, "all: 140s self") }) {
		t.Errorf("the flame graph has no focus: %q", order)
	}

	// Filter, go to the table, select two, take the selection back.
	p.do(chromedp.Focus(chromedp.CSS("#theme")))
	p.keys("/")
	if at() != "filter" {
		t.Errorf("/ goes to %q", at())
	}
	// The protocol sends the character apart from the key, which a keyboard does not.
	eval[bool](p, `document.getElementById("filter").select() || true`)
	p.keys("query")
	p.wait(`document.getElementById("matches").textContent === "3 series of 12"`)
	p.do(chromedp.Focus(chromedp.CSS("#series-table tbody button")))
	p.keys(kb.ArrowDown, " ", kb.ArrowDown, kb.Enter)
	if got := p.texts("#curves .curve .end"); len(got) != 5 {
		t.Errorf("curves %q", got)
	}
	if got := at(); !strings.HasPrefix(got, "compare db::Session::query(std::string const&, int), sql=SELECT 1") {
		t.Errorf("the focus went to %q", got)
	}
	p.keys(kb.Escape)
	p.wait(`document.getElementById("filter").value === ""`)
	p.keys(kb.Escape)
	if got := p.texts("#curves .curve"); len(got) != 0 {
		t.Errorf("curves %q after Escape", got)
	}
	p.do(chromedp.Focus(chromedp.CSS("#series-table th.p99 button")))
	p.keys(kb.Enter)
	if got := eval[string](p, `document.querySelector("#series-table th.p99").getAttribute("aria-sort")`); got != "descending" {
		t.Errorf("sorted %s", got)
	}

	// The filter has taken the heat map to another function: back, to its cells.
	p.do(chromedp.Focus(chromedp.CSS("#function")))
	p.keys(kb.ArrowUp)
	p.wait(`document.querySelector("#heat .row.sum .label").textContent === "all 8 keys"`)
	p.do(chromedp.Focus(chromedp.CSS("#heat canvas.strip")))
	p.keys(kb.ArrowDown, kb.End, kb.ArrowLeft)
	if got := p.texts("#heat .readout")[0]; !strings.Contains(got, " of /api/search, GET took ") {
		t.Errorf("the cell is %q", got)
	}
	p.keys(kb.Enter)
	if got := p.texts("#curves tbody .label"); !slices.Equal(got, []string{"/api/search, GET"}) {
		t.Errorf("selected from the heat map: %q", got)
	}
	p.keys(kb.ArrowDown)
	if got := p.texts("#heat .readout")[0]; !strings.Contains(got, " of /api/orders, GET took ") {
		t.Errorf("the cell below is %q", got)
	}
	p.do(chromedp.Focus(chromedp.CSS("#heat-mode-argument")))
	p.keys(kb.ArrowRight)
	if n := len(p.texts("#heat .picture")); n == 0 {
		t.Error("an arrow key does not show the map over time")
	}

	// The flame graph: down, across, into a frame and out again.
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
	p.wait(`document.querySelector("#flame g.frame[tabindex='0']") !== null`)
	eval[bool](p, `document.querySelector("#flame g.frame[tabindex='0']").focus() || true`)
	p.keys(kb.ArrowDown, kb.ArrowRight)
	if got := p.texts("#flame .readout")[0]; !strings.HasPrefix(got, "libdb.so.5: ") {
		t.Errorf("the frame is %q", got)
	}
	zoomed := `document.querySelector("#flame .controls button").disabled === `
	p.keys(kb.Enter)
	p.wait(zoomed + "false")
	p.keys(kb.Escape)
	p.wait(zoomed + "true")
}

// The page's policy refuses what a script would need to do harm, and what it
// refuses is noted by these tests.
func testPagePolicy(t *testing.T, browser context.Context) {
	p := open(t, browser, shop(), 1400, 900)
	for what, try := range map[string]string{
		"to load":          `fetch("data:text/plain,x").then(() => false, () => true)`,
		"an image":         `new Promise((done) => { const i = new Image(); i.onload = () => done(false); i.onerror = () => done(true); i.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=" })`,
		"markup of text":   `(() => { try { document.body.innerHTML += "x"; return false } catch { return true } })()`,
		"code of text":     `(() => { try { document.createElement("b").setAttribute("onclick", "1"); return false } catch { return true } })()`,
		"a style of text":  `(() => { const s = document.createElement("b"); document.body.append(s); s.setAttribute("style", "color: red"); return getComputedStyle(s).color !== "rgb(255, 0, 0)" })()`,
		"another document": `new Promise((done) => { const f = document.createElement("iframe"); f.onload = () => done(f.contentDocument === null); f.src = "data:text/html,x"; document.body.append(f) })`,
	} {
		p.forget()
		if !eval[bool](p, "%s", try) {
			t.Errorf("the policy allows %s", what)
		}
		heard := false
		for frame := 0; frame < 100 && !heard; frame++ {
			eval[bool](p, "new Promise((done) => requestAnimationFrame(() => done(true)))")
			heard = p.forget() > 0
		}
		if !heard {
			t.Errorf("no complaint of %s", what)
		}
	}
}

// Names made to break the page are only text in it.
func testPageHostile(t *testing.T, browser context.Context) {
	p := open(t, browser, injection(), 1400, 900)
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
	p.wait(`document.querySelectorAll("#flame g.frame").length > 5`)
	p.do(chromedp.Click(chromedp.CSS("label[for=heat-mode-time]")), chromedp.Click(chromedp.CSS(row(3)+" td.key")))
	if title := eval[string](p, "document.title"); strings.Contains(title, "owned'") == false || title == "owned" {
		t.Errorf("the title is %q", title)
	}
	if got := eval[[]string](p, `[...document.querySelectorAll("img, iframe, object, embed, link, base, form, a:not(.skip), [onerror], [onload], [src]")].map((e) => e.outerHTML)`); len(got) > 0 {
		t.Errorf("elements of the names' making: %q", got)
	}
	if n := eval[int](p, "document.scripts.length"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if n := eval[int](p, `performance.getEntriesByType("resource").length`); n != 0 {
		t.Errorf("the page loads %d files", n)
	}
	body := eval[string](p, "document.body.innerText")
	for _, name := range injections {
		if !strings.Contains(body, Escape(name)) {
			t.Errorf("%q is not in the page as %q", name, Escape(name))
		}
	}
	if i := strings.IndexAny(body, "\u202e\u2066\x1b\x00\u2028"); i >= 0 {
		t.Errorf("the page has %q", body[max(0, i-10):i+5])
	}
	p.do(chromedp.SendKeys(chromedp.CSS("#filter"), "<img src=x"))
	p.wait(`document.getElementById("matches").textContent !== ""`)
	if n := len(p.texts("#series-table tbody tr[data-series]")); n == 0 || n == 20 {
		t.Errorf("the filter finds %d series", n)
	}
	q := open(t, browser, hostile(), 1400, 900)
	if got := q.texts("#warnings li"); len(got) != 1 || got[0] != Escape(hostile().Warnings[0]) {
		t.Errorf("warnings %q", got)
	}
}

// A page of 10,000 series can be used within two seconds.
func testPageLarge(t *testing.T, browser context.Context) {
	rec := crowd(1000, 10)
	p := open(t, browser, rec, 1400, 900)
	ready := time.Duration(eval[float64](p, "Number(document.documentElement.dataset.ready)")) * time.Millisecond
	if ready > allowance() {
		t.Errorf("ready after %v", ready)
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"filter", func() {
			p.do(chromedp.SendKeys(chromedp.CSS("#filter"), "pkg7 service"))
			p.wait(`document.getElementById("matches").textContent === "200 series of 10,000"`)
			p.keys(kb.Escape)
			p.wait(`document.getElementById("matches").textContent === ""`)
		}},
		{"sort", func() {
			p.do(chromedp.Click(chromedp.CSS("#series-table th.p99 button")))
			p.wait(`document.querySelector("#series-table th.p99").getAttribute("aria-sort") === "descending"`)
		}},
		{"select", func() {
			p.do(chromedp.Click(chromedp.CSS("#series-table tbody tr:nth-child(9) td.key")))
			p.wait(`document.querySelectorAll("#curves .curve").length === 4`)
		}},
		{"flame graph", func() {
			p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
			p.wait(`document.querySelectorAll("#flame g.frame").length > 5`)
		}},
	}
	for _, step := range steps {
		begin := time.Now()
		step.do()
		took := time.Since(begin)
		if took > allowance() {
			t.Errorf("%s took %v", step.name, took)
		}
		t.Logf("%s: %v", step.name, took.Round(time.Millisecond))
	}
	t.Logf("ready after %v", ready)
}
