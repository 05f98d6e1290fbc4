package elfsym

import (
	"errors"
	"testing"
)

func TestParsePattern(t *testing.T) {
	for _, c := range []struct {
		in, lib, text string
		kind          PatternKind
	}{
		{"main.main", "", "main.main", Exact},
		{"main.(*T).M", "", "main.(*T).M", Exact},
		{"main.(*T).*", "", "main.(*T).*", Glob},
		{"main.*", "", "main.*", Glob},
		{"f(char*)", "", "f(char*)", Exact},
		{"f(char const* const*, int)", "", "f(char const* const*, int)", Exact},
		{"f(*)", "", "f(*)", Glob},
		{"ns::C::operator*", "", "ns::C::operator*", Glob},
		{"ns::f", "", "ns::f", Exact},
		{"libc:malloc", "libc", "malloc", Exact},
		{"libc.so.6:mall?c", "libc.so.6", "mall?c", Glob},
		{"/usr/lib/libx.so:ns::f", "/usr/lib/libx.so", "ns::f", Exact},
		{"/usr/lib/libx.so:/^f/", "/usr/lib/libx.so", "^f", Regexp},
		{"libstdc++:std::terminate", "libstdc++", "std::terminate", Exact},
		{"/^main/", "", "^main", Regexp},
		{"/github.com/x/", "", "github.com/x", Regexp},
		{"github.com/x/y.(*Z).F", "", "github.com/x/y.(*Z).F", Exact},
		{"type:.eq.main.T", "", "type:.eq.main.T", Exact},
		{"<a::B as c::D>::e", "", "<a::B as c::D>::e", Exact},
	} {
		p, err := ParsePattern(c.in)
		if err != nil || p.Lib != c.lib || p.Text != c.text || p.Kind != c.kind || p.String() != c.in || p.Plain() != (c.kind == Exact) {
			t.Errorf("%s: %+v, %v", c.in, p, err)
		}
	}
	for _, bad := range []string{"", "libc:", "//", "/(/", "libc:/(/", "a\x00b"} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	var k *KernelPatternError
	for _, kernel := range []string{"k:vfs_read", "t:sched:sched_switch"} {
		if _, err := ParsePattern(kernel); !errors.As(err, &k) || k.Pattern != kernel {
			t.Errorf("%s: %v", kernel, err)
		}
	}
}

func TestMatchLib(t *testing.T) {
	for _, c := range []struct {
		lib, path string
		want      bool
	}{
		{"", "/bin/true", true}, {"libc", "/usr/lib/x86_64-linux-gnu/libc.so.6", true}, {"libc", "/lib/libc-2.31.so", true},
		{"libc.so.6", "/lib/libc.so.6", true}, {"libc.so", "/lib/libc.so.6", true}, {"libc", "/lib/libcrypto.so.3", false},
		{"/lib/libc.so.6", "/lib/libc.so.6", true}, {"/lib/libc.so.6", "/usr/lib/libc.so.6", false},
		{"postgres", "/usr/bin/postgres", true}, {"postgres", "/usr/bin/postgres (deleted)", true},
	} {
		if got := (Pattern{Lib: c.lib}).MatchLib(c.path); got != c.want {
			t.Errorf("%s, %s: %v", c.lib, c.path, got)
		}
	}
}

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		glob, s string
		want    bool
	}{
		{"*", "", true}, {"a*", "abc", true}, {"a*c", "abcbc", true}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*b*d*", "abcde", true}, {"*b*d", "abcde", false}, {"main.(*T).*", "main.(*T).M", true}, {"", "a", false}, {"**", "x", true},
	} {
		if got := matchGlob(c.glob, c.s); got != c.want {
			t.Errorf("%s, %s: %v", c.glob, c.s, got)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"f( int ,char const * )": "f(int,char const*)", "f(const char*, const std::string &)": "f(char const*,std::string const&)",
		"std::vector<int, std::allocator<int> >::at": "std::vector<int,std::allocator<int>>::at", "f(unsigned long)": "f(unsigned long)",
	} {
		if got := squeezed(in); got != want {
			t.Errorf("squeezed %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"main.F[go.shape.int]": "main.F", "main.(*S[go.shape.[]uint8]).Push": "main.(*S).Push", "main.f": "main.f", "a]b": "a]b",
	} {
		if got := goBase(in); got != want {
			t.Errorf("base of %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"a::gen::<u32>": "a::gen", "<a::B<u8> as c::D>::e::<fn() -> b::C<u8>>::f": "<a::B<u8> as c::D>::e::f", "a::f": "a::f",
	} {
		if got := withoutTurbofish(in); got != want {
			t.Errorf("turbofish of %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"f.constprop.0": "f", "f.isra.0.constprop.12": "f", "f.part.0": "f.part.0", "f.cold": "f.cold", "f": "f",
	} {
		if got := cutClone(in); got != want {
			t.Errorf("clone %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"f.cold": "f", "f.isra.0.cold.3": "f.isra.0", "f.coldest": "", ".cold": "", "f": "", "f.__part.2": "f",
	} {
		if got := coldParent(in); got != want {
			t.Errorf("parent of %q: %q, want %q", in, got, want)
		}
	}
	for x, want := range map[string]int{"price": 0, "prise": 1, "pirce": 1, "rice": 1, "prices": 1, "lists": 5} {
		if got := distance(x, "price"); got != want {
			t.Errorf("distance of %q: %d, want %d", x, got, want)
		}
	}
	if got := unescapeGo("gopkg.in/yaml%2ev3.Load"); got != "gopkg.in/yaml.v3.Load" {
		t.Error(got)
	}
}
