package house

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchprof/latch"

// allowed lists what each package may import of ours, tests aside. Imports
// only go down, and uprobe, kernel and report never import each other.
// docs/architecture.md draws it.
var allowed = map[string][]string{
	"latency":           {},
	"elfsym":            {},
	"bpf":               {},
	"fetch":             {"elfsym"},
	"budget":            {"latency"},
	"report":            {"latency", "budget", "report/web"},
	"report/web":        {},
	"uprobe":            {"elfsym", "fetch", "latency", "bpf", "internal/procfs", "internal/ledger"},
	"kernel":            {"elfsym", "fetch", "latency", "bpf", "internal/procfs"},
	"kernel/probe":      {"kernel", "elfsym", "fetch", "latency", "bpf", "internal/procfs", "internal/ledger"},
	"kernel/drop":       {"kernel", "fetch", "latency", "bpf", "internal/procfs"},
	"kernel/netfail":    {"kernel", "bpf"},
	"kernel/unlink":     {"kernel", "fetch", "latency", "bpf", "internal/procfs"},
	"kernel/firewall":   {"kernel", "bpf"},
	"internal/procfs":   {},
	"internal/ledger":   {"elfsym", "fetch", "latency", "bpf", "internal/procfs"},
	"internal/launch":   {},
	"internal/house":    {},
	"internal/realtest": {},
	"internal/testutil": {},
	"internal/netlab":   {"internal/testutil", "kernel"},
	"cmd/latch": {"elfsym", "fetch", "latency", "bpf", "budget", "report", "uprobe", "kernel", "kernel/drop", "kernel/firewall",
		"kernel/netfail", "kernel/probe", "kernel/unlink", "internal/procfs", "internal/launch", "internal/ledger"},
	"internal/bench": {"elfsym", "fetch", "latency", "bpf", "report", "uprobe", "internal/procfs", "internal/launch"},
}

// standardOnly are the packages that depend on nothing but Go's own library.
var standardOnly = []string{"latency"}

// testOnly are the packages that only tests may import.
var testOnly = []string{"internal/testutil", "internal/netlab"}

type goPackage struct {
	ImportPath, Name, Doc, Dir string
	GoFiles                    []string
	Imports, Deps              []string
	Standard                   bool
}

// list returns our packages as they are built for arch, by import path below
// the module.
func list(t *testing.T, arch string) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Name,Doc,Dir,GoFiles,Imports,Deps,Standard", "./...")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "GOOS=linux", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pkgs := make(map[string]goPackage)
	for dec := json.NewDecoder(out); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// root returns the top directory of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// ours returns the path below the module.
func ours(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

func TestImports(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		pkgs := list(t, arch)
		for path, pkg := range pkgs {
			name, ok := ours(path)
			if !ok || strings.HasPrefix(name, "testprogs/") {
				continue
			}
			may, ok := allowed[name]
			if !ok {
				t.Errorf("%s: package %s has no place in the house: see allowed", arch, name)
			}
			for _, imp := range pkg.Imports {
				if dep, ok := ours(imp); ok && !slices.Contains(may, dep) {
					t.Errorf("%s: %s must not import %s", arch, name, dep)
				} else if ok && slices.Contains(testOnly, dep) && !slices.Contains(testOnly, name) {
					t.Errorf("%s: %s imports %s outside of its tests", arch, name, dep)
				}
			}
			if !slices.Contains(standardOnly, name) {
				continue
			}
			for _, dep := range pkg.Deps {
				if !pkgs[dep].Standard {
					t.Errorf("%s: %s must depend on the standard library alone, not on %s", arch, name, dep)
				}
			}
		}
	}
}

// The table itself must be the house's: no cycles, and none of the three that
// share a floor knows another.
func TestAllowed(t *testing.T) {
	apart := []string{"uprobe", "kernel", "report"}
	var reach func(from string, seen map[string]bool)
	reach = func(from string, seen map[string]bool) {
		for _, dep := range allowed[from] {
			if _, ok := allowed[dep]; !ok {
				t.Errorf("%s may import %s, which is not in the table", from, dep)
			}
			if !seen[dep] {
				seen[dep] = true
				reach(dep, seen)
			}
		}
	}
	for name := range allowed {
		seen := make(map[string]bool)
		reach(name, seen)
		if seen[name] {
			t.Errorf("%s may import itself by way of others", name)
		}
		for _, other := range apart {
			if slices.Contains(apart, name) && seen[other] {
				t.Errorf("%s may reach %s", name, other)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for path, pkg := range list(t, "amd64") {
		name, ok := ours(path)
		if !ok || len(pkg.GoFiles) == 0 {
			continue
		}
		if pkg.Doc == "" {
			t.Errorf("%s has no package comment", name)
		}
	}
}
