package fetch

import (
	"testing"

	"github.com/latchprof/latch/elfsym"
)

// TestStringFields finds the text in a std::string as gcc describes it, and as
// clang does where it does not describe the pointer's holder.
func TestStringFields(t *testing.T) {
	char := &elfsym.Type{Kind: elfsym.KindInt, Name: "char", Size: 1}
	wide := &elfsym.Type{Kind: elfsym.KindInt, Name: "wchar_t", Size: 4}
	str := func(elem, holder *elfsym.Type, at int64) *elfsym.Type {
		return elfsym.StructOf("string", 32, elfsym.Field{Name: "_M_dataplus", Type: holder},
			elfsym.Field{Name: "_M_string_length", Offset: at, Type: typeUint64},
			elfsym.Field{Name: "_M_local_buf", Offset: 16, Type: elfsym.ArrayOf(elem, 16)})
	}
	declared := elfsym.StructOf("_Alloc_hider", 0)
	described := func(elem *elfsym.Type) *elfsym.Type {
		return elfsym.StructOf("_Alloc_hider", 8, elfsym.Field{Name: "_M_p", Type: elfsym.PointerTo(elem)})
	}
	for name, c := range map[string]struct {
		t  *elfsym.Type
		ok bool
	}{
		"described": {str(char, described(char), 8), true}, "declared": {str(char, declared, 8), true},
		"wide": {str(wide, described(wide), 8), false}, "declared and wide": {str(wide, declared, 8), false},
		"declared, with something behind it": {str(char, declared, 16), false},
	} {
		ptr, length, ok := stringFields(c.t)
		if ok != c.ok || ok && (ptr != 0 || length != 8) {
			t.Errorf("%s: %d, %d, %v", name, ptr, length, ok)
		}
	}
}
