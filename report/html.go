package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"sync"

	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report/web"
)

// HTML writes rec as one page for a browser that needs nothing else: heat maps
// by argument and, where the recording has slices, over time, percentile curves,
// a flame graph, every series, the balance, and what measuring cost. The page
// loads nothing and sends nothing: its policy allows its own script and style
// alone, by their hashes. Names from the targets are escaped, and reach the page
// as data that becomes text.
func HTML(w io.Writer, rec *latency.Recording) error {
	// Unlike others, this encoder escapes <, >, & and the line separators of
	// JavaScript, so the data cannot end the element that holds it.
	data, err := json.Marshal(newPage(rec))
	if err != nil {
		return fmt.Errorf("encode page: %w", err)
	}
	_, err = strings.NewReplacer(
		"{{title}}", html.EscapeString(pageTitle(rec)),
		"{{policy}}", policy(),
		"{{style}}", web.Style,
		"{{data}}", string(data),
		"{{script}}", web.Script,
		"{{notices}}", html.EscapeString(web.Notices),
	).WriteString(w, web.Page)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// policy is the page's Content-Security-Policy: nothing from anywhere, no text
// that becomes markup or code, and of script and style only these two.
var policy = sync.OnceValue(func() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'; " +
		"script-src " + hash(web.Script) + "; style-src " + hash(web.Style)
})

// pageTitle names what was measured, in the title of a window.
func pageTitle(rec *latency.Recording) string {
	switch n := len(rec.Functions); n {
	case 0:
		return "latch"
	case 1:
		return cutBytes(rec.Functions[0].Name, maxLabel) + " · latch"
	default:
		return fmt.Sprintf("%s and %d more · latch", cutBytes(rec.Functions[0].Name, maxLabel), n-1)
	}
}
