package budget

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
)

// Functions of one name are judged each by itself, under names of their own:
// the file's, and that of the source where one file has several. A function
// that is alone keeps its name.
func TestFunctionsOfOneName(t *testing.T) {
	in := func(name, binary, file string) latency.Function {
		f := function(name, nil, seriesOf(map[string]string{}, nil, 5e6))
		f.Binary, f.File = binary, file
		return f
	}
	rec := recording(
		in("shop.Price", "/tmp/b001/cart.test", "/src/shop.go"), in("shop.Price", "/tmp/b002/order.test", "/src/shop.go"),
		in("helper", "/usr/bin/prog", "/src/a.c"), in("helper", "/usr/bin/prog", "/src/b.c"), in("main", "/usr/bin/prog", "/src/a.c"),
	)
	var budgets []Budget
	for _, text := range []string{"calls(shop.Price) >= 1", "calls(helper) >= 1", "calls(main) >= 1"} {
		b, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		budgets = append(budgets, b)
	}
	want := []string{"shop.Price (cart.test)", "shop.Price (order.test)", "helper (prog, a.c)", "helper (prog, b.c)", "main"}
	var got []string
	for _, v := range Judge(RunsOf(rec), budgets, nil) {
		got = append(got, v.Func)
		means := 0
		for i := range rec.Functions {
			if f := &rec.Functions[i]; Means(v.Func, f) {
				means++
				if f.Name != "helper" && means > 1 {
					t.Errorf("%s means %s of %s, too", v.Func, f.Name, f.Binary)
				}
			}
		}
		if means == 0 {
			t.Errorf("%s means none", v.Func)
		}
		if v.State != Pass || v.Calls != 1 {
			t.Errorf("%s: %s with %d calls", v.Func, v.State, v.Calls)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	d, err := Diff(RunsOf(rec), RunsOf(rec), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, r := range d.Rows {
		rows[r.Func] = true
	}
	for _, name := range want {
		if !rows[name] {
			t.Errorf("no row of %s among %v", name, rows)
		}
	}
	if f := in("shop.Price", "/tmp/b001/cart.test", ""); Means("shop.Pricer", &f) || Means("shop.Price (order.test)", &f) || !Means("shop.Price", &f) {
		t.Error("a name means another function")
	}
}
