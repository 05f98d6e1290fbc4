package drop

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/scanner"
	"go/token"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/latchprof/latch/fetch"
)

// A Where is a condition on drops, parsed and typed.
type Where struct {
	// Names are those it asks for, each once.
	Names []string
	cond  operand
}

// A whereKind is what an operand is.
type whereKind string

const (
	ofText    whereKind = "text"
	ofNumber  whereKind = "a number"
	ofTruth   whereKind = "true or false"
	maxSource           = 4096 // bytes of an expression
)

// whereNames are what an expression may ask of a drop.
var whereNames = []struct {
	name string
	kind whereKind
}{
	{"src", ofText}, {"dst", ofText}, {"sport", ofNumber}, {"dport", ofNumber}, {"proto", ofText}, {"reason", ofText}, {"location", ofText},
	{"hook", ofText}, {"cause", ofText}, {"rule", ofText}, {"netns", ofText}, {"ifname", ofText}, {"comm", ofText}, {"pid", ofNumber},
	{"uid", ofNumber}, {"len", ofNumber}, {"count", ofNumber}, {"function", ofText},
}

// An operand is a part of an expression. value is nil where it cannot be
// calculated, as after a division by zero.
type operand struct {
	kind  whereKind
	node  ast.Expr
	name  string         // of a name by itself
	known constant.Value // of a literal
	value func(get func(string) any) constant.Value
}

// ParseWhere reads a condition such as src == "10.0.0.1" && dport == 443. Its
// grammar and precedence are Go's; its functions are within(ADDRESS, "CIDR") and
// hasPrefix(TEXT, TEXT). A fault is a *fetch.SyntaxError.
func ParseWhere(source string) (*Where, error) {
	p := &whereParser{source: source}
	if len(source) > maxSource {
		return nil, fmt.Errorf("condition of %d bytes: at most %d are taken", len(source), maxSource)
	}
	if strings.TrimSpace(source) == "" {
		return nil, p.errorAt(0, "empty condition: compare %s", nameList())
	}
	// The offset of a fault in a file is its column in the expression.
	tree, err := parser.ParseExprFrom(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, p.syntaxError(err)
	}
	cond, err := p.operand(tree)
	if err != nil {
		return nil, err
	}
	if cond.kind != ofTruth {
		return nil, p.errorf(tree, "this is %s, not a condition: compare it", cond.kind)
	}
	return &Where{Names: p.asked, cond: cond}, nil
}

// Match says whether the condition holds for what get tells: a string or an
// integer by name, and nil where it is not known, which counts as "" or 0. What
// cannot be calculated does not hold.
func (w *Where) Match(get func(name string) any) bool {
	v := w.cond.value(get)
	return v != nil && constant.BoolVal(v)
}

type whereParser struct {
	source string
	asked  []string
}

func (p *whereParser) errorAt(column int, format string, args ...any) error {
	return &fetch.SyntaxError{Source: p.source, Column: column, Msg: fmt.Sprintf(format, args...)}
}

func (p *whereParser) errorf(n ast.Node, format string, args ...any) error {
	return p.errorAt(int(n.Pos())-1, format, args...)
}

// syntaxError says what is wrong in what is no Go expression.
func (p *whereParser) syntaxError(err error) error {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return p.errorAt(0, "%v", err)
	}
	at, msg := min(list[0].Pos.Offset, len(p.source)), list[0].Msg
	rest := p.source[at:]
	switch {
	case strings.Contains(msg, "rune literal"):
		msg = `text stands in double quotes, "like this"`
	case bareAddress.MatchString(p.source):
		at, msg = bareAddress.FindStringSubmatchIndex(p.source)[2], `an address stands in double quotes, "10.0.0.1"`
	case wordFunc.MatchString(p.source):
		at, msg = wordFunc.FindStringIndex(p.source)[0], "func is a word of Go's: write function"
	case strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "=="):
		msg = "write == to compare"
	case strings.HasPrefix(rest, "and "):
		msg = "write && for and"
	case strings.HasPrefix(rest, "or "):
		msg = "write || for or"
	default:
		msg = strings.NewReplacer("'EOF'", "the end", "newline", "the end").Replace(msg)
	}
	return p.errorAt(at, "%s", msg)
}

// What people write that is no Go.
var (
	bareAddress = regexp.MustCompile(`(?:^|[\s=(])(\d+\.\d+\.\d+\.\d+)`)
	wordFunc    = regexp.MustCompile(`\bfunc\b`)
)

func nameList() string {
	all := make([]string, len(whereNames))
	for i, n := range whereNames {
		all[i] = n.name
	}
	return strings.Join(all, " ")
}

func (p *whereParser) operand(n ast.Expr) (operand, error) {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return p.operand(n.X)
	case *ast.Ident:
		return p.ident(n)
	case *ast.BasicLit:
		return p.literal(n)
	case *ast.UnaryExpr:
		return p.unary(n)
	case *ast.BinaryExpr:
		return p.binary(n)
	case *ast.CallExpr:
		return p.call(n)
	}
	return operand{}, p.errorf(n, "this is not understood: there are names (%s), texts, numbers, within and hasPrefix", nameList())
}

func (p *whereParser) ident(n *ast.Ident) (operand, error) {
	if n.Name == "true" || n.Name == "false" {
		return literal(n, ofTruth, constant.MakeBool(n.Name == "true")), nil
	}
	for _, known := range whereNames {
		if known.name != n.Name {
			continue
		}
		if !slices.Contains(p.asked, n.Name) {
			p.asked = append(p.asked, n.Name)
		}
		return operand{kind: known.kind, node: n, name: n.Name, value: func(get func(string) any) constant.Value {
			return valueOf(get(n.Name), known.kind)
		}}, nil
	}
	return operand{}, p.errorf(n, "no name %q: there are %s; text stands in double quotes", n.Name, nameList())
}

func literal(n ast.Expr, k whereKind, v constant.Value) operand {
	return operand{kind: k, node: n, known: v, value: func(func(string) any) constant.Value { return v }}
}

func (p *whereParser) literal(n *ast.BasicLit) (operand, error) {
	v := constant.MakeFromLiteral(n.Value, n.Kind, 0)
	switch n.Kind {
	case token.STRING:
		if v.Kind() == constant.String {
			return literal(n, ofText, v), nil
		}
	case token.CHAR:
		return operand{}, p.errorf(n, `text stands in double quotes, "like this"`)
	case token.INT, token.FLOAT:
		if v = constant.ToInt(v); v.Kind() == constant.Int && constant.BitLen(v) <= 64 {
			return literal(n, ofNumber, v), nil
		}
	}
	return operand{}, p.errorf(n, "%s is no whole number of 64 bits", n.Value)
}

func (p *whereParser) unary(n *ast.UnaryExpr) (operand, error) {
	x, err := p.operand(n.X)
	if err != nil {
		return operand{}, err
	}
	want := map[token.Token]whereKind{token.NOT: ofTruth, token.SUB: ofNumber, token.ADD: ofNumber}[n.Op]
	if want == "" {
		return operand{}, p.errorf(n, "%s is not understood here", n.Op)
	}
	if x.kind != want {
		return operand{}, p.errorf(n.X, "%s wants %s, and this is %s", n.Op, want, x.kind)
	}
	return operand{kind: want, node: n, value: func(get func(string) any) constant.Value {
		v := x.value(get)
		if v == nil {
			return nil
		}
		return constant.UnaryOp(n.Op, v, 0)
	}}, nil
}

// call reads the functions. Those of package strings may be written as Go
// writes them.
func (p *whereParser) call(n *ast.CallExpr) (operand, error) {
	name := ""
	switch f := n.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "strings" && f.Sel.Name == "HasPrefix" {
			name = "hasPrefix"
		}
	}
	if name != "within" && name != "hasPrefix" {
		return operand{}, p.errorf(n, `no such function: there are within(src, "10.0.0.0/8") and hasPrefix(comm, "ng")`)
	}
	if len(n.Args) != 2 || n.Ellipsis.IsValid() {
		return operand{}, p.errorf(n, "%s takes two arguments", name)
	}
	var args [2]operand
	for i, a := range n.Args {
		arg, err := p.operand(a)
		if err != nil {
			return operand{}, err
		}
		if arg.kind != ofText {
			return operand{}, p.errorf(a, "%s takes text, and this is %s", name, arg.kind)
		}
		args[i] = arg
	}
	if name == "within" {
		return p.within(n, args[0], args[1])
	}
	return operand{kind: ofTruth, node: n, value: func(get func(string) any) constant.Value {
		s, prefix := args[0].value(get), args[1].value(get)
		return constant.MakeBool(strings.HasPrefix(constant.StringVal(s), constant.StringVal(prefix)))
	}}, nil
}

func (p *whereParser) within(n ast.Expr, x, of operand) (operand, error) {
	if of.known == nil {
		return operand{}, p.errorf(of.node, `the network is written out: within(src, "10.0.0.0/8")`)
	}
	written := constant.StringVal(of.known)
	prefix, err := netip.ParsePrefix(written)
	if addr, addrErr := netip.ParseAddr(written); err != nil && addrErr == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if err != nil {
		return operand{}, p.errorf(of.node, "%s is no network: write 10.0.0.0/8 or fd00::/8", of.known)
	}
	return operand{kind: ofTruth, node: n, value: func(get func(string) any) constant.Value {
		addr, err := netip.ParseAddr(constant.StringVal(x.value(get)))
		return constant.MakeBool(err == nil && prefix.Contains(addr.Unmap().WithZone("")))
	}}, nil
}

// Value is what d itself tells of a name of ParseWhere, nil for what it does
// not know: hook, cause, rule, netns and function.
func (d *Drop) Value(name string) any {
	switch name {
	case "src":
		return address(d.Flow.Src)
	case "dst":
		return address(d.Flow.Dst)
	case "sport":
		return d.Flow.SrcPort
	case "dport":
		return d.Flow.DstPort
	case "proto":
		return d.Flow.Protocol()
	case "reason":
		return d.Reason
	case "location":
		return bare(d.Location)
	case "count":
		return d.Count
	}
	if p := d.Packet; p != nil {
		switch name {
		case "ifname":
			return p.IfName
		case "len":
			return p.Len
		}
	}
	if o := d.Owner; o != nil {
		switch name {
		case "comm":
			return o.Comm
		case "pid":
			return o.PID
		case "uid":
			return o.UID
		}
	}
	return nil
}
