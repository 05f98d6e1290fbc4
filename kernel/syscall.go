package kernel

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/latchprof/latch/elfsym"
)

// syscallEntry is a line of the table that gensyscalls.go writes. A number is -1
// on a machine that does not have the call.
type syscallEntry struct {
	name, entry  string // entry is what the kernel calls it within
	amd64, arm64 int
	params       string // as C declares them
}

// A Syscall is a system call of this machine.
type Syscall struct {
	// Name is what syscalls(2) and strace call it.
	Name   string
	Number int

	entry  string
	params string
}

// NoReturn says that the call never comes back to whoever makes it, so that it
// can be counted and not timed.
func (s *Syscall) NoReturn() bool { return s.Name == "exit" || s.Name == "exit_group" }

// Execs says that the call replaces the memory that its arguments point to.
func (s *Syscall) Execs() bool { return s.Name == "execve" || s.Name == "execveat" }

// Syscalls lists the system calls of this machine by their names. The kernel
// that runs may lack some.
func Syscalls() []Syscall { return syscallsOf(runtime.GOARCH) }

func syscallsOf(arch string) []Syscall {
	var out []Syscall
	for _, e := range syscallTable {
		number := e.amd64
		if arch == "arm64" {
			number = e.arm64
		}
		if number < 0 {
			continue
		}
		params := e.params
		if e.name == "clone" && arch == "arm64" { // CONFIG_CLONE_BACKWARDS
			params = strings.Replace(params, "int *child_tidptr, unsigned long tls", "unsigned long tls, int *child_tidptr", 1)
		}
		out = append(out, Syscall{Name: e.name, Number: number, entry: e.entry, params: params})
	}
	return out
}

// A SyscallParam is a parameter of a system call.
type SyscallParam struct {
	elfsym.Param
	// Declared is its type as C writes it.
	Declared string
	// Input says that it points to what the kernel only reads: what it
	// points to is the same when the call returns, unless another thread has
	// changed it.
	Input bool
}

// Params returns the parameters in their order, and the result last. A
// register of the context that they name is the argument of that number, and the
// one behind the last argument the result. What the running kernel's types tell is
// preferred to what the table holds; types may be nil.
func (s *Syscall) Params(types *Types) []SyscallParam {
	declared := s.declared(types)
	var out []SyscallParam
	for i, d := range declared {
		if i == maxSyscallArgs {
			break
		}
		t := d.typ(types, 8)
		if t.Kind == elfsym.KindUnknown || t.Size > 8 {
			t = &elfsym.Type{Kind: elfsym.KindUint, Name: d.Type, Size: 8}
		}
		out = append(out, SyscallParam{
			Param: elfsym.Param{
				Name: d.Name, Index: i, Type: t,
				Loc: elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.InReg, Reg: elfsym.Reg(i), Size: t.Size}}},
			},
			Declared: d.Type, Input: d.Input,
		})
	}
	if !s.NoReturn() {
		out = append(out, SyscallParam{Declared: "long", Param: elfsym.Param{
			Result: true, Type: resultType(),
			Loc: elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.InReg, Reg: maxSyscallArgs, Size: 8}}},
		}})
	}
	return out
}

// maxSyscallArgs is how many arguments a system call can have.
const maxSyscallArgs = 6

// declared are the parameters as C declares them.
func (s *Syscall) declared(types *Types) []declaration {
	if types != nil {
		if found := declaredIn(types, "__do_sys_"+s.entry); found != nil {
			return found
		}
	}
	var out []declaration
	for p := range strings.SplitSeq(s.params, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, parseDeclaration(p))
		}
	}
	return out
}

// declaredIn are the parameters of a function of the kernel, nil if its types
// do not tell of it.
func declaredIn(types *Types, function string) []declaration {
	var fn *btf.Func
	if types.spec.TypeByName(function, &fn) != nil {
		return nil
	}
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok {
		return nil
	}
	out := []declaration{} // there is one, without any
	for _, p := range proto.Params {
		if p.Name == "__unused" { // the registers: it takes none
			return out
		}
		d := parseDeclaration(spell(p.Type))
		d.Name = p.Name
		out = append(out, d)
	}
	return out
}

// FindSyscalls returns the system calls that the pattern selects, which may be a
// name, a number, a glob or a /regexp/.
func FindSyscalls(pattern string) ([]Syscall, error) {
	p, err := elfsym.ParsePattern(pattern)
	if err != nil {
		return nil, err
	}
	all := Syscalls()
	var out []Syscall
	for _, s := range all {
		if p.Match(s.Name) || pattern == fmt.Sprint(s.Number) {
			out = append(out, s)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return nil, &notFoundError{fmt.Sprintf("sys:%s: this machine has no such system call%s", pattern, listNear(elfsym.Nearest(pattern, names)))}
}
