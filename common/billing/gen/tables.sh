#!/bin/sh
# tables.sh — makes the tables of billing/bpe_table.h
#
#	sh common/billing/gen/tables.sh build/ranks/tables.bin
#
# The ranks come out of the npm package `tiktoken` (version and digest in package-lock.json), the
# classes of characters from Debian's unicode-data; tables.c checks the ranks against OpenAI's own
# SHA-256. Everything happens in a folder of its own beside the output, which is moved to its place
# at the end: several makes may do this at once, and who comes last replaces equal by equal.
# CC chooses the compiler. Run from the top of the tree.
set -u
out=$1
here=common/billing/gen
unicode=${UNICODE_DIR:-/usr/share/unicode}

fail() { # what is wrong
	echo "ranks: $1" >&2
	exit 1
}

command -v npm >/dev/null || fail "npm is missing, which fetches the rank data: make deps"
[ -r "$unicode/UnicodeData.txt" ] || fail "$unicode/UnicodeData.txt is missing: make deps"
mkdir -p "${out%/*}" || exit 1
work=$(mktemp -d "${out%/*}/work.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

${CC:-cc} -std=c17 -D_GNU_SOURCE -O2 -Icommon -o "$work/tables" $here/tables.c -lcrypto ||
	fail "cannot compile $here/tables.c"
cp $here/package.json $here/package-lock.json "$work/" || exit 1
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error \
	--fetch-retries=2 --fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=8000 --fetch-timeout=60000) >"$work/npm.log" 2>&1 || {
	cat "$work/npm.log" >&2
	fail "npm could not fetch the package that holds the rank data"
}
ranks=$work/node_modules/tiktoken/encoders
"$work/tables" "$unicode" "$ranks/o200k_base.json" "$ranks/cl100k_base.json" >"$work/tables.bin" ||
	fail "no tables were made"
mv -f "$work/tables.bin" "$out" || fail "cannot write $out"
# For tests, which compare with the package itself.
rm -rf "${out%/*}/node_modules"
mv -T "$work/node_modules" "${out%/*}/node_modules" 2>/dev/null || true
