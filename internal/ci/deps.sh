#!/bin/bash
# deps.sh WHAT... installs the tools that the given Makefile targets need and
# that are missing: build, test, check, bench, demo. Where everything is there
# already it asks neither apt nor the network.
set -euo pipefail

pkgs=()
# need TEST PACKAGE...: the packages are needed where the test fails.
need() {
	local test=$1
	shift
	eval "$test" >/dev/null 2>&1 || pkgs+=("$@")
}
tool() { need "command -v $1" "$2"; }

postgres() {
	need 'ls /usr/lib/postgresql/*/bin/postgres' postgresql
	need 'ls /usr/lib/postgresql/*/bin/pgbench' postgresql-contrib
}

for what; do
	case $what in
	build) ;;
	test)
		tool gcc gcc
		tool g++ g++
		tool clang clang
		tool rustc rustc
		tool musl-gcc musl-tools
		tool objdump binutils
		tool llvm-symbolizer llvm
		need 'ls /usr/lib/debug/.build-id' libc6-dbg
		tool gdb gdb
		tool tcpdump tcpdump
		tool strace strace
		tool xz xz-utils
		tool xmllint libxml2-utils
		tool promtool prometheus
		tool cmark-gfm cmark-gfm
		tool etcd etcd-server
		tool etcdctl etcd-client
		tool redis-server redis-server
		tool getent libc-bin
		tool python3 python3
		need 'test -e /usr/include/bpf/bpf_helpers.h' libbpf-dev
		tool ip iproute2
		tool ping iputils-ping
		tool nft nftables
		tool iptables-legacy iptables
		tool chromium chromium
		need 'test -e /usr/include/stdio.h' libc6-dev
		need 'dpkg -s libc6-dbg' libc6-dbg
		postgres
		;;
	check)
		tool clang clang
		tool llvm-strip llvm
		need 'test -e /usr/include/bpf/bpf_helpers.h' libbpf-dev
		need 'test -e /usr/include/linux/types.h' linux-libc-dev
		tool node nodejs
		tool npm npm
		;;
	bench)
		tool gcc gcc
		tool bpftrace bpftrace
		need 'command -v funclatency || test -x /usr/sbin/funclatency' libbpf-tools
		;;
	demo) postgres ;;
	*)
		echo "deps.sh: unknown target $what" >&2
		exit 2
		;;
	esac
done

# Any Go from 1.21 on fetches the version that go.mod asks for.
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$root/build/go/bin:$PATH:/usr/local/go/bin
want=$(sed -n 's/^go //p' "$root/go.mod")
go_works() { (cd "$root" && go list -m) >/dev/null 2>&1; }
go_works || tool go golang-go

# The lists may be stale or absent; they are fetched only if they fail.
apt_install() {
	local get=(apt-get install -y -qq --no-install-recommends "$@")
	"${get[@]}" >/dev/null 2>&1 || { apt-get update -qq && "${get[@]}" >/dev/null; }
}

if ((${#pkgs[@]})); then
	if ! command -v apt-get >/dev/null || ((EUID)); then
		echo "deps.sh: missing: ${pkgs[*]}: install these, or run as root on Debian" >&2
		exit 1
	fi
	echo "deps.sh: installing ${pkgs[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	# Only the programs are wanted: no service is to be started, which Debian
	# asks policy-rc.d, and no database cluster to be made.
	policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf undo=()
	cleanup() { for u in "${undo[@]}"; do eval "$u"; done; }
	trap cleanup EXIT
	if [[ ! -e $policy ]]; then
		undo+=("rm -f $policy")
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	if [[ " ${pkgs[*]} " == *" postgresql "* && ! -e $cluster ]]; then
		apt_install postgresql-common
		undo+=("sed -i '/^create_main_cluster = false$/d' $cluster")
		echo 'create_main_cluster = false' >>$cluster
	fi
	apt_install "${pkgs[@]}"
fi

# Debian 12's own Go is too old to do that by itself, but its module client
# can fetch the toolchain, checked against the checksum database.
if ! go_works; then
	if [[ $(go env GOTOOLCHAIN) == local ]]; then
		echo "deps.sh: latch needs Go $want or newer, and GOTOOLCHAIN=local forbids fetching it" >&2
		exit 1
	fi
	echo "deps.sh: $(go version | cut -d' ' -f3) is too old: fetching go$want" >&2
	mod=golang.org/toolchain@v0.0.1-go$want.$(go env GOOS)-$(go env GOARCH)
	dir=$(cd / && GOFLAGS=-modcacherw go mod download -json "$mod" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	chmod -R +x "$dir/bin" "$dir/pkg/tool"
	mkdir -p "$root/build"
	ln -sfn "$dir" "$root/build/go"
	hash -r
	go_works || {
		echo "deps.sh: go$want does not work here" >&2
		exit 1
	}
fi
