package fetch

import (
	"fmt"
	"go/ast"
)

// Readable returns an expression for each parameter and result of the function
// whose place is known, under its name; argN, ret or retN where it has none.
// Not all need compile: a union, say, has no one value.
func Readable(env *Env) []*Expr {
	results := 0
	for i := range env.Params {
		if env.Params[i].Result {
			results++
		}
	}
	var out []*Expr
	for i := range env.Params {
		p := &env.Params[i]
		if p.Err != nil || p.Result && env.NoResults != nil {
			continue
		}
		name := p.Name
		switch {
		case name != "" && name != "_":
		case p.Captured, p.Index < 0:
			continue
		case !p.Result:
			name = fmt.Sprintf("arg%d", p.Index)
		case results == 1:
			name = "ret"
		default:
			name = fmt.Sprintf("ret%d", p.Index)
		}
		out = append(out, &Expr{Alias: name, Text: name, source: name, node: &ast.Ident{NamePos: 1, Name: name}})
	}
	return out
}
