#!/bin/sh
# check.sh — `make check`: what a reviewer would do, cheap things first
#
# SHORT=1 leaves out clang, the analysers and the sanitized flow tests and compiles without optimising,
# for a run in CI behind `make test`. Run from the top of the tree.
set -u
jobs=$(nproc)
sources=$(ls common/*/*.[ch] common/*/*/*.[ch] fcgi-relay/*.[ch] fcgi-admin/*.[ch] tests/*.[ch] tests/*/*.[ch])
c_sources=$(ls common/*/*.c fcgi-relay/*.c fcgi-admin/*.c)
bad=0
optimise=-O2
[ "${SHORT:-0}" = 1 ] && optimise=-O0

step() { # name, command…
	name="$1"
	shift
	if "$@" >build/check.log 2>&1; then
		echo "ok   $name"
	else
		cat build/check.log
		echo "FAIL $name"
		bad=1
	fi
}

mkdir -p build
step format sh -c "clang-format --dry-run -Werror $(echo $sources)"
every_setting_is_in_the_example() {
	for setting in $(for p in relay admin; do build/werror/bin/fcgi-$p --help-config; done |
		grep -oE '^[A-Z][A-Z_0-9]+' | sort -u); do
		grep -qE "^#? ?$setting=" conf/oneapi.env.example || { echo "missing: $setting"; return 1; }
	done
}

step "gcc -Werror, banned calls" make -s -j"$jobs" all MODE=werror WERROR=-Werror \
	FLAGS_werror="$optimise -include base/banned.h"
step "settings in oneapi.env.example" every_setting_is_in_the_example
step "units, ASan and UBSan" make -s -j"$jobs" unit MODE=asan
if [ "${SHORT:-0}" != 1 ]; then
	step "clang -Werror" make -s -j"$jobs" all MODE=clang CC=clang WERROR=-Werror FLAGS_clang=-O2
	step cppcheck cppcheck -q --error-exitcode=1 --std=c11 --inline-suppr -Icommon \
		--enable=warning,portability --suppress=missingIncludeSystem --suppress=varFuncNullUB \
		$c_sources
	step "clang-tidy" clang-tidy -quiet $c_sources -- -std=c17 -D_GNU_SOURCE -Icommon
	step "gcc -fanalyzer" make -s -j"$jobs" all MODE=analyzer WERROR=-Werror \
		FLAGS_analyzer="-O1 -fanalyzer"
	step "flows, ASan and UBSan" make -s flow MODE=asan
	step "units, TSan" make -s -j"$jobs" unit MODE=tsan
	step "flows, TSan" make -s flow MODE=tsan
fi
[ "$bad" -eq 0 ] && echo "check: all fine"
exit "$bad"
