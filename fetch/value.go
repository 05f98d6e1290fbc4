package fetch

import "strconv"

// ValueKind says what a value's text is.
type ValueKind uint8

const (
	// ValueOther is the text of a composite value, an enumerator, an address,
	// or what stands for a value that is not there.
	ValueOther ValueKind = iota
	// ValueText is text of the program itself.
	ValueText
	// ValueNumber is a number in decimal notation.
	ValueNumber
	// ValueBool is true or false.
	ValueBool
)

// A Value is what one part of a key, or of a traced call, was.
type Value struct {
	Text string
	Kind ValueKind
}

// inner is the value's text inside of a composite one.
func (v Value) inner() string {
	if v.Kind == ValueText {
		return strconv.Quote(v.Text)
	}
	return v.Text
}

// What stands for values that are not there.
var (
	valueUnreadable = Value{Text: "(unreadable)"}
	valueNone       = Value{Text: "(none)"}
)
