package report

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/latchprof/latch/latency"
)

// Whatever can be used has a name for those who do not see it.
func testPageNames(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	nameless := eval[[]string](p, `[...document.querySelectorAll("button, select, input, canvas, [tabindex], section, fieldset, [role=img]")]
		.filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.labels?.length || e.textContent.trim() || e.getAttribute("aria-hidden") === "true" || e.tagName === "MAIN"))
		.map((e) => e.outerHTML.slice(0, 200))`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %q", nameless)
	}
	if ids := eval[[]string](p, `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(ids) > 0 {
		t.Errorf("ids given twice: %q", ids)
	}
	if got := eval[[]string](p, `[...document.querySelectorAll(".curve")].map((e) => getComputedStyle(e.querySelector("path")).strokeDasharray)`); len(got) != 3 || got[0] == got[1] || got[1] == got[2] {
		t.Errorf("curves are told apart by colour alone: %q", got)
	}
}

// contrast returns the texts of which the contrast with what is behind them is
// below 4.5 (WCAG 2.2, 1.4.3).
const contrast = `(() => {
	const luminance = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const parse = (color) => color.match(/[\d.]+/g).map(Number);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
	const out = [];
	for (const e of document.querySelectorAll("h1, h2, p, td, th, dt, dd, b, button:not(:disabled), label, .dim, .badge, select, .name, svg text")) {
		if (e.closest(".hidden") || e.offsetParent === null && !e.ownerSVGElement || ![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
		const style = getComputedStyle(e);
		const front = luminance(parse(e.ownerSVGElement ? style.fill : style.color).slice(0, 3));
		const back = luminance(behind(e));
		const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
		if (ratio < 4.5) out.push(e.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
	}
	return out;
})()`

func testPageColours(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	background := func() string {
		return eval[string](p, "getComputedStyle(document.body).backgroundColor")
	}
	light := background()
	if got := eval[[]string](p, contrast); len(got) > 0 {
		t.Errorf("too pale in light colours: %q", got)
	}
	settled := func(label string) {
		p.wait(fmt.Sprintf(`document.getElementById("theme").textContent === %q && document.getAnimations().length === 0`, label))
	}
	p.do(inDark)
	settled("Light")
	dark := background()
	if dark == light {
		t.Errorf("light and dark are both %s", dark)
	}
	if got := eval[[]string](p, contrast); len(got) > 0 {
		t.Errorf("too pale in dark colours: %q", got)
	}
	heat := func() string {
		return eval[string](p, `String(document.querySelector("#heat canvas").getContext("2d").getImageData(1, 1, 1, 1).data)`)
	}
	before := heat()
	p.do(chromedp.Click(chromedp.CSS("#theme")))
	settled("Dark")
	if got := background(); got != light {
		t.Errorf("the button makes it %s, not %s", got, light)
	}
	if heat() == before {
		t.Error("the heat map keeps its dark colours")
	}
	p.do(chromedp.Click(chromedp.CSS("#theme")))
	settled("Light")
	if got := background(); got != dark {
		t.Errorf("the button makes it %s, not %s", got, dark)
	}
}

// Nothing is wider than a small window.
func testPageWidths(t *testing.T, browser context.Context) {
	for name, rec := range map[string]*latency.Recording{
		"site": site(), "hostile": hostile(), "injection": injection(), "counted": counted(), "dropped": dropped(), "many": manyKeys(), "empty": recording(),
	} {
		p := open(t, browser, rec, 400, 800)
		check := func(what string) {
			t.Helper()
			p.wait("true") // after the next frame
			if got := eval[int](p, "document.documentElement.scrollWidth"); got > 400 {
				t.Errorf("%s, %s: %d pixels wide", name, what, got)
			}
		}
		check("at first")
		if eval[bool](p, `document.querySelector("label[for=heat-mode-time]") !== null`) {
			p.do(chromedp.Click(chromedp.CSS("label[for=heat-mode-time]")))
			check("over time")
			p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
			p.wait(`document.querySelector("#flame .flame").childElementCount > 0`)
			check("at the flame graph")
		}
		if small := eval[[]string](p, `[...document.querySelectorAll("body *")].filter((e) => e.children.length === 0 && e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < 11).map((e) => e.textContent)`); len(small) > 0 {
			t.Errorf("%s: too small to read: %q", name, small)
		}
	}
}

// shot returns the picture of an element.
func (b *tab) shot(selector string) image.Image {
	b.Helper()
	data, err := chromedp.Run(b.ctx, chromedp.Screenshot(chromedp.CSS(selector)))
	if err != nil {
		b.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	return picture
}

// tones counts the pixels of each colour, to a sixteenth of a channel.
func tones(picture image.Image, area image.Rectangle) map[color.RGBA]int {
	out := make(map[color.RGBA]int)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			out[color.RGBA{uint8(r>>8) & 0xf0, uint8(g>>8) & 0xf0, uint8(b>>8) & 0xf0, 255}]++
		}
	}
	return out
}

// What is drawn has the structure of what was recorded.
func testPagePicture(t *testing.T, browser context.Context) {
	p := open(t, browser, site(), 1400, 900)
	for selector, least := range map[string]int{
		"#heat .row.sum canvas": 12, "#curves svg.chart": 8, "#series-table tbody tr:nth-child(1) canvas": 6, "#heat .ramp": 12,
	} {
		picture := p.shot(selector)
		if n := len(tones(picture, picture.Bounds())); n < least {
			t.Errorf("%s has %d tones, want %d", selector, n, least)
		}
	}
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#flame")))
	p.wait(`document.querySelectorAll("#flame g.frame").length > 5`)
	flame := p.shot("#flame svg")
	area := flame.Bounds()
	for level := range 5 {
		strip := image.Rect(area.Min.X, area.Min.Y+22*level+8, area.Max.X, area.Min.Y+22*level+14)
		if n := len(tones(flame, strip)); n < 2 {
			t.Errorf("level %d of the flame graph is blank", level)
		}
	}

	// The incident, from 31 s to 40 s, moves the calls of a route up.
	p.do(chromedp.Click(chromedp.CSS("label[for=heat-mode-time]")))
	picture := p.shot("#heat .picture:nth-child(3) canvas")
	area = picture.Bounds()
	middle := func(second float64) float64 { // of the calls, from the top down
		x := area.Min.X + int(float64(area.Dx())*second/60)
		sum, weight := 0.0, 0.0
		for y := area.Min.Y; y < area.Max.Y; y++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			dark := max(0, 220-float64(r+g+b)/3/257)
			sum, weight = sum+dark*float64(y-area.Min.Y), weight+dark
		}
		return sum / weight / float64(area.Dy())
	}
	for _, second := range []float64{5.5, 20.5, 50.5} {
		if during, then := middle(35.5), middle(second); during > then-0.05 {
			t.Errorf("the calls are at %.2f of the height in the incident, at %.2f at %v s", during, then, second)
		}
	}
}
