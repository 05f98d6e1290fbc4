package realtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// What testdata/sqlite has its three workers do.
var (
	wantQuery = map[string]uint64{
		"select 6 * 7":           3 * 7,
		"select length('größe')": 3 * 11,
		"select count(*) from t where name = 'x' -- a text of more than s…": 3 * 5,
		"select 1; select 2": 3 * 3,
	}
	wantExec = map[string]uint64{
		"create table t (name text)": 3,
		"insert into t values ('x')": 3 * 3,
	}
)

// wantPrepared is what SQLite is asked to prepare by all that: a text's second
// statement too, and the statement by which it reads its own schema when a
// table is made, under the given key.
func wantPrepared(schema string) map[string]uint64 {
	want := map[string]uint64{"select 2": wantQuery["select 1; select 2"], schema: wantExec["create table t (name text)"]}
	for _, calls := range []map[string]uint64{wantQuery, wantExec} {
		for text, n := range calls {
			want[text] += n
		}
	}
	return want
}

// SQLite is C inside a Go process, by cgo. Its functions are measured beside
// Go's, each by its own parameters, from three goroutines at once.
func TestSQLite(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Need(t, "gcc")
	path := buildModule(t, "sqlite", "CGO_ENABLED=1", "CGO_CFLAGS=-g -O2")
	prog := testutil.Start(t, path)
	const c, query, exec = "sqlite3_prepare_v2", "main.query", "main.exec"
	funcs := []string{pidFlag(prog.PID()), c, query, exec, "--by"}
	type keys = map[string]map[string]uint64
	runs := []struct {
		by      string
		want    keys     // by function
		without []string // functions without the key, with the reason
	}{
		// SQLite gives itself texts of a length that it does not know.
		{"sql=str(zSql, nBytes)", keys{c: wantPrepared("(unreadable)"), query: none(wantQuery), exec: none(wantExec)},
			[]string{query + `: str(zSql, nBytes) is no part of the key: no parameter "zSql"`, exec + `: str(zSql, nBytes) is no part of the key: no parameter "zSql"`}},
		{"text", keys{query: wantQuery, exec: wantExec, c: none(wantPrepared("x"))}, []string{c + `: text is no part of the key: no parameter "text"`}},
		// One expression for both languages, by position. C's texts end in a
		// NUL, Go's have their length.
		{"str(arg1)", keys{c: wantPrepared(`SELECT*FROM"main".sqlite_master WHERE tbl_name='t' AND type!='tr…`), query: wantQuery, exec: wantExec}, nil},
	}
	var recs []*recorder
	for _, run := range runs {
		recs = append(recs, record(t, append(funcs[:len(funcs):len(funcs)], run.by)...))
	}
	prog.Go()
	if diff := cmp.Diff([]string{"right = [26 26 26]"}, prog.WaitDone()); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	for i, run := range runs {
		rec := recs[i].stop()
		if len(rec.Functions) != len(run.want) {
			t.Errorf("by %s, %d functions are measured, not %d", run.by, len(rec.Functions), len(run.want))
		}
		for name, want := range run.want {
			f := function(t, rec, name)
			all(t, f, total(want))
			if diff := cmp.Diff(want, counts(t, f)); diff != "" {
				t.Errorf("calls of %s by %s (-made +measured):\n%s", name, run.by, diff)
			}
			if lang := map[bool]string{true: "c", false: "go"}[name == c]; f.Lang != lang {
				t.Errorf("%s is %s code", name, f.Lang)
			}
		}
		for _, skip := range run.without {
			if !slices.ContainsFunc(rec.Warnings, func(w string) bool { return strings.HasPrefix(w, skip) }) {
				t.Errorf("by %s, the warnings are %q, without %q", run.by, rec.Warnings, skip)
			}
		}
	}
	if !prog.Alive() {
		t.Error("the program is dead")
	}
	testutil.TextUnchanged(t, prog.PID(), path)
	prog.Finish()
}

// none are the same calls where the key does not apply.
func none(byKey map[string]uint64) map[string]uint64 {
	return map[string]uint64{latency.KeyNone: total(byKey)}
}
