package budget

import (
	"math"
	"sort"
)

// maxExact is up to how many calls tails of the binomial distribution are
// computed exactly. Beyond it they are bounded from above (Chernoff), which
// makes intervals wider, never wrong: at so many calls 1.5 times a width of
// less than 0.03 % of the calls.
const maxExact = 1 << 26

// atMost returns the probability that no more than k of n calls are above a
// limit which each is above with probability p, or a bound not below it.
func atMost(k, n uint64, p float64) float64 {
	switch {
	case k >= n || p <= 0:
		return 1
	case p >= 1:
		return 0
	case n > maxExact:
		return chernoff(k, n, p, float64(k) < float64(n)*p)
	}
	return betaInc(1-p, float64(n-k), float64(k+1))
}

// atLeast is atMost for no fewer than k.
func atLeast(k, n uint64, p float64) float64 {
	switch {
	case k == 0 || p >= 1:
		return 1
	case k > n || p <= 0:
		return 0
	case n > maxExact:
		return chernoff(k, n, p, float64(k) > float64(n)*p)
	}
	return betaInc(p, float64(k), float64(n-k+1))
}

// chernoff bounds the tail that begins at k, on the side where it is small:
// exp(-n D(k/n || p)), D being the relative entropy.
func chernoff(k, n uint64, p float64, small bool) float64 {
	if !small {
		return 1
	}
	x := float64(k) / float64(n)
	d := 0.0
	if x > 0 {
		d += x * math.Log(x/p)
	}
	if x < 1 {
		d += (1 - x) * math.Log((1-x)/(1-p))
	}
	return math.Exp(-float64(n) * max(d, 0))
}

// lowerShare returns the exact lower bound of Clopper and Pearson (1934) on the
// share of calls above a limit, when k of n were: it is above the true share
// with a probability of at most alpha.
func lowerShare(k, n uint64, alpha float64) float64 {
	if k == 0 {
		return 0
	}
	// The greatest p with which k or more would be that unlikely.
	return bisect(0, float64(k)/float64(n), func(p float64) bool { return atLeast(k, n, p) > alpha })
}

// upperShare is the upper bound.
func upperShare(k, n uint64, alpha float64) float64 {
	if k >= n {
		return 1
	}
	return bisect(float64(k)/float64(n), 1, func(p float64) bool { return atMost(k, n, p) <= alpha })
}

// bisect returns where between lo and hi f turns true.
func bisect(lo, hi float64, f func(float64) bool) float64 {
	for range 100 {
		mid := lo + (hi-lo)/2
		if hi-lo <= 1e-12*hi || mid == lo || mid == hi {
			break
		}
		if f(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo + (hi-lo)/2
}

// quantileRanks returns the ranks, from 1, of the calls between which the
// quantile lies that the share tail of calls is above, each of the two wrong
// with a probability of at most alpha: lo 0 means that no call is known to be
// below it, hi n+1 that none is known to be above.
func quantileRanks(n uint64, tail, alpha float64) (lo, hi uint64) {
	q := 1 - tail
	// The call of rank r is above the quantile if fewer than r are not: a
	// binomial count of n with probability q is at most r-1.
	lo = search(n, func(r uint64) bool { return atMost(r-1, n, q) > alpha }) - 1
	hi = search(n, func(r uint64) bool { return atLeast(r, n, q) <= alpha })
	return lo, hi
}

// search returns the least rank from 1 to n at which f is true, n+1 if none.
func search(n uint64, f func(uint64) bool) uint64 {
	return 1 + uint64(sort.Search(int(min(n, math.MaxInt64)), func(i int) bool { return f(uint64(i) + 1) }))
}

// betaInc is the regularized incomplete beta function I_x(a, b), by its
// continued fraction (DLMF 8.17.22) in the form of Lentz. It needs in the order
// of sqrt(a+b) terms; the one of aclements/go-moremath panics after 200, which
// a million calls exceed.
func betaInc(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return min(max(1-betaFraction(1-x, b, a), 0), 1)
	}
	return min(max(betaFraction(x, a, b), 0), 1)
}

// betaFraction is betaInc where the fraction converges fast.
func betaFraction(x, a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	sum := d
	for m := 1.0; m < 1e6; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		sum *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		sum *= d * c
		if math.Abs(d*c-1) < 1e-14 {
			break
		}
	}
	return front * sum
}
