package budget

import (
	"fmt"
	"strings"
)

// A SyntaxError is a fault in a budget, with the place.
type SyntaxError struct {
	Source string // what the user wrote
	Column int    // of the fault, bytes from 0
	Msg    string
}

// Error gives the message, then the budget with a caret below the fault.
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
