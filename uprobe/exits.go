package uprobe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/procfs"
)

var (
	errNeverReturns = errors.New("it never returns")
	errGoesOn       = errors.New("it may leave by a jump to code that is not followed, and its result comes only there")
	errNotMapped    = errors.New("its code is not mapped from the file: the program has put something else there, which no probe reaches")
)

// probe chooses the sites of one function.
func (t *target) probe(req *Request, s selection) (*Probe, error) {
	program, err := t.compile(&s, nil)
	if err != nil {
		return nil, err
	}
	opts := &elfsym.SitesOptions{}
	if program != nil {
		opts.Reads, opts.ReadsMemory = program.Reads, program.ReadsMemory
	}
	sites, err := s.image.Binary.Sites(s.fn, opts)
	if err != nil {
		return nil, err
	}
	if len(req.PIDs) > 0 && !s.image.maps(uint64(sites.Entry.Offset)) {
		return nil, errNotMapped
	}
	p := &Probe{Func: s.fn, Image: s.image, Sites: sites, Program: program}
	if s.fn.Lang == elfsym.LangGo {
		if p.GoInfo, err = s.image.Binary.GoInfo(); err != nil {
			return nil, fmt.Errorf("find the layout of goroutines: %w", err)
		}
	}
	p.Exit = t.exit(req, s, &sites)
	if p.Exit == ExitRet && sites.LeavesEarly && program.AtExit() {
		if program, err = t.compile(&s, errGoesOn); err != nil {
			return nil, err
		}
		p.Program = program
	}
	noReturn := cmp.Or(sites.NoExit, errNeverReturns)
	if p.Exit == ExitNone && program.AtExit() {
		if program, err = t.compileIn(&s, t.env(s.fn), noReturn); err != nil {
			return nil, err
		}
		p.Program = program
	}
	if p.Exit == ExitNone && program.AtExit() {
		return nil, fmt.Errorf("ret and latency need to see it return: %w", noReturn)
	}
	return p, nil
}

// maps reports whether a process has that offset of the file mapped as code.
func (img *Image) maps(offset uint64) bool {
	return slices.ContainsFunc(img.Users, func(u User) bool {
		return slices.ContainsFunc(u.Maps, func(m procfs.Mapping) bool {
			return offset >= m.Offset && offset-m.Offset < m.Hi-m.Lo
		})
	})
}

// exit chooses how calls of a function are seen to end. A return probe is the
// cheaper one, as it saves the trap on the RET, but it may be used only where
// nothing can unwind through the frame: the unwinder finds the kernel's
// trampoline in the place of the return address and aborts the program.
func (t *target) exit(req *Request, s selection, sites *elfsym.Sites) ExitKind {
	if s.fn.Has(elfsym.NeverReturns) {
		return ExitNone
	}
	safe := !req.RetOnly && t.noReturnProbe(s) == ""
	if safe && req.Trace != nil && req.Trace.Stack && sites.NoExit == nil {
		return ExitRet // a return probe hides its callers' return addresses
	}
	switch {
	case sites.NoExit == nil && (!safe || sites.Recursive || sites.TailRecursive):
		// The kernel drops return probes nested more than 64 deep, so a
		// function that calls itself gets RET sites; and it hides the return
		// address, by which a tail call to oneself is known.
		return ExitRet
	case safe:
		return ExitReturn
	}
	return ExitNone
}

// noReturnProbe says why s may not get a return probe; "" if it may.
func (t *target) noReturnProbe(s selection) string {
	if s.fn.Lang != elfsym.LangC {
		return fmt.Sprintf("%s unwinds its stack", s.fn.Lang)
	}
	if !t.noReturnDone {
		t.noReturnDone = true
		t.noReturn = t.unwinds()
	}
	s.image.NoReturnProbe = t.noReturn
	return t.noReturn
}

// unwinds says what in the measured processes can unwind through a frame.
func (t *target) unwinds() string {
	if len(t.req.PIDs) == 0 {
		return "processes that start later may hold anything"
	}
	for _, proc := range t.processes {
		if proc.Seccomp() != 0 {
			return "the process has a seccomp filter, which may refuse the return probe's system call"
		}
		if proc.ShadowStack() {
			return "the process has a shadow stack"
		}
	}
	for _, list := range [][]*candidate{t.exes, t.libs} {
		for _, c := range list {
			img, err := c.open()
			if err != nil {
				return fmt.Sprintf("%s cannot be read: %v", c.image.Name, err)
			}
			if img.Binary.Lang() == elfsym.LangGo {
				return fmt.Sprintf("%s is Go", c.image.Name)
			}
			if len(img.Binary.ELF().Sections) == 0 {
				return fmt.Sprintf("%s has no section headers to tell what it holds", c.image.Name)
			}
			why, err := img.Binary.Unwinds()
			if err != nil {
				return fmt.Sprintf("%s cannot be read: %v", c.image.Name, err)
			}
			if why != "" {
				return fmt.Sprintf("%s %s", c.image.Name, why)
			}
		}
	}
	return ""
}
