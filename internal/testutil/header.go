package testutil

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A Header is what the comment at the top of a test program states in a form
// that a test can hold it to.
type Header struct {
	// Flags are compiler flags the program cannot do without.
	Flags []string
	// Needs are words such as "amd64" or "cgo": without them the program
	// cannot be built here.
	Needs []string
	// Prints holds the lines between "ready" and "done" by the program's
	// arguments, joined by spaces; "" is a run without arguments. Lines that
	// begin with "# " are measurements and not part of it.
	Prints map[string][]string
}

func (h Header) needs(word string) bool { return slices.Contains(h.Needs, word) }

var extensions = map[string]string{"c": ".c", "cxx": ".cc", "go": ".go", "rust": ".rs"}

// ReadHeader reads the header of testprogs/lang/name/name.*.
func ReadHeader(t testing.TB, lang, name string) Header {
	t.Helper()
	path := filepath.Join(Root(t), "testprogs", lang, name, name+extensions[lang])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the header of %s/%s: %v", lang, name, err)
	}
	return parseHeader(string(text))
}

// parseHeader reads the leading comment of a source file:
//
//	Flags: -fcf-protection=full
//	Needs: amd64 (reason)
//	Prints:
//	  calls f = 3
//	Prints (mixed):
//	  calls f = 5
func parseHeader(source string) Header {
	h := Header{Prints: map[string][]string{}}
	var printing bool
	var args string
	if constraint, rest, ok := strings.Cut(source, "\n\n"); ok && strings.HasPrefix(constraint, "//go:build ") {
		source = rest // gofmt wants it above the header
	}
	for _, line := range strings.Split(source, "\n") {
		line, ok := commentText(line)
		if !ok {
			break
		}
		word := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		switch {
		case word == "":
		case printing && indented:
			h.Prints[args] = append(h.Prints[args], word)
		case word == "Prints:":
			printing, args = true, ""
		case strings.HasPrefix(word, "Prints (") && strings.HasSuffix(word, "):"):
			printing, args = true, word[len("Prints ("):len(word)-len("):")]
		case strings.HasPrefix(word, "Flags: "):
			printing = false
			h.Flags = strings.Fields(word)[1:]
		case strings.HasPrefix(word, "Needs: "):
			printing = false
			why := strings.Index(word+"(", "(")
			h.Needs = strings.Fields(word[:why])[1:]
		default:
			printing = false
		}
	}
	return h
}

// commentText returns what a line of a leading comment says, and whether the
// line is one.
func commentText(line string) (string, bool) {
	for _, mark := range []string{"//!", "//", "/*", " */", " *"} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return strings.TrimPrefix(rest, " "), mark != " */"
		}
	}
	return "", false
}

// Tally adds up the lines "VERB NAME [KEY] = N" of a program's output, as in
// "calls fib n=3 = 21", by "NAME" or "NAME KEY". Programs use the verbs
// calls, returns and unwound.
func Tally(t testing.TB, lines []string, verb string) map[string]uint64 {
	t.Helper()
	tally := map[string]uint64{}
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, verb+" ")
		if !ok {
			continue
		}
		i := strings.LastIndex(rest, " = ")
		if i < 0 {
			t.Fatalf("no count in %q", line)
		}
		tally[rest[:i]] += parseCount(t, rest[i+len(" = "):])
	}
	return tally
}

// Stated returns lines without the measurements, which differ from run to run.
func Stated(lines []string) []string {
	stated := []string{}
	for _, line := range lines {
		if !strings.HasPrefix(line, "# ") {
			stated = append(stated, line)
		}
	}
	return stated
}
