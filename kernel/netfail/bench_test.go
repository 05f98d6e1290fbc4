package netfail_test

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What a system call costs, the cheapest there is, without and with a watcher.
func BenchmarkSyscall(b *testing.B) {
	loop := func(b *testing.B) {
		for b.Loop() {
			unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
	}
	b.Run("unwatched", loop)
	b.Run("watched", func(b *testing.B) {
		watch(b, newLab(b))
		loop(b)
	})
}

// What a call costs that fails, without and with a watcher that wants it.
func BenchmarkFailure(b *testing.B) {
	ns := newLab(b)
	loop := func(b *testing.B) {
		if err := ns.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			for b.Loop() {
				_ = unix.Sendto(fd, message, 0, v4("203.0.113.1", 53)) // ENETUNREACH
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("unwatched", loop)
	b.Run("watched", func(b *testing.B) {
		w := watch(b, ns)
		go func() {
			for {
				if _, err := w.Next(); err != nil {
					return
				}
			}
		}()
		loop(b)
		seen, lost, err := w.Counts()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(lost)/float64(seen), "lost/op")
	})
}
