package kernel

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/elfsym"
)

// execFormat is what tracefs says of sched:sched_process_exec, with fields of
// other events.
const execFormat = `name: sched_process_exec
ID: 365
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:__u8 saddr[sizeof(struct sockaddr_in6)];	offset:16;	size:28;	signed:0;
	field:char comm[16];	offset:44;	size:16;	signed:0;
	field:__rel_loc char[] name;	offset:60;	size:4;	signed:0;
	field:const void * skaddr;	offset:64;	size:8;	signed:0;

print fmt: "filename=%s pid=%d", __get_str(filename), REC->pid
`

func TestParseFormat(t *testing.T) {
	f, err := parseFormat(execFormat)
	if err != nil {
		t.Fatal(err)
	}
	if f.id != 365 {
		t.Errorf("the ID is %d", f.id)
	}
	type field struct {
		name            string
		offset, size    int64
		located, behind bool
		kind            elfsym.Kind
		length          int64
	}
	want := []field{
		{"filename", 8, 4, true, false, elfsym.KindArray, 4},
		{"pid", 12, 4, false, false, elfsym.KindInt, 0},
		{"saddr", 16, 28, false, false, elfsym.KindArray, 28},
		{"comm", 44, 16, false, false, elfsym.KindArray, 16},
		{"name", 60, 4, true, true, elfsym.KindArray, 4},
		{"skaddr", 64, 8, false, false, elfsym.KindPointer, 0},
	}
	var got []field
	for _, one := range f.fields {
		typ := one.typ(nil, one.size)
		got = append(got, field{one.Name, one.offset, one.size, one.located, one.behind, typ.Kind, typ.Len})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(field{})); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "name: x\n", strings.Replace(execFormat, "ID: 365", "ID: x", 1)} {
		if _, err := parseFormat(bad); err == nil {
			t.Errorf("%q is a format", bad)
		}
	}
}

// TestFindTracepoints holds what names select, and what those say that select
// nothing.
func TestFindTracepoints(t *testing.T) {
	types, err := LoadTypes()
	if err != nil {
		t.Fatal(err)
	}
	found, err := FindTracepoints("sched:sched_process_exec", types)
	if err != nil || len(found) != 1 || found[0].String() != "t:sched:sched_process_exec" {
		t.Errorf("%v: %v", found, err)
	}
	args, err := Tracepoint{"sched", "sched_process_exec"}.Args(types)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range args {
		names = append(names, a.Declared+" "+a.Name)
	}
	if diff := cmp.Diff([]string{"struct task_struct * p", "pid_t old_pid", "struct linux_binprm * bprm"}, names); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	for pattern, want := range map[string]string{
		"sched":                       "t:GROUP:NAME",
		":x":                          "t:GROUP:NAME",
		"syscalls:sys_enter_openat":   "sys:NAME",
		"sched:/(/":                   "(",
		"sched:sched_proces_exec":     "sched_process_exec",
		"sched:nothing_is_like_this!": "no such tracepoint",
	} {
		if _, err := FindTracepoints(pattern, types); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
	if _, err := FindTracepoints("sched:nothing", types); !errors.Is(err, elfsym.ErrNotFound) {
		t.Errorf("%v is not ErrNotFound", err)
	}
}
