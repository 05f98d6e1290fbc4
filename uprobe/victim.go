package uprobe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

// The victim is a program of a few instructions that calls an empty function
// in a loop. Probing it tells what a probe costs on this machine without
// touching anybody's process.
//
// It reads a byte, calls the function victimCalls times, writes a byte, and
// starts again; it ends with its input.
const (
	victimCalls = 400
	victimBase  = 0x400000
	victimCode  = 0x1000 // file offset of the text, and its distance from the base
	victimFunc  = 0x100  // of the function within the text
)

// victimBodies are the function by the cost of its first instruction.
var victimBodies = map[elfsym.Cost][]byte{
	elfsym.Nop5:     {0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3}, // nopl 0(%rax,%rax,1); ret
	elfsym.Emulated: {0x55, 0x5d, 0xc3},                   // push %rbp; pop %rbp; ret
	elfsym.Stepped:  {0x89, 0xf8, 0xc3},                   // mov %edi,%eax; ret
}

// victimRet is the offset of the RET in each body.
func victimRet(c elfsym.Cost) uint64 { return uint64(len(victimBodies[c]) - 1) }

// victimELF is the program as a static amd64 ELF file.
func victimELF(cost elfsym.Cost) []byte {
	text := []byte{
		0x48, 0x83, 0xec, 0x08, // sub $8,%rsp
		// 4: read(0, rsp, 1)
		0x31, 0xc0, // xor %eax,%eax
		0x31, 0xff, // xor %edi,%edi
		0x48, 0x89, 0xe6, // mov %rsp,%rsi
		0xba, 1, 0, 0, 0, // mov $1,%edx
		0x0f, 0x05, // syscall
		0x83, 0xf8, 0x01, // cmp $1,%eax
		0x75, 0x22, // jne exit (57)
		0xbb, victimCalls & 0xff, victimCalls >> 8, 0, 0, // mov $victimCalls,%ebx
		// 28: loop
		0xe8, 0, 0, 0, 0, // call f
		0xff, 0xcb, // dec %ebx
		0x75, 0xf7, // jne loop (28)
		// 37: write(1, rsp, 1)
		0xb8, 1, 0, 0, 0, // mov $1,%eax
		0xbf, 1, 0, 0, 0, // mov $1,%edi
		0xba, 1, 0, 0, 0, // mov $1,%edx
		0x0f, 0x05, // syscall
		0xeb, 0xcb, // jmp 4
		0x90, 0x90, 0x90, // 56..
		// 59: exit(0)
		0xb8, 60, 0, 0, 0, // mov $60,%eax
		0x31, 0xff, // xor %edi,%edi
		0x0f, 0x05, // syscall
	}
	text[22] = 59 - 23 // jne exit: relative to the next instruction
	text[55] = byte(256 + 4 - 56)
	binary.LittleEndian.PutUint32(text[29:], victimFunc-33)

	var b bytes.Buffer
	header := struct {
		Ident                                            [16]byte
		Type, Machine                                    uint16
		Version                                          uint32
		Entry, Phoff, Shoff                              uint64
		Flags                                            uint32
		Ehsize, Phentsize, Phnum, Shentsize, Shnum, Shst uint16
	}{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, Type: 2, Machine: 62, Version: 1,
		Entry: victimBase + victimCode, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	size := uint64(victimFunc + len(victimBodies[cost]))
	segment := struct {
		Type, Flags                                 uint32
		Off, Vaddr, Paddr, Filesz, Memsz, Alignment uint64
	}{1, 5, victimCode, victimBase + victimCode, victimBase + victimCode, size, size, 0x1000}
	binary.Write(&b, binary.LittleEndian, header)  // a bytes.Buffer takes everything
	binary.Write(&b, binary.LittleEndian, segment) // likewise
	image := make([]byte, victimCode+victimFunc)
	copy(image, b.Bytes())
	copy(image[victimCode:], text)
	return append(image, victimBodies[cost]...)
}

// victim is a running victim.
type victim struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	file *os.File
}

func startVictim(cost elfsym.Cost) (_ *victim, err error) {
	fd, err := unix.MemfdCreate("latch-calibration", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make calibration program: %w", err)
	}
	v := &victim{file: os.NewFile(uintptr(fd), "latch-calibration")}
	defer func() {
		if err != nil {
			v.file.Close()
		}
	}()
	if _, err := v.file.Write(victimELF(cost)); err != nil {
		return nil, fmt.Errorf("write calibration program: %w", err)
	}
	// A file that is open for writing cannot be executed.
	ro, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil, fmt.Errorf("reopen calibration program: %w", err)
	}
	v.file.Close()
	v.file = ro
	v.cmd = exec.Command(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ro.Fd()))
	v.cmd.Args = []string{"latch-calibration"}
	if v.in, err = v.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start calibration program: %w", err)
	}
	if v.out, err = v.cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("start calibration program: %w", err)
	}
	if err := v.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start calibration program: %w", err)
	}
	return v, nil
}

// path is where the kernel finds the victim's file.
func (v *victim) path() string { return fmt.Sprintf("/proc/%d/exe", v.cmd.Process.Pid) }

// round lets the victim make its calls and returns the time of one.
func (v *victim) round() (time.Duration, error) {
	var b [1]byte
	start := time.Now()
	if _, err := v.in.Write(b[:]); err != nil {
		return 0, fmt.Errorf("run calibration program: %w", err)
	}
	if _, err := io.ReadFull(v.out, b[:]); err != nil {
		return 0, fmt.Errorf("run calibration program: %w", err)
	}
	return time.Since(start) / victimCalls, nil
}

func (v *victim) stop() error {
	err := v.in.Close()
	return errors.Join(err, v.cmd.Wait(), v.file.Close())
}
