package fetch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// An Expr is an expression as written, parsed but not yet typed.
type Expr struct {
	// Alias is the name its values get in reports: what stands before "=",
	// or else the expression's own text.
	Alias string
	// Text is the expression without its alias.
	Text string

	node   ast.Expr
	column int // of Text within what the user wrote, from 0
	source string
}

// maxText bounds an expression, in bytes.
const maxText = 4096

// Parse reads "EXPR" or "ALIAS=EXPR".
func Parse(source string) (*Expr, error) {
	if len(source) > maxText {
		return nil, fmt.Errorf("expression of %d bytes: at most %d are taken", len(source), maxText)
	}
	e := &Expr{source: source, Text: source}
	if alias, rest, ok := cutAlias(source); ok {
		e.Alias, e.Text = alias, rest
		e.column = len(source) - len(rest)
	}
	trimmed := strings.TrimSpace(e.Text)
	e.column += strings.Index(e.Text, trimmed)
	e.Text = trimmed
	if e.Alias == "" {
		e.Alias = e.Text
	}
	if e.Text == "" {
		return nil, errors.New("empty expression: name a parameter, argN, str(argN) or ret")
	}
	node, err := parse(e.Text)
	if err != nil {
		var list scanner.ErrorList
		if errors.As(err, &list) && len(list) > 0 {
			if at := strings.Index(e.Text, "->"); at >= 0 {
				return nil, e.errorAt(at, "write p.x for p->x: a field is looked up through pointers")
			}
			if m := durationText.FindStringSubmatchIndex(e.Text); m != nil {
				unit := durationUnits[e.Text[m[4]:m[5]]]
				return nil, e.errorAt(m[2], fmt.Sprintf("write %s*time.%s for %s", e.Text[m[2]:m[3]], unit, e.Text[m[2]:m[5]]))
			}
			if strings.Contains(list[0].Msg, "rune literal") {
				return nil, e.errorAt(list[0].Pos.Column-1, `text stands in double quotes, "like this"`)
			}
			return nil, e.errorAt(list[0].Pos.Column-1, list[0].Msg)
		}
		return nil, e.errorAt(0, err.Error())
	}
	e.node = node
	return e, nil
}

// durationText is a duration as people write it, which is no Go.
var (
	durationText  = regexp.MustCompile(`(?:^|[^\w."])(\d+)(ns|us|µs|ms|s|m|h)\b`)
	durationUnits = map[string]string{"ns": "Nanosecond", "us": "Microsecond", "µs": "Microsecond", "ms": "Millisecond", "s": "Second", "m": "Minute", "h": "Hour"}
)

// Slower returns a condition that wants calls which took at least ns
// nanoseconds and, unless it is nil, fulfil where.
func Slower(where *Expr, ns int64) *Expr {
	text := fmt.Sprintf("latency >= %d", ns)
	slow := &Expr{Alias: text, Text: text, source: text, node: &ast.BinaryExpr{
		X: &ast.Ident{Name: "latency", NamePos: 1}, Op: token.GEQ, OpPos: 1,
		Y: &ast.BasicLit{Kind: token.INT, Value: strconv.FormatInt(ns, 10), ValuePos: 1},
	}}
	if where == nil {
		return slow
	}
	both := *where
	both.node = &ast.BinaryExpr{X: where.node, Op: token.LAND, OpPos: 1, Y: slow.node}
	return &both
}

// cutAlias splits "name=expr". "==" and the comparisons are not aliases.
func cutAlias(s string) (alias, rest string, ok bool) {
	i := strings.IndexByte(s, '=')
	if i <= 0 || i+1 >= len(s) || s[i+1] == '=' {
		return "", "", false
	}
	alias = strings.TrimSpace(s[:i])
	if !token.IsIdentifier(alias) {
		return "", "", false
	}
	return alias, s[i+1:], true
}

// A SyntaxError is a fault in an expression, with the place.
type SyntaxError struct {
	Source string // what the user wrote
	Column int    // of the fault, bytes from 0
	Msg    string
	// Err is the cause that callers may branch on, or nil.
	Err error
}

// Error gives the message, then the expression with a caret below the fault.
func (e *SyntaxError) Error() string {
	column := min(max(e.Column, 0), len(e.Source))
	// The source is the user's own, but a tab or a line break would move the
	// caret away from what it points at.
	line := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, e.Source)
	indent := strings.Repeat(" ", len([]rune(e.Source[:column])))
	return fmt.Sprintf("%s\n    %s\n    %s^", e.Msg, line, indent)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

func (e *Expr) errorAt(column int, msg string) error {
	return &SyntaxError{Source: e.source, Column: e.column + column, Msg: msg}
}

func (e *Expr) nodeError(n ast.Node, cause error, format string, args ...any) error {
	return &SyntaxError{
		Source: e.source, Column: e.column + int(n.Pos()) - 1,
		Msg: fmt.Sprintf(format, args...), Err: cause,
	}
}
