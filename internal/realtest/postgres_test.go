package realtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// postgres is a private cluster, reachable by a socket in its directory alone.
type postgres struct {
	*process
	bin string // directory of the programs
	dir string
	who *syscall.SysProcAttr
}

// pgBin returns the newest of Debian's directories, or that of the postgres in
// PATH.
func pgBin(t testing.TB) string {
	t.Helper()
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	version := func(dir string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
		return v
	}
	slices.SortFunc(dirs, func(a, b string) int { return int(10 * (version(b) - version(a))) })
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	testutil.Need(t, "postgres")
	path, err := exec.LookPath("postgres")
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}

// startPostgres makes a cluster and starts it, as user nobody, since neither
// initdb nor postgres runs as root.
func startPostgres(t testing.TB) *postgres {
	t.Helper()
	testutil.NeedRoot(t)
	testutil.Need(t, "psql")
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(nobody.Gid)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: its parent is closed to others, and a socket's path must
	// be shorter than 108 bytes.
	dir, err := os.MkdirTemp("", "latch-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	pg := &postgres{bin: pgBin(t), dir: dir}
	pg.who = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	data := filepath.Join(dir, "data")
	output(t, pg.command(filepath.Join(pg.bin, "initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "--locale=C", "-D", data))
	pg.process = start(t, pg.command(filepath.Join(pg.bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "autovacuum=off", "-c", "jit=off",
		"-c", "shared_buffers=16MB", "-c", "max_connections=10"))
	pg.await(&pg.stderr, "database system is ready to accept connections", 0)
	return pg
}

func (pg *postgres) path() string { return filepath.Join(pg.bin, "postgres") }

func (pg *postgres) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.SysProcAttr = pg.dir, pg.who
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + pg.dir}
	return cmd
}

// session is a psql that stays connected, and so keeps its backend.
type session struct {
	*process
	backend int
	read    int // bytes of stdout
	n       int
}

func (pg *postgres) connect(t testing.TB) *session {
	t.Helper()
	cmd := pg.command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", pg.dir, "-U", "postgres", "-d", "postgres")
	s := &session{process: start(t, cmd)}
	backend := s.run("select pg_backend_pid();")
	var err error
	if s.backend, err = strconv.Atoi(backend); err != nil {
		t.Fatalf("the backend's ID is %q", backend)
	}
	return s
}

// run sends lines of SQL, each of which psql sends by itself, and returns the
// rows when all have been answered.
func (s *session) run(sql ...string) string {
	s.t.Helper()
	s.n++
	mark := fmt.Sprintf("-- end of %d", s.n)
	if _, err := io.WriteString(s.stdin, strings.Join(sql, "\n")+"\n\\echo '"+mark+"'\n"); err != nil {
		s.t.Fatalf("write to psql: %v\n%s", err, &s.stderr)
	}
	_, end := s.await(&s.stdout, mark, s.read)
	rows := strings.TrimSuffix(s.stdout.String()[s.read:end], mark+"\n")
	s.read = end
	return strings.TrimSuffix(rows, "\n")
}

// unharmed asserts that the backend answers, and that its text is the file's.
func (s *session) unharmed(pg *postgres) {
	s.t.Helper()
	if got := s.run("select 6*7, pg_backend_pid();"); got != fmt.Sprintf("42|%d", s.backend) {
		s.t.Errorf("the backend answers %q", got)
	}
	s.alive()
	pg.alive()
	testutil.TextUnchanged(s.t, s.backend, pg.path())
}

// times returns n lines of a text each, in turns.
func times(texts map[string]uint64) []string {
	left, n := make(map[string]uint64), total(texts)
	var out []string
	for len(out) < int(n) {
		for text, want := range texts {
			if left[text] < want {
				left[text]++
				out = append(out, text)
			}
		}
	}
	return out
}

func TestPostgres(t *testing.T) {
	pg := startPostgres(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *postgres)
	}{
		{"queries", testQueries},
		{"inside a function", testSPI},
		{"executable", testExecutable},
		{"executor", testExecutor},
		{"wildcard", testWildcard},
		{"profile", testProfile},
		{"check", testCheck},
		{"demo budget", testDemoBudget},
		{"system calls", testSyscalls},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, pg) })
	}
}

// Each SQL text that a client sends has its own histogram.
func testQueries(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	long := "select 'a text of more than sixty-four bytes, of which a part is cut off and marked';"
	sent := map[string]uint64{
		"select 1;": 7,
		`select 'it''s', "relname" from pg_class limit 1;`: 11,
		long:                             13,
		"select count(*) from pg_class;": 17,
		"show server_version;":           19,
	}
	rec := record(t, pidFlag(s.backend), "pg_parse_query", "--by", "str(arg0)")
	s.run(times(sent)...)
	f := function(t, rec.stop(), "pg_parse_query")
	all(t, f, 67)
	sent[long[:64]+"…"] = sent[long]
	delete(sent, long)
	if diff := cmp.Diff(sent, counts(t, f)); diff != "" {
		t.Errorf("calls by SQL text (-sent +measured):\n%s", diff)
	}
	s.unharmed(pg)
}

// repeatSQL runs a text n times by EXECUTE, which plpgsql does by
// SPI_execute_extended from PostgreSQL 14 on.
const repeatSQL = `create or replace function repeat_sql(n int, q text) returns bigint language plpgsql as ` +
	`'declare s bigint := 0; r bigint; begin for i in 1..n loop execute q into r; s := s + r; end loop; return s; end';`

// SQL that runs inside a function is seen where the server starts it.
func testSPI(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	s.run(repeatSQL)
	rec := record(t, pidFlag(s.backend), "SPI_execute_extended", "--by", "sql=str(arg0)")
	got := s.run("select repeat_sql(23, 'select 2');", "select repeat_sql(31, $$select length('quo''ted')$$);")
	if got != "46\n217" {
		t.Errorf("the functions return %q", got)
	}
	f := function(t, rec.stop(), "SPI_execute_extended")
	all(t, f, 54)
	want := map[string]uint64{"select 2": 23, "select length('quo''ted')": 31}
	if diff := cmp.Diff(want, counts(t, f)); diff != "" {
		t.Errorf("calls by SQL text (-sent +measured):\n%s", diff)
	}

	rec = record(t, pidFlag(s.backend), "SPI_execute_extended")
	s.run("select repeat_sql(37, 'select 3');")
	f = function(t, rec.stop(), "SPI_execute_extended")
	all(t, f, 37)
	if len(f.Series) != 1 || len(f.Series[0].Key) != 0 {
		t.Errorf("without --by there are %d series", len(f.Series))
	}
	s.unharmed(pg)
}

// A measurement by file sees backends that are there and those that come.
func testExecutable(t *testing.T, pg *postgres) {
	before := pg.connect(t)
	rec := record(t, "-e", pg.path(), "pg_parse_query", "--by", "str(arg0)")
	after := pg.connect(t)
	sent := map[string]uint64{"select 'before';": 23, "select 'after';": 29, "select pg_backend_pid();": 1}
	before.run(slices.Repeat([]string{"select 'before';"}, 23)...)
	after.run(slices.Repeat([]string{"select 'after';"}, 29)...)
	f := function(t, rec.stop(), "pg_parse_query")
	all(t, f, 53)
	if diff := cmp.Diff(sent, counts(t, f)); diff != "" {
		t.Errorf("calls by SQL text (-sent +measured):\n%s", diff)
	}
	before.unharmed(pg)
	after.unharmed(pg)
}

// Hundreds of functions at once: every balance holds, and the answers are
// those of an unmeasured backend.
func testWildcard(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	queries := []string{
		"select count(*), sum(i) from generate_series(1, 1000) i;",
		"select relname from pg_class c join pg_namespace n on c.relnamespace = n.oid where nspname = 'pg_catalog' and relkind = 'r' order by 1 limit 40;",
		"with recursive t(n) as (values (1) union all select n+1 from t where n < 50) select sum(n) from t;",
		"select relkind, count(*) from pg_class where relnamespace = 'pg_catalog'::regnamespace group by 1 order by 1;",
		"select array_agg(x order by x desc) from unnest(array[3, 1, 2]) x;",
	}
	want := s.run(queries...)
	rec := record(t, pidFlag(s.backend), "Exec*", "--all")
	got := s.run(queries...)
	r := rec.stop()
	if got != want {
		t.Errorf("the measured backend answers\n%s\nand not\n%s", got, want)
	}
	if len(r.Functions) < 100 {
		t.Errorf("Exec* matched only %d functions", len(r.Functions))
	}
	for _, name := range []string{"ExecutorStart", "ExecutorRun", "ExecutorFinish", "ExecutorEnd"} {
		all(t, function(t, r, name), uint64(len(queries)))
	}
	s.unharmed(pg)
}
