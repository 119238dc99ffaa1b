# npm.sh — fetching what a folder's lock file names; for `.`, by conf/web.sh and tests/run.sh

# npm ci in the folder, up to three times while the registry answers badly or late; what it said is in
# the log then.
npm_fetch() { # folder, log
	for pause in 5 20 0; do
		(cd "$1" && npm ci --loglevel=error --fetch-retries=2 --fetch-retry-mintimeout=2000 \
			--fetch-retry-maxtimeout=20000 --fetch-timeout=60000) >"$2" 2>&1 && return
		grep -qE 'ETIMEDOUT|ECONNRESET|SOCKET|socket|network|EAI_AGAIN|E429|E50[0-9]' "$2" || return 1
		sleep "$pause"
	done
	return 1
}

# Was it the registry, which cannot be reached?
npm_was_offline() { # log
	grep -qE 'E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|NETUNREACH|HOSTUNREACH|TIMEDOUT|429|50[0-9])|SOCKET_TIMEOUT' "$1"
}

# The version of Node must be that or newer; what there is, or nothing, is in $node.
npm_has_node() { # least version
	node=$(node --version 2>/dev/null | sed 's/^v//') || node=""
	[ "${node%%.*}" -ge "$1" ] 2>/dev/null
}
