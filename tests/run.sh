#!/bin/sh
# run.sh — runs test programs, JOBS at a time (one per core), and adds up: `N passed, N failed`
#
# Arguments are cmocka programs, and the words `sdk` for tests/sdk, `web` for the web UI's units, `ui`
# for tests/ui. A program's output is shown when it fails; what it skipped aloud is always shown. Run
# from the top of the tree.
set -u
. conf/npm.sh
passed=0 failed=0 skipped=0

count() { # lines that match
	grep -cE "$1" "$out" || true
}

count_names() { # different lines that match: a failure is told twice, at once and at the end
	grep -E "$1" "$out" | sort -u | wc -l
}

skip() { # what, why
	echo "# skipped 1"
	echo "# SKIP $1: $2"
}

# Installs what a folder's lock file names. False, and skipped aloud, where that cannot be had.
has_packages() { # what, folder, least version of Node
	npm_has_node "$3" || { skip "$1" "needs Node $3, here is ${node:-none}"; return 1; }
	[ "$2/node_modules/.package-lock.json" -nt "$2/package-lock.json" ] && return
	command -v npm >/dev/null || { skip "$1" "needs npm"; return 1; }
	npm_fetch "$2" "$out.npm" && return
	cat "$out.npm"
	npm_was_offline "$out.npm" || exit 1
	skip "$1" "the package registry cannot be reached"
	return 1
}

# Each skips itself, aloud, where it cannot run; anywhere else a failure is a failure.
run_sdk() {
	has_packages "the OpenAI SDK test" tests/sdk 20 || return 0
	(cd tests/sdk && node --test --test-reporter=tap test.mjs test_routes.mjs test_dialects.mjs)
}

run_web() {
	has_packages "the web UI's units" web 18 || return 0
	(cd web && NO_COLOR=1 node_modules/.bin/vitest run --reporter=dot \
		--testTimeout=60000 --hookTimeout=60000)
}

run_ui() {
	has_packages "the web UI in a browser" tests/ui 18 || return 0
	[ -f web/dist/index.html ] || { skip "the web UI in a browser" "web/dist is not built"; return 0; }
	timeout 1200 node tests/ui/test.mjs
}

# Adds what $out says; $1 is the exit status, $2 the name.
add_up() {
	case "$2" in
	sdk)
		p=$(sed -n 's/^# pass //p' "$out"); f=$(sed -n 's/^# fail //p' "$out")
		s=$(sed -n 's/^# skipped //p' "$out")
		p=${p:-0}; f=${f:-0}; s=${s:-0} ;;
	web)
		p=$(sed -n 's/.*Tests .* \([0-9]*\) passed.*/\1/p' "$out"); f=$(sed -n 's/.*Tests .* \([0-9]*\) failed.*/\1/p' "$out")
		s=$(sed -n 's/^# skipped //p' "$out")
		p=${p:-0}; f=${f:-0}; s=${s:-0} ;;
	ui)
		p=$(count '^ok '); f=$(count '^FAIL '); s=$(count '^# SKIP ') ;;
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

# One of them: its output goes to $out, its status to $out.status.
run_one() {
	case "$1" in
	sdk | web | ui) (run_"$1") >"$out" 2>&1 ;;
	*) timeout 900 "$1" >"$out" 2>&1 ;;
	esac
	echo $? >"$out.status"
}

if [ "${1:-}" = --one ]; then
	out=$3
	run_one "$2"
	exit 0
fi

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'kill 0; exit 1' INT TERM
i=0
for test in "$@"; do
	i=$((i + 1))
	printf '%s %s\n' "$test" "$folder/$i"
done | xargs -L 1 -P "${JOBS:-$(nproc)}" sh "$0" --one &
i=0
for test in "$@"; do
	i=$((i + 1))
	out=$folder/$i
	until [ -s "$out.status" ]; do sleep 0.1; done
	add_up "$(cat "$out.status")" "${test##*/}"
done
[ "$skipped" -ne 0 ] && echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
