#!/bin/sh
# run.sh — runs test programs one after another and adds up: `N passed, N failed`
#
# Arguments are cmocka programs, and the word `sdk` for tests/sdk. A program's output is shown when
# it fails; what it skipped aloud is always shown. Run from the top of the tree.
set -u
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

count() { # lines that match
	grep -cE "$1" "$out" || true
}

run_sdk() {
	if [ ! -d tests/sdk/node_modules ]; then
		(cd tests/sdk && npm ci --no-audit --no-fund --loglevel=error) || return 1
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
		p=$(count '^\[       OK \]'); f=$(count '^\[  FAILED  \] [a-zA-Z_0-9]+$')
		s=$(count '^\[  SKIPPED \] [a-zA-Z_0-9]+$') ;;
	esac
	[ "$1" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	passed=$((passed + p)); failed=$((failed + f)); skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		cat "$out"
		echo "FAIL $2 ($p passed, $f failed)"
	else
		grep -iE '^(# )?skip' "$out" | head -5
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
