package firewall

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// dropCounter sees the packets that are freed in one namespace.
type dropCounter struct{ coll *ebpf.Collection }

// compile builds the program of testdata once.
var compileDrops = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "latch-drops-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	object := filepath.Join(dir, "drops.o")
	arch := map[string][2]string{"amd64": {"x86", "x86_64"}, "arm64": {"arm64", "aarch64"}}[runtime.GOARCH]
	cmd := exec.Command("clang", "-target", "bpfel", "-O2", "-g", "-mcpu=v3", "-D__TARGET_ARCH_"+arch[0], "-I../../bpf",
		"-I/usr/include/"+arch[1]+"-linux-gnu", "-c", "testdata/drops.bpf.c", "-o", object)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(object)
})

// countDrops starts counting. Brackets may be nil.
func countDrops(t *testing.T, ns kernel.NetNS, b *Brackets) *dropCounter {
	t.Helper()
	testutil.Need(t, "clang")
	testutil.NeedFile(t, "/usr/include/bpf/bpf_helpers.h")
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	object, err := compileDrops()
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(strings.NewReader(string(object)))
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Variables["netns"].Set(ns.Inode); err != nil {
		t.Fatal(err)
	}
	var opts ebpf.CollectionOptions
	if b != nil {
		opts.MapReplacements = map[string]*ebpf.Map{"brackets": b.Map()}
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(coll.Close)
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "kfree_skb", Program: coll.Programs["drop"]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &dropCounter{coll}
}

// tags counts by bracket.
func (d *dropCounter) tags(t *testing.T, n int) []uint64 {
	t.Helper()
	counts := make([]uint64, n)
	for i := range counts {
		if err := d.coll.Maps["drops"].Lookup(uint32(i), &counts[i]); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// stack is the one in which n packets were dropped in a hook, or by nf_queue.
func (d *dropCounter) stack(t *testing.T, n uint64) []string {
	t.Helper()
	counts := make(map[string]uint64)
	var id uint32
	var count uint64
	for iter := d.coll.Maps["counts"].Iterate(); iter.Next(&id, &count); {
		var addrs [64]uint64
		if err := d.coll.Maps["stacks"].Lookup(id, &addrs); err != nil {
			t.Fatal(err)
		}
		counts[strings.Join(trimFrees(symbolise(t, addrs[:])), " ")] += count
	}
	var found []string
	for stack, count := range counts {
		if count == n && strings.Contains(stack, "nf_hook_slow") {
			found = append(found, stack)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d stacks in a hook dropped %d packets: %v", len(found), n, counts)
	}
	return strings.Fields(found[0])
}

// trimFrees cuts the tracer, whose own program has no name here, and the
// functions that only free.
func trimFrees(stack []string) []string {
	free := []string{"bpf_trace_run", "__bpf_trace_", "__traceiter_", "kfree_skb", "sk_skb_reason_drop", "__sk_skb_reason_drop"}
	begin := 0
	for i, fn := range stack {
		if slices.ContainsFunc(free, func(prefix string) bool { return strings.HasPrefix(fn, prefix) }) {
			begin = i + 1
		}
	}
	return stack[begin:]
}

type symbol struct {
	addr uint64
	name string
}

var kallsyms = sync.OnceValues(func() ([]symbol, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []symbol
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		words := strings.Fields(scanner.Text())
		if addr, err := strconv.ParseUint(words[0], 16, 64); err == nil && strings.ContainsAny(words[1], "tTwW") {
			all = append(all, symbol{addr, words[2]})
		}
	}
	slices.SortFunc(all, func(a, b symbol) int {
		if a.addr < b.addr {
			return -1
		}
		return 1
	})
	return all, nil
})

// symbolise names return addresses.
func symbolise(t *testing.T, addrs []uint64) []string {
	t.Helper()
	all, err := kallsyms()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range addrs {
		if a == 0 {
			break
		}
		i, _ := slices.BinarySearchFunc(all, a, func(s symbol, a uint64) int {
			if s.addr < a {
				return -1
			}
			return 1
		})
		if i > 0 {
			names = append(names, all[i-1].name)
		}
	}
	return names
}
