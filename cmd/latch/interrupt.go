package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/latchprof/latch/uprobe"
)

// interrupts ends a context at the first Ctrl-C or SIGTERM, and the program at
// the second, but not while probes are put in or taken out: a kernel that is
// left in the middle of that leaves a probe in the target's text.
type interrupts struct {
	signals chan os.Signal
	done    chan struct{}
	cancel  context.CancelFunc
	probes  sync.Mutex // held while probes are put in or taken out

	mu         sync.Mutex
	child      *launched
	terminated bool
}

// oneSignal is how long further signals count as the first: timeout(1) sends its
// SIGTERM to the program, and then to the whole process group.
const oneSignal = 100 * time.Millisecond

func interruptible(parent context.Context) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancel(parent)
	i := &interrupts{signals: make(chan os.Signal, 2), done: make(chan struct{}), cancel: cancel}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for first := (time.Time{}); ; {
			select {
			case <-i.done:
				return
			case sig := <-i.signals:
				if first.IsZero() {
					first = time.Now()
				}
				if time.Since(first) > oneSignal {
					i.probes.Lock()
					os.Exit(130)
				}
				cancel()
				if sig == syscall.SIGTERM {
					i.terminate()
				}
			}
		}
	}()
	return ctx, i
}

// passTo hands a SIGTERM on to the command, if there is one, also one that has
// come already: whoever ends latch ends what it has started, as a Ctrl-C, which
// the terminal sends to both, does.
func (i *interrupts) passTo(child *launched) {
	i.mu.Lock()
	i.child = child
	terminated := i.terminated
	i.mu.Unlock()
	if terminated {
		child.terminate()
	}
}

func (i *interrupts) terminate() {
	i.mu.Lock()
	again := i.terminated
	i.terminated = true
	child := i.child
	i.mu.Unlock()
	if !again {
		child.terminate()
	}
}

// stop lets signals do what they do without latch.
func (i *interrupts) stop() {
	signal.Stop(i.signals)
	close(i.done)
	i.cancel()
}

// place puts the plan's probes in, disabled. A first Ctrl-C makes it give up.
func (i *interrupts) place(ctx context.Context, plan *measurePlan, opts *uprobe.Options) (*measurement, error) {
	i.probes.Lock()
	defer i.probes.Unlock()
	opts.Cancel = ctx.Done()
	return plan.attach(opts)
}

// attach is place, enabled.
func (i *interrupts) attach(ctx context.Context, plan *measurePlan, opts *uprobe.Options) (*measurement, error) {
	session, err := i.place(ctx, plan, opts)
	if err != nil {
		return nil, err
	}
	if err := session.Enable(); err != nil {
		return nil, errors.Join(err, i.close(session))
	}
	return session, nil
}

// detach takes the probes out.
func (i *interrupts) detach(session *measurement) error {
	i.probes.Lock()
	defer i.probes.Unlock()
	if err := session.Stop(); err != nil {
		return fmt.Errorf("remove probes: %w", err)
	}
	return nil
}

// close takes the probes out, if they are still in, and frees the session.
func (i *interrupts) close(session *measurement) error {
	i.probes.Lock()
	defer i.probes.Unlock()
	return session.Close()
}
