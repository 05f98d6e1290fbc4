package fetch

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
)

// Names of C, C++ and Rust may be Go's keywords: p.type, map, range. Where the
// parser refuses an expression, it is shown one in which another word of the
// same length stands for each keyword, so that columns stay what they are.

// parse parses an expression in which keywords may be names.
func parse(text string) (ast.Expr, error) {
	node, err := parser.ParseExpr(text)
	if err == nil {
		return node, nil
	}
	renamed, names := renameKeywords(text)
	if len(names) == 0 {
		return nil, err
	}
	node, again := parser.ParseExpr(renamed)
	if again != nil {
		return nil, err
	}
	ast.Inspect(node, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && names[id.Name] != "" {
			id.Name = names[id.Name]
		}
		return true
	})
	return node, nil
}

// firstStandIn is a letter of two bytes in UTF-8, as are those behind it: all
// keywords have at least that many.
const firstStandIn = 'Ȁ'

// renameKeywords replaces the keywords in text, and says what stands for what.
func renameKeywords(text string) (string, map[string]string) {
	out := []byte(text)
	names := make(map[string]string)
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, []byte(text), nil, 0)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return string(out), names
		}
		if !tok.IsKeyword() {
			continue
		}
		standIn := string(rune(firstStandIn+tok-token.BREAK)) + lit[2:]
		copy(out[file.Offset(pos):], standIn)
		names[standIn] = lit
	}
}
