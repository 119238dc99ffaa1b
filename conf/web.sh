#!/bin/sh
# web.sh — builds the web UI into web/dist; `make web` runs it when a file is newer
#
# Needs Node 18 and npm, and the package registry once. Where they are missing it says so and ends
# well, since the programs work without pages; a build that fails is a failure.
set -u
cd "$(dirname "$0")/../web" || exit 1

without() { # why
	if [ -f dist/index.html ]; then
		echo "web: $1; keeping web/dist as it is" >&2
	else
		echo "web: $1; there will be no pages, /api and /v1 work" >&2
	fi
	exit 0
}

# Up to three times while the registry answers badly or late.
fetch_packages() {
	for pause in 5 20 0; do
		npm ci --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=2000 \
			--fetch-retry-maxtimeout=20000 --fetch-timeout=60000 >"$log" 2>&1 && return
		grep -qE 'ETIMEDOUT|ECONNRESET|SOCKET|socket|network|EAI_AGAIN|E429|E50[0-9]' "$log" || return 1
		sleep "$pause"
	done
	return 1
}

node=$(node --version 2>/dev/null | sed 's/^v//') || node=""
[ "${node%%.*}" -ge 18 ] 2>/dev/null || without "needs Node 18, here is ${node:-none}"
command -v npm >/dev/null || without "needs npm"
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
	log=$(mktemp) || exit 1
	trap 'rm -f "$log"' EXIT
	if ! fetch_packages; then
		cat "$log" >&2
		grep -qE 'E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|NETUNREACH|HOSTUNREACH|TIMEDOUT|429|50[0-9])|SOCKET_TIMEOUT' \
			"$log" &&
			without "the package registry cannot be reached"
		exit 1
	fi
fi
exec npm run build --silent
