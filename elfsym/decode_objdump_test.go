package elfsym

import (
	"bufio"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// toolPath skips the test if a tool is missing, except in CI.
func toolPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		toolMissing(t, name)
	}
	return path
}

func toolMissing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing", what)
}

// realBinaries returns the paths of programs and libraries that nobody here
// wrote, by a short name.
func realBinaries(t testing.TB) map[string]string {
	t.Helper()
	out, err := exec.Command(toolPath(t, "go"), "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	goroot := strings.TrimSpace(string(out))
	candidates := map[string][]string{
		"libc":      {"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6"},
		"libcrypto": {"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/lib64/libcrypto.so.3"},
		"libstdc++": {"/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib64/libstdc++.so.6"},
		"postgres":  {"/usr/lib/postgresql/15/bin/postgres"},
		"redis":     {"/usr/bin/redis-server"},
		"etcd":      {"/usr/bin/etcd"},
		"go":        {goroot + "/bin/go"},
		"compile":   {goroot + "/pkg/tool/linux_amd64/compile"},
	}
	found := make(map[string]string)
	for name, paths := range candidates {
		for _, p := range paths {
			if _, err := os.Stat(p); err == nil {
				found[name] = p
				break
			}
		}
	}
	return found
}

// disassembly is a line of objdump.
type disassembly struct {
	addr  VAddr
	bytes []byte
	text  string
}

// objdump calls each with every instruction objdump finds in [lo, hi) of path.
func objdump(t testing.TB, path string, lo, hi uint64, each func(disassembly)) {
	t.Helper()
	cmd := exec.Command(toolPath(t, "objdump"), "-d", "-w", "-j", ".text",
		"--start-address=0x"+strconv.FormatUint(lo, 16), "--stop-address=0x"+strconv.FormatUint(hi, 16), path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		addr, rest, ok := strings.Cut(s.Text(), ":\t")
		if !ok {
			continue
		}
		a, err := strconv.ParseUint(strings.TrimSpace(addr), 16, 64)
		if err != nil {
			continue
		}
		raw, text, _ := strings.Cut(rest, "\t")
		b, err := hex.DecodeString(strings.ReplaceAll(raw, " ", ""))
		if err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		each(disassembly{VAddr(a), b, strings.TrimSpace(text)})
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("objdump %s: %v", path, err)
	}
}

// TestDecodeObjdump compares length and flow of instructions of real programs
// with objdump's. Where objdump sees no instruction, latch may see none or
// one, but where it sees one, latch must agree or refuse.
func TestDecodeObjdump(t *testing.T) {
	for name, path := range realBinaries(t) {
		t.Run(name, func(t *testing.T) {
			lo, hi := textRange(t, path)
			if os.Getenv("LATCH_WHOLE_TEXT") == "" {
				hi = min(hi, lo+1<<18)
			}
			var total, refused, wrong int
			objdump(t, path, lo, hi, func(d disassembly) {
				total++
				if hi-uint64(d.addr) < maxX86 {
					return // objdump prints what --stop-address cuts short
				}
				in, err := decodeX86(append(d.bytes[:len(d.bytes):len(d.bytes)], make([]byte, maxX86)...), d.addr)
				bad := strings.Contains(d.text, "(bad)") || strings.HasPrefix(d.text, ".byte") || prefixOnly(d.text)
				switch {
				case err != nil && bad, bad:
				case err != nil:
					refused++
					if refused < 20 {
						t.Logf("refused: %v: % x %s", err, d.bytes, d.text)
					}
				case d.bytes[0] == 0x9b && in.len == 1:
					// objdump joins fwait with what follows it.
				case int(in.len) != len(d.bytes) || in.flow != flowOfText(d.text):
					wrong++
					if wrong < 20 {
						t.Errorf("%#x: length %d flow %d, objdump: % x %s", uint64(d.addr), in.len, in.flow, d.bytes, d.text)
					}
				}
			})
			t.Logf("%d instructions, %d refused, %d wrong", total, refused, wrong)
			if total < 1000 {
				t.Errorf("objdump printed only %d instructions", total)
			}
			if refused*10000 > total {
				t.Errorf("%d of %d instructions refused", refused, total)
			}
		})
	}
}

// prefixOnly reports whether objdump printed prefixes without an instruction,
// which is how it shows those that do not belong to the next one.
func prefixOnly(text string) bool {
	for _, w := range strings.Fields(text) {
		switch w {
		case "repz", "repnz", "rep", "lock", "cs", "ds", "es", "ss", "fs", "gs", "data16", "addr32", "bnd", "notrack":
		default:
			if !strings.HasPrefix(w, "rex") {
				return false
			}
		}
	}
	return true
}

// flowOfText derives an instruction's flow from objdump's mnemonic.
func flowOfText(text string) flow {
	words := strings.Fields(text)
	for len(words) > 1 && prefixOnly(words[0]) {
		words = words[1:]
	}
	m := strings.TrimSuffix(strings.TrimSuffix(words[0], ",pt"), ",pn")
	indirect := len(words) > 1 && strings.HasPrefix(words[1], "*")
	switch {
	case m == "jmp" && indirect, m == "ljmp":
		return flowJumpInd
	case m == "jmp":
		return flowJump
	case m == "call" && indirect, m == "lcall":
		return flowCallInd
	case m == "call":
		return flowCall
	case m == "ret" || m == "lret" || m == "lretq":
		return flowRet
	case m == "syscall" || m == "sysenter" || m == "int":
		return flowSystem
	case m == "ud2" || m == "ud1" || m == "ud0" || m == "hlt" || m == "int3" || m == "int1" || m == "icebp" || strings.HasPrefix(m, "iret") || m == "sysexit" || m == "sysret" || m == "sysretl" || m == "sysretq":
		return flowStop
	case m[0] == 'j' || strings.HasPrefix(m, "loop") || m == "xbegin":
		return flowCond
	}
	return flowNext
}
