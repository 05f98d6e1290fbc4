package fetch

import (
	"testing"

	"github.com/latchprof/latch/elfsym"
)

// TestPlainFields holds that fields which take no room, and padding, are shown
// in the elements of a list as in a struct by itself.
func TestPlainFields(t *testing.T) {
	int8s := basicTypes["int8"]
	padded := elfsym.StructOf("padded", 6,
		elfsym.Field{Name: "A", Type: int8s},
		elfsym.Field{Name: "_", Offset: 2, Type: basicTypes["int16"]},
		elfsym.Field{Name: "Z", Offset: 4, Type: elfsym.StructOf("signal", 0)},
		elfsym.Field{Name: "N", Offset: 4, Type: elfsym.ArrayOf(typeInt64, 0)},
		elfsym.Field{Name: "B", Offset: 4, Type: int8s})
	if !isPlain(padded, 0) {
		t.Error("its bytes are not all that it is")
	}
	got := plainValue(padded, []byte{0xff, 0, 7, 7, 2, 0})
	if want := (Value{Text: "{A:-1 Z:{} N:[] B:2}"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
