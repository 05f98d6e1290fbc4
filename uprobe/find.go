package uprobe

import "github.com/latchprof/latch/elfsym"

// A Match is a function that a request's patterns select.
type Match struct {
	Func  *elfsym.Func
	Image *Image
}

// Matches are functions with the images that hold them.
type Matches struct {
	List []Match
	plan Plan
}

// Close closes the images.
func (m *Matches) Close() error { return m.plan.Close() }

// Find returns the functions that the request's patterns select, without
// looking for sites and without a limit on their number. A request without
// patterns selects all functions of the executables.
func Find(req *Request) (*Matches, error) {
	t, err := openTarget(req)
	if err != nil {
		return nil, err
	}
	m := &Matches{}
	all := *req
	all.All = true
	if len(all.Patterns) == 0 {
		all.Patterns = []string{"*"}
	}
	found, _, err := t.selectFuncs(&all)
	m.plan.Images = t.opened()
	if err != nil {
		m.Close()
		return nil, err
	}
	for _, s := range found {
		m.List = append(m.List, Match{s.fn, s.image})
	}
	return m, nil
}

// Inspect chooses the sites of one match, as NewPlan would.
func (m *Matches) Inspect(req *Request, match Match) (*Probe, error) {
	t := newTarget(req)
	return t.probe(req, selection{fn: match.Func, image: match.Image})
}
