package latency

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBalance(t *testing.T) {
	b := Balance{Entries: 21, Returns: 5, InFlight: 4, Unwound: 3, Filtered: 2, Lost: map[string]uint64{"x": 1, "a": 6}}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if b.TotalLost() != 7 || b.Accounted() != 21 {
		t.Errorf("lost %d, accounted %d", b.TotalLost(), b.Accounted())
	}
	var sum Balance
	sum.Add(&b)
	sum.Add(&b)
	if err := sum.Check(); err != nil || sum.Entries != 42 || sum.Lost["a"] != 12 {
		t.Errorf("sum %+v: %v", sum, err)
	}
	b.Entries = 20
	want := `20 entries are not 5 returns + 4 in flight + 3 unwound + 2 filtered + 6 lost ("a") + 1 lost ("x")`
	if got := text(b.Check()); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	wrapped := Balance{Entries: 0, Returns: math.MaxUint64, InFlight: 1}
	if wrapped.Check() == nil {
		t.Error("a sum that wraps around is accepted")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		spoil func(*Recording)
		err   string
	}{
		{func(r *Recording) {}, ""},
		{func(r *Recording) { r.Schema = "latch.recording/v2" }, `schema "latch.recording/v2": not a recording of schema latch.recording/v1`},
		{func(r *Recording) { r.DurationNS = -1 }, `duration of -1 ns is negative`},
		{func(r *Recording) { r.Overhead.CPUShare = 1e308 }, `overhead: cpu_share of 1e+308 cannot be`},
		{func(r *Recording) { r.Overhead.ExitNS = -1 }, `overhead: exit_ns of -1 cannot be`},
		{func(r *Recording) { r.Functions[0].Balance.Entries++ }, `11 entries are not`},
		{func(r *Recording) { r.Functions[0].Series[0].Count++ }, `buckets count 3 of 4 calls`},
		{func(r *Recording) { r.Functions[0].Series = r.Functions[0].Series[:1] }, `series count 3 calls, but 5 returned`},
		{func(r *Recording) { r.Functions[0].Series[0].Key = map[string]string{"x": ""} }, `key has no "sku"`},
		{func(r *Recording) { r.Functions[0].Series[0].Key = nil }, `key has 0 parts instead of 1`},
		{func(r *Recording) { r.Functions[0].Series[0].Key["sku"] = "b" }, `there are two of this key`},
		{func(r *Recording) { r.Functions[0].Series[0].MinNS = 4000 }, `minimum 4000 ns is above the maximum 3000 ns`},
		{func(r *Recording) { r.Functions[0].Series[0].MinNS = 10 }, `minimum 10 ns is not in the first bucket`},
		{func(r *Recording) { r.Functions[0].Series[0].MaxNS = 9000 }, `maximum 9000 ns is not in the last bucket`},
		{func(r *Recording) { r.Functions[0].Series[0].SelfNS = 9999 }, `9999 ns of their own are more than the 3300 ns in all`},
		{func(r *Recording) { r.Functions[0].Series[0].LostNS = 3301 }, `3301 ns lost to drops are more than the 3300 ns in all`},
		{func(r *Recording) { r.Functions[0].Series[0].LostNS = 3300 }, ""},
		{func(r *Recording) { r.Functions[0].Series[1].SumNS = 6e6 }, `2 calls of 1000000 to 2000000 ns cannot take 6000000 ns`},
		{func(r *Recording) { r.Functions[0].Series[1].SumNS = 1.9e6 }, `cannot take 1900000 ns`},
		{func(r *Recording) { r.Functions[0].Series[0] = Series{Key: map[string]string{"sku": "a"}, SumNS: 1} }, `buckets count 0 of 0 calls`},
		{func(r *Recording) { r.Functions[0].Series[0] = Series{Key: map[string]string{"sku": "a"}, Count: 3} }, `buckets count 0 of 3 calls`},
		{func(r *Recording) {
			r.Functions[0].Exit = ExitNone
			r.Functions[0].Series = []Series{{Key: map[string]string{"sku": "a"}, Count: 5}}
		}, ""},
	}
	for i, tt := range tests {
		r := sample()
		tt.spoil(r)
		got := text(r.Check())
		if tt.err == "" && got != "" || !strings.Contains(got, tt.err) {
			t.Errorf("case %d: error %q, want %q", i, got, tt.err)
		}
	}
}

func TestLoad(t *testing.T) {
	var out bytes.Buffer
	if err := sample().Encode(&out); err != nil {
		t.Fatal(err)
	}
	r, err := Load(&out)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sample(), r); d != "" {
		t.Errorf("round trip (-want +got):\n%s", d)
	}

	tests := []struct{ text, err string }{
		{"", "read recording: empty"},
		{" \n", "read recording: empty"},
		{"{}", `read recording: schema "": not a recording of schema latch.recording/v1`},
		{`{"schema":"latch.recording/v9"}`, `read recording: schema "latch.recording/v9": not a recording of schema latch.recording/v1`},
		{`{"schema":"latch.recording/v1"}`, ``},
		{"[]", "read recording: line 1: the recording is a JSON array, which it cannot be"},
		{`{"schema":"latch.recording/v1",` + "\n" + `"functions":[{"series":[{"count":-5}]}]}`,
			"read recording: line 2: functions.series.count is a JSON number -5, which it cannot be"},
		{"\x7fELF", "read recording: line 1: invalid character '\\x7f' looking for beginning of value"},
		{"{\n\"schema\":\n", "read recording: line 3: unexpected end of JSON input"},
		{`{"schema":"latch.recording/v1"} {}`, "read recording: line 1: invalid character '{' after top-level value"},
		{`{"schema":"latch.recording/v1","duration_ns":-5}`, "check recording: duration of -5 ns is negative"},
		{`{"schema":"latch.recording/v1","functions":[{"series":[{"buckets":[[1,2,3]]}]}]}`,
			"read recording: read bucket 0: (1, 2] ns is not a bucket of the scheme; there it is (0, 59]"},
		{strings.Repeat("{", maxObjects+1), "read recording: 4194305 objects, the limit is 4194304"},
	}
	for _, tt := range tests {
		_, err := Load(strings.NewReader(tt.text))
		if got := text(err); got != tt.err {
			t.Errorf("%.60q: error %q, want %q", tt.text, got, tt.err)
		}
	}
	if _, err := Load(strings.NewReader("{}")); !errors.Is(err, ErrSchema) {
		t.Errorf("error %v is not ErrSchema", err)
	}
}

func TestEncodeWithoutNil(t *testing.T) {
	r := &Recording{Schema: Schema, Command: &Command{}, Functions: []Function{{Series: []Series{{}}}}}
	var out bytes.Buffer
	if err := r.Encode(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "null") {
		t.Errorf("null in %s", out.String())
	}
	if r.Functions[0].By != nil || r.Functions[0].Series[0].Key != nil {
		t.Error("Encode changed the recording")
	}
}

func FuzzLoad(f *testing.F) {
	var out bytes.Buffer
	if err := sample().Encode(&out); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(`{"schema":"latch.recording/v1","functions":[{"series":[{"key":{}}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Load(bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := r.Encode(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(&out); err != nil {
			t.Fatalf("own output is refused: %v", err)
		}
		r.Since(r)
	})
}
