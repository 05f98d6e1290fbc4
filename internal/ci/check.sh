#!/bin/bash
# check.sh runs all that can be judged without running latch. It goes on after
# a failure, so that one run shows everything.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT

# step NAME COMMAND...: runs the command and notes a failure.
step() {
	local name=$1
	shift
	if "$@"; then echo "check: $name: ok"; else
		echo "check: $name: FAILED"
		failed+=("$name")
	fi
}

formatted() {
	local bad
	bad=$(gofmt -l $(go list -f '{{.Dir}}' ./...)) || return
	[[ -z $bad ]] || { printf 'not gofmt-ed:\n%s\n' "$bad" && false; }
}

# The arm64 half is checked too; nothing of it is run.
vet() { go vet ./... && GOARCH=arm64 CGO_ENABLED=0 go vet $(go list ./... | grep -v /testprogs/); }

# regenerated builds the eBPF in a copy and compares. The objects are those of
# one compiler, Debian 12's clang 14; another one gives other bytes.
regenerated() {
	local have
	have=$(clang -dumpversion) || return
	if [[ $have != 14.* ]]; then
		echo "the committed objects are clang 14's, this is clang $have: cannot compare"
		[[ ${CI:-} != true ]]
		return
	fi
	cp -r go.mod go.sum bpf "$tmp" &&
		rm -f "$tmp"/bpf/*.o "$tmp"/bpf/*_bpfel*.go &&
		(cd "$tmp" && go generate ./bpf) && diff -r bpf "$tmp/bpf"
}

# rebuilt builds the script and the style of the HTML page and compares. They
# are esbuild's, of the version in package-lock.json, whatever the node.
rebuilt() { internal/ci/web.sh "$tmp/web" && diff -r report/web/dist "$tmp/web"; }

static() {
	CGO_ENABLED=0 go build -trimpath -o "$tmp/latch" ./cmd/latch &&
		CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -o "$tmp/latch-arm64" ./cmd/latch
}

step gofmt formatted
step vet vet
step staticcheck go tool staticcheck ./...
step 'build for amd64 and arm64' static
step 'eBPF objects' regenerated
step 'script of the page' rebuilt
step 'house rules' go test -count=1 ./internal/house

if ((${#failed[@]})); then
	(IFS=,; echo "check: failed: ${failed[*]}")
	exit 1
fi
