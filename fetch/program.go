package fetch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// MaxKey is the most bytes the values of one key may take, and MaxParts the
// most parts it may have: two status bits each in 32.
const (
	MaxKey   = 4096
	MaxParts = 16
)

// A Status says how reading a part went.
type Status uint8

// The statuses, as the eBPF side numbers them (enum key_status).
const (
	OK Status = iota
	Unreadable
	Truncated
	None
)

// The verdicts on a call, as the eBPF side numbers them (enum verdict).
const (
	Rejected = iota
	Wanted
	Undecided // something could not be read
)

// A Part is one expression's share of a key.
type Part struct {
	Name   string // the alias
	Offset int    // in the key's data
	Size   int
	Text   bool // length word and bytes; else 8 bytes extended by the type's sign
	Type   *elfsym.Type

	comm bool // a text that is padded by NULs
}

// A Program reads the values of one function's key.
type Program struct {
	Parts []Part
	// Entry and Exit are the bodies of the fetch functions that run at the
	// entry and at the exit; nil where there is nothing to read. They take
	// the context in R1, the open call in R2 and, at the exit, its latency in
	// nanoseconds in R3.
	Entry, Exit asm.Instructions
	// Where and WhereExit decide whether a call is wanted, at the entry and,
	// where it takes more than is known there, at the exit; nil where there
	// is nothing to decide. They return one of the verdicts. Where runs
	// before there is an open call and takes the goroutine's id in R2;
	// WhereExit takes what Exit takes, and runs before it.
	Where, WhereExit asm.Instructions
	// Reads and ReadsMemory say what the entry side needs unchanged.
	Reads       elfsym.RegSet
	ReadsMemory bool
	// Sleepable says that a program holding this one must be able to fault
	// pages in.
	Sleepable bool
	// Size is the length of the key's data in bytes.
	Size int
	// Hidden is the length of what follows the key's data: values of the
	// entry that the exit needs. Exit zeroes it before the key is used.
	Hidden int
}

// Filters reports whether the program rejects calls.
func (p *Program) Filters() bool { return p != nil && (p.Where != nil || p.WhereExit != nil) }

// AtExit reports whether the program needs to see calls return.
func (p *Program) AtExit() bool { return p != nil && (p.Exit != nil || p.WhereExit != nil) }

// WithoutSleep returns the instructions for a program that must not fault
// pages in: what is not in memory is unreadable there.
func WithoutSleep(insns asm.Instructions) asm.Instructions {
	out := append(asm.Instructions(nil), insns...)
	for i := range out {
		if out[i].IsBuiltinCall() && asm.BuiltinFunc(out[i].Constant) == asm.FnCopyFromUser {
			out[i] = asm.Mov.Imm(asm.R0, -14).WithSymbol(out[i].Symbol()) // -EFAULT
		}
	}
	return out
}

// Same reports whether p and o read the same values in the same way, so that
// one eBPF program can serve both functions.
func (p *Program) Same(o *Program) bool { return p.Fingerprint() == o.Fingerprint() }

// Fingerprint is equal for programs that read the same values in the same way.
func (p *Program) Fingerprint() string {
	if p == nil {
		return ""
	}
	var b bytes.Buffer
	for _, insns := range []asm.Instructions{p.Entry, p.Exit, p.Where, p.WhereExit} {
		fmt.Fprintf(&b, "%d\n", len(insns))
		for _, ins := range insns {
			fmt.Fprintf(&b, "%v %d %s\n", ins, ins.Constant, ins.Reference())
		}
	}
	return b.String()
}

// Decode turns a key's status word and data into one text for each part.
func (p *Program) Decode(status uint32, data []byte) []string {
	texts := make([]string, len(p.Parts))
	for i, part := range p.Parts {
		if part.Offset+part.Size > len(data) {
			texts[i] = "(unreadable)"
			continue
		}
		texts[i] = part.decode(Status(status>>(2*i)&3), data[part.Offset:part.Offset+part.Size])
	}
	return texts
}

func (p *Part) decode(status Status, data []byte) string {
	switch status {
	case Unreadable:
		return "(unreadable)"
	case None:
		return "(none)"
	}
	if p.Text {
		n := min(int(binary.NativeEndian.Uint32(data)), len(data)-textHeader)
		text := string(data[textHeader : textHeader+n])
		if p.comm {
			text, _, _ = strings.Cut(text, "\x00")
		}
		if status == Truncated {
			text = trimPartialRune(text) + "…"
		}
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return p.number(int64(binary.NativeEndian.Uint64(data)))
}

// trimPartialRune drops the bytes of a character that the cut went through.
func trimPartialRune(s string) string {
	for i := 1; i <= min(utf8.UTFMax-1, len(s)); i++ {
		if b := s[len(s)-i]; utf8.RuneStart(b) {
			if !utf8.FullRuneInString(s[len(s)-i:]) {
				return s[:len(s)-i]
			}
			break
		}
	}
	return s
}

func (p *Part) number(v int64) string {
	switch p.Type.Kind {
	case elfsym.KindBool:
		return strconv.FormatBool(v != 0)
	case elfsym.KindEnum:
		for _, e := range p.Type.Enum {
			if e.Value == v {
				return e.Name
			}
		}
		if p.Type.Signed {
			return strconv.FormatInt(v, 10)
		}
		return strconv.FormatUint(uint64(v), 10)
	case elfsym.KindFloat:
		if p.Type.Size == 4 {
			return strconv.FormatFloat(float64(math.Float32frombits(uint32(v))), 'g', -1, 32)
		}
		return strconv.FormatFloat(math.Float64frombits(uint64(v)), 'g', -1, 64)
	case elfsym.KindInt:
		return strconv.FormatInt(v, 10)
	case elfsym.KindPointer, elfsym.KindMap, elfsym.KindChan, elfsym.KindFunc:
		return fmt.Sprintf("%#x", uint64(v))
	}
	return strconv.FormatUint(uint64(v), 10)
}
