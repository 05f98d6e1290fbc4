package main

import (
	"errors"
	"os"
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

// NextCall returns the next traced call of either kind; each kind's come in the
// order in which they ended. It waits for one until Drain was called; then it
// returns os.ErrClosed behind the last.
func (m *measurement) NextCall() (*latency.Call, error) {
	switch {
	case m.sys == nil:
		return m.user.NextCall()
	case m.user == nil:
		return m.sys.NextCall()
	}
	if m.calls == nil {
		m.calls = &mergedCalls{calls: make(chan nextCall), done: make(chan struct{})}
		m.calls.reading.Go(func() { m.calls.read(m.user.NextCall) })
		m.calls.reading.Go(func() { m.calls.read(m.sys.NextCall) })
		go func() {
			m.calls.reading.Wait()
			close(m.calls.calls)
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
func (m *measurement) Waiting() bool {
	return m.user != nil && m.user.Waiting() || m.sys != nil && m.sys.Waiting()
}

// Drain lets NextCall return the calls that have been seen, and then end.
func (m *measurement) Drain() error {
	var err error
	if m.user != nil {
		err = m.user.Drain()
	}
	if m.sys != nil {
		err = errors.Join(err, m.sys.Drain())
	}
	return err
}
