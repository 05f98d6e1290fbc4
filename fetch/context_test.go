package fetch

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/elfsym"
)

// wordsEnv is what a system call or a tracepoint has: words, of which the last is
// the result.
func wordsEnv(types ...*elfsym.Type) *Env {
	env := &Env{Arch: elfsym.HostArch(), Lang: elfsym.LangC, Words: true, Params: []elfsym.Param{}}
	for i, t := range types {
		env.Params = append(env.Params, elfsym.Param{
			Name: string(rune('a' + i)), Index: i, Type: t, Result: i == len(types)-1,
			Loc: elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.InReg, Reg: elfsym.Reg(i), Size: t.Size}}},
		})
	}
	return env
}

// runWords runs a program's entry side in the context of these words.
func runWords(t *testing.T, p *Program, words ...uint64) []string {
	t.Helper()
	needRoot(t)
	values := callMap(t, p)
	context := make([]byte, 8*len(words))
	for i, w := range words {
		binary.NativeEndian.PutUint64(context[8*i:], w)
	}
	for _, body := range []asm.Instructions{p.Entry, p.Exit} {
		if body == nil {
			continue
		}
		prog := loaded(t, &ebpf.ProgramSpec{Type: ebpf.Syscall}, values, WithoutSleep(body))
		_, err := prog.Run(&ebpf.RunOptions{Context: context})
		prog.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	raw := make([]byte, values.ValueSize())
	if err := values.Lookup(uint32(0), raw); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, v := range p.Decode(binary.NativeEndian.Uint64(raw[KeyStatusOffset:]), raw[KeyDataOffset:KeyDataOffset+p.Size]) {
		texts = append(texts, v.Text)
	}
	return texts
}

// TestWords holds that the words of a context are parameters of their own sizes,
// and which of them an expression uses.
func TestWords(t *testing.T) {
	fd := &elfsym.Type{Kind: elfsym.KindInt, Name: "int", Size: 4, Signed: true}
	result := &elfsym.Type{Kind: elfsym.KindEnum, Name: "long", Size: 8, Signed: true, Enum: []elfsym.Enumerator{{Name: "ENOENT", Value: -2}}}
	var keys []*Expr
	for _, text := range []string{"a", "b", "b & 0xff", "c", "c == ENOENT", "c < 0"} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e)
	}
	p, err := Compile(keys, nil, wordsEnv(fd, typeUint64, result))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"a": true, "b": true}, p.Uses); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	enoent := int64(-2)
	got := runWords(t, p, 0xabcd_00000000|0xffffff9c, 0x1234, uint64(enoent))
	if diff := cmp.Diff([]string{"-100", "4660", "52", "ENOENT", "true", "true"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// TestInKernel holds that a program of the kernel's memory reads the process's as
// far as it is there, and waits for nothing.
func TestInKernel(t *testing.T) {
	e, err := Parse("str(a)")
	if err != nil {
		t.Fatal(err)
	}
	env := wordsEnv(typeUintptr, typeInt64)
	env.Kernel = true
	p, err := Compile([]*Expr{e}, nil, env)
	if err != nil {
		t.Fatal(err)
	}
	called := make(map[asm.BuiltinFunc]bool)
	for _, ins := range p.Entry {
		if ins.IsBuiltinCall() {
			called[asm.BuiltinFunc(ins.Constant)] = true
		}
	}
	if called[asm.FnCopyFromUser] || !called[asm.FnProbeReadKernelStr] || !called[asm.FnProbeReadUser] {
		t.Errorf("it calls %v", called)
	}
}

// TestNtop holds how addresses are written.
func TestNtop(t *testing.T) {
	four := []byte{127, 0, 0, 1}
	six := append(make([]byte, 15), 1)
	mapped := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}
	inet := append([]byte{2, 0, 0x1f, 0x90, 10, 0, 0, 7}, make([]byte, 16)...)
	inet6 := append(append([]byte{10, 0, 0, 80, 0, 0, 0, 0}, six...), 0)[:24]
	local := append([]byte{1, 0}, "/run/socket\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for _, c := range []struct {
		data  []byte
		cells int
		want  string
	}{
		{four, 1, "127.0.0.1"}, {six, 2, "::1"}, {mapped, 2, "::ffff:10.1.2.3"},
		{inet, 3, "10.0.0.7:8080"}, {inet6, 3, "[::1]:80"}, {local[:24], 3, "unix"}, {make([]byte, 24), 3, "family 0"},
	} {
		contents := contents{data: make([]byte, 8*c.cells)}
		copy(contents.data, c.data)
		var f addressForm
		for i := range c.cells {
			f.cells = append(f.cells, i)
			contents.cells = append(contents.cells, cell{offset: 8 * i, size: 8})
		}
		if got := f.value(&contents).Text; got != c.want {
			t.Errorf("% x is %s, not %s", c.data, got, c.want)
		}
		if c.cells > 1 { // the last word of an address is not there
			contents.status = uint64(Unreadable) << (2 * (c.cells - 1))
			if got := f.value(&contents).Text; got != "(unreadable)" && c.want != "10.0.0.7:8080" && c.want != "unix" && c.want != "family 0" {
				t.Errorf("half of % x is %s", c.data, got)
			}
		}
	}
	for text, want := range map[string]string{"ntop(a)": "an address", "ntop(a, b)": "1 argument", "ntop(a) + 1": "an address is not", "ntop(c)": "4 or 16 bytes"} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile([]*Expr{e}, nil, wordsEnv(basicTypes["uint32"], typeUint64, typeUint64))
		if text == "ntop(a)" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
