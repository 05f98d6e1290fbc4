package elfsym

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// rustBuilds are the builds of testprogs/rust that differ in what describes
// them.
var rustBuilds = [][]string{{"debug", "legacy"}, {"debug", "v0"}, {"release", "legacy"}, {"release", "v0"}}

// describeVariants writes how t's variants are told apart.
func describeVariants(t *testing.T, typ *Type) string {
	t.Helper()
	vs, err := typ.Variants()
	if err != nil {
		return "!" + err.Error()
	}
	if vs == nil {
		return "none"
	}
	s := "alone"
	if vs.Discr.Type != nil {
		s = fmt.Sprintf("%s@%d", vs.Discr.Type.Name, vs.Discr.Offset)
	}
	for _, v := range vs.List {
		s += "; " + v.Name
		for _, r := range v.Ranges {
			if r[0] == r[1] {
				s += fmt.Sprintf(" %#x", r[0])
			} else {
				s += fmt.Sprintf(" %#x-%#x", r[0], r[1])
			}
		}
		if v.Field.Offset != 0 || v.Field.Type.Kind != KindStruct {
			s += fmt.Sprintf(" a %s at %d", kinds[v.Field.Type.Kind], v.Field.Offset)
		}
		fields, err := v.Field.Type.Fields()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			s += fmt.Sprintf(" %s@%d:%s", f.Name, f.Offset, f.Type.Name)
		}
	}
	return s
}

// niches97 are the niches that rustc takes from version 1.97 on, where it took
// others before.
var niches97 = strings.NewReplacer(
	"u8@0; None 0x3;", "u8@0; None 0xff;",
	"u32@0; None 0x2;", "u32@0; None 0xffffffff;",
	"None 0x110000;", "None 0xffffffff;",
	"None 0x8000000000000000;", "None 0xffffffffffffffff;",
	"None 0x2; Some __0@0:Ordering", "None 0xfe; Some __0@0:Ordering",
	"None 0x2; Some __0@0:Sign", "None 0xfe; Some __0@0:Sign",
	"Err 0x8000000000000000 __0@8:u8", "Err 0xffffffffffffffff __0@8:u8",
)

// TestRustVariants holds the variants of the enums in testprogs/rust/values
// against what rustc 1.95 chooses.
func TestRustVariants(t *testing.T) {
	want := map[string]string{
		"opt_i32":       "u32@0; None 0x0; Some 0x1 __0@4:i32",
		"opt_u64":       "u64@0; None 0x0; Some 0x1 __0@8:u64",
		"opt_u8":        "u8@0; None 0x0; Some 0x1 __0@1:u8",
		"opt_bool":      "u8@0; None 0x2; Some __0@0:bool",
		"opt_opt_bool":  "u8@0; None 0x3; Some __0@0:Option<bool>",
		"opt_opt_u32":   "u32@0; None 0x2; Some __0@0:Option<u32>",
		"opt_char":      "u32@0; None 0x110000; Some __0@0:char",
		"opt_ref":       "u64@0; None 0x0; Some __0@0:&u32",
		"opt_box":       "u64@0; None 0x0; Some __0@0:Box<u32>",
		"opt_str":       "u64@0; None 0x0; Some __0@0:&str",
		"opt_string":    "u64@0; None 0x8000000000000000; Some __0@0:String",
		"opt_nonzero":   "u32@0; None 0x0; Some __0@0:NonZero<u32>",
		"opt_order":     "u8@0; None 0x2; Some __0@0:Ordering",
		"opt_f64":       "u64@0; None 0x0; Some 0x1 __0@8:f64",
		"opt_unit":      "u8@0; None 0x0; Some 0x1 __0@1:()",
		"opt_three":     "u16@0; None 0x0; Some 0x1 __0@2:Three",
		"opt_u128":      "!variants of Option<u128>: the discriminant has more than 8 bytes",
		"opt_id":        "u32@0; None 0x0; Some 0x1 __0@4:UserId",
		"opt_cid":       "u32@0; None 0x0; Some 0x1 __0@4:CId",
		"res_u32_u32":   "u32@0; Ok 0x0 __0@4:u32; Err 0x1 __0@4:u32",
		"res_u32_i32":   "u32@0; Ok 0x0 __0@4:u32; Err 0x1 __0@4:i32",
		"res_u64_box":   "u64@0; Ok 0x0 __0@8:u64; Err 0x1 __0@8:Box<u32>",
		"res_unit_u32":  "u32@0; Ok 0x0 __0@4:(); Err 0x1 __0@4:u32",
		"res_string_u8": "u64@0; Ok __0@0:String; Err 0x8000000000000000 __0@8:u8",
		"res_u8_u16":    "u8@0; Ok 0x0 __0@1:u8; Err 0x1 __0@2:u16",
		"res_u32_f32":   "u32@0; Ok 0x0 __0@4:u32; Err 0x1 __0@4:f32",
		"res_pair_u8":   "u8@0; Ok 0x0 __0@1:(u8, u8); Err 0x1 __0@1:u8",
		"res_never":     "alone; Ok __0@0:u32",
		"res_io":        "u64@0; Ok 0x0 __0@8:usize; Err 0x1 __0@8:Error",
		"event":         "u64@0; Key 0x8000000000000000 __0@8:u32; Move 0x8000000000000001 x@8:i64 y@16:i64; Text __0@0:String; Quit 0x8000000000000003",
		"shape":         "u8@0; Dot 0x0; Line 0x1 __0@4:u32; Rect 0x2 w@1:u8 h@2:u16",
		"level":         "i16@0; Low 0xfed4 __0@2:u16; High 0x12c __0@2:u16",
		"tree":          "u8@0; Leaf 0x0; Node 0x1 __0@8:Box<Tree> __1@1:u8",
		"opt_sign":      "u8@0; None 0x2; Some __0@0:Sign",
		"opt_far":       "u64@0; None 0x0; Some 0x1 __0@8:Far",
		"two":           "none",
	}
	for _, flags := range rustBuilds {
		b := symOpen(t, testutil.Build(t, "rust", "values", flags...), nil)
		for name, w := range want {
			if compilerOf(t, b, "values::main") >= 97 {
				w = niches97.Replace(w)
			}
			if got := describeVariants(t, rustParam(t, b, "values::"+name, "v")); got != w {
				t.Errorf("%v %s:\n got %s\nwant %s", flags, name, got, w)
			}
		}
	}
}

// compilerOf returns the n of the rustc 1.n that compiled a function.
func compilerOf(t *testing.T, b *Binary, function string) int {
	t.Helper()
	d, err := b.debugInfo()
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u, err := d.unitAt(funcNamed(t, b, function).Addr)
	if err != nil {
		t.Fatal(err)
	}
	return rustcVersion(u.producer)
}

// rustParam returns the type of a parameter.
func rustParam(t *testing.T, b *Binary, function, param string) *Type {
	t.Helper()
	params, err := b.Params(funcNamed(t, b, function))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		if p.Name == param {
			return p.Type
		}
	}
	t.Fatalf("%s has no parameter %s", function, param)
	return nil
}

func TestRustSequences(t *testing.T) {
	want := map[string]string{
		"bytes":      "[u8; 3] none",
		"text":       "&str 0 8 u8 true",
		"slice":      "&[u16] 0 8 u16 false",
		"string":     "String 8 16 u8 true",
		"vec":        "Vec<u32> 8 16 u32 false",
		"vec_string": "Vec<String> 8 16 String false",
		"box_str":    "Box<str> 0 8 u8 true",
		"box_slice":  "Box<[u16]> 0 8 u16 false",
		"box_vec":    "Box<Vec<u8>> none",
		"cart":       "Cart none",
		"cart_ref":   "&Cart none",
	}
	for _, flags := range rustBuilds {
		b := symOpen(t, testutil.Build(t, "rust", "values", flags...), nil)
		for name, w := range want {
			typ := rustParam(t, b, "values::"+name, "v")
			got := typ.Name + " none"
			if ptr, length, elem, text, ok := typ.RustSequence(); ok {
				got = fmt.Sprintf("%s %d %d %s %t", typ.Name, ptr, length, elem.Name, text)
			}
			if got != w {
				t.Errorf("%v %s:\n got %s\nwant %s", flags, name, got, w)
			}
		}
	}
}

// TestRustScalars holds the types without parts.
func TestRustScalars(t *testing.T) {
	want := map[string]string{
		"color":   "Color enum/1 Red=0 Green=5 Blue=200",
		"sign":    "Sign enum/1 Minus=-1 Plus=1",
		"far":     "Far enum/8 Lowest=-9223372036854775808 Highest=9223372036854775807",
		"letter":  "char uint/4",
		"truth":   "bool bool/1",
		"wide":    "u128 uint/16",
		"float":   "f64 float/8",
		"words":   "[u64; 2] array/16[2]",
		"box_vec": "Box<Vec<u8>> pointer/8",
	}
	for _, flags := range rustBuilds {
		b := symOpen(t, testutil.Build(t, "rust", "values", flags...), nil)
		for name, w := range want {
			typ := rustParam(t, b, "values::"+name, "v")
			if got := typ.Name + " " + describe(t, typ, 0); got != w {
				t.Errorf("%v %s:\n got %s\nwant %s", flags, name, got, w)
			}
		}
	}
}

func TestRustName(t *testing.T) {
	for name, want := range map[string]string{
		"u32":                           "u32",
		"&mut a::b::C":                  "&mut C",
		"Vec<u8, alloc::alloc::Global>": "Vec<u8>",
		"(a::A, [b::B; 3], &[c::C])":    "(A, [B; 3], &[C])",
		"fn(a::A, u8) -> b::c::D<e::F>": "fn(A, u8) -> D<F>",
		"a::main::{closure_env#0}":      "{closure_env#0}",
		"alloc::boxed::Box<dyn core::fmt::Debug, alloc::alloc::Global>":                            "Box<dyn Debug>",
		"HashMap<alloc::string::String, u8, std::hash::random::RandomState, alloc::alloc::Global>": "HashMap<String, u8>",
		"a::Größe<'é'>": "Größe<'é'>",
		"::":            "",
	} {
		if got := rustName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
