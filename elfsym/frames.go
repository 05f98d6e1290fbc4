package elfsym

import "strings"

// A Frame is one level of source at a code address.
type Frame struct {
	// Func is the function as people write it, like Func.Name: demangled C++
	// and Rust, Go's own name without .abi0. An inlined C++ function whose debug
	// information has no linker name is without parameters. It is
	// "(unknown)" where the debug information says that a function was
	// inlined, but not which.
	Func string
	// File and Line are the position in Func; "" and 0 where unknown.
	File string
	Line int
	// Inlined says that the level has no frame of its own on the stack: it
	// was inlined into the next Frame.
	Inlined bool
}

const unknownFunc = "(unknown)"

// Frames returns the source levels at the instruction that holds the byte at
// a, innermost first; the last is the function that holds the code. It is
// empty where no function holds a.
//
// A return address belongs to the instruction behind the call. The call's own
// levels are those of the byte before, Frames(ret-1).
//
// The levels come from Go's function table, by which the runtime itself prints
// stacks, or else from DWARF, of which only the unit of a is read. Where
// neither knows a, the only level is the function that the symbols tell.
func (b *Binary) Frames(a VAddr) []Frame {
	f := b.FuncAt(a)
	frames, own := b.goFrames(a), true
	if len(frames) == 0 {
		frames, own = b.dwarfFrames(f, a)
	}
	switch {
	case len(frames) == 0 && f == nil:
		return nil
	case len(frames) == 0:
		outer := Frame{Func: f.sourceName()}
		outer.File, outer.Line = b.Line(a)
		return []Frame{outer}
	}
	// Go's compiler writes no rows for what it generates.
	if in := &frames[0]; in.File == "" {
		in.File, in.Line = b.Line(a)
	}
	// Debug information calls a clone by the name of its source, and what a
	// linker folded by the name of either. Only where a symbol without size
	// reaches into a function that is not its own is DWARF to be preferred.
	if f != nil && (own || !f.Has(SizeGuessed)) {
		frames[len(frames)-1].Func = f.sourceName()
	}
	return frames
}

// sourceName returns the name without what Go's linker adds for assembly.
func (f *Func) sourceName() string {
	if f.Lang == LangGo {
		return strings.TrimSuffix(f.Name, ".abi0")
	}
	return f.Name
}
