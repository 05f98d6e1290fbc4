package latency

import "slices"

// Merge adds o's calls to s. Both must be filled in; s's quantiles are found
// anew, its slices are gone. The keys are left alone.
func (s *Series) Merge(o *Series) {
	switch {
	case o.Count == 0:
		return
	case s.Count == 0:
		s.MinNS, s.MaxNS = o.MinNS, o.MaxNS
		s.Over = slices.Clone(o.Over)
	default:
		s.MinNS, s.MaxNS = min(s.MinNS, o.MinNS), max(s.MaxNS, o.MaxNS)
		s.Over = addOver(s.Over, o.Over)
	}
	s.Count += o.Count
	s.SumNS += o.SumNS
	s.SelfNS += o.SelfNS
	s.LostNS += o.LostNS
	s.Buckets = s.Buckets.Merge(o.Buckets)
	s.Slices = nil
	s.Fill()
}
