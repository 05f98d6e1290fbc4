package report

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/latchprof/latch/latency"
)

// site is a recording of a web shop for a minute: a handler by route, of which one
// is slow for some seconds, what it calls, and a function that is only counted.
func site() *latency.Recording {
	rng := rand.New(rand.NewPCG(5, 23))
	type shape struct {
		key          []string
		rate         int     // calls in a second
		median       float64 // ns
		spread, slow float64 // sigma, and how many are twenty times as slow
	}
	routes := []shape{
		{[]string{"/api/orders", "GET"}, 210, 1.9e6, 0.35, 0.01},
		{[]string{"/api/orders", "POST"}, 37, 7.1e6, 0.5, 0.002},
		{[]string{"/api/cart", "GET"}, 350, 310e3, 0.25, 0.004},
		{[]string{"/api/search", "GET"}, 90, 11e6, 0.8, 0},
		{[]string{"/healthz", "GET"}, 20, 21e3, 0.15, 0},
		{[]string{"/static/logo.svg", "GET"}, 60, 75e3, 0.4, 0},
		{[]string{"", "GET"}, 3, 90e3, 0.3, 0},
		{[]string{latency.KeyUnreadable, latency.KeyUnreadable}, 1, 900e3, 0.3, 0},
	}
	queries := []shape{
		{[]string{"SELECT id, name, price FROM items WHERE id = $1"}, 300, 180e3, 0.3, 0.01},
		{[]string{"INSERT INTO orders (item, customer, at) VALUES ($1, $2, now())"}, 37, 2.4e6, 0.4, 0.003},
		{[]string{"SELECT 1"}, 20, 9e3, 0.1, 0},
	}
	const seconds = 60
	measure := func(name string, by []string, shapes []shape, self float64) latency.Function {
		durations := make([][]uint64, len(shapes))
		f := function(name, by)
		for i, s := range shapes {
			slots := make([][]uint64, seconds)
			for second := range slots {
				slots[second] = make([]uint64, latency.NumSlots)
				median := s.median
				if i < 2 && second >= 31 && second < 40 {
					median *= 6 // the incident
				}
				for range s.rate/2 + rng.IntN(s.rate+1) {
					d := median * math.Exp(s.spread*rng.NormFloat64())
					if rng.Float64() < s.slow {
						d *= 20
					}
					durations[i] = append(durations[i], uint64(d))
					slots[second][latency.Slot(uint64(d))]++
				}
			}
			key := make(map[string]string)
			for j, part := range by {
				key[part] = s.key[j]
			}
			one := seriesOf(key, durations[i]...)
			one.SelfNS = uint64(float64(one.SumNS) * self)
			for _, part := range slots {
				one.Slices = append(one.Slices, latency.FromSlots(part))
			}
			f.Series = append(f.Series, one)
			f.Balance.Returns += one.Count
		}
		f.Balance.Entries = f.Balance.Returns
		return f
	}
	handle := measure("main.(*API).handle", []string{"route", "method"}, routes, 0.7)
	handle.Balance.InFlight, handle.Balance.Unwound = 3, 2
	handle.Balance.Lost = map[string]uint64{"keys full": 4}
	handle.Balance.Entries += 9
	query := measure("db::Session::query(std::string const&, int)", []string{"sql"}, queries, 1)
	query.Binary, query.Lang, query.Exit = "/usr/lib/x86_64-linux-gnu/libdb.so.5", "c++", "session"
	spin := function("main.spin", nil, latency.Series{Key: map[string]string{}, Count: 7919})
	spin.Exit = latency.ExitNone

	rec := recording(handle, query, spin, function("main.never", nil))
	rec.DurationNS = seconds * 1e9
	rec.Machine = "8 × Example CPU @ 3.00GHz"
	rec.Command = &latency.Command{Argv: []string{"./shop", "--listen", ":8080"}}
	rec.Overhead = latency.Overhead{EntryNS: 5312, ExitNS: 1183, Hits: 123456, CPUShare: 0.008}
	rec.Warnings = []string{"main.spin: it ends in a jump whose target is not known, so its exits cannot be caught"}
	for i := range seconds {
		rec.SlicesNS = append(rec.SlicesNS, int64(i+1)*1e9)
	}
	return rec
}

// crowd is a recording with so many functions, each with so many series of about
// 60 buckets.
func crowd(functions, series int) *latency.Recording {
	rng := rand.New(rand.NewPCG(10, 24))
	rec := recording()
	for i := range functions {
		f := function(fmt.Sprintf("example.com/shop/internal/pkg%d.(*Service).Method%d", i/20, i), []string{"customer"})
		for range series {
			durations := make([]uint64, 400)
			median := 1e4 * math.Exp(6*rng.Float64())
			for k := range durations {
				durations[k] = uint64(median * math.Exp(0.8*rng.NormFloat64()))
			}
			s := seriesOf(map[string]string{"customer": fmt.Sprintf("customer-%08x", rng.Uint32())}, durations...)
			f.Series = append(f.Series, s)
			f.Balance.Returns += s.Count
		}
		f.Balance.Entries = f.Balance.Returns
		rec.Functions = append(rec.Functions, f)
	}
	return rec
}

// injections are names made to break a page.
var injections = []string{
	`<img src=x onerror="document.title='owned'">`,
	`</script><script>document.title='owned'</script>`,
	`<!--<script>`,
	`"><svg onload=document.title='owned'>`,
	"{{script}}{{data}}",
	"a\nb\u2028c\u2029d\x00\x1b[31m",
	"\u202egnp.exe\u2066",
	`javascript:document.title='owned'`,
	"&lt;b&gt; &amp;",
	"__proto__",
}

// injection is a recording with such names wherever a name can be.
func injection() *latency.Recording {
	rec := recording()
	for i, name := range injections {
		other := injections[(i+1)%len(injections)]
		f := function(name, []string{name, other},
			seriesOf(map[string]string{name: other, other: name}, spread(50+i, 1e4, 1.05)...),
			seriesOf(map[string]string{name: name, other: "x"}, spread(20, 2e4, 1.05)...))
		f.Binary, f.Lang, f.File, f.Exit, f.Entry.Cost = "/tmp/"+other, other, other, other, other
		f.Balance.Lost = map[string]uint64{name: 1}
		f.Balance.Entries++
		rec.Functions = append(rec.Functions, f)
		rec.Warnings = append(rec.Warnings, name)
		rec.Targets = append(rec.Targets, latency.Target{PID: i + 1, Exe: name, BuildID: name})
	}
	rec.Command = &latency.Command{Argv: injections}
	rec.Kernel, rec.Latch, rec.Machine = injections[0], injections[1], injections[2]
	return rec
}
