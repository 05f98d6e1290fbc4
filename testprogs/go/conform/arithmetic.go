package main

import "math/bits"

//go:noinline
func Numbers(ia, ib int, ua, ub uint32, sa int8, la uint64) int {
	touched++
	return ia / 3
}

//go:noinline
func Compared(ca, cb int, cu, cv uint32, cs int8, cl uint64) int {
	touched++
	return ca / 3
}

//go:noinline
func Narrows(sh int, us uint16, sc int8, ul uint64) uint16 {
	touched++
	return us
}

//go:noinline
func Truths(ta, tb bool, tc string, td *int) bool {
	touched++
	return ta
}

// below compares by value, whatever the signs.
func below(a int64, b uint64) bool { return a < 0 || uint64(a) < b }

func arithmetic() {
	numbers(-7, 2, 4000000000, 3000000000, -100, 1<<63+5)
	compared(-7, 2, 4000000000, 3000000000, -100, 1<<63+5)
	numbers(1<<62, -3, 1, 7, 100, 12)
	compared(1<<62, -3, 1, 7, 100, 12)
	narrows(3, 60000, -100, 0x123456789abcdef)
	narrows(70, 300, 77, 1)
	zero := 0
	for _, v := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		truths(v[0], v[1], "text", nil)
		truths(v[0], v[1], "", &zero)
	}
}

func numbers(ia, ib int, ua, ub uint32, sa int8, la uint64) {
	Numbers(ia, ib, ua, ub, sa, la)
	const fn = "Numbers"
	put(fn, "ia + ib", ia+ib)
	put(fn, "ia - ib", ia-ib)
	put(fn, "ia * ib", ia*ib)
	put(fn, "ia / ib", ia/ib)
	put(fn, "ia % ib", ia%ib)
	put(fn, "-ia", -ia)
	put(fn, "^ia", ^ia)
	put(fn, "ia & 0xff", ia&0xff)
	put(fn, "ia &^ 3 | 1", ia&^3|1)
	put(fn, "ia ^ ib", ia^ib)
	put(fn, "ua + ub", ua+ub)
	put(fn, "ua - ub", ua-ub)
	put(fn, "ub - ua", ub-ua)
	put(fn, "ua / ub", ua/ub)
	put(fn, "ua % ub", ua%ub)
	put(fn, "ua * ub", ua*ub)
	put(fn, "sa + sa", sa+sa)
	put(fn, "sa * sa", sa*sa)
	put(fn, "la * 3", la*3)
	put(fn, "la / 7", la/7)
	// Between types it is done in 64 bits, signed if either is.
	put(fn, "ia + ua", int64(ia)+int64(ua))
	put(fn, "ua + sa", int64(ua)+int64(sa))
	put(fn, "ua * sa", int64(ua)*int64(sa))
	put(fn, "la + ua", la+uint64(ua))
	put(fn, "int64(ua) * ia", int64(ua)*int64(ia))
}

func compared(ca, cb int, cu, cv uint32, cs int8, cl uint64) {
	ret := Compared(ca, cb, cu, cv, cs, cl)
	const fn = "Compared"
	put(fn, "ca < cb", ca < cb)
	put(fn, "ca <= ca", true)
	put(fn, "cu > cv", cu > cv)
	put(fn, "ca < cl", below(int64(ca), cl))
	put(fn, "cs < cu", below(int64(cs), uint64(cu)))
	put(fn, "cl >= cs", !below(int64(cl), uint64(cs)) || cs < 0)
	put(fn, "ca == 1 << 62", ca == 1<<62)
	put(fn, "ca > 0 && cb < 0", ca > 0 && cb < 0)
	put(fn, "ca > 0 || cu == 4000000000", ca > 0 || cu == 4000000000)
	put(fn, "!(ca == cb)", ca != cb)
	put(fn, "int8(ca)", int8(ca))
	put(fn, "uint8(cs)", uint8(cs))
	put(fn, "int64(cs)", int64(cs))
	put(fn, "uint64(cs)", uint64(cs))
	put(fn, "bool(ca == cb)", ca == cb)
	put(fn, "log2(cl)", uint64(1)<<(bits.Len64(cl)-1))
	put(fn, "log2(cu)", uint32(1)<<(bits.Len32(cu)-1))
	put(fn, "ret", ret)
	put(fn, "ret * 3 <= ca", ret*3 <= ca)
	put(fn, "ret - ca", ret-ca)
}

func narrows(sh int, us uint16, sc int8, ul uint64) {
	ret := Narrows(sh, us, sc, ul)
	const fn = "Narrows"
	put(fn, "ul << sh", ul<<sh)
	put(fn, "ul >> sh", ul>>sh)
	put(fn, "us << sh", us<<sh)
	put(fn, "us >> sh", us>>sh)
	put(fn, "sc >> sh", sc>>sh)
	put(fn, "sc << 1", sc<<1)
	put(fn, "us + us", us+us)
	put(fn, "us * us", us*us)
	put(fn, "us * sc", int64(us)*int64(sc))
	put(fn, "^us", ^us)
	put(fn, "-sc", -sc)
	put(fn, "ul % 1000", ul%1000)
	put(fn, "ret + 1", ret+1)
	put(fn, "log2(us)", uint16(1)<<(bits.Len16(us)-1))
}

func truths(ta, tb bool, tc string, td *int) {
	ret := Truths(ta, tb, tc, td)
	const fn = "Truths"
	put(fn, "ta && tb", ta && tb)
	put(fn, "ta || tb", ta || tb)
	put(fn, "!ta", !ta)
	put(fn, "ta == tb", ta == tb)
	put(fn, "ta != tb", ta != tb)
	put(fn, "ta && tc == \"text\"", ta && tc == "text")
	put(fn, "td != nil && *td == 0", td != nil && *td == 0)
	put(fn, "td == nil || *td > 0", td == nil || *td > 0)
	put(fn, "ret == ta", ret == ta)
}
