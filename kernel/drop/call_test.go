package drop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// callSize is that of an open call with so short a key that it is the header
// and one word.
const callSize = int(unsafe.Offsetof(bpf.DropCall{}.Key)) + bpf.KeyHeader + 8

// callMaps makes the maps of calls in flight, which a session shares else.
func callMaps(t *testing.T) map[string]*ebpf.Map {
	t.Helper()
	spec, err := bpf.LoadDrop()
	if err != nil {
		t.Fatal(err)
	}
	maps := make(map[string]*ebpf.Map)
	for _, name := range []string{bpf.DropMapOpenCalls, bpf.DropMapInnermost, bpf.DropMapGoLayouts} {
		s := spec.Maps[name]
		s.MaxEntries, s.Key, s.Value = 64, nil, nil
		if name == bpf.DropMapOpenCalls {
			s.ValueSize = uint32(callSize)
		}
		m, err := ebpf.NewMap(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		maps[name] = m
	}
	return maps
}

// openCall is what a probe at a function's entry would note for the calling
// thread, which must be locked. Its frame is further up than any.
func openCall(maps map[string]*ebpf.Map, fn uint32) (bpf.DropCallId, error) {
	const returnAddr = 0x1d1e5
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return bpf.DropCallId{}, err
	}
	binary.NativeEndian.PutUint64(page, returnAddr)
	tgid := uint32(os.Getpid())
	id := bpf.DropCallId{Depth: -uint64(uintptr(unsafe.Pointer(&page[0]))), Tgid: tgid, Func: fn}
	call := bpf.DropCall{EntryNs: 1, ReturnAddr: returnAddr, Tid: uint32(unix.Gettid())}
	call.Key.Func = fn
	value := unsafe.Slice((*byte)(unsafe.Pointer(&call)), callSize)
	if err := maps[bpf.DropMapOpenCalls].Put(&id, value); err != nil {
		return id, err
	}
	return id, maps[bpf.DropMapInnermost].Put(&bpf.DropStackId{Stack: uint64(unix.Gettid()), Tgid: tgid}, &id)
}

// counted reads what is noted of drops with an open call.
func counted(t *testing.T, maps map[string]*ebpf.Map, id bpf.DropCallId) (drops, since uint64) {
	t.Helper()
	value, err := maps[bpf.DropMapOpenCalls].LookupBytes(&id)
	if err != nil || value == nil {
		t.Fatalf("read an open call: %v", err)
	}
	word := func(at uintptr) uint64 { return binary.NativeEndian.Uint64(value[at:]) }
	return word(unsafe.Offsetof(bpf.DropCall{}.Drops)), word(unsafe.Offsetof(bpf.DropCall{}.DropNs))
}

// loseAll makes the sockets that this process opens until the test's end lose
// all that they send, by a program on a cgroup that it moves to.
func loseAll(t *testing.T) {
	t.Helper()
	root := t.TempDir()
	if err := unix.Mount("none", root, "cgroup2", 0, ""); err != nil {
		t.Fatalf("mount cgroup2: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	_, home, _ := strings.Cut(string(text), "0::")
	home, _, _ = strings.Cut(home, "\n")
	move := func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0o644)
	}
	group := filepath.Join(root, fmt.Sprintf("latch-lose-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := move(filepath.Join(root, home)); err != nil {
			t.Error(err)
		}
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	if err := move(group); err != nil {
		t.Fatal(err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetEgress, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prog.Close() })
	l, err := link.AttachCgroup(link.CgroupOptions{Path: group, Attach: ebpf.AttachCGroupInetEgress, Program: prog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// onCPU keeps the calling thread, which must be locked, on the first processor
// that this process may use.
func onCPU() error {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &all); err != nil {
		return err
	}
	for i := range 1024 {
		if all.IsSet(i) {
			one.Set(i)
			break
		}
	}
	return unix.SchedSetaffinity(0, &one)
}

// A SYN is lost in the system call that sends it; when it is sent again, a timer
// interrupts a thread that is in a call of its own. Both are of the call that
// connected.
func TestCallOfTimer(t *testing.T) {
	ns := namespace(t)
	loseAll(t)
	maps := callMaps(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Every: true, Calls: &Calls{kernel.Calls{Maps: maps, KeySize: bpf.KeyHeader + 8}, true}})

	// A thread that is always on the processor where the timer goes off.
	var enough atomic.Bool
	spun, bystander := make(chan struct{}), make(chan bpf.DropCallId, 1)
	go func() {
		defer close(spun)
		runtime.LockOSThread() // until it ends, as its affinity is its own
		id, err := openCall(maps, 2)
		if err == nil {
			err = onCPU()
		}
		if err != nil {
			t.Error(err)
		}
		bystander <- id
		for !enough.Load() {
		}
	}()
	t.Cleanup(func() { enough.Store(true); <-spun })
	other := <-bystander

	var connects bpf.DropCallId
	connected, over := make(chan error, 1), make(chan struct{})
	go ns.Do(func() error {
		err := func() (err error) {
			if connects, err = openCall(maps, 1); err != nil {
				return err
			}
			if err := onCPU(); err != nil {
				return err
			}
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { unix.Close(fd) })
			if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}); err != unix.EINPROGRESS {
				return fmt.Errorf("connect: %w", err)
			}
			return nil
		}()
		connected <- err
		<-over // the thread stays where its call is
		return nil
	})
	t.Cleanup(func() { close(over) })
	if err := <-connected; err != nil {
		t.Fatal(err)
	}
	inCall, inTimers := 0, 0
	for deadline := time.Now().Add(20 * time.Second); inTimers == 0 && time.Now().Before(deadline); runtime.Gosched() {
		drops, err := tr.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			if d.Flow.Proto != unix.IPPROTO_TCP || d.Packet == nil {
				continue
			}
			if d.Call == nil || binary.NativeEndian.Uint32(d.Call.Key) != 1 {
				t.Errorf("in a timer: %v, on top of thread %d: not of the call that connected: %+v", d.Packet.Softirq, d.Packet.TaskTID, d.Call)
			}
			if d.Packet.Softirq {
				inTimers++
			} else {
				inCall++
			}
		}
	}
	if inCall != 1 || inTimers == 0 {
		t.Errorf("%d drops in the system call, %d in timers", inCall, inTimers)
	}
	if drops, since := counted(t, maps, connects); drops < 2 || since == 0 {
		t.Errorf("the call that connected had %d drops and waits since %d", drops, since)
	}
	if drops, since := counted(t, maps, other); drops != 0 || since != 0 {
		t.Errorf("the call that was interrupted had %d drops and waits since %d", drops, since)
	}
}

// A datagram is lost in an interrupt that the send itself raises: nothing says
// whose it was, and the call is not told.
func TestNoCallOfReceiver(t *testing.T) {
	ns := namespace(t)
	maps := callMaps(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Every: true, Calls: &Calls{kernel.Calls{Maps: maps, KeySize: bpf.KeyHeader + 8}, true}})
	var id bpf.DropCallId
	err := ns.Do(func() (err error) {
		if id, err = openCall(maps, 1); err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for range 5 {
			if err := unix.Sendto(fd, []byte("hello"), 0, &unix.SockaddrInet4{Port: 4000, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, _ := collect(t, tr, 5)
	for _, d := range all {
		if d.Call != nil {
			t.Errorf("%s in %s is told of a call", d.Reason, d.Location)
		}
	}
	if drops, _ := counted(t, maps, id); drops != 0 {
		t.Errorf("the call had %d drops", drops)
	}
}

// talkAndClose opens connections over the loopback and closes them, each end with
// something unread.
func talkAndClose() error {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(l)
	to := &unix.SockaddrInet4{Port: 4001, Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(l, to), unix.Listen(l, 8)); err != nil {
		return err
	}
	for i := range 6 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(c, to); err != nil {
			return err
		}
		s, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		if err != nil {
			return err
		}
		ends := []int{c, s}
		for _, end := range ends {
			if _, err := unix.Write(end, []byte("hello")); err != nil {
				return err
			}
		}
		if i%2 == 0 { // in order: both have read all
			for _, end := range ends {
				if _, err := unix.Read(end, make([]byte, 16)); err != nil {
					return err
				}
			}
		}
		for _, end := range ends {
			if err := unix.Close(end); err != nil {
				return err
			}
		}
	}
	u, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	to.Port++
	return errors.Join(unix.Bind(u, to), unix.Sendto(u, []byte("hello"), 0, to), unix.Close(u))
}

// What the kernel frees as connections end is no drop of the call that ends
// them.
func TestNoCallOfRoutine(t *testing.T) {
	ns := namespace(t)
	maps := callMaps(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Every: true, Calls: &Calls{kernel.Calls{Maps: maps, KeySize: bpf.KeyHeader + 8}, true}})
	var id bpf.DropCallId
	err := ns.Do(func() (err error) {
		if id, err = openCall(maps, 1); err != nil {
			return err
		}
		return talkAndClose()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Stop(); err != nil {
		t.Fatal(err)
	}
	all, err := tr.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Call != nil {
			t.Errorf("%q in %s, below %q, is told of the call", d.Reason, d.Location, d.Stack)
		}
	}
	if drops, _ := counted(t, maps, id); drops != 0 {
		t.Errorf("the call had %d drops", drops)
	}
}
