package report

import (
	"fmt"
	"time"

	"github.com/latchprof/latch/latency"
)

// seriesOf returns the series of the given durations in nanoseconds, as exact
// counters would have it, three quarters of all time being its own.
func seriesOf(key map[string]string, durations ...uint64) latency.Series {
	s := latency.Series{Key: key}
	slots := make([]uint64, latency.NumSlots)
	for i, d := range durations {
		slots[latency.Slot(d)]++
		if i == 0 || d < s.MinNS {
			s.MinNS = d
		}
		s.MaxNS = max(s.MaxNS, d)
		s.SumNS += d
		s.Count++
	}
	s.SelfNS = s.SumNS * 3 / 4
	s.Buckets = latency.FromSlots(slots)
	s.Fill()
	return s
}

// spread returns n durations from least on, each a little longer.
func spread(n int, least, step float64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(least)
		least *= step
	}
	return out
}

// function returns a function with the given series and a balance that holds.
func function(name string, by []string, series ...latency.Series) latency.Function {
	f := latency.Function{
		Name: name, Symbol: name, Binary: "/usr/bin/shop", Lang: "go", File: "/src/shop/cart.go", Line: 42,
		Addr: 0x401000, Entry: latency.Entry{Offset: 0x1004, Cost: "emulated"}, Exit: "ret",
		By: by, Series: series,
	}
	for _, s := range series {
		f.Balance.Returns += s.Count
	}
	f.Balance.Entries = f.Balance.Returns
	return f
}

func recording(functions ...latency.Function) *latency.Recording {
	return &latency.Recording{
		Schema:     latency.Schema,
		Start:      time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		DurationNS: 10_004_000_000,
		Kernel:     "6.18.0",
		Latch:      "0.1",
		Targets:    []latency.Target{{PID: 4242, Exe: "/usr/bin/shop", BuildID: "c0ffee"}},
		Functions:  functions,
		Overhead:   latency.Overhead{EntryNS: 5312, ExitNS: 1183, Hits: 12345, CPUShare: 0.008},
	}
}

// shop is an ordinary recording: a function by argument, one without, one by
// two arguments.
func shop() *latency.Recording {
	price := function("main.(*Cart).Price", []string{"item.SKU"},
		seriesOf(map[string]string{"item.SKU": "B-1"}, spread(997, 80_000, 1.006)...),
		seriesOf(map[string]string{"item.SKU": "A-17"}, spread(1009, 900, 1.004)...),
		seriesOf(map[string]string{"item.SKU": ""}, 59),
		seriesOf(map[string]string{"item.SKU": latency.KeyUnreadable}, 1_234_567, 1_234_567),
	)
	price.Balance.Entries += 6
	price.Balance.InFlight = 1
	price.Balance.Unwound = 2
	price.Balance.Lost = map[string]uint64{"keys full": 2, "too deep": 1, "nothing": 0}

	query := function("db::Session::query(std::string const&, int)", nil, seriesOf(map[string]string{}, spread(211, 1e6, 1.05)...))
	query.Binary, query.BuildID, query.Lang, query.Exit = "/usr/lib/x86_64-linux-gnu/libdb.so.5", "beef", "c++", "session"
	query.Symbol = "_ZN2db7Session5queryERKNSt7__cxx1112basic_stringE"

	handle := function("shop.(*API).handle", []string{"route", "tenant"},
		seriesOf(map[string]string{"route": "/api", "tenant": "acme"}, spread(503, 2e6, 1.01)...),
		seriesOf(map[string]string{"route": "/", "tenant": latency.KeyNone}, 5_000_000, 6_000_000_000_000),
	)
	return recording(price, query, handle)
}

// dropped tells calls in which packets were dropped from the others, in one
// function by an argument, in one without.
func dropped() *latency.Recording {
	key := func(drops string) map[string]string {
		return map[string]string{"order": "42", latency.KeyDrops: drops}
	}
	send := function("main.sendOrder", []string{"order", latency.KeyDrops},
		seriesOf(key(latency.WithDrops), 1_012_000_000, 2_036_000_000),
		seriesOf(key(latency.WithoutDrops), spread(97, 30_000, 1.005)...),
		seriesOf(map[string]string{"order": latency.KeyOther, latency.KeyDrops: latency.KeyOther}, 40_000, 50_000),
	)
	send.Series[0].LostNS = 3_000_000_000
	send.Series[2].LostNS = 10_000
	dial := function("main.dial", []string{latency.KeyDrops}, seriesOf(map[string]string{latency.KeyDrops: latency.WithoutDrops}, 70_000))
	return recording(send, dial)
}

// systems has system calls that a handler makes, by route, and some that nobody
// did; one has not returned, one never does.
func systems() *latency.Recording {
	handle := function("main.handle", []string{"route"},
		seriesOf(map[string]string{"route": "/a"}, 100_000, 120_000), seriesOf(map[string]string{"route": "/b"}, 50_000))
	handle.Series[0].SelfNS, handle.Series[1].SelfNS = 150_000, 40_000
	rec := recording(handle)
	for i, name := range []string{"read", "write", "openat", "futex"} {
		in := map[string]string{"route": "/a", latency.KeyIn: "main.handle"}
		none := map[string]string{"route": latency.KeyNone, latency.KeyIn: latency.KeyNone}
		f := function("sys:"+name, []string{"route", latency.KeyIn}, seriesOf(in, spread(7+i, 1000, 1.3)...), seriesOf(none, 4_000))
		f.Symbol, f.Lang, f.Binary, f.File, f.Line, f.Addr = name, latency.LangKernel, "", "", 0, 0
		f.Entry, f.Exit = latency.Entry{Cost: latency.ExitTracepoint}, latency.ExitTracepoint
		rec.Functions = append(rec.Functions, f)
	}
	futex := &rec.Functions[4].Balance
	futex.Entries, futex.InFlight = futex.Entries+1, 1
	exit := function("sys:exit_group", []string{"route", latency.KeyIn}, latency.Series{Key: map[string]string{"route": latency.KeyNone, latency.KeyIn: latency.KeyNone}, Count: 1})
	exit.Symbol, exit.Lang, exit.Binary, exit.File, exit.Line, exit.Addr, exit.Exit = "exit_group", latency.LangKernel, "", "", 0, 0, latency.ExitNone
	rec.Functions = append(rec.Functions, exit)
	return rec
}

// manyKeys has more series than are shown and keys of any length.
func manyKeys() *latency.Recording {
	var series []latency.Series
	for i := range 300 {
		sql := fmt.Sprintf("SELECT %d, name, price FROM items WHERE id IN (SELECT item FROM orders WHERE customer = $1) ORDER BY price DESC LIMIT 10", i)
		series = append(series, seriesOf(map[string]string{"query": sql}, spread(1+i, 1000, 1.03)...))
	}
	rec := recording(function("pg_parse_query", []string{"query"}, series...))
	rec.Functions[0].Lang, rec.Functions[0].Binary = "c", "/usr/lib/postgresql/15/bin/postgres"
	return rec
}

// counted has functions that are counted only, and some without calls.
func counted() *latency.Recording {
	f := function("spin_forever", []string{"kind"},
		latency.Series{Key: map[string]string{"kind": "FAST"}, Count: 7919},
		latency.Series{Key: map[string]string{"kind": "SLOW"}, Count: 31},
	)
	f.Exit = latency.ExitNone
	waiting := function("waiting", nil)
	waiting.Balance = latency.Balance{Entries: 3, InFlight: 3}
	rec := recording(f, waiting)
	for i := range 30 {
		rec.Functions = append(rec.Functions, function(fmt.Sprintf("idle_%d", i), nil))
	}
	rec.Command = &latency.Command{Argv: []string{"./spin", "-n", "5"}, Exit: 3}
	rec.Warnings = []string{"spin_forever: it ends in a jump to another function whose target is not known, so its exits cannot be caught"}
	rec.Overhead = latency.Overhead{Hits: 7950}
	return rec
}

// hostile has strings made to break terminals and tables.
func hostile() *latency.Recording {
	nasty := "\x1b[2J\x1b]0;owned\x07\r\nX\x00\u202egnp.exe\u2066\xff\xfe\u200b\u0085\\n" + "價格表示テスト👍é́́"
	f := function(nasty, []string{"latency", nasty, "pprof::x", ""},
		seriesOf(map[string]string{"latency": nasty, nasty: "a\tb", "pprof::x": "1", "": ""}, 100, 200),
		seriesOf(map[string]string{"latency": "12345", nasty: "\x9b31m", "pprof::x": "2", "": nasty}, 300),
	)
	f.Symbol, f.Binary, f.Lang, f.File, f.Exit, f.Entry.Cost = nasty, "/tmp/"+nasty, nasty, nasty, nasty, nasty
	f.Balance.Lost = map[string]uint64{nasty: 1}
	f.Balance.Entries++
	rec := recording(f, function(nasty+"2", nil))
	rec.Warnings = []string{nasty}
	rec.Targets = []latency.Target{{PID: 1, Exe: nasty, BuildID: nasty}}
	rec.Command = &latency.Command{Argv: []string{nasty, nasty}}
	rec.Kernel, rec.Latch = nasty, nasty
	return rec
}
