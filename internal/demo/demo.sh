#!/bin/bash
# demo.sh shows latch on Debian's own PostgreSQL: stripped, running, under
# load. It starts a private server in a temporary directory, measures one of
# its backends by SQL text, and takes everything down again. What stays is the
# binary and the recording in build/.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/build/go/bin:$PATH:/usr/local/go/bin
seconds=${LATCH_DEMO_SECONDS:-8}
begin=$SECONDS

say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - begin)); }
die() {
	echo "demo: $*" >&2
	exit 1
}

((EUID == 0)) || die 'putting probes into another program needs root: run it as "sudo make demo"'

work= server= load=
# end PID SIGNAL: ends a child of ours, by force if it takes over 10 s.
end() {
	kill "-$2" "$1" 2>/dev/null || return 0
	for _ in {1..100}; do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$1"
}
cleanup() {
	local status=$?
	trap - EXIT INT TERM
	[[ -z $load ]] || end "$load" TERM
	[[ -z $server ]] || end "$server" INT # PostgreSQL's fast shutdown
	wait
	[[ -z $work ]] || rm -rf "$work"
	((status == 0)) || echo "demo: failed after $((SECONDS - begin)) s; server, load and temporary files are gone" >&2
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say 'Installing what is missing (apt-get), and nothing where all is there'
internal/ci/deps.sh demo

say 'Building latch'
make --no-print-directory build

bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
user=nobody
! id postgres >/dev/null 2>&1 || user=postgres
work=$(mktemp -d "${TMPDIR:-/tmp}/latch-demo.XXXXXX")
chown "$user" "$work"
chmod 755 "$work"
# as USER COMMAND...: becomes that user's command, with no way to more rights.
as() {
	local who=$1
	shift
	cd "$work"
	exec setpriv --reuid "$who" --regid "$(id -g "$who")" --clear-groups --no-new-privs \
		env -i HOME="$work" PATH="$bin:/usr/bin:/bin" LC_ALL=C "$@"
}
sql() { (as "$user" psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$work" -U demo -d postgres "$@"); }

say "Starting $("$bin/postgres" --version) as user $user, on a socket in $work"
(as "$user" initdb -D "$work/data" -U demo -A trust -E UTF8 --no-sync) >"$work/initdb.log" 2>&1 ||
	die "initdb: $(tail -n 3 "$work/initdb.log")"
as "$user" postgres -D "$work/data" -k "$work" -c listen_addresses= -c fsync=off -c jit=off >"$work/server.log" 2>&1 &
server=$!
for _ in {1..150}; do
	! (as "$user" pg_isready -q -h "$work") || break
	kill -0 $server 2>/dev/null || die "the server did not start: $(tail -n 3 "$work/server.log")"
	sleep 0.2
done
sql -c 'CREATE TABLE kv AS SELECT k, 0 AS v FROM generate_series(1, 1000) k' -c 'ALTER TABLE kv ADD PRIMARY KEY (k)'

say 'Putting one backend under load: five statements, of which one is long'
cat >"$work/1.sql" <<<'SELECT 1;'
cat >"$work/2.sql" <<<'SELECT v FROM kv WHERE k = 471;'
cat >"$work/3.sql" <<<'UPDATE kv SET v = v + 1 WHERE k = 7;'
cat >"$work/4.sql" <<<'SELECT count(*) FROM kv a JOIN kv b USING (k) WHERE a.v < b.v;'
cat >"$work/5.sql" <<<"SELECT sum(v) FROM kv WHERE k IN ($(seq -s , 1 1500));"
as "$user" pgbench -n -c 1 -T 600 -h "$work" -U demo -f "$work/1.sql@50" -f "$work/2.sql@30" -f "$work/3.sql@10" \
	-f "$work/4.sql@8" -f "$work/5.sql@2" postgres >"$work/load.log" 2>&1 &
load=$!
backend=
for _ in {1..50}; do
	backend=$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' LIMIT 1")
	[[ -z $backend ]] || break
	sleep 0.1
done
[[ -n $backend ]] || die "pgbench did not connect: $(tail -n 3 "$work/load.log")"

mkdir -p build
say "Measuring for $seconds s"
cat <<END
\$ latch record -p $backend pg_parse_query --by 'sql=str(arg0)' -d ${seconds}s -o build/demo.json -o build/demo.pb.gz
END
./latch record -p "$backend" pg_parse_query --by 'sql=str(arg0)' -d "${seconds}s" -o build/demo.json -o build/demo.pb.gz

say 'Judging it by a budget, as in CI'
cat <<END
\$ latch check -f internal/demo/budget.yaml --by 'sql=str(arg0)' -p $backend --until-calls 300 -d 30s
END
./latch check -f internal/demo/budget.yaml --by 'sql=str(arg0)' -p "$backend" --until-calls 300 -d 30s
kill -0 "$load" && kill -0 "$backend" || die 'the load has ended: the measurement must have disturbed it'

say "Done. The server is taken down; what stays"
echo '   build/demo.json    the recording: latch report build/demo.json'
echo '   build/demo.pb.gz   the profile:   go tool pprof -http=: build/demo.pb.gz'
