package elfsym

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// snapshot is what a stopped program's registers hold, and the memory they
// lead to.
type snapshot struct {
	regs map[Reg]uint64
	mem  map[uint64]byte
}

// gdbSnapshots stops a program at each call of the functions and at its return,
// and keeps what is there.
const gdbSnapshots = `
import gdb
regs = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9".split()
def snap(what, addr):
    print("stop %s %d" % (what, addr))
    todo = []
    for i, r in enumerate(regs):
        v = int(gdb.parse_and_eval("(unsigned long)$" + r)) & (1 << 64) - 1
        print("reg %d %d" % (i, v))
        if r != "rbp" and r != "rbx":
            todo.append((v, 3))
    seen = set()
    while todo:
        at, deep = todo.pop()
        if at in seen or at < 1 << 16 or at >= 1 << 47:
            continue
        seen.add(at)
        for size in (64, 16, 4):
            try:
                b = bytes(gdb.selected_inferior().read_memory(at, size))
                break
            except gdb.MemoryError:
                b = b""
        if b:
            print("mem %d %s" % (at, b.hex()))
        if deep > 1:
            for i in range(0, len(b) - 7, 8):
                todo.append((int.from_bytes(b[i:i+8], "little"), deep - 1))
def follow(funcs):
    for f in funcs:
        gdb.execute("break *%d" % f, to_string=True)
    gdb.execute("run < /dev/null", to_string=True)
    while gdb.selected_inferior().pid:
        pc = int(gdb.parse_and_eval("(unsigned long)$pc"))
        snap("entry", pc)
        back = int(gdb.parse_and_eval("*(unsigned long*)$rsp"))
        gdb.execute("tbreak *%d" % back, to_string=True)
        gdb.execute("continue", to_string=True)
        snap("exit", pc)
        gdb.execute("continue", to_string=True)
`

// watch runs the program and returns, by function, the snapshots at its
// entries and its returns.
func watch(t *testing.T, b *Binary, funcs []*Func) map[*Func][2][]snapshot {
	t.Helper()
	byAddr := map[string]*Func{}
	var addrs []string
	for _, f := range funcs {
		a := strconv.FormatUint(uint64(f.Addr), 10)
		byAddr[a], addrs = f, append(addrs, a)
	}
	dir := t.TempDir()
	script := symWrite(t, dir, "snap.py", gdbSnapshots+"follow(["+strings.Join(addrs, ", ")+"])\n")
	out := symRun(t, dir, nil, "gdb", "-nx", "-batch", "-ex", "set language c", "-x", script, b.Path())
	all := map[*Func][2][]snapshot{}
	var cur snapshot
	for line := range strings.Lines(out) {
		w := strings.Fields(line)
		switch {
		case len(w) != 3:
		case w[0] == "stop":
			cur = snapshot{map[Reg]uint64{}, map[uint64]byte{}}
			pair := all[byAddr[w[2]]]
			i := map[string]int{"entry": 0, "exit": 1}[w[1]]
			pair[i] = append(pair[i], cur)
			all[byAddr[w[2]]] = pair
		case w[0] == "reg":
			cur.regs[Reg(number(t, w[1]))] = number(t, w[2])
		case w[0] == "mem":
			data, err := hex.DecodeString(w[2])
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range data {
				cur.mem[number(t, w[1])+uint64(i)] = c
			}
		}
	}
	return all
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// at returns the bytes at loc; those that are missing are -1.
func (s snapshot) at(loc Loc) []int {
	var out []int
	for _, p := range loc.Pieces {
		switch p.Kind {
		case InReg, Const:
			v := p.Value
			if p.Kind == InReg {
				v = s.regs[p.Reg] >> (8 * p.Off)
			}
			for i := range p.Size {
				out = append(out, int(v>>(8*i)&0xff))
			}
		case InMem:
			out = append(out, s.memory(s.regs[p.Reg]+uint64(p.Off), p.Size)...)
		default:
			for range p.Size {
				out = append(out, -1)
			}
		}
	}
	return out
}

func (s snapshot) memory(at uint64, size int64) []int {
	var out []int
	for i := range uint64(size) {
		c, ok := s.mem[at+i]
		if !ok {
			out = append(out, -1)
			continue
		}
		out = append(out, int(c))
	}
	return out
}

// write writes a value as Rust's {:?} does, with ? for what is missing.
func (s snapshot) write(t *testing.T, typ *Type, v []int) string {
	t.Helper()
	if int64(len(v)) != typ.Size {
		return fmt.Sprintf("%d bytes of %s", len(v), typ.Name)
	}
	if ptr, length, elem, text, ok := typ.RustSequence(); ok {
		return s.writeSequence(t, word(v[ptr:]), word(v[length:]), elem, text)
	}
	var raw [16]byte
	switch typ.Kind {
	case KindBool, KindInt, KindUint, KindFloat, KindEnum, KindPointer:
		for i, c := range v {
			if c < 0 {
				return "?"
			}
			raw[i] = byte(c)
		}
	}
	u := binary.LittleEndian.Uint64(raw[:])
	shift := 64 - 8*min(typ.Size, 8)
	i := int64(u<<shift) >> shift
	switch typ.Kind {
	case KindVoid:
		return "()"
	case KindBool:
		return strconv.FormatBool(u != 0)
	case KindInt:
		return strconv.FormatInt(i, 10)
	case KindUint:
		if typ.Name == "char" {
			return "'" + string(rune(u)) + "'"
		}
		n := new(big.Int).SetUint64(binary.LittleEndian.Uint64(raw[8:]))
		return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(u)).String()
	case KindFloat:
		return strconv.FormatFloat(math.Float64frombits(u), 'g', -1, 64)
	case KindEnum:
		if !typ.Signed {
			i = int64(u)
		}
		for _, e := range typ.Enum {
			if e.Value == i {
				return e.Name
			}
		}
		return fmt.Sprintf("no enumerator %d", i)
	case KindPointer:
		elem, err := typ.Elem()
		if err != nil {
			t.Fatal(err)
		}
		return s.write(t, elem, s.memory(u, elem.Size))
	case KindArray:
		elem, err := typ.Elem()
		if err != nil {
			t.Fatal(err)
		}
		return s.writeList(t, elem, v)
	case KindStruct:
		return s.writeStruct(t, typ, v, typ.Name)
	case KindVariant:
		return s.writeVariant(t, typ, v)
	}
	return "kind " + kinds[typ.Kind]
}

func word(v []int) uint64 {
	var n uint64
	for i, c := range v[:8] {
		n |= uint64(c&0xff) << (8 * i)
	}
	return n
}

func (s snapshot) writeSequence(t *testing.T, ptr, length uint64, elem *Type, text bool) string {
	t.Helper()
	if length > 16 {
		return fmt.Sprintf("%d elements", length)
	}
	v := s.memory(ptr, int64(length)*elem.Size)
	if !text {
		return s.writeList(t, elem, v)
	}
	var b []byte
	for _, c := range v {
		b = append(b, byte(c))
	}
	return strconv.Quote(string(b))
}

func (s snapshot) writeList(t *testing.T, elem *Type, v []int) string {
	t.Helper()
	var out []string
	for ; len(v) > 0; v = v[elem.Size:] {
		out = append(out, s.write(t, elem, v[:elem.Size]))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (s snapshot) writeStruct(t *testing.T, typ *Type, v []int, name string) string {
	t.Helper()
	fields, err := typ.Fields()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ = strings.Cut(name, "<")
	tuple := true
	var out []string
	for _, f := range fields {
		val := s.write(t, f.Type, v[f.Offset:f.Offset+f.Type.Size])
		if strings.HasPrefix(name, "NonZero") {
			return val
		}
		if !strings.HasPrefix(f.Name, "__") {
			tuple = false
			val = f.Name + ": " + val
		}
		out = append(out, val)
	}
	switch {
	case len(out) == 0:
		return name
	case strings.HasPrefix(name, "("):
		return "(" + strings.Join(out, ", ") + ")"
	case tuple:
		return name + "(" + strings.Join(out, ", ") + ")"
	}
	return name + " { " + strings.Join(out, ", ") + " }"
}

func (s snapshot) writeVariant(t *testing.T, typ *Type, v []int) string {
	t.Helper()
	vs, err := typ.Variants()
	if err != nil {
		return "!" + err.Error()
	}
	d := uint64(0)
	if f := vs.Discr; f.Type != nil {
		for i, c := range v[f.Offset : f.Offset+f.Type.Size] {
			if c < 0 {
				return "?"
			}
			d |= uint64(c) << (8 * i)
		}
	}
	var other *Variant
	for i := range vs.List {
		one := &vs.List[i]
		if len(one.Ranges) == 0 {
			other = one
		}
		for _, r := range one.Ranges {
			if d >= r[0] && d <= r[1] {
				return s.writeStruct(t, one.Field.Type, v[one.Field.Offset:], one.Name)
			}
		}
	}
	if other == nil {
		return fmt.Sprintf("no variant %d", d)
	}
	return s.writeStruct(t, other.Field.Type, v[other.Field.Offset:], other.Name)
}

// refusedRust are the arguments and results of testprogs/rust/values that have
// no place, by the same reason in all builds.
var refusedRust = map[string]error{
	"float v":  ErrUnsupportedClass,
	"float":    ErrUnsupportedClass,
	"opt_u128": errWideDiscr,
	// Pairs if UserId and CId are not #[repr(C)], which one of them is.
	"opt_id":   errUnknownABI,
	"opt_cid":  errUnknownABI,
	"id_pair":  errUnknownABI,
	"cid_pair": errUnknownABI,
	// Returned elsewhere by an extern "C" function.
	"cpoint":  errMaybeC,
	"packed":  errMaybeC,
	"aligned": errMaybeC,
}

// unreadRust are the values that cannot be read whole.
var unreadRust = map[string]string{
	"opt_f64 Some(1.5)": "Some(?)",
	"opt_u128 Some(7)":  "!variants of Option<u128>: the discriminant has more than 8 bytes",
}

// lostRust are the arguments that optimised code does not describe at the
// entry.
var lostRust = map[string]string{
	"tight": "w=6",
}

// TestRustPassing reads arguments and results of a program where Params says
// they are, and compares them with what the program says it passed.
func TestRustPassing(t *testing.T) {
	want := map[string][]string{}
	for _, line := range testutil.ReadHeader(t, "rust", "values").Prints[""] {
		name, key, _ := strings.Cut(strings.TrimPrefix(line, "calls "), " ")
		want[name] = append(want[name], strings.TrimSuffix(key, " = 1"))
	}
	for _, flags := range rustBuilds {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel()
			static := append(flags, "-C", "relocation-model=static", "-C", "link-arg=-no-pie")
			b := symOpen(t, testutil.Build(t, "rust", "values", static...), nil)
			funcs := map[string]*Func{}
			for name := range want {
				funcs[name] = funcNamed(t, b, "values::"+name)
			}
			seen := watch(t, b, slices.Collect(maps.Values(funcs)))
			for name, f := range funcs {
				params, err := b.Params(f)
				if err != nil {
					t.Fatal(err)
				}
				calls := seen[f]
				if len(calls[0]) != len(want[name]) || len(calls[1]) != len(want[name]) {
					t.Fatalf("%s was seen to start %d times and to return %d times, want %d", name, len(calls[0]), len(calls[1]), len(want[name]))
				}
				if w, many := want[name][0], strings.Contains(want[name][0], "="); many {
					if lost, ok := lostRust[name]; ok && flags[0] == "release" {
						w = strings.Replace(w, lost, lost[:2]+"?", 1)
					}
					if got := calls[0][0].arguments(t, params); got != w {
						t.Errorf("%s: got %s, want %s; %s", name, got, w, show(params, b.Arch()))
					}
					continue
				}
				if len(params) != 3 || params[0].Name != "v" || params[1].Name != "end" || !params[2].Result {
					t.Errorf("%s: %s", name, show(params, b.Arch()))
					continue
				}
				for _, p := range params {
					checkPassed(t, name, p, calls, want[name])
				}
			}
		})
	}
}

// arguments writes the arguments that have names as name=value.
func (s snapshot) arguments(t *testing.T, params []Param) string {
	t.Helper()
	var out []string
	for _, p := range params {
		switch {
		case p.Name == "" || p.Result:
		case errors.Is(p.Err, ErrOptimizedOut):
			out = append(out, p.Name+"=?")
		case p.Err != nil:
			out = append(out, p.Name+"="+p.Err.Error())
		default:
			out = append(out, p.Name+"="+s.write(t, p.Type, s.at(p.Loc)))
		}
	}
	return strings.Join(out, " ")
}

// checkPassed compares an argument or result with what it should be in each
// call of the function name.
func checkPassed(t *testing.T, name string, p Param, calls [2][]snapshot, want []string) {
	t.Helper()
	key := strings.TrimSpace(name + " " + p.Name)
	if why, refused := refusedRust[key]; refused {
		if !errors.Is(p.Err, why) {
			t.Errorf("%s: %s %v, want %v", key, showPlace(p, AMD64), p.Err, why)
		}
		return
	}
	at := calls[0]
	if p.Result {
		at = calls[1]
	}
	for i, w := range want {
		switch {
		case p.Name == "end":
			w = strconv.Itoa(i + 1)
		case unreadRust[name+" "+w] != "":
			w = unreadRust[name+" "+w]
		}
		if got := at[i].write(t, p.Type, at[i].at(p.Loc)); got != w || p.Err != nil {
			t.Errorf("%s: got %s, want %s; %s %v", key, got, w, showPlace(p, AMD64), p.Err)
		}
	}
}
