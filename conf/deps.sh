#!/bin/sh
# deps.sh — finds what is missing on Debian and its relatives, and installs it
#
#	sh conf/deps.sh build run test		any of: build run test ui check bench
#
# Says nothing when all is there. Installs with apt-get as root or by a sudo that asks for nothing;
# where it may not, it says in one line what to install and ends with status 1. It asks nothing.
set -u
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin

# for, how to look for it, what to look for, the package that brings it
needs='
build  command  gcc           gcc
build  header   stdio.h       libc6-dev
build  command  make          make
build  command  pkg-config    pkg-config
build  header   fcgiapp.h     libfcgi-dev
build  header   libscrypt.h   libscrypt-dev
build  header   crypt.h       libcrypt-dev
build  library  libcurl       libcurl4-openssl-dev
build  library  sqlite3       libsqlite3-dev
build  library  libcjson      libcjson-dev
build  library  libcrypto     libssl-dev
build  library  hiredis       libhiredis-dev
build  library  zlib          zlib1g-dev
build  library  libzstd       libzstd-dev
build  command  npm           npm
build  file     /usr/share/unicode/UnicodeData.txt unicode-data
run    command  bash          bash
run    command  nginx         nginx
run    command  curl          curl
test   header   cmocka.h      libcmocka-dev
test   command  redis-server  redis-server
test   command  apache2       apache2-bin
test   command  lighttpd      lighttpd
ui     command  chromium      chromium
check  command  clang         clang
check  command  clang-format  clang-format
check  command  clang-tidy    clang-tidy
check  command  cppcheck      cppcheck
check  package  -             libclang-rt-14-dev
bench  command  wrk           wrk
'

is_there() { # how, what, package
	case "$1" in
	command) command -v "$2" >/dev/null ;;
	file) [ -e "$2" ] ;;
	header) [ -e "/usr/include/$2" ] || [ -e "/usr/local/include/$2" ] ;;
	library) pkg-config --exists "$2" 2>/dev/null ;;
	package) dpkg-query -W -f '${db:Status-Abbrev}' "$3" 2>/dev/null | grep -q ^ii ;;
	esac
}

# Prints the packages that are missing for the purposes given.
missing() {
	echo "$needs" | while read -r purpose how what package; do
		case " $* " in
		*" $purpose "*) is_there "$how" "$what" "$package" || printf ' %s' "$package" ;;
		esac
	done
}

# Prints what must stand before apt-get; false when we may not.
right() {
	[ "$(id -u)" = 0 ] && return 0
	command -v sudo >/dev/null && sudo -n true 2>/dev/null && echo "sudo -n"
}

lists_are_fresh() {
	[ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -7 2>/dev/null | head -n 1)" ]
}

apt_get() {
	$prefix env DEBIAN_FRONTEND=noninteractive \
		apt-get -y -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \
		-o Acquire::http::Timeout=60 "$@" </dev/null
}

install() { # package…
	if lists_are_fresh && apt_get install --no-install-recommends "$@" >"$log" 2>&1; then
		return 0
	fi
	# Somebody else may be at it, or a mirror be late.
	for pause in 5 15 30 0; do
		apt_get update >"$log" 2>&1 &&
			apt_get install --no-install-recommends "$@" >>"$log" 2>&1 && return
		sleep "$pause"
	done
	return 1
}

give_up() { # why, package…
	why=$1
	shift
	echo "deps: $why; please install: apt-get install --no-install-recommends $*" >&2
	exit 1
}

# Node builds the web UI (version 18) and runs the SDK test (20). Never fails: the programs run
# without pages, and what needs a newer Node says so when it is skipped.
install_node() {
	command -v node >/dev/null && command -v npm >/dev/null && return
	command -v apt-cache >/dev/null && prefix=$(right) || return
	lists_are_fresh || apt_get update >"$log" 2>&1
	version=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/.*Candidate: \([0-9]*\).*/\1/p')
	[ "${version:-0}" -ge 18 ] || return
	echo "deps: installing nodejs npm"
	install nodejs npm || echo "deps: nodejs and npm could not be installed" >&2
}

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
prefix=""
lacking=$(missing "$@")
if [ -n "$lacking" ]; then
	command -v apt-get >/dev/null || give_up "missing, and there is no apt-get here" $lacking
	prefix=$(right) || give_up "missing, and only root may install" $lacking
	echo "deps: installing$lacking"
	install $lacking || { cat "$log" >&2; give_up "apt-get failed" $lacking; }
	lacking=$(missing "$@")
	[ -z "$lacking" ] || give_up "still missing after the installation" $lacking
fi
case " $* " in
*" run "* | *" test "* | *" ui "*) install_node ;;
esac
exit 0
