package latency

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// inlineDepth is the nesting from which on values stay on one line: a series
// is an object in an array in an object in an array in the recording.
const inlineDepth = 5

// Encode writes r as one JSON document that ends in a newline. Each series
// stands on a line of its own.
func (r *Recording) Encode(w io.Writer) error {
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.withoutNil()); err != nil {
		return fmt.Errorf("encode recording: %w", err)
	}
	if _, err := w.Write(layout(compact.Bytes())); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// withoutNil returns a copy of r in which nothing that is an array or an
// object in the format would become null.
func (r *Recording) withoutNil() *Recording {
	d := *r
	d.Targets = orEmpty(r.Targets)
	d.Warnings = orEmpty(r.Warnings)
	d.Functions = slices.Clone(orEmpty(r.Functions))
	if r.Command != nil {
		d.Command = &Command{Argv: orEmpty(r.Command.Argv), Exit: r.Command.Exit}
	}
	for i := range d.Functions {
		f := &d.Functions[i]
		f.By = orEmpty(f.By)
		if f.Balance.Lost == nil {
			f.Balance.Lost = map[string]uint64{}
		}
		f.Series = slices.Clone(orEmpty(f.Series))
		for j := range f.Series {
			if f.Series[j].Key == nil {
				f.Series[j].Key = map[string]string{}
			}
		}
	}
	return &d
}

func orEmpty[E any](s []E) []E {
	if s == nil {
		return []E{}
	}
	return s
}

// layout breaks compact JSON into lines: a value that holds other arrays or
// objects is spread over lines down to inlineDepth, any other stays on one.
func layout(compact []byte) []byte {
	out := make([]byte, 0, len(compact)+len(compact)/8)
	var spread []bool // of the arrays and objects that are open
	newline := func() {
		out = append(out, '\n')
		for range spread {
			out = append(out, "  "...)
		}
	}
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		broken := len(spread) > 0 && spread[len(spread)-1]
		switch c {
		case '"':
			end := stringEnd(compact, i)
			out = append(out, compact[i:end]...)
			i = end - 1
		case '{', '[':
			out = append(out, c)
			spread = append(spread, len(spread)+1 < inlineDepth && nests(compact[i+1:]))
			if spread[len(spread)-1] {
				newline()
			}
		case '}', ']':
			spread = spread[:len(spread)-1]
			if broken {
				newline()
			}
			out = append(out, c)
		case ',':
			out = append(out, c)
			if broken {
				newline()
			}
		default:
			out = append(out, c)
		}
	}
	return out
}

// nests reports whether an array or object with the given rest holds another.
func nests(rest []byte) bool {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			i = stringEnd(rest, i) - 1
		case '{', '[':
			return true
		case '}', ']':
			return false
		}
	}
	return false
}

// stringEnd returns the index after the JSON string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(text))
}
