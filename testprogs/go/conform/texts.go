package main

import "strings"

type path string

//go:noinline
func String(v string) string {
	touched++
	return v
}

//go:noinline
func Path(v path) path {
	touched++
	return v
}

// Split gives back parts of its argument.
//
//go:noinline
func Split(s string, at int) (before, after string, ok bool) {
	if at > len(s) {
		return s, "", false
	}
	return s[:at], s[at:], true
}

//go:noinline
func Bytes(b []byte, n int) []byte {
	touched++
	return b[n:]
}

//go:noinline
func Behind(s *string, list []string, i int) *string {
	touched++
	return &list[i]
}

func texts() {
	x := strings.Repeat("x", 61)
	for _, v := range []string{"", "plain", "größe ☃", "with \"quotes\"\n", x + "abc", x + "abcd", x + "äöü", "null\x00inside"} {
		ret := String(v)
		put("String", "v", v)
		put("String", "ret", ret)
		put("String", "len(v)", len(v))
		put("String", "len(ret) + 1", len(ret)+1)
		put("String", "v == \"plain\"", v == "plain")
		put("String", "v != \"\"", v != "")
		put("String", "hasPrefix(v, \"x\")", strings.HasPrefix(v, "x"))
		put("String", "hasPrefix(v, \"größe\")", strings.HasPrefix(v, "größe"))
		if len(v) > 2 {
			put("String", "v[2]", v[2])
		} else {
			unreadable("String", "v[2]")
		}
	}
	both("Path", Path, "/usr", "")
	for _, at := range []int{2, 9} {
		s := "splitted"
		before, after, ok := Split(s, at)
		put("Split", "s", s)
		put("Split", "at", at)
		put("Split", "before", before)
		put("Split", "after", after)
		put("Split", "ok", ok)
		put("Split", "len(before) == at", len(before) == at)
		if at < len(s) {
			put("Split", "s[at]", s[at])
		} else {
			unreadable("Split", "s[at]")
		}
	}
	b := []byte("bytes of text")
	for _, n := range []int{6, 9} {
		ret := Bytes(b, n)
		put("Bytes", "b", b)
		put("Bytes", "ret", ret)
		put("Bytes", "str(b)", string(b[:len("bytes of text")]))
		put("Bytes", "str(b, n)", string(b[:n]))
		put("Bytes", "str(b, len(b))", string(b))
		put("Bytes", "b[n]", b[n])
		put("Bytes", "len(b) - n", len(b)-n)
		put("Bytes", "cap(b) >= len(b)", cap(b) >= len(b))
	}
	list := []string{"first", "second", "größe"}
	s := kept("behind a pointer")
	for i := range list {
		ret := Behind(s, list, i)
		put("Behind", "s", s)
		put("Behind", "*s", *s)
		put("Behind", "len(*s)", len(*s))
		put("Behind", "list", list)
		put("Behind", "list[i]", list[i])
		put("Behind", "list[2]", list[2])
		put("Behind", "list[i] == \"second\"", list[i] == "second")
		put("Behind", "*ret", *ret)
		put("Behind", "ret", ret)
	}
}
