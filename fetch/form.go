package fetch

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/latchprof/latch/elfsym"
)

// A form is how a value is made from the cells that the eBPF side has written.
type form interface {
	value(c *contents) Value
}

// contents are the cells of one call.
type contents struct {
	cells  []cell
	status uint64
	data   []byte
}

// state returns how reading the i-th cell went.
func (c *contents) state(i int) Status { return Status(c.status >> (2 * i) & 3) }

func (c *contents) word(i int) uint64 {
	return binary.NativeEndian.Uint64(c.data[c.cells[i].offset:])
}

// bytes returns what a cell of a length and bytes holds.
func (c *contents) bytes(i int) []byte {
	cell := &c.cells[i]
	data := c.data[cell.offset : cell.offset+cell.size]
	n := min(int64(binary.NativeEndian.Uint32(data)), int64(len(data)-textHeader))
	return data[textHeader : textHeader+n]
}

// absent is the value of a cell that could not be read.
func (c *contents) absent(i int) (Value, bool) {
	switch c.state(i) {
	case Unreadable:
		return valueUnreadable, true
	case None:
		return valueNone, true
	}
	return Value{}, false
}

// wordForm is one word.
type wordForm struct {
	cell int
	typ  *elfsym.Type
}

func (f wordForm) value(c *contents) Value {
	if v, ok := c.absent(f.cell); ok {
		return v
	}
	return number64(f.typ, int64(c.word(f.cell)))
}

// wideForm is an integer of 16 bytes.
type wideForm struct {
	low, high int
	signed    bool
}

func (f wideForm) value(c *contents) Value {
	for _, i := range []int{f.low, f.high} {
		if v, ok := c.absent(i); ok {
			return v
		}
	}
	high := new(big.Int).SetUint64(c.word(f.high))
	if f.signed {
		high.SetInt64(int64(c.word(f.high)))
	}
	v := high.Lsh(high, 64)
	return Value{v.Add(v, new(big.Int).SetUint64(c.word(f.low))).String(), ValueNumber}
}

// charForm is a character of Rust.
type charForm struct{ cell int }

func (f charForm) value(c *contents) Value {
	if v, ok := c.absent(f.cell); ok {
		return v
	}
	return Value{string(rune(c.word(f.cell))), ValueText}
}

// textForm is a text.
type textForm struct{ cell int }

func (f textForm) value(c *contents) Value {
	if v, ok := c.absent(f.cell); ok {
		return v
	}
	text := string(c.bytes(f.cell))
	if t := c.cells[f.cell].text; t != nil && t.comm {
		text, _, _ = strings.Cut(text, "\x00")
	}
	if c.state(f.cell) == Truncated {
		text = trimPartialRune(text) + "…"
	}
	return Value{validText(text), ValueText}
}

// validText writes bytes that are not UTF-8 as \xe9, so that different strings
// stay different.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// trimPartialRune drops the bytes of a character that the cut went through.
func trimPartialRune(s string) string {
	for i := 1; i <= min(utf8.UTFMax-1, len(s)); i++ {
		if b := s[len(s)-i]; utf8.RuneStart(b) {
			if !utf8.FullRuneInString(s[len(s)-i:]) {
				return s[:len(s)-i]
			}
			break
		}
	}
	return s
}

// listForm is the elements of an array or a slice, as they lie in memory.
type listForm struct {
	cell int
	elem *elfsym.Type
}

func (f listForm) value(c *contents) Value {
	if v, ok := c.absent(f.cell); ok {
		return v
	}
	var texts []string
	for data := c.bytes(f.cell); int64(len(data)) >= f.elem.Size; data = data[f.elem.Size:] {
		texts = append(texts, plainValue(f.elem, data).inner())
	}
	if c.state(f.cell) == Truncated {
		texts = append(texts, "…")
	}
	return Value{Text: "[" + strings.Join(texts, " ") + "]"}
}

// countForm is a type and how many elements the value has.
type countForm struct {
	cell int
	name string
}

func (f countForm) value(c *contents) Value {
	if v, ok := c.absent(f.cell); ok {
		return v
	}
	return Value{Text: fmt.Sprintf("%s(%d)", f.name, int64(c.word(f.cell)))}
}

// fixedForm is the same for all calls.
type fixedForm struct{ v Value }

func (f fixedForm) value(*contents) Value { return f.v }

// groupForm is a struct, or an array whose elements lie in registers.
type groupForm struct {
	open, close string
	names       []string // of fields; nil for elements
	kids        []form
	cut         bool // there are more than are shown
}

func (f groupForm) value(c *contents) Value {
	var texts []string
	absent := map[Value]int{}
	for i, kid := range f.kids {
		v := kid.value(c)
		absent[v]++
		text := v.inner()
		if f.names != nil {
			text = f.names[i] + ":" + text
		}
		texts = append(texts, text)
	}
	for _, v := range []Value{valueUnreadable, valueNone} {
		if n := absent[v]; n > 0 && n == len(f.kids) {
			return v
		}
	}
	if f.cut {
		texts = append(texts, "…")
	}
	return Value{Text: f.open + strings.Join(texts, " ") + f.close}
}

// complexForm is a complex number.
type complexForm struct{ re, im form }

func (f complexForm) value(c *contents) Value {
	re, im := f.re.value(c), f.im.value(c)
	if re.Kind != ValueNumber && re.Kind != ValueOther || re == valueUnreadable || im == valueUnreadable {
		return valueUnreadable
	}
	sign := "+"
	if strings.HasPrefix(im.Text, "-") || strings.HasPrefix(im.Text, "+") {
		sign = ""
	}
	return Value{Text: "(" + re.Text + sign + im.Text + "i)"}
}
