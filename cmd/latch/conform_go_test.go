package main

import "testing"

// The reasons why a value of Go cannot be shown.
const (
	noFloat  = "is passed in a floating-point register"
	uncaught = "no parameter"
	tooSmall = "its entry is its exit"
)

// inBoth are refusals of both builds.
func inBoth(refusals ...refusal) (all []refusal) {
	for _, r := range refusals {
		for _, r.builds = range []string{"go", "go/-N -l"} {
			all = append(all, r)
		}
	}
	return all
}

var refusalsGo = append(inBoth(
	// Floating point is passed and returned in registers no probe sees.
	refusal{fn: "main.Float32", expr: "*", reason: noFloat},
	refusal{fn: "main.Float64", expr: "*", reason: noFloat},
	refusal{fn: "main.Complex64", expr: "*", reason: noFloat},
	refusal{fn: "main.Complex128", expr: "*", reason: noFloat},
	refusal{fn: "main.Kept[go.shape.float64]", expr: "v", reason: noFloat},
	refusal{fn: "main.Kept[go.shape.float64]", expr: "ret0", reason: noFloat},
	refusal{fn: "main.Mixed", expr: "x", reason: noFloat},
	refusal{fn: "main.Mixed", expr: "y", reason: noFloat},
	refusal{fn: "main.Mixed", expr: "z", reason: noFloat},
	refusal{fn: "main.Mixed", expr: "ret0", reason: noFloat},
	// Parts of structs are, too.
	refusal{fn: "main.InMixed", expr: "v.F", reason: lost},
	refusal{fn: "main.InMixed", expr: "ret.F", reason: lost},
	// The compiler does not describe what tells an iterator to go on.
	refusal{fn: "main.walked-range1", expr: "ret", reason: "no ret"},
),
	// A single instruction is entry and return at once.
	refusal{"go", "main.Alone", "ret", tooSmall},
	// Optimised code describes the captured variables that it keeps in a
	// register, not those that it uses where they are.
	refusal{"go", "main.adders.func1", "base", uncaught},
	refusal{"go", "main.adders.func1", "base + n", uncaught},
	refusal{"go", "main.adders.func3", "step", uncaught},
	refusal{"go", "main.structured.func1", "p", uncaught},
	refusal{"go", "main.structured.func1", "p.A", uncaught},
	refusal{"go", "main.structured.func1", "p.B", uncaught},
)

func TestConformGo(t *testing.T) {
	const least = 1400
	p := golang("conform")
	if n := conform(t, refusalsGo, p, p.with("-N -l")); n < least {
		t.Errorf("%d cells, want at least %d", n, least)
	}
}
