package latency

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of a recording that is read. A JSON object costs some hundred bytes
// of memory for as few as three in the file, hence the second one; each series
// is two objects.
const (
	maxBytes   = 256 << 20
	maxObjects = 4 << 20
)

// Load reads a recording, as Encode writes it, and checks that it is of the
// known schema and does not contradict itself. Fields it does not know are
// ignored. It reads r to the end.
func Load(r io.Reader) (*Recording, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("read recording: longer than %d MiB", maxBytes>>20)
	}
	if n := bytes.Count(text, []byte("{")); n > maxObjects {
		return nil, fmt.Errorf("read recording: %d objects, the limit is %d", n, maxObjects)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("read recording: empty")
	}
	var schema struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("read recording: %w", located(err, text))
	}
	if schema.Schema != Schema {
		return nil, fmt.Errorf("read recording: schema %q: %w", schema.Schema, ErrSchema)
	}
	rec := new(Recording)
	if err := json.Unmarshal(text, rec); err != nil {
		return nil, fmt.Errorf("read recording: %w", located(err, text))
	}
	if err := rec.Check(); err != nil {
		return nil, fmt.Errorf("check recording: %w", err)
	}
	return rec, nil
}

// located adds the line to an error of encoding/json that knows its offset.
func located(err error, text []byte) error {
	var offset int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return err
	}
	offset = min(max(offset, 0), int64(len(text)))
	line := 1 + bytes.Count(text[:offset], []byte("\n"))
	if kind != nil { // which names types of Go
		at := "the recording"
		if kind.Field != "" {
			at = kind.Field
		}
		return fmt.Errorf("line %d: %s is a JSON %s, which it cannot be", line, at, kind.Value)
	}
	return fmt.Errorf("line %d: %w", line, err)
}
