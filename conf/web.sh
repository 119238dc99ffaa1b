#!/bin/sh
# web.sh — builds the web UI into web/dist; `make web` runs it when a file is newer
#
# Needs Node 18 and npm, and the package registry once. Where they are missing it says so and ends
# well, since the programs work without pages; a build that fails is a failure.
set -u
cd "$(dirname "$0")/../web" || exit 1
. ../conf/npm.sh

without() { # why
	if [ -f dist/index.html ]; then
		echo "web: $1; keeping web/dist as it is" >&2
	else
		echo "web: $1; there will be no pages, /api and /v1 work" >&2
	fi
	exit 0
}

npm_has_node 18 || without "needs Node 18, here is ${node:-none}"
command -v npm >/dev/null || without "needs npm"
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
	log=$(mktemp) || exit 1
	trap 'rm -f "$log"' EXIT
	if ! npm_fetch . "$log"; then
		cat "$log" >&2
		npm_was_offline "$log" && without "the package registry cannot be reached"
		exit 1
	fi
fi
exec npm run build --silent
