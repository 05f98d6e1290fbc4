package realtest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// delveVersion is that of go.mod, whose library is the oracle of elfsym's
// tests.
const delveVersion = "v1.27.2"

var buildDelve = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "install", "github.com/go-delve/delve/cmd/dlv@"+delveVersion)
	cmd.Dir = scratch
	cmd.Env = append(os.Environ(), "GOBIN="+scratch, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install delve: %w\n%s", err, out)
	}
	return filepath.Join(scratch, "dlv"), nil
})

// delveCalls runs a test program under delve's trace and returns the arguments
// of each call as delve prints them, by function, in the order of the calls.
func delveCalls(t testing.TB, exe, pattern string) map[string][][]string {
	t.Helper()
	dlv, err := buildDelve()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dlv, "trace", "--exec", exe, pattern)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // where it would keep its settings
	p := start(t, cmd)
	p.await(&p.stdout, "ready ", 0)
	if _, err := io.WriteString(p.stdin, "go\n\n"); err != nil {
		t.Fatal(err)
	}
	p.stdin.Close()
	p.exit()
	entry := regexp.MustCompile(`(?m)^> (?:\[[0-9/-]*\] )?goroutine\(\d+\): (.+)\)$`)
	calls := make(map[string][][]string)
	for _, m := range entry.FindAllStringSubmatch(p.stdout.String()+p.stderr.String(), -1) {
		// The function's name may have parentheses of its own.
		name, args := m[1], ""
		for i := 0; i < len(name); i++ {
			if name[i] == '(' && i > 0 && name[i-1] != '.' {
				name, args = name[:i], name[i+1:]
				break
			}
		}
		calls[name] = append(calls[name], topLevel(args))
	}
	return calls
}

// topLevel splits a list at the commas that stand in no brackets or quotes.
func topLevel(list string) []string {
	var out []string
	depth, from, quoted := 0, 0, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(list[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

var (
	delveConst   = regexp.MustCompile(`^\S+ \((-?\d+)\)$`)
	delvePointer = regexp.MustCompile(`^\(?"?\*?[^(]*\)?\((0x[0-9a-f]+)\)$`)
	delveStruct  = regexp.MustCompile(`^[\w./*]+ (\{[^.]*\})$`)
	delveError   = regexp.MustCompile(`^error\(([^)]+)\)`)
)

// comparable says what latch must print for what delve has; ok is false where
// delve shows too little, or an address, which differs from run to run.
func comparable(text string) (want string, ok bool) {
	if s, err := strconv.Unquote(text); err == nil {
		return s, true
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "true" || text == "false" {
		return text, true
	}
	if m := delveConst.FindStringSubmatch(text); m != nil {
		return m[1], true
	}
	switch {
	case strings.Contains(text, "unreadable"), strings.Contains(text, "..."):
		return "", false
	case text == "nil", strings.HasSuffix(text, " nil"):
		return "nil", true
	}
	if m := delveStruct.FindStringSubmatch(text); m != nil {
		return strings.NewReplacer(": ", ":", ", ", " ").Replace(m[1]), true
	}
	if m := delveError.FindStringSubmatch(text); m != nil {
		return m[1], true
	}
	if delvePointer.MatchString(text) {
		return "0x", true
	}
	return "", false
}

// agrees compares what latch printed with what it must print.
func agrees(got, want string) bool {
	switch {
	case want == "0x":
		return strings.HasPrefix(got, "0x") && got != "0x0"
	case want == "nil":
		return got == "nil" || got == "0x0"
	}
	return got == want || strings.HasPrefix(got, want+": ")
}

// TestDelve compares the arguments that latch trace prints with those of
// delve's trace, call by call, on programs with and without optimisation.
func TestDelve(t *testing.T) {
	testutil.NeedRoot(t)
	// Of a loop's body that is a function delve shows the arguments of the
	// function around it, so that the pattern leaves those out.
	const pattern = `^main\.(Eleven|Pair|One|Wide|Mixed|Complex|Blank|Named|Small|Follow|Bytes|Paint|handle|query|F|note|visit|background|later|\(\*Counter\)\.Add|Square\.Area|\(\*Base\)\.Name)(\[.*)?$`
	compared := 0
	for _, prog := range []string{"args", "route", "generic", "iface", "closure", "rangefunc"} {
		for _, flags := range [][]string{nil, {"-N -l"}} {
			t.Run(prog+strings.Join(flags, ""), func(t *testing.T) {
				exe := testutil.Build(t, "go", prog, flags...)
				theirs := delveCalls(t, exe, pattern)
				ours, params := tracedArgs(t, exe)
				n := 0
				for name, calls := range theirs {
					mine, known := ours[name]
					if !known {
						continue // latch takes a generic function's shapes by their own names
					}
					if len(calls) != len(mine) {
						t.Errorf("%s: delve saw %d calls, latch %d", name, len(calls), len(mine))
						continue
					}
					for i, args := range calls {
						n += compareArgs(t, name, params[name], args, mine[i])
					}
				}
				t.Logf("%d arguments compared", n)
				compared += n
			})
		}
	}
	if compared < 1000 {
		t.Errorf("only %d arguments were compared", compared)
	}
}

func compareArgs(t *testing.T, name string, params, args []string, mine map[string]any) (n int) {
	t.Helper()
	for i, text := range args {
		if i >= len(params) {
			break
		}
		got, shown := mine[params[i]]
		want, ok := comparable(text)
		if !ok || !shown {
			continue // floats in registers, which delve reads and a probe cannot
		}
		n++
		if !agrees(fmt.Sprint(got), want) {
			t.Errorf("%s: %s is %v, delve has %s", name, params[i], got, text)
		}
	}
	return n
}

// tracedArgs runs a test program under latch trace and returns the arguments
// of each call by function, and the parameters' names in their order.
func tracedArgs(t testing.TB, exe string) (calls map[string][]map[string]any, params map[string][]string) {
	t.Helper()
	params = make(map[string][]string)
	names := []string{}
	dec := json.NewDecoder(strings.NewReader(output(t, latch(t, "list", "-v", "--json", exe, "main.*"))))
	for dec.More() {
		var f struct {
			Name   string
			Params []struct {
				Name             string
				Result, Captured bool
			}
		}
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
		for i, p := range f.Params {
			if p.Name == "" || p.Name == "_" {
				p.Name = fmt.Sprintf("arg%d", i)
			}
			if !p.Result && !p.Captured {
				params[f.Name] = append(params[f.Name], p.Name)
			}
		}
	}
	prog := testutil.Start(t, exe)
	tracer := start(t, latch(t, append([]string{"trace", "--json", pidFlag(prog.PID())}, names...)...))
	tracer.await(&tracer.stderr, "latch: attached", 0)
	prog.Go()
	prog.Finish()
	tracer.exit()
	calls = make(map[string][]map[string]any)
	dec = json.NewDecoder(strings.NewReader(tracer.stdout.String()))
	dec.UseNumber()
	for dec.More() {
		var call struct {
			Func string
			Args map[string]any
		}
		if err := dec.Decode(&call); err != nil {
			t.Fatal(err)
		}
		calls[call.Func] = append(calls[call.Func], call.Args)
	}
	return calls, params
}
