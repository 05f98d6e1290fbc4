package fetch

import "go/ast"

// Readable returns an expression for each parameter and result of the function
// whose place is known, under its name; argN, ret or retN where it has none.
// Not all need compile: a union, say, has no one value.
func Readable(env *Env) []*Expr {
	var out []*Expr
	for i := range env.Params {
		p := &env.Params[i]
		name := env.nameOf(p)
		if p.Err != nil || name == "" || p.Result && env.NoResults != nil {
			continue
		}
		out = append(out, &Expr{Alias: name, Text: name, source: name, node: &ast.Ident{NamePos: 1, Name: name}})
	}
	return out
}
