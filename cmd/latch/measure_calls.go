package main

import (
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/latchprof/latch/latency"
)

// mergedCalls hands on the traced calls of two sessions as they come.
type mergedCalls struct {
	calls   chan nextCall
	done    chan struct{} // closed when nobody wants more
	reading sync.WaitGroup
}

// nextCall is a call, or why there is none.
type nextCall struct {
	call *latency.Call
	err  error
}

// NextCall returns the next traced call of any kind; each kind's come in the
// order in which they ended. It waits for one until Drain was called; then it
// returns os.ErrClosed behind the last.
func (m *measurement) NextCall() (*latency.Call, error) {
	parts := m.parts()
	if len(parts) == 1 {
		return parts[0].NextCall()
	}
	if m.calls == nil {
		c := &mergedCalls{calls: make(chan nextCall), done: make(chan struct{})}
		m.calls = c
		for _, p := range parts {
			c.reading.Go(func() { c.read(p.NextCall) })
		}
		go func() {
			c.reading.Wait()
			close(c.calls)
		}()
	}
	next, ok := <-m.calls.calls
	if !ok {
		return nil, os.ErrClosed
	}
	return next.call, next.err
}

// read hands on the calls of one session until there are no more.
func (c *mergedCalls) read(next func() (*latency.Call, error)) {
	for {
		call, err := next()
		if errors.Is(err, os.ErrClosed) {
			return
		}
		select {
		case c.calls <- nextCall{call, err}:
		case <-c.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// stop waits until the sessions are read no more.
func (c *mergedCalls) stop(m *measurement) error {
	if c == nil {
		return nil
	}
	close(c.done)
	err := errors.Join(m.Stop(), m.Drain())
	c.reading.Wait()
	return err
}

// Waiting reports whether NextCall has a call to return at once.
func (m *measurement) Waiting() bool { return slices.ContainsFunc(m.parts(), part.Waiting) }

// Drain lets NextCall return the calls that have been seen, and then end.
func (m *measurement) Drain() error {
	var err error
	for _, p := range m.parts() {
		err = errors.Join(err, p.Drain())
	}
	return err
}
