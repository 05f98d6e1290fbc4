// Package fetch compiles expressions over a function's parameters into the
// eBPF instructions that read them.
//
// [Parse] takes the text a user writes, a Go expression, and [Compile] types
// it against one function: what a name means and where its value is differs
// from function to function. The result is a [Program] whose instructions
// replace the empty fetch functions of the eBPF object, and whose [Part]s turn
// the bytes they leave behind into text.
//
// # The language
//
// Names are parameters and named results; arg0, arg1, … and ret, ret0, …; and
// pid, tid, goid, comm, uid, cpu, cgroup and latency (in nanoseconds). A name
// that means nothing by itself may be an enumerator of what it is compared or
// combined with: color == Red. Constants are Go's, with time.Millisecond and
// its kin; nil is also NULL.
//
//	x.f           a field, through pointers, embedded structs and base classes
//	*p, x[i]      of slices, arrays and strings within their bounds
//	len(x) cap(x) of strings, slices, arrays and Go's maps and channels
//	str(p)        text up to a NUL; str(p, n) the n bytes at p
//	*(*uint32)(p) raw memory, as any of Go's basic types
//	int32(x)      conversions between integers, pointers to uintptr
//	+ - * / % & | ^ &^ << >>   == != < <= > >=   && || !
//	hasPrefix(s, "x")          also s == "x" and s != "x"; x is a constant
//	log2(x)       the largest power of two not above x, 0 for what is below 1
//	ntop(x)       an IP address: 4 or 16 bytes, or a struct sockaddr
//	x.(T)         what Go's interface x holds, where it is a T
//	e.V.f         a field of the variant V of a Rust enum, where e is one
//
// Variables that a Go closure has captured are names too. Words that are Go's
// keywords may be names: p.type.
//
// Arithmetic on two values of one type wraps around as in Go; between types it
// is done in 64 bits, signed if either is. Pointers count bytes: p + 8 is 8
// bytes behind p. Comparisons between signed and unsigned numbers go by their
// values. Text is compared as a whole, however much of it is kept; a null
// pointer to char is no text, so it equals none and begins with none. C++
// references stand for what they refer to, std::string and std::string_view
// are text, as are Rust's strings. Floating point in memory can be a key, and be
// compared with its like and with constants.
//
// # Values of several parts
//
// A struct is shown as {a:1 s:"x"}, a tuple as (1 2), elements that are plain
// as [1 2 3], other slices as []string(3), a Go map as map[string]int(2), an
// enum of Rust as Some(9), an interface as the type it holds, and an error that
// is only a text with it, *errors.errorString: not found. What is long is cut
// with a mark, …. What x.(T) and e.V are not is (none): there is no value, and a
// filter that needs one does not want the call; of a || b the other side is
// asked.
//
// Division by zero, an index out of bounds, a negative shift count or length,
// and memory that is not there make the expression unreadable, unless && or ||
// did not need that part.
//
// # When things are read
//
// Parameters, and memory behind them, are read at the entry; results and what
// is found through them, and latency, at the return. An expression may use
// both: what the entry knows of it is then kept with the call. Only memory
// whose address depends on a result, as in str(buf, ret), is read at the
// return.
//
// A filter is decided at the entry as far as its leading terms (a && b && …)
// need no return. What it rejects is counted as filtered. Where it cannot be
// read, the call is neither measured nor filtered, but lost, under the name
// where_unreadable.
package fetch
