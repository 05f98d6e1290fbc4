package budget

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file of budgets. The parser takes time by the square of the
// nesting: minutes for 100,000 brackets.
const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 100     // brackets open at once, quoted ones too
)

// ParseFile parses budgets in YAML:
//
//	version: 1
//	defaults: {min_calls: 300, confidence: 95%, on_missing: fail, on_inconclusive: warn}
//	budgets:
//	  - name: API handler
//	    func: shop.(*API).handle
//	    by: route
//	    where: {route: /api}
//	    expect: [p99 < 5ms, over20ms < 0.01%]
//	    regress: {metric: p99, max: +10%, min_effect: 200us, slices: 10}
//
// Everything under defaults may also stand in a budget. by and expect are a
// text or a list; where is a mapping of keys to values, or a list of texts
// such as "route =~ ^/api". An error gives the line and the column, the lines
// around them, and a caret.
func ParseFile(text []byte) ([]Budget, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("parse budgets: longer than %d bytes", maxFile)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // a byte order mark, as some editors write
	if depth := nesting(text); depth > maxDepth {
		return nil, fmt.Errorf("parse budgets: %d brackets within each other, the limit is %d", depth, maxDepth)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("parse budgets: %w", err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, errors.New("parse budgets: the file has to be one document that starts with version: 1")
	}
	d := decoder{defaults: Defaults()}
	if err := d.document(file.Docs[0].Body); err != nil {
		return nil, fmt.Errorf("parse budgets: %w", err)
	}
	return d.budgets, nil
}

// LoadFile is ParseFile of what r holds, of which it reads no more than a file of
// budgets may have.
func LoadFile(r io.Reader) ([]Budget, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read budgets: %w", err)
	}
	return ParseFile(text)
}

// nesting returns how many brackets are open at once.
func nesting(text []byte) int {
	depth, most := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		most = max(most, depth)
	}
	return most
}

type decoder struct {
	defaults Budget
	budgets  []Budget
}

// fault is an error at a token.
func fault(tk *token.Token, format string, args ...any) error {
	return &yaml.SyntaxError{Message: fmt.Sprintf(format, args...), Token: tk}
}

// A field is a key of a mapping and what reads its value.
type field struct {
	key  string
	read func(v ast.Node) error
}

// fields reads a mapping. A key that is none of the fields is an error that
// lists them.
func fields(n ast.Node, what string, known ...field) error {
	pairs, err := mapping(n, what)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken()
		i := slices.IndexFunc(known, func(f field) bool { return f.key == key.Value })
		if i < 0 {
			var keys []string
			for _, f := range known {
				keys = append(keys, f.key)
			}
			return fault(key, "%s has no %q; it may have %s", what, key.Value, strings.Join(keys, ", "))
		}
		if err := known[i].read(pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func mapping(n ast.Node, what string) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	}
	return nil, fault(n.GetToken(), "%s has to be a mapping, not %s", what, kind(n))
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return "an anchor, an alias or a tag"
	}
	return "a text"
}

// scalar returns the text of a text, a number or a boolean, as it is written.
func scalar(n ast.Node, what string) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NanNode, *ast.InfinityNode:
		return n.GetToken().Value, nil
	}
	return "", fault(n.GetToken(), "%s has to be a text, not %s", what, kind(n))
}

// list returns the items of a list, or the one that stands for it.
func list(n ast.Node) []ast.Node {
	if seq, ok := n.(*ast.SequenceNode); ok {
		return seq.Values
	}
	return []ast.Node{n}
}

func (d *decoder) document(n ast.Node) error {
	var version bool
	var budgets ast.Node
	err := fields(n, "the file",
		field{"version", func(v ast.Node) error {
			version = true
			if text, err := scalar(v, "version"); err != nil || text != "1" {
				return fault(v.GetToken(), "version has to be 1")
			}
			return nil
		}},
		field{"defaults", func(v ast.Node) error {
			return fields(v, "defaults", d.settings(&d.defaults)...)
		}},
		field{"budgets", func(v ast.Node) error {
			budgets = v
			return nil
		}},
	)
	switch {
	case err != nil:
		return err
	case !version:
		return fault(n.GetToken(), "version: 1 is missing")
	case budgets == nil:
		return fault(n.GetToken(), "budgets are missing")
	}
	seq, ok := budgets.(*ast.SequenceNode)
	if !ok || len(seq.Values) == 0 {
		return fault(budgets.GetToken(), "budgets has to be a list of at least one budget")
	}
	for _, v := range seq.Values {
		if err := d.budget(v); err != nil {
			return err
		}
	}
	return nil
}

// settings are the fields that defaults and budgets have in common.
func (d *decoder) settings(b *Budget) []field {
	return []field{
		{"min_calls", func(v ast.Node) (err error) {
			b.MinCalls, err = whole(v, "min_calls", maxNumber)
			return err
		}},
		{"confidence", func(v ast.Node) error {
			text, err := scalar(v, "confidence")
			if err != nil {
				return err
			}
			digits, ok := strings.CutSuffix(text, "%")
			percent, numErr := strconv.ParseFloat(digits+"e-2", 64)
			if !ok || !plainNumber(digits) || numErr != nil || percent < 0.51 || percent > 0.999999 {
				return fault(v.GetToken(), "confidence is a percentage from 51%% to 99.9999%%, as in 95%%")
			}
			b.Confidence = percent
			return nil
		}},
		{"on_missing", func(v ast.Node) error { return action(v, "on_missing", &b.OnMissing) }},
		{"on_inconclusive", func(v ast.Node) error { return action(v, "on_inconclusive", &b.OnInconclusive) }},
	}
}

func action(v ast.Node, what string, a *Action) error {
	text, err := scalar(v, what)
	if err != nil {
		return err
	}
	i := slices.Index(actionText[:], text)
	if i < 0 {
		return fault(v.GetToken(), "%s is one of %s", what, strings.Join(actionText[:], ", "))
	}
	*a = Action(i)
	return nil
}

func whole(v ast.Node, what string, most uint64) (uint64, error) {
	text, err := scalar(v, what)
	if err != nil {
		return 0, err
	}
	n, numErr := strconv.ParseUint(text, 10, 64)
	if numErr != nil || n > most {
		return 0, fault(v.GetToken(), "%s is a whole number up to %d", what, most)
	}
	return n, nil
}

// inside moves an error of the grammar to its place in the file. The value's
// place is that of its text only where no quote or block stands before it.
func inside(v ast.Node, err error) error {
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	tk := *v.GetToken()
	if at := *tk.Position; !strings.Contains(strings.TrimSpace(tk.Origin), "\n") && v.Type() == ast.StringType {
		at.Column += len([]rune(syntax.Source[:min(syntax.Column, len(syntax.Source))]))
		if tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType {
			at.Column++
		}
		tk.Position = &at
	}
	return &yaml.SyntaxError{Message: syntax.Msg, Token: &tk}
}
