package kernel

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

// TestSyscallNumbers compares the table with what this machine's C library
// numbers the calls as, and holds a few of the other machine's.
func TestSyscallNumbers(t *testing.T) {
	here := map[string]int{
		"read": unix.SYS_READ, "openat": unix.SYS_OPENAT, "futex": unix.SYS_FUTEX, "exit_group": unix.SYS_EXIT_GROUP,
		"execve": unix.SYS_EXECVE, "clone3": unix.SYS_CLONE3, "mseal": unix.SYS_MSEAL, "pread64": unix.SYS_PREAD64,
	}
	numbers := make(map[string]int)
	for _, s := range Syscalls() {
		numbers[s.Name] = s.Number
	}
	for name, want := range here {
		if got, ok := numbers[name]; !ok || got != want {
			t.Errorf("%s is %d, not %d", name, got, want)
		}
	}
	want := map[string]map[string]int{
		"amd64": {"read": 0, "open": 2, "openat": 257, "statx": 332, "clone3": 435, "setxattrat": 463},
		"arm64": {"read": 63, "openat": 56, "statx": 291, "renameat": 38, "memfd_secret": 447, "setxattrat": 463},
	}
	for arch, calls := range want {
		got := make(map[string]int)
		seen := make(map[int]string)
		for _, s := range syscallsOf(arch) {
			if other, ok := seen[s.Number]; ok {
				t.Errorf("%s: %s and %s are both %d", arch, s.Name, other, s.Number)
			}
			seen[s.Number] = s.Name
			if _, ok := calls[s.Name]; ok {
				got[s.Name] = s.Number
			}
		}
		if diff := cmp.Diff(calls, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", arch, diff)
		}
	}
}

// params writes a call's parameters as C declares them.
func params(t *testing.T, types *Types, name string) []string {
	t.Helper()
	calls, err := FindSyscalls(name)
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls of the name %s: %v", len(calls), name, err)
	}
	found := calls[0].Params(types)
	var out []string
	for _, p := range found {
		text := p.Declared + " " + p.Name
		if p.Result {
			text = "returns " + p.Declared
		}
		if p.Input {
			text += " (input)"
		}
		out = append(out, text)
	}
	return out
}

func TestSyscallParams(t *testing.T) {
	types, err := LoadTypes()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"openat":     {"int dfd", "const char * filename (input)", "int flags", "umode_t mode", "returns long"},
		"getppid":    {"returns long"},
		"exit_group": {"int error_code"},
		"connect":    {"int fd", "struct sockaddr * uservaddr", "int addrlen", "returns long"},
	} {
		if diff := cmp.Diff(want, params(t, types, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// Every parameter of every call has a name and is one word.
	for _, s := range Syscalls() {
		for _, p := range slices.Concat(s.Params(types), s.Params(nil)) {
			if p.Name == "" && !p.Result || p.Type == nil || p.Type.Size < 1 || p.Type.Size > 8 {
				t.Errorf("%s: parameter %d %q has type %+v", s.Name, p.Index, p.Name, p.Type)
			}
		}
	}
}

func TestCloneOnArm64(t *testing.T) {
	for arch, want := range map[string]string{"amd64": "child_tidptr, unsigned long tls", "arm64": "unsigned long tls, int *child_tidptr"} {
		for _, s := range syscallsOf(arch) {
			if s.Name == "clone" && !strings.HasSuffix(s.params, want) {
				t.Errorf("%s: clone(%s)", arch, s.params)
			}
		}
	}
}

func TestFindSyscalls(t *testing.T) {
	found, err := FindSyscalls("*openat*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range found {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"openat", "openat2"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for pattern, near := range map[string]string{"opneat": "openat", "exitgroup": "exit_group", "nothing_like_it": ""} {
		_, err := FindSyscalls(pattern)
		if !errors.Is(err, elfsym.ErrNotFound) || !strings.Contains(err.Error(), near) || near == "" && strings.Contains(err.Error(), "near") {
			t.Errorf("%s: %v, want %q near it", pattern, err, near)
		}
	}
}

func TestDeclarations(t *testing.T) {
	for text, want := range map[string]declaration{
		"int dfd":                     {Name: "dfd", Type: "int", words: []string{"int"}, elems: -1},
		"unsigned int":                {Type: "unsigned int", words: []string{"unsigned", "int"}, elems: -1},
		"size_t":                      {Type: "size_t", words: []string{"size_t"}, elems: -1},
		"struct sockaddr *":           {Type: "struct sockaddr *", words: []string{"struct", "sockaddr"}, pointers: 1, elems: -1},
		"const struct iovec *vec":     {Name: "vec", Type: "const struct iovec *", Input: true, words: []string{"struct", "iovec"}, pointers: 1, elems: -1},
		"const char *const *argv":     {Name: "argv", Type: "const char **", Input: true, words: []string{"char"}, pointers: 2, elems: -1},
		"__u8 saddr_v6[16]":           {Name: "saddr_v6", Type: "__u8[16]", words: []string{"__u8"}, elems: 16},
		"__data_loc char[] filename":  {Name: "filename", Type: "__data_loc char", words: []string{"char"}, elems: 0},
		"enum skb_drop_reason reason": {Name: "reason", Type: "enum skb_drop_reason", words: []string{"enum", "skb_drop_reason"}, elems: -1},
		"const char __user *filename": {Name: "filename", Type: "const char *", Input: true, words: []string{"char"}, pointers: 1, elems: -1},
	} {
		if diff := cmp.Diff(want, parseDeclaration(text), cmp.AllowUnexported(declaration{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
