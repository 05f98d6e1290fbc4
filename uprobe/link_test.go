package uprobe

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

type fakeLink struct{}

func (fakeLink) Close() error { return nil }

// One instruction that the kernel refuses costs its function and no other, with
// as few links as halving finds; an error that is no site's own costs all.
func TestAttachAll(t *testing.T) {
	probes := make([]Probe, 100)
	var points []point
	for i := range probes {
		probes[i].Func = &elfsym.Func{Name: fmt.Sprintf("f%d", i)}
		points = append(points, point{&probes[i], uint64(i)})
	}
	for _, c := range []struct {
		label string
		bad   map[uint64]bool
		err   error
		calls int // at most
	}{
		{"none", nil, nil, 1},
		{"one", map[uint64]bool{37: true}, errNotSupported, 15},
		{"ends", map[uint64]bool{0: true, 99: true}, unix.EINVAL, 29},
		{"all", nil, unix.EPERM, 1},
	} {
		t.Run(c.label, func(t *testing.T) {
			calls, attached := 0, make(map[uint64]int)
			links, refused := attachAll(points, func(points []point) (io.Closer, error) {
				calls++
				for _, p := range points {
					if c.bad[p.offset] || c.bad == nil && c.err != nil {
						return nil, c.err
					}
				}
				for _, p := range points {
					attached[p.offset]++
				}
				return fakeLink{}, nil
			})
			lost := len(c.bad)
			if c.bad == nil && c.err != nil {
				lost = len(points)
			}
			if len(attached) != len(points)-lost || len(refused) != lost {
				t.Errorf("%d points attached and %d functions refused, with %d bad ones", len(attached), len(refused), lost)
			}
			for offset, n := range attached {
				if n != 1 || c.bad[offset] {
					t.Errorf("offset %d is attached %d times", offset, n)
				}
			}
			for p, err := range refused {
				if !errors.Is(err, c.err) {
					t.Errorf("%s: %v, not %v", p.Func.Name, err, c.err)
				}
			}
			if calls > c.calls || (len(links) == 0) != (lost == len(points)) {
				t.Errorf("%d tries, %d links", calls, len(links))
			}
		})
	}
}
