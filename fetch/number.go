package fetch

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// number64 is the value of a word of type t, extended to 64 bits by its sign.
func number64(t *elfsym.Type, v int64) Value {
	switch t.Kind {
	case elfsym.KindBool:
		return Value{strconv.FormatBool(v != 0), ValueBool}
	case elfsym.KindEnum:
		for _, e := range t.Enum {
			if e.Value == v {
				return Value{Text: e.Name}
			}
		}
		if t.Signed {
			return Value{strconv.FormatInt(v, 10), ValueNumber}
		}
	case elfsym.KindFloat:
		bits, f := 64, math.Float64frombits(uint64(v))
		if t.Size == 4 {
			bits, f = 32, float64(math.Float32frombits(uint32(v)))
		}
		kind := ValueNumber
		if math.IsNaN(f) || math.IsInf(f, 0) {
			kind = ValueOther
		}
		return Value{strconv.FormatFloat(f, 'g', -1, bits), kind}
	case elfsym.KindInt:
		return Value{strconv.FormatInt(v, 10), ValueNumber}
	case elfsym.KindPointer, elfsym.KindMap, elfsym.KindChan, elfsym.KindFunc:
		return Value{Text: fmt.Sprintf("%#x", uint64(v))}
	}
	return Value{strconv.FormatUint(uint64(v), 10), ValueNumber}
}

// maxPlain bounds the size of values that are copied as they lie in memory.
const maxPlain = 256

// isPlain reports whether a value of type t is known once its bytes are.
func isPlain(t *elfsym.Type, depth int) bool {
	if t == nil || t.Size <= 0 || t.Size > maxPlain || depth > 4 {
		return false
	}
	switch t.Kind {
	case elfsym.KindBool, elfsym.KindInt, elfsym.KindUint, elfsym.KindEnum:
		return t.Size == 1 || t.Size == 2 || t.Size == 4 || t.Size == 8
	case elfsym.KindFloat:
		return t.Size == 4 || t.Size == 8
	case elfsym.KindPointer, elfsym.KindChan, elfsym.KindFunc:
		return t.Size == 8
	case elfsym.KindArray:
		elem, err := t.Elem()
		return err == nil && t.Len >= 0 && isPlain(elem, depth+1)
	case elfsym.KindStruct:
		if _, _, ok := stringFields(t); ok {
			return false
		}
		if _, _, _, _, ok := t.RustSequence(); ok {
			return false
		}
		fields, err := t.Fields()
		if err != nil {
			return false
		}
		for _, f := range fields {
			if f.Offset < 0 || f.Type == nil || f.Type.Size != 0 && !isPlain(f.Type, depth+1) {
				return false
			}
		}
		return len(fields) > 0
	}
	return false
}

// plainValue is the value of a plain type whose bytes data begins with.
func plainValue(t *elfsym.Type, data []byte) Value {
	if int64(len(data)) < t.Size {
		return valueUnreadable
	}
	switch t.Kind {
	case elfsym.KindArray:
		elem, _ := t.Elem()
		if isChar(elem) {
			text, _, _ := strings.Cut(string(data[:t.Size]), "\x00")
			return Value{validText(text), ValueText}
		}
		var texts []string
		for i := range t.Len {
			texts = append(texts, plainValue(elem, data[i*elem.Size:]).inner())
		}
		return Value{Text: "[" + strings.Join(texts, " ") + "]"}
	case elfsym.KindStruct:
		fields, _ := t.Fields()
		tuple := isTuple(fields)
		var texts []string
		for _, f := range fields {
			if f.Name == "_" || f.Offset > int64(len(data)) {
				continue
			}
			text := emptyValue(f.Type).Text
			if f.Type.Size > 0 {
				text = plainField(&f, data[f.Offset:]).inner()
			}
			if !tuple {
				text = f.Name + ":" + text
			}
			texts = append(texts, text)
		}
		if tuple {
			return Value{Text: "(" + strings.Join(texts, " ") + ")"}
		}
		return Value{Text: "{" + strings.Join(texts, " ") + "}"}
	}
	word := plainWord(data[:t.Size], isSigned(t))
	if isRustChar(t) {
		return Value{string(rune(word)), ValueText}
	}
	return number64(t, word)
}

// emptyValue is the only value of a type that takes no room.
func emptyValue(t *elfsym.Type) Value {
	if t.Kind == elfsym.KindArray {
		return Value{Text: "[]"}
	}
	return Value{Text: "{}"}
}

// plainField is the value of a field, which may be a bit-field.
func plainField(f *elfsym.Field, data []byte) Value {
	if f.BitSize == 0 {
		return plainValue(f.Type, data)
	}
	size := (f.BitOffset + f.BitSize + 7) / 8
	if f.BitOffset < 0 || size > 8 || int64(len(data)) < size {
		return valueUnreadable
	}
	v := plainWord(data[:size], false) << (64 - f.BitOffset - f.BitSize)
	if isSigned(f.Type) {
		return number64(f.Type, v>>(64-f.BitSize))
	}
	return number64(f.Type, int64(uint64(v)>>(64-f.BitSize)))
}

// plainWord extends up to 8 bytes to a word.
func plainWord(data []byte, signed bool) int64 {
	var b [8]byte
	copy(b[:], data)
	shift := 64 - 8*len(data)
	v := int64(binary.LittleEndian.Uint64(b[:])) << shift
	if signed {
		return v >> shift
	}
	return int64(uint64(v) >> shift)
}
