package uprobe

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
)

// openCall is the part of struct call that telling them apart needs.
type openCall struct {
	id          bpf.CallCallId
	entryNS     uint64
	goid        uint64
	returnAddr  uint64
	signalStack uint64
	tid         int
}

// Where it stands in struct call, whose key is cut to size.
const (
	callEntryNS     = unsafe.Offsetof(bpf.CallCall{}.EntryNs)
	callGoid        = unsafe.Offsetof(bpf.CallCall{}.Goid)
	callReturnAddr  = unsafe.Offsetof(bpf.CallCall{}.ReturnAddr)
	callSignalStack = unsafe.Offsetof(bpf.CallCall{}.SignalStack)
	callTid         = unsafe.Offsetof(bpf.CallCall{}.Tid)
)

// readOpenCalls lists the calls that have begun and not returned.
func (s *Session) readOpenCalls() ([]openCall, error) {
	m := s.maps["open_calls"]
	var calls []openCall
	var id bpf.CallCallId
	value := make([]byte, m.ValueSize())
	it := m.Iterate()
	for it.Next(&id, &value) {
		word := func(at uintptr) uint64 { return binary.NativeEndian.Uint64(value[at:]) }
		calls = append(calls, openCall{
			id: id, entryNS: word(callEntryNS), goid: word(callGoid),
			returnAddr: word(callReturnAddr), signalStack: word(callSignalStack),
			tid: int(binary.NativeEndian.Uint32(value[callTid:])),
		})
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read open calls: %w", err)
	}
	return calls, nil
}

// judgeOpenCalls finds the open calls that have left without a return. It must
// run while the probes are in: a call that returns meanwhile takes itself off
// the map, where it would look like one that left once nothing sees returns.
func (s *Session) judgeOpenCalls() error {
	calls, err := s.readOpenCalls()
	if err != nil {
		return err
	}
	judges := make(map[uint32]*judge)
	s.left = make(map[openCall]bool)
	for _, c := range calls {
		j := judges[c.id.Tgid]
		if j == nil {
			j = s.newJudge(int(c.id.Tgid))
			judges[c.id.Tgid] = j
		}
		if int(c.id.Func) < len(s.plan.Probes) && j.left(&s.plan.Probes[c.id.Func], &c) {
			s.left[c] = true
		}
	}
	return nil
}

// openCalls counts the open calls by function. Those that Stop found to have
// left are unwound if they are still there.
func (s *Session) openCalls() (map[uint32]ledger.Open, error) {
	calls, err := s.readOpenCalls()
	if err != nil {
		return nil, err
	}
	out := make(map[uint32]ledger.Open)
	for _, c := range calls {
		sum := out[c.id.Func]
		if s.left[c] {
			sum.Unwound++
		} else {
			sum.InFlight++
		}
		out[c.id.Func] = sum
	}
	return out, nil
}

// judge tells whether open calls of one process can still return.
type judge struct {
	process *procfs.Process // nil when it has ended
	maps    []procfs.Mapping
	sps     map[int]uint64 // stack pointers of blocked threads; 0 unknown
}

func (s *Session) newJudge(pid int) *judge {
	j := &judge{sps: make(map[int]uint64)}
	proc, err := procfs.Open(pid)
	if err != nil {
		return j
	}
	j.process = proc
	j.maps, _ = proc.Mappings() // without them no call is judged to have left
	return j
}

// left says that a call surely ended without a return. A call of a process
// that has ended was in flight when it did.
func (j *judge) left(p *Probe, c *openCall) bool {
	if j.process == nil {
		return false
	}
	if c.id.Stack != 0 {
		return j.goLeft(p, c)
	}
	if !j.process.ThreadAlive(c.tid) {
		return true
	}
	sp := -c.id.Depth
	var word [8]byte
	if c.returnAddr != 0 && j.process.ReadMem(sp, word[:]) == nil {
		slot := binary.NativeEndian.Uint64(word[:])
		// The kernel puts its trampoline there only after the entry program
		// has run (handler_chain, then prepare_uretprobe): a thread that is
		// held up in between still has the address itself.
		if slot != c.returnAddr && (p.Exit == ExitRet || p.Exit == ExitReturn && !j.trampoline(slot)) {
			return true
		}
	}
	current, ok := j.sps[c.tid]
	if !ok {
		current, _ = j.process.ThreadSP(c.tid)
		j.sps[c.tid] = current
	}
	// A handler leaves its signal stack only by returning or by a jump, so a
	// thread that is blocked elsewhere, or further up, has left it.
	if c.signalStack != 0 {
		return current != 0 && (current < c.signalStack || current > sp)
	}
	// Above the stack pointer of a blocked thread on the same stack nothing
	// is alive: a fiber's stack would be another mapping, unless all of them
	// come from one, so that only the thread's own stack proves anything.
	return current > sp && j.ownStack(sp, current)
}

// trampoline says that the kernel's return probes jump to addr, which stands
// in the place of the return address while a probed call is open.
func (j *judge) trampoline(addr uint64) bool {
	for _, m := range j.maps {
		if addr >= m.Lo && addr < m.Hi {
			return m.Path == "[uprobes]"
		}
	}
	return false
}

// ownStack says that both addresses lie in the process's main stack or in one
// mapping that is not the heap.
func (j *judge) ownStack(a, b uint64) bool {
	for _, m := range j.maps {
		if a >= m.Lo && a < m.Hi {
			return b >= m.Lo && b < m.Hi && m.Path != "[heap]"
		}
	}
	return false
}

// Go's scheduler states (runtime/runtime2.go).
const (
	goRunnable = 1
	goSyscall  = 3
	goWaiting  = 4
	goDead     = 6
)

// goLeft asks the goroutine's own record: another goid means that it ended and
// its struct was reused, and a parked goroutine tells how deep it is.
func (j *judge) goLeft(p *Probe, c *openCall) bool {
	offset := p.GoInfo.GoidOffset
	if offset < 144 || offset > 512 {
		return false
	}
	g := make([]byte, offset+8)
	if j.process.ReadMem(c.id.Stack, g) != nil {
		return false
	}
	word := func(at int64) uint64 { return binary.NativeEndian.Uint64(g[at:]) }
	if word(offset) != c.goid {
		return true
	}
	// atomicstatus and stackLock stand before goid, and sched, the saved
	// stack pointer first, at 56, in Go 1.17 to 1.26.
	depth := func(sp uint64) uint64 { return word(8) - sp }
	switch binary.NativeEndian.Uint32(g[offset-8:]) &^ 0x1000 {
	case goDead:
		return true
	case goRunnable, goSyscall, goWaiting: // entering a system call saves it too
		return c.id.Depth > depth(word(56))
	}
	return false
}
