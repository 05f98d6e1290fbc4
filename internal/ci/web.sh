#!/bin/bash
# web.sh DIR builds the script and the style of the HTML page into DIR, from
# report/web and from the packages of its package-lock.json.
set -euo pipefail
out=$(realpath -m "$1")
cd "$(dirname "$0")/../../report/web"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp -r package.json package-lock.json build.mjs src "$tmp"
cd "$tmp"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
node build.mjs "$out"
