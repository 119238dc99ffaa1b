#!/bin/sh
# run.sh — runs test programs one after another and adds up: `N passed, N failed`
#
# Arguments are cmocka programs, and the word `sdk` for tests/sdk. A program's output is shown when
# it fails; what it skipped aloud is always shown. Run from the top of the tree.
set -u
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out" "$out.npm"' EXIT

count() { # lines that match
	grep -cE "$1" "$out" || true
}

count_names() { # different lines that match: a failure is told twice, at once and at the end
	grep -E "$1" "$out" | sort -u | wc -l
}

skip_sdk() { # why
	echo "# skipped 1"
	echo "# SKIP the OpenAI SDK test: $1"
}

# Skips itself, aloud, where it cannot run; anywhere else a failure is a failure.
run_sdk() {
	node=$(node --version 2>/dev/null | sed 's/^v//') || node=""
	[ "${node%%.*}" -ge 20 ] 2>/dev/null || { skip_sdk "needs Node 20, here is ${node:-none}"; return 0; }
	if ! [ tests/sdk/node_modules/.package-lock.json -nt tests/sdk/package-lock.json ]; then
		command -v npm >/dev/null || { skip_sdk "needs npm"; return 0; }
		(cd tests/sdk && npm ci --loglevel=error --fetch-retries=1 --fetch-timeout=30000) >"$out.npm" 2>&1
		if [ $? -ne 0 ]; then
			cat "$out.npm"
			grep -qE 'E(NOTFOUND|AI_AGAIN|CONNREFUSED|NETUNREACH|TIMEDOUT)' "$out.npm" || return 1
			skip_sdk "the package registry cannot be reached"
			return 0
		fi
	fi
	(cd tests/sdk && node --test --test-reporter=tap test.mjs)
}

# Adds what $out says; $1 is the exit status, $2 the name.
add_up() {
	case "$2" in
	sdk)
		p=$(sed -n 's/^# pass //p' "$out"); f=$(sed -n 's/^# fail //p' "$out")
		s=$(sed -n 's/^# skipped //p' "$out")
		p=${p:-0}; f=${f:-0}; s=${s:-0} ;;
	*)
		p=$(count '^\[       OK \]'); f=$(count_names '^\[  FAILED  \] [a-zA-Z_0-9]+$')
		s=$(count_names '^\[  SKIPPED \] [a-zA-Z_0-9]+$') ;;
	esac
	[ "$1" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		cat "$out"
		echo "FAIL $2 ($p passed, $f failed)"
	else
		grep -iE '^(# )?skip' "$out" | grep -vE '^# skipped [0-9]+$' | head -5
		echo "ok   $2 ($p passed)"
	fi
}

for test in "$@"; do
	if [ "$test" = sdk ]; then run_sdk >"$out" 2>&1; else timeout 150 "$test" >"$out" 2>&1; fi
	add_up $? "${test##*/}"
done
[ "$skipped" -ne 0 ] && echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
