package elfsym

import (
	"debug/dwarf"
	"strconv"
	"strings"
)

// plain reports whether the function was compiled without optimisation, so
// that it follows the calling convention although nothing outside calls it.
func (fn *function) plain() bool {
	if opt, known := optimised(fn.unit.producer); known {
		return !opt
	}
	if fn.entry.flag(attrAppleOptimized) || fn.unit.entry.Val(attrAppleOptimized) != nil {
		return false
	}
	// clang writes no flags. It describes the calls of optimised functions
	// only (DW_AT_call_all_calls and GNU's names for it), and without
	// optimisation gives every parameter one slot for the whole function.
	for _, attr := range []dwarf.Attr{attrCallAllCalls, attrGNUAllCallSites, attrGNUAllTailCalls} {
		if fn.entry.flag(attr) {
			return false
		}
	}
	for _, a := range fn.args {
		// What is passed by address has a list anyway. A scalar whose address
		// is taken lives in memory in optimised code too, but LLVM marks
		// functions whose signature it has changed.
		if !a.static && !aggregate(a.t) {
			return false
		}
	}
	return true
}

func aggregate(t *Type) bool {
	return t.Kind == KindStruct || t.Kind == KindVariant || t.Kind == KindUnion || t.Kind == KindArray
}

// optimised reads the -O level from a DW_AT_producer with the command line's
// flags, which gcc writes unless told not to. Without any -O it was 0.
func optimised(producer string) (opt, known bool) {
	if !strings.HasPrefix(producer, "GNU ") {
		return false, false
	}
	flags := false
	for word := range strings.FieldsSeq(producer) {
		flags = flags || strings.HasPrefix(word, "-")
		if level, ok := strings.CutPrefix(word, "-O"); ok {
			opt = level != "0"
		}
	}
	return opt, flags
}

// droppedResult reports whether LLVM may have removed the result of a local
// function that no caller looks at without leaving a trace: it marks such
// functions DW_CC_nocall only from version 16 on.
func (fn *function) droppedResult() bool {
	if fn.f.Has(External) || fn.entry.flag(dwarf.AttrExternal) || fn.plain() {
		return false
	}
	_, after, found := strings.Cut(fn.unit.producer, "clang version ")
	if !found {
		return false
	}
	major, _, _ := strings.Cut(after, ".")
	n, err := strconv.Atoi(major)
	return err != nil || n < 16
}
