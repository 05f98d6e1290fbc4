package uprobe

import (
	"bytes"
	"fmt"

	"github.com/latchprof/latch/internal/procfs"
)

// planted is a site in one process's memory.
type planted struct {
	probe    *Probe
	process  *procfs.Process
	addr     uint64
	original []byte
}

// siteBytes is how much of the text a probe can change: a breakpoint's one
// byte, or a nop rewritten to a call of five.
const siteBytes = 5

// checkPlanted reads the sites back from the processes that had the image
// mapped. A function with a site that shows the file's own bytes was not
// planted there: the mapping is not what the file says.
func (s *Session) checkPlanted() error {
	for i := range s.plan.Probes {
		p := &s.plan.Probes[i]
		if s.refused[p] != nil {
			continue
		}
		for _, site := range append(p.Sites.Exits[:len(p.Sites.Exits):len(p.Sites.Exits)], p.Sites.Entry) {
			if p.Exit != ExitRet && site != p.Sites.Entry {
				continue
			}
			original, err := p.Image.Binary.Text(site.Addr, site.Addr+siteBytes)
			if err != nil {
				if original, err = p.Image.Binary.Text(site.Addr, site.Addr+1); err != nil {
					return fmt.Errorf("read %s: %w", p.Func.Name, err)
				}
			}
			s.planted = append(s.planted, mapped(p, uint64(site.Offset), original)...)
		}
	}
	missing := make(map[*Probe]int)
	for _, at := range s.planted {
		now := make([]byte, len(at.original))
		if err := at.process.ReadMem(at.addr, now); err != nil {
			continue // ended, or not ours to read: nothing to compare
		}
		if bytes.Equal(now, at.original) {
			missing[at.probe] = at.process.PID
		}
	}
	for p, pid := range missing {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: no probe can be seen in process %d, whose text is not the file's: its calls may be missing", p.Func.Name, pid))
	}
	return nil
}

// mapped is where a file offset is in each process that had the image mapped.
func mapped(p *Probe, offset uint64, original []byte) []planted {
	var out []planted
	for _, user := range p.Image.Users {
		for _, m := range user.Maps {
			if offset >= m.Offset && offset-m.Offset < m.Hi-m.Lo {
				out = append(out, planted{p, user.Process, m.Lo + offset - m.Offset, original})
			}
		}
	}
	return out
}

// checkRemoved compares the sites with the file after detaching. What differs
// is somebody else's breakpoint or ours; either way the user must know.
func (s *Session) checkRemoved() {
	for _, at := range s.planted {
		now := make([]byte, len(at.original))
		if !at.process.Alive() || at.process.ReadMem(at.addr, now) != nil {
			continue
		}
		// From Linux 6.18 a nop that was rewritten to a call may become a
		// jump over itself's tail; its effect is that of the nop.
		if !bytes.Equal(now, at.original) {
			s.warnings = append(s.warnings, fmt.Sprintf("the text of %s in process %d is not what it was: % x, not % x: another tool may have a probe there",
				at.probe.Func.Name, at.process.PID, now, at.original))
		}
	}
}
