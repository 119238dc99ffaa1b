#!/bin/bash
# run.sh — `make run`: web server and both programs in the foreground, everything in one folder
#
# Reads PORT (3000), DATA_DIR (./data), WEB_SERVER (nginx), BIN_DIR and passes every other setting
# on to the programs (conf/oneapi.env.example). Ready when GET /api/status answers. Sockets and the
# web server's temporary files live in a folder of their own under TMPDIR, so that two instances run
# side by side and a long DATA_DIR is no problem. A program that dies is started again; SIGINT or
# SIGTERM ends everything within five seconds.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
export PORT="${PORT:-3000}" DATA_DIR="${DATA_DIR:-./data}"
bin="${BIN_DIR:-$here/build/release/bin}"
run_dir=""
declare -A pid_of=()

fail() {
	echo "make run: $*" >&2
	stop 1
}

# Ends what was started, newest rule first: the web server takes no more, then the programs drain.
stop() {
	trap '' INT TERM
	local pids=("${pid_of[@]}")
	if [ ${#pids[@]} -gt 0 ]; then
		kill -TERM "${pids[@]}" 2>/dev/null
		for _ in $(seq 45); do
			kill -0 "${pids[@]}" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "${pids[@]}" 2>/dev/null
		wait 2>/dev/null
	fi
	[ -n "$run_dir" ] && rm -rf "$run_dir"
	exit "$1"
}

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# name, then the command. Its pid is kept in $run_dir/NAME.pid. A session of its own keeps a Ctrl-C
# of the terminal from it: it would count as a second, hasty signal beside ours.
start() {
	local name="$1"
	shift
	setsid "$@" &
	pid_of[$name]=$!
	echo "${pid_of[$name]}" >"$run_dir/$name.pid"
}

start_program() {
	rm -f "$run_dir/$1.sock"
	start "$1" "$bin/fcgi-$1" --listen "$run_dir/$1.sock"
}

start_nginx() {
	local nofile user=""
	[ "$(id -u)" = 0 ] && user="user root;" # else its workers could not reach our sockets
	nofile=$(ulimit -Hn)
	[ "$nofile" = unlimited ] && nofile=65536
	sed -e "s|@RUN_DIR@|$run_dir|g" -e "s|@PORT@|$PORT|g" -e "s|@CONF_DIR@|$here/conf|g" \
		-e "s|@WEB_ROOT@|$web_root|g" -e "s|@MIME_TYPES@|$mime_types|g" \
		-e "s|@USER@|$user|g" \
		-e "s|@NOFILE@|$nofile|g" -e "s|@CONNECTIONS@|$((nofile / 2))|g" \
		"$here/conf/nginx/oneapi.conf.in" >"$run_dir/nginx.conf"
	cp "$here/conf/nginx/fastcgi.conf" "$here/conf/nginx/pages.conf" "$run_dir/"
	"$nginx" -t -q -e "$run_dir/nginx-error.log" -c "$run_dir/nginx.conf" ||
		fail "nginx does not accept its configuration"
	start web "$nginx" -e "$run_dir/nginx-error.log" -c "$run_dir/nginx.conf"
}

# True once the program answers, false when it died first.
wait_for_socket() {
	for _ in $(seq 1200); do
		[ -S "$run_dir/$1.sock" ] && return 0
		kill -0 "${pid_of[$1]}" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

wait_until_ready() {
	for _ in $(seq 1200); do
		(exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}

# A password of an earlier start may have been changed since, so only a new one is shown.
announce() {
	local password="$DATA_DIR/root-password"

	echo
	echo "oneapi-fcgi runs at http://127.0.0.1:$PORT"
	if [ "$password" -nt "$run_dir/begun" ]; then
		echo "sign in as root, password: $(cat "$password")   (kept in $password)"
	fi
	echo "try: curl http://127.0.0.1:$PORT/api/status"
	echo
}

# Starts again what died, until a signal comes.
supervise() {
	local name
	while :; do
		wait -n 2>/dev/null
		for name in "${!pid_of[@]}"; do
			kill -0 "${pid_of[$name]}" 2>/dev/null && continue
			echo "make run: $name ended, starting it again" >&2
			sleep 0.2
			if [ "$name" = web ]; then start_nginx; else start_program "$name"; fi
		done
	done
}

trap 'stop 0' INT TERM
ulimit -n "$(ulimit -Hn)" 2>/dev/null
umask 077

[[ "$PORT" =~ ^[1-9][0-9]{0,4}$ && "$PORT" -le 65535 ]] ||
	fail "PORT '$PORT' is not a port, choose a number from 1 to 65535"
[ "${WEB_SERVER:-nginx}" = nginx ] || fail "WEB_SERVER '$WEB_SERVER' is not supported, use nginx"
nginx=$(PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin" command -v nginx) ||
	fail "nginx is missing, try: make deps"
mime_types=/etc/nginx/mime.types
[ -r "$mime_types" ] || mime_types=/dev/null
web_root="$here/web/dist"
port_is_free || fail "port $PORT is taken, choose another: PORT=3001 make run"
mkdir -p "$DATA_DIR" 2>/dev/null && [ -w "$DATA_DIR" ] ||
	fail "cannot write to DATA_DIR '$DATA_DIR'"
DATA_DIR=$(cd "$DATA_DIR" && pwd)
run_dir=$(mktemp -d "${RUN_DIR_BASE:-${TMPDIR:-/tmp}}/oneapi.XXXXXX") || fail "cannot make a temporary folder"
[ ${#run_dir} -lt 80 ] || fail "TMPDIR is too long for a unix socket"
[ -n "${RUN_DIR_LINK:-}" ] && ln -sfn "$run_dir" "$RUN_DIR_LINK"
touch "$run_dir/begun"
start_program admin
wait_for_socket admin || fail "fcgi-admin did not start"
start_program relay
wait_for_socket relay || fail "fcgi-relay did not start"
start_nginx
wait_until_ready || fail "nginx did not start, see above"
announce
supervise
