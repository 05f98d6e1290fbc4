package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// A tab shows a page, and notes what the browser complains of.
type tab struct {
	*testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// startBrowser starts a browser, which ends with the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	testutil.Need(t, "chromium")
	dir := t.TempDir() // of all that it leaves
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.Env("TMPDIR="+dir, "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses root otherwise
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// open writes rec as a page and opens it, from its file, in a window of that
// size. What the browser complains of, such as a violation of the page's policy,
// fails the test.
func open(t *testing.T, browser context.Context, rec *latency.Recording, width, height int64, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	var page bytes.Buffer
	if err := HTML(&page, rec); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &tab{T: t}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(b.note))
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, height))
	b.do(before...)
	b.do(chromedp.Navigate("file://" + path))
	b.wait("document.documentElement.dataset.ready !== undefined")
	return b
}

// note keeps what a page or the browser complains of.
func (b *tab) note(event any) {
	var text string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprint(e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprint(e.Type, e.Args)
	case *log.EventEntryAdded:
		text = e.Entry.Text
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// forget forgets the complaints and returns how many there were.
func (b *tab) forget() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.complaints)
	b.complaints = nil
	return n
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string, args ...any) T {
	b.Helper()
	expression = fmt.Sprintf(expression, args...)
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until an expression in the page is true.
func (b *tab) wait(expression string) {
	b.Helper()
	eval[bool](b, "new Promise((done) => { const look = () => ((%s) ? done(true) : requestAnimationFrame(look)); look(); })", expression)
}

// inDark asks for dark colours, as a system does.
func inDark(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	return none, err
}

// texts returns the text of every element that a selector finds.
func (b *tab) texts(selector string) []string {
	return eval[[]string](b, "[...document.querySelectorAll(%q)].map((e) => e.textContent.trim())", selector)
}

// keys presses keys one after the other.
func (b *tab) keys(keys ...string) {
	b.do(chromedp.KeyEvent(strings.Join(keys, "")))
}
