package elfsym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Params returns f's parameters in the order of the source, then its results,
// then what it has captured if it is a Go closure, with their types and where
// they are: results at a RET, all others at f's first instruction. A value that cannot be read has an Err. The error wraps
// ErrNoDebugInfo where there is no debug information about f; then ABIArg
// knows what the calling convention says.
func (b *Binary) Params(f *Func) (_ []Param, err error) {
	defer recoverDWARF(&err)
	d, err := b.debugInfo()
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", f.Name, err)
	}
	d.mu.Lock()
	fn, err := d.function(f)
	d.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", f.Name, err)
	}
	var out []Param
	switch {
	case fn.unit.lang == dwLangGo:
		out, err = fn.goParams()
	default:
		out, err = fn.nativeParams()
	}
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", f.Name, err)
	}
	return out, nil
}

// function is a function's debug information.
type function struct {
	d      *dwarfInfo
	f      *Func
	unit   *dwarfUnit
	entry  die
	ctx    exprContext
	args   []argument
	result *Type // nil for void and in Go
	// otherABI tells that the arguments are not where the convention has them.
	otherABI bool
}

// argument is a formal parameter.
type argument struct {
	entry  die
	name   string
	result bool // Go lists results among the parameters
	// implicit parameters are passed but not written in the source: C++'s
	// VTT, Go's dictionary.
	implicit bool
	// captured parameters are variables of the function around a Go function
	// literal that is called where it stands.
	captured bool
	t        *Type
	loc      Loc
	err      error
	// static tells that the location is one slot of the frame for the whole
	// function, as compilers write it without optimisation.
	static bool
}

// function finds f's entry and those of its parameters.
func (d *dwarfInfo) function(f *Func) (*function, error) {
	u, err := d.unitAt(f.Addr)
	if err != nil {
		return nil, err
	}
	spans := u.starting(f.Addr)
	if len(spans) == 0 {
		return nil, fmt.Errorf("at %#x: %w", uint64(f.Addr), ErrNoDebugInfo)
	}
	e, err := d.entryAt(spans[0].entry)
	if err != nil {
		return nil, err
	}
	fn := &function{d: d, f: f, unit: u, entry: d.resolve(e)}
	fn.ctx.arch = d.arch
	fn.ctx.frame, _ = fn.entry.val(dwarf.AttrFrameBase).([]byte)
	if err := fn.findArgs(); err != nil {
		return nil, err
	}
	if u.lang != dwLangGo && fn.entry.val(dwarf.AttrType) != nil {
		if fn.result, err = d.typeRef(fn.entry); err != nil {
			return nil, err
		}
	}
	return fn, nil
}

func isParam(tag dwarf.Tag) bool { return tag == dwarf.TagFormalParameter }

// findArgs lists the formal parameters in the order of the source. A concrete
// copy of a function leaves out those that were optimised away, so the
// abstract one is asked for the order.
func (fn *function) findArgs() error {
	var source []*dwarf.Entry
	own := map[dwarf.Offset]*dwarf.Entry{}
	for i, e := range fn.entry {
		kids, err := fn.d.children(e, isParam, maxParams)
		if err != nil {
			return err
		}
		if i == 0 {
			source = kids
			for _, k := range kids {
				if off, ok := origin(k); ok {
					own[off] = k
				}
			}
			if len(kids) > 0 && e.Val(dwarf.AttrAbstractOrigin) == nil {
				break
			}
			continue
		}
		if len(kids) > 0 {
			source = mergeParams(kids, source, own)
			break
		}
	}
	for _, e := range source {
		if err := fn.addArg(e); err != nil {
			return err
		}
	}
	if fn.unit.lang == dwLangGo {
		fn.dropTwins()
	}
	return nil
}

// dropTwins removes parameters that Go's compiler lists twice: in optimised
// code it repeats a result that it has split into its fields.
func (fn *function) dropTwins() {
	seen := map[string]bool{}
	fn.args = slices.DeleteFunc(fn.args, func(a argument) bool {
		twin := a.name != "_" && a.name != "" && seen[a.name]
		seen[a.name] = true
		return twin
	})
}

// mergeParams puts the abstract parameters that have no concrete copy between
// the concrete ones, which may be more: Go's abstract functions leave out
// unnamed ones.
func mergeParams(abstract, concrete []*dwarf.Entry, own map[dwarf.Offset]*dwarf.Entry) []*dwarf.Entry {
	out := make([]*dwarf.Entry, 0, len(abstract))
	next := 0
	for _, c := range concrete {
		off, ok := origin(c)
		i := slices.IndexFunc(abstract[next:], func(a *dwarf.Entry) bool { return ok && a.Offset == off })
		for ; i >= 0; i-- {
			if a := abstract[next]; own[a.Offset] == nil {
				out = append(out, a)
			}
			next++
		}
		out = append(out, c)
	}
	for _, a := range abstract[next:] {
		if own[a.Offset] == nil {
			out = append(out, a)
		}
	}
	return out
}

// addArg reads a formal parameter and where it is at the entry.
func (fn *function) addArg(e *dwarf.Entry) error {
	a := argument{entry: fn.d.resolve(e)}
	a.name = a.entry.str(dwarf.AttrName)
	var err error
	if a.t, err = fn.d.typeRef(a.entry); err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	a.result = a.entry.flag(dwarf.AttrVarParam)
	switch {
	case a.name == "__in_chrg":
		return nil // it exists only in the source that gcc sees
	case a.name == ".dict", len(fn.args) > 0 && a.entry.flag(dwarf.AttrArtificial):
		a.implicit = true
	}
	if f := locField(a.entry); f != nil {
		expr, _ := f.Val.([]byte)
		a.static = len(expr) > 0 && expr[0] == opFbreg
	}
	if !a.result {
		a.loc, a.err = fn.d.locate(fn.unit, a.entry, a.t, fn.f.Addr, fn.ctx)
	}
	fn.args = append(fn.args, a)
	return nil
}

// nativeParams are the parameters and the result of a C, C++ or Rust function.
func (fn *function) nativeParams() ([]Param, error) {
	for _, a := range fn.args {
		if errors.Is(a.err, errSpilled) {
			fn.classifyArgs()
			break
		}
	}
	var out []Param
	for _, a := range fn.args {
		if a.implicit {
			continue
		}
		p := Param{Name: a.name, Index: len(out), Type: a.t, Loc: a.loc, Err: a.err}
		if p.Err != nil {
			p.Loc = Loc{}
		}
		out = append(out, p)
	}
	if fn.result != nil && fn.result.Kind != KindVoid {
		p := Param{Result: true, Type: fn.result}
		if p.Loc, p.Err = fn.resultLoc(); p.Err != nil {
			p.Loc = Loc{}
		}
		out = append(out, p)
	}
	return out, nil
}

// argumentABI hands out the places of arguments in their order.
type argumentABI interface{ next(*Type) (Loc, error) }

// convention returns how the function's arguments are passed, as far as that
// is not for the optimiser to choose; nil where it is.
func (fn *function) convention() argumentABI {
	if fn.altered() {
		return nil
	}
	switch {
	case fn.rust() && !fn.plain():
		return nil
	case fn.rust() && fn.d.arch == AMD64:
		return newRustABI(rustcVersion(fn.unit.producer))
	case fn.rust():
		return nil
	case !fn.f.Has(External) && !fn.entry.flag(dwarf.AttrExternal) && !fn.plain():
		return nil
	case fn.d.arch == ARM64:
		return newAAPCS()
	}
	return newSysV()
}

// rust reports whether the function follows rustc's own convention, which
// extern "C" functions do not. Their debug information does not tell them
// apart (rust-lang/rust writes no DW_AT_calling_convention), but only they and
// #[no_mangle] ones have no mangled name.
func (fn *function) rust() bool {
	name := fn.entry.str(dwarf.AttrLinkageName)
	return fn.rustc() && (strings.HasPrefix(name, "_ZN") || strings.HasPrefix(name, "_R"))
}

// altered reports whether the compiler has changed the function's signature:
// gcc names such copies, LLVM marks them DW_CC_nocall.
func (fn *function) altered() bool {
	cc, _ := fn.entry.val(dwarf.AttrCalling).(int64)
	return fn.f.Has(Clone) || cc == ccNoCall
}

// classifyArgs places the arguments that the debug information places in stack
// slots not yet written at the entry: by what the function itself stores
// there, and else by the calling convention, for as long as that agrees with
// what the function does.
func (fn *function) classifyArgs() {
	abi, why := fn.argumentABI()
	start, plain := fn.prologue(), fn.plain()
	for i := range fn.args {
		a := &fn.args[i]
		spilled := errors.Is(a.err, errSpilled)
		stored, seen, vector := Loc{}, false, error(nil)
		if spilled {
			stored, seen, vector = fn.spilled(start, a)
		}
		loc, err := Loc{}, why
		if abi != nil {
			loc, err = a.next(abi)
			switch {
			case unplaceable(err):
				abi, why = nil, err
			case seen && !samePlace(loc, err, stored, vector):
				abi, why, fn.otherABI = nil, errOtherABI, true
			}
		}
		switch {
		case seen:
			a.loc, a.err = stored, vector
		case abi == nil && spilled && why != nil:
			a.err = fmt.Errorf("%w; %w", errSpilled, why)
		case abi == nil:
		case spilled, plain && errors.Is(a.err, ErrOptimizedOut):
			a.loc, a.err = loc, err
		}
	}
}

// argumentABI returns the convention by which arguments are placed, behind
// the address for a large result, which is passed before everything else (in
// x8 on arm64). It is nil where there is none; the error may say why.
func (fn *function) argumentABI() (argumentABI, error) {
	abi := fn.convention()
	if abi == nil || fn.result == nil {
		return abi, nil
	}
	hidden, err := fn.hiddenResult()
	if err == nil && hidden {
		_, err = abi.next(uint64Type())
	}
	if err != nil {
		return nil, err
	}
	return abi, nil
}

// next places an argument, or the address of its copy.
func (a *argument) next(abi argumentABI) (Loc, error) {
	if !errors.Is(a.err, errSpilledAddr) {
		return abi.next(a.t)
	}
	loc, err := abi.next(uint64Type())
	if err != nil {
		return Loc{}, err
	}
	return behind(loc, a.t.Size)
}

// errOtherABI says that a function's own instructions contradict the
// convention it should follow.
var errOtherABI = fmt.Errorf("%w: an argument before it is not where rustc's convention has it", errUnknownABI)

// unplaceable reports whether nothing behind an argument can be placed either.
func unplaceable(err error) bool {
	return errors.Is(err, errUnknownABI) || errors.Is(err, errDeep) || errors.Is(err, ErrMalformed)
}

// samePlace reports whether two ways to place an argument agree.
func samePlace(a Loc, aErr error, b Loc, bErr error) bool {
	return (aErr == nil) == (bErr == nil) && slices.Equal(joined(a.Pieces), joined(b.Pieces))
}

// joined makes one of pieces that lie behind each other in memory.
func joined(pieces []Piece) []Piece {
	var out []Piece
	for _, p := range pieces {
		if n := len(out) - 1; n >= 0 && p.Kind == InMem && out[n].Kind == InMem && p.Reg == out[n].Reg && p.Off == out[n].Off+out[n].Size {
			out[n].Size += p.Size
			continue
		}
		out = append(out, p)
	}
	return out
}

// behind returns the place of a value whose address is at loc.
func behind(loc Loc, size int64) (Loc, error) {
	if len(loc.Pieces) != 1 || loc.Pieces[0].Kind != InReg {
		return Loc{}, fmt.Errorf("%w: its address is passed on the stack", ErrUnsupportedClass)
	}
	return memLoc(loc.Pieces[0].Reg, 0, size), nil
}

// hiddenResult reports whether the result's address takes an argument
// register.
func (fn *function) hiddenResult() (bool, error) {
	if fn.rust() {
		return newRustABI(rustcVersion(fn.unit.producer)).hiddenResult(fn.result)
	}
	if fn.d.arch == ARM64 {
		return false, nil
	}
	if fn.result.Kind == KindVariant {
		return false, errUnknownABI
	}
	return returnsInMemory(fn.result)
}

// resultLoc returns where the result is at a RET.
func (fn *function) resultLoc() (Loc, error) {
	if fn.altered() {
		return Loc{}, fmt.Errorf("%w: the compiler changed the function's signature", ErrOptimizedOut)
	}
	if fn.droppedResult() {
		return Loc{}, fmt.Errorf("%w: the compiler may have dropped it unseen", ErrOptimizedOut)
	}
	loc, err := fn.returned()
	// Argument promotion takes sret from LLVM's local functions, and with it
	// the duty to return the address. GCC keeps to the convention.
	if err != nil || !loc.Memory() || fn.f.Has(External) || strings.HasPrefix(fn.unit.producer, "GNU ") {
		return loc, err
	}
	reg, err := fn.keptAddress()
	if err != nil {
		return Loc{}, fmt.Errorf("%w: %w", ErrOptimizedOut, err)
	}
	return memLoc(reg, 0, fn.result.Size), nil
}

// returned returns where the convention has the result at a RET.
func (fn *function) returned() (Loc, error) {
	switch {
	case fn.rust() && fn.d.arch == AMD64:
		return fn.rustResult()
	case fn.rust():
		return Loc{}, fmt.Errorf("%w: %w", ErrUnsupportedClass, errUnknownABI)
	case fn.d.arch == ARM64:
		return aapcsResult(fn.result)
	}
	return sysvResult(fn.result)
}
