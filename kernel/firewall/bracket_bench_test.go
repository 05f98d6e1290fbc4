package firewall

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// BenchmarkBracket reports what one bracket costs a packet, by the kernel's
// own measure (BPF_ENABLE_STATS), beside what sending it takes.
func BenchmarkBracket(b *testing.B) {
	ns := newNS(b)
	if err := rlimit.RemoveMemlock(); err != nil {
		b.Fatal(err)
	}
	in(b, ns, `nft 'add table inet f
add chain inet f a { type filter hook output priority -10; }
add chain inet f b { type filter hook output priority 0; }'`)
	w, err := Open(ns)
	if err != nil {
		b.Fatal(err)
	}
	brackets, err := NewBrackets()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = brackets.Close() })
	if err := brackets.Add(w, "OUTPUT"); err != nil {
		b.Fatal(err)
	}
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		b.Fatal(err)
	}
	defer stats.Close()
	b.ResetTimer()
	udp(b, ns, 4000, 4001, b.N, "x")
	b.StopTimer()
	var runs uint64
	var took time.Duration
	for _, l := range brackets.links {
		info, err := l.(link.Link).Info()
		if err != nil {
			b.Fatal(err)
		}
		prog, err := ebpf.NewProgramFromID(info.Program)
		if err != nil {
			b.Fatal(err)
		}
		s, err := prog.Stats()
		if err != nil {
			b.Fatal(err)
		}
		runs += s.RunCount
		took += s.Runtime
		if err := prog.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(runs), "ns/bracket")
	b.ReportMetric(float64(runs)/float64(b.N), "brackets/op")
}
