package elfsym

import (
	"strings"
	"testing"
)

// TestResultAddress asks where the address of a large result is at a RET.
// clang lets local functions leave it nowhere at -O3.
func TestResultAddress(t *testing.T) {
	const source = `
struct big { long a[5]; };
volatile long sink;
#define N __attribute__((noinline))
N long other(long x) { sink = x; return sink + x; }
static N struct big leaf(long x) { struct big r = {{x, x, x, x, x}}; sink = x; return r; }
static N struct big calls(long x) { long y = other(x); struct big r = {{x, x, x, x, y}}; return r; }
static N struct big either(long x) { struct big r = {{x}}; if (x > 3) { r.a[2] = other(x); r.a[1] = other(x + 1); } return r; }
static N struct big passes(long x) { sink = x; return calls(x + 1); }
N struct big shared(long x) { struct big r = {{x, other(x)}}; return r; }
int main(int c, char **v) { return leaf(c).a[1] + calls(c).a[2] + either(c).a[2] + passes(c).a[0] + shared(c).a[1] + leaf(c + 1).a[0] + calls(c + 2).a[4] + either(c + 1).a[1] + passes(c + 1).a[0]; }
`
	inRAX := map[string]string{"leaf": "rax", "calls": "rax", "either": "rax", "passes": "rax", "shared": "rax"}
	lost := errNoAddress.Error()
	for cmd, want := range map[string]map[string]string{
		"gcc -g -O0":   inRAX,
		"clang -g -O0": inRAX,
		"clang -g -O2": inRAX,
		"clang -g -O3": {"leaf": "rdi", "calls": lost, "either": lost, "passes": lost, "shared": "rax"},
	} {
		t.Run(cmd, func(t *testing.T) {
			t.Parallel()
			b := compile(t, "a.c", source, strings.Fields(cmd)...)
			d, err := b.debugInfo()
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				d.mu.Lock()
				fn, err := d.function(funcNamed(t, b, name))
				d.mu.Unlock()
				if err != nil {
					t.Fatal(err)
				}
				r, err := fn.keptAddress()
				got := r.Name(AMD64)
				if err != nil {
					got = err.Error()
				}
				if got != w {
					t.Errorf("%s: %s, want %s", name, got, w)
				}
			}
		})
	}
}
