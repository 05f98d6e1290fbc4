package budget

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want string }{
		{`p99(shop.handle, route=/api) < 5ms`, ``},
		{` p99 ( shop.handle ,route = /api )<5ms `, `p99(shop.handle, route=/api) < 5ms`},
		{`p99.9(shop.(*API).handle, route!=/api, tenant=~^a.*z$) <= 1m30s`, ``},
		{`over20ms(main.Map[...]) < 0.01%`, ``},
		{`over1.5µs(f) <= 0%`, `over1.5us(f) <= 0%`},
		{`mean(libc:getaddrinfo) < 60s`, `mean(libc:getaddrinfo) < 1m`},
		{`max(k:tcp_sendmsg) <= 1h`, ``},
		{`calls(main.*) >= 1000`, ``},
		{`rate(/^main\./) > 12.5/s`, ``},
		{`p50(f) <= baseline`, ``},
		{`p50(f) <= baseline + 10 %`, `p50(f) <= baseline+10%`},
		{`p50(f) < baseline+200us`, ``},
		{`rate(f) >= baseline`, ``},
		{`p99("db::query(std::string const&, int)", 'item.SKU'="a,b") < 1ms`, `p99("db::query(std::string const&, int)", item.SKU="a,b") < 1ms`},
		{`p99('it''s', k="") < 1ms`, `?after the function and its keys, the budget wants ")", not '\''`},
		{`p99(f, k="") < 1ms`, ``},
		{`p99(f, k="~x") < 1ms`, ``},
		{`p99(f, k=~x) < 1ms`, ``},
		{`p99(f, k=a=b) < 1ms`, ``},
		{`p99(f, str(p, 3)=(other)) < 1ms`, `?the key has a bracket`},
		{`p99(ns::f(std::string const&, int)) < 1ms`, `?the function has a bracket that is not closed before ' '; quote all of it`},
		{`p99(f, str(p)=(other)) < 1ms`, ``},
		{`p99(f, k="\xff\x00é") < 1ms`, ``},
	}
	for _, tt := range tests {
		b, err := Parse(tt.text)
		if want, refused := strings.CutPrefix(tt.want, "?"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", tt.text, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		want := tt.want
		if want == "" {
			want = tt.text
		}
		if got := b.String(); got != want {
			t.Errorf("%s: %s, want %s", tt.text, got, want)
		}
	}

	b, err := Parse(`p99.9(f, k!=v, w=x) < 5ms`)
	want := Defaults()
	want.Name, want.Func = "p99.9(f, k!=v, w=x) < 5ms", "f"
	want.Where = []Matcher{{Key: "k", Op: NotEqual, Value: "v"}, {Key: "w", Value: "x"}}
	want.Expect = []Expectation{{Metric: Metric{Percent: 99.9}, Limit: Limit{Value: 5e6}}}
	if err != nil || !reflect.DeepEqual(b, want) {
		t.Errorf("%+v, %v; want %+v", b, err, want)
	}
	if m := b.Expect[0].Metric; m.q() != 0.999 || m.tail() != 0.001 {
		t.Errorf("p99.9 is %v, tail %v", m.q(), m.tail())
	}
}

// Each refusal, with its caret.
func TestParseErrors(t *testing.T) {
	var out strings.Builder
	for _, text := range []string{
		``, `p99`, `p99(`, `p99()`, `p99(f`, `p99(f)`, `p99(f) <`, `p99(f) = 5ms`, `p99(f) < 5`, `p99(f) < -5ms`, `p99(f) < 0s`,
		`p99(f) < 5ms and more`, `p0(f) < 5ms`, `p100(f) < 5ms`, `p99.99999999999999(f) < 1ms`, `p1e1(f) < 1ms`, `95p(f) < 1ms`, `q(f) < 1ms`, `é(f) < 1ms`, `over(f) < 1%`, `over20(f) < 1%`,
		`over20ms(f) < 1`, `over20ms(f) < 101%`, `over20ms(f) < 0%`, `over20ms(f) <= 100%`, `over20ms(f) < 5ms`, `calls(f) < 5ms`, `rate(f) > 5`, `rate(f) > 5%`, `calls(f) < 99999999999999999999`,
		`p99(f, ) < 5ms`, `p99(f, route) < 5ms`, `p99(f, route=) < 5ms`, `p99(f, route=~a[) < 5ms`, `p99(f, route=~'a[') < 5ms`, `p99(f, route="a) < 5ms`, `p99(f, route="\q") < 5ms`,
		`p99(f(int) < 5ms`, `p99(f g) < 5ms`, `p99(/[/) < 5ms`, `p99(libc:) < 5ms`, "p99(f,\tx\ny=1, \xff) < 5ms", `p99(é, k) < 5ms`,
		`p99(f) < baseline+`, `p99(f) < baseline+10`, `p99(f) < baselines`, `p99(f) < baseline-10%`, `over20ms(f) < baseline+5ms`, `p99(f) < 99999h`,
		"p99(" + strings.Repeat("f", 5000) + ") < 5ms",
	} {
		_, err := Parse(text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: error %v is no SyntaxError", text, err)
			continue
		}
		fmt.Fprintln(&out, err)
	}
	testutil.Golden(t, "parse-errors.golden", []byte(out.String()))
}

func TestLimitsNS(t *testing.T) {
	b := Budget{Func: "f"}
	for _, text := range []string{"p99 < 5ms", "p50 <= 5ms", "p1 > 1us", "p1 >= 1us", "max < 5ms", "over20ms < 1%", "mean < 3ms", "p99 <= baseline", "calls > 3"} {
		e, err := parseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		b.Expect = append(b.Expect, e)
	}
	if got, want := b.LimitsNS(), []uint64{999, 1000, 4_999_999, 5_000_000, 20_000_000}; !reflect.DeepEqual(got, want) {
		t.Errorf("limits %d, want %d", got, want)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 10 * time.Minute: "10m",
		20 * time.Millisecond: "20ms", 1500: "1.5us", time.Second: "1s", 1: "1ns",
	} {
		if got := span(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

// What is parsed is written so that it parses to the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`p99(shop.(*API).handle, route=/api, t=~"a,b", k!='x y') < 5ms`, `over1.5µs(f) >= 0.1%`, `rate(/a b/) < baseline+10%`,
		`max("a\xff(",k="~") > 104h`, `calls(libc:f) <= 0`, `p0.001(k:f) < baseline+1h0m1s`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := Parse(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || strings.Count(err.Error(), "\n") != 2 {
				t.Fatalf("%q: error %q", text, err)
			}
			return
		}
		again, err := Parse(b.String())
		if len(b.String()) > maxText {
			return // quoting made it longer
		}
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, b.String(), err)
		}
		if !reflect.DeepEqual(b, again) {
			t.Fatalf("%q is written %q, which is %+v instead of %+v", text, b.String(), again, b)
		}
	})
}

func TestParseMetric(t *testing.T) {
	for _, text := range []string{"p50", "p99.9", "mean", "max", "calls", "rate", "over20ms"} {
		m, err := ParseMetric(" " + text + " ")
		if err != nil || m.String() != text {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
	for text, want := range map[string]string{"": "a metric is wanted", "p101": "between 0 and 100", "p99 < 5ms": "nothing is wanted here"} {
		if _, err := ParseMetric(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestOps(t *testing.T) {
	for op, want := range map[Op]string{Equal: "=", NotEqual: "!=", Matches: "=~"} {
		if op.String() != want {
			t.Errorf("%s, want %s", op, want)
		}
	}
}
