package probe

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/internal/ledger"
)

// attached are programs that are in.
type attached struct {
	colls []*ebpf.Collection // of which the first has the switch of all
	links []io.Closer

	start, end time.Time
	stopOnce   sync.Once
	stopErr    error
}

// Enable starts the measurement.
func (a *attached) Enable() error {
	a.start = time.Now()
	return ledger.Switch(a.colls[0], true)
}

// Stop ends the measurement and takes the programs out. Read still answers after
// it. Stopping twice gives the same error.
func (a *attached) Stop() error {
	a.stopOnce.Do(func() {
		if len(a.colls) > 0 && !a.start.IsZero() {
			a.stopErr = ledger.Switch(a.colls[0], false)
		}
		a.end = time.Now()
		a.stopErr = errors.Join(a.stopErr, ledger.CloseAll(a.links))
	})
	return a.stopErr
}

// free stops the measurement and frees programs and maps, after reader if there
// is one.
func (a *attached) free(reader io.Closer) error {
	err := a.Stop()
	if reader != nil {
		err = errors.Join(err, reader.Close())
	}
	for _, c := range a.colls {
		c.Close()
	}
	a.colls = nil
	return err
}
