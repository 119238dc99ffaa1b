#!/bin/sh
# run.sh — `make bench`: what the gateway costs, beside its floors
#
#	sh tests/bench/run.sh		about five minutes
#	QUICK=1 sh tests/bench/run.sh	under one
#
# Prints Markdown on stdout, progress on stderr, and never fails on a figure. One run measures all
# rows, so that ratios mean something on a machine of any speed:
#
#	a	the client directly at the upstream
#	b	nginx proxy_pass over kept connections
#	c2	nginx, a libfcgi hello with 192 blocking threads: customary
#	c3	nginx, a libfcgi hello on one event loop: the floor of FastCGI
#	product	nginx, fcgi-relay as `make run` starts it, the full path: key, limits, channel,
#		reservation and settlement durable, log row. 64 keys with a limit take turns.
#
# CPU is that of all threads of nginx and of fcgi-relay (/proc/PID/task/*/schedstat). Everything is
# measured several times, the rows of a table in turns; the try that others disturbed least counts,
# and is marked with ~ when even then they used more than 8 % of a core. Everything listens on free
# loopback ports and lives in a temporary folder (under TMPDIR), which goes at the end: KEEP=1 keeps
# it.
#
# Settings: BIN_DIR, TOOLS_DIR (where fake_upstream and bench/ are), STREAMS (10000), and all of
# conf/oneapi.env.example.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BIN_DIR:-$here/build/release/bin}
tools=${TOOLS_DIR:-$here/build/release/tests}
load=$tools/bench/load
quick=${QUICK:-}
PATH=$PATH:/usr/sbin:/sbin
pids="" hellos=""
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX") || exit 1

say() {
	echo "$*" >&2
}

# Ends what was started here. libfcgi takes SIGTERM for itself, so the floors are killed.
stop_all() {
	trap '' INT TERM
	[ -n "$hellos" ] && kill -KILL $hellos 2>/dev/null
	[ -n "$pids" ] && kill -TERM $pids 2>/dev/null
	wait 2>/dev/null
	if [ -n "${KEEP:-}" ]; then say "kept: $dir"; else rm -rf "$dir"; fi
}
trap 'exit 130' INT TERM
trap stop_all EXIT

fail() {
	say "bench: $*"
	exit 1
}

# Sets pid.
start() {
	"$@" >>"$dir/out.log" 2>&1 &
	pid=$!
	pids="$pids $pid"
}

# until COMMAND… succeeds, ten seconds at most
wait_for() {
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "not ready: $*"
}

start_upstream() {
	mkfifo "$dir/port"
	"$tools/fake_upstream" >"$dir/port" 2>>"$dir/out.log" &
	upstream_pid=$!
	pids="$pids $upstream_pid"
	read -r _ upstream <"$dir/port"
	rm "$dir/port"
}

# A port that is free now.
free_port() {
	mkfifo "$dir/port"
	"$tools/fake_upstream" >"$dir/port" 2>/dev/null &
	read -r _ port <"$dir/port"
	kill $! && wait $! 2>/dev/null
	rm "$dir/port"
}

# ---- the stacks --------------------------------------------------------------------------------

write_nginx_conf() {
	nofile=$(ulimit -Hn)
	[ "$nofile" = unlimited ] && nofile=65536
	user=""
	[ "$(id -u)" = 0 ] && user="user root;"
	cat >"$dir/nginx.conf" <<END
$user
worker_processes auto;
worker_rlimit_nofile $nofile;
error_log $dir/nginx-error.log warn;
pid $dir/nginx.pid;
daemon off;
events { worker_connections $nofile; }
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	upstream fake { server 127.0.0.1:$upstream; keepalive 256; keepalive_requests 100000; }
	upstream c2 { server unix:$dir/c2.sock; keepalive 64; keepalive_requests 100000; }
	upstream c3 { server unix:$dir/c3.sock; keepalive 256; keepalive_requests 100000; }
	server {
		listen 127.0.0.1:$floors backlog=4096;
		client_max_body_size 32m;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		location /b/ { proxy_pass http://fake; }
		location /streams/ { proxy_pass http://fake; proxy_buffering off; proxy_read_timeout 600s; }
		location /c2/ { include $here/conf/nginx/fastcgi.conf; fastcgi_pass c2; }
		location /c3/ { include $here/conf/nginx/fastcgi.conf; fastcgi_pass c3; }
	}
}
END
}

start_floors() {
	free_port
	floors=$port
	start "$tools/bench/hello_threads" "$dir/c2.sock"
	c2_pid=$pid
	start "$tools/bench/hello_loop" "$dir/c3.sock"
	c3_pid=$pid
	hellos="$c2_pid $c3_pid"
	wait_for test -S "$dir/c2.sock"
	wait_for test -S "$dir/c3.sock"
	write_nginx_conf
	start nginx -e "$dir/nginx-error.log" -c "$dir/nginx.conf"
	floors_pid=$pid
	wait_for "$load" closed "$floors" /c3/v1/x "$dir/small.json" -s 0.01 -w 0
}

api() {
	curl -sS -m 10 -H "Authorization: Bearer $access_token" "http://127.0.0.1:$product$1" -d "$2"
}

set_option() {
	curl -sS -m 10 -X PUT -H "Authorization: Bearer $access_token" \
		"http://127.0.0.1:$product/api/option/" -d "$1"
}

# A channel for each dialect; the model names say what fake_upstream does.
add_channels() {
	set_option '{"key":"ModelRatio","value":"{\"gpt-4o-mini\":0.075,\"bench-50-0\":1,\"bench-100000-10\":1,\"bench-100000-20\":1,\"bench-100000-50\":1,\"bench-100000-1000\":1,\"bench_ollama-100000-20\":1}"}'
	api /api/channel/ '{"type":1,"name":"openai","key":"sk-up","group":"default","base_url":
		"http://127.0.0.1:'"$upstream"'","models":"gpt-4o-mini,bench-50-0,bench-100000-10,bench-100000-20,bench-100000-50,bench-100000-1000"}'
	api /api/channel/ '{"type":30,"name":"ollama","key":"none","group":"default","base_url":
		"http://127.0.0.1:'"$upstream"'","models":"bench_ollama-100000-20"}'
}

add_keys() {
	for i in $(seq 64); do
		api /api/token/ '{"name":"bench '"$i"'","remain_quota":100000000000000,"expired_time":-1}'
		echo
	done | sed -n 's/.*"key":"\([^"]*\)".*/sk-\1/p' >"$dir/keys"
	[ "$(wc -l <"$dir/keys")" -eq 64 ] || fail "cannot make keys: $(api /api/token/ '{"name":"x"}')"
}

serves_all() {
	curl -fsS "http://127.0.0.1:$product/v1/models" -H "Authorization: Bearer $(head -n 1 "$dir/keys")" |
		grep -q bench_ollama
}

start_product() {
	free_port
	product=$port
	access_token=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
	cd "$dir" || exit 1
	PORT=$product DATA_DIR=$dir/data BIN_DIR=$bin RUN_DIR_BASE=$dir RUN_DIR_LINK=$dir/product \
		INITIAL_ROOT_ACCESS_TOKEN=$access_token GLOBAL_API_RATE_LIMIT=0 \
		start bash "$here/conf/run.sh"
	wait_for curl -fsS "http://127.0.0.1:$product/api/status"
	relay_pid=$(cat "$dir/product/relay.pid")
	web_pid=$(cat "$dir/product/web.pid")
	add_channels >>"$dir/out.log"
	add_keys
	wait_for serves_all
}

# ---- bodies ------------------------------------------------------------------------------------

text() {
	awk -v n="$1" 'BEGIN { while (length(s) < n) s = s "the quick brown fox jumps over the lazy dog "; print substr(s, 1, n) }'
}

stream_body() {
	echo '{"model":"'"$1"'","stream":true,"messages":[{"role":"user","content":"count"}]}'
}

write_bodies() {
	messages='"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content"'
	echo '{"model":"gpt-4o-mini","temperature":0.2,"max_tokens":64,'"$messages:\"$(text 220)\"}]}" >"$dir/small.json"
	echo '{"model":"gpt-4o-mini","temperature":0.2,"max_tokens":64,'"$messages:\"$(text 9900)\"}]}" >"$dir/large.json"
	stream_body bench-50-0 >"$dir/sse.json"
	stream_body bench-100000-10 >"$dir/every10.json"
	stream_body bench-100000-20 >"$dir/every20.json"
	stream_body bench-100000-50 >"$dir/every50.json"
	stream_body bench-100000-1000 >"$dir/every1000.json"
	stream_body bench_ollama-100000-20 >"$dir/ollama.json"
}

# ---- measuring ---------------------------------------------------------------------------------

# ROW: sets port, path and what is watched
aim() {
	case $1 in
	a) port=$upstream path=/v1/chat/completions watch="" ;;
	b) port=$floors path=/b/v1/chat/completions watch="-p nginx=$floors_pid" ;;
	b-streams) port=$floors path=/streams/v1/chat/completions watch="-p nginx=$floors_pid" ;;
	c2) port=$floors path=/c2/v1/chat/completions watch="-p nginx=$floors_pid -p ours=$c2_pid" ;;
	c3) port=$floors path=/c3/v1/chat/completions watch="-p nginx=$floors_pid -p ours=$c3_pid" ;;
	product) port=$product path=/v1/chat/completions watch="-p nginx=$web_pid -p ours=$relay_pid" ;;
	esac
}

# NAME ROW MODE BODY OPTION…: one try, added to $dir/tries
try() {
	name=$1 row=$2 mode=$3 body=$4
	shift 4
	aim "$row"
	# shellcheck disable=SC2086
	timeout 120 "$load" "$mode" "$port" "$path" "$dir/$body.json" -k "$dir/keys" $watch \
		-p upstream="$upstream_pid" "$@" >"$dir/try" 2>>"$dir/out.log" ||
		say "bench: no figures for $name, see $dir/out.log"
	sed "s/^/name=$name row=${row%-streams} /" "$dir/try" >>"$dir/tries"
}

# Of all tries the quietest of each name and row becomes a result.
keep_quietest() {
	sed 's/.* foreign=\([-0-9.]*\).*/\1 &/' "$dir/tries" | sort -n |
		awk '!seen[$2, $3]++ { sub(/^[^ ]* /, ""); print }' >>"$dir/results"
	: >"$dir/tries"
}

# As try, but once more when others disturbed it.
measure() {
	say "$1: $2"
	for _ in 1 2; do
		try "$@"
		awk '{ sub(/.*foreign=/, ""); exit !($1 > 0.08) }' "$dir/try" || break
		[ -n "$quick" ] && break
	done
	keep_quietest
}

# Which rows a body is measured in.
rows_for() {
	case $1.$quick in
	small.* | large.) echo a b c2 c3 product ;;
	large.*) echo b product ;;
	sse.) echo a b-streams product ;;
	sse.*) echo b-streams product ;;
	esac
}

# The rows take turns, so that a disturbance meets all of them.
closed_rows() {
	for connections in $connection_counts; do
		for body in small large sse; do
			say "$body, $connections connections"
			for _ in $rounds; do
				for row in $(rows_for $body); do
					# it has fewer threads than nginx would keep connections
					[ "$row.$connections" = c2.256 ] && continue
					try "$body.$connections" "$row" closed "$body" \
						-c "$connections" -s "$seconds" -w 0.3
				done
			done
			keep_quietest
		done
	done
}

note() {
	echo "name=$1 value=$2" >>"$dir/results"
}

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$relay_pid/status"
}

# nginx lets go of idle connections after 15 s, then memory is given back within 5 s.
wait_for_memory() {
	say "memory after load"
	for _ in $(seq 15); do
		sleep 2
		[ "$(rss)" -lt $((idle_kb * 7 / 5)) ] && break
	done
	note after_kb "$(rss)"
}

# Streams that come slowly and last.
slow_streams() {
	measure "slow.$1" product streams every1000 -c "$1" -s "$2" -w 2
}

main() {
	seconds=0.7 rounds="1 2 3" connection_counts="1 64 256" stream_seconds=4
	[ -n "$quick" ] && seconds=0.5 rounds="1 2" connection_counts=64 stream_seconds=2
	: >"$dir/results"
	: >"$dir/tries"
	write_bodies
	start_upstream
	start_floors
	start_product
	aim product
	"$load" closed "$port" "$path" "$dir/small.json" -k "$dir/keys" -c 4 -s 0.1 -w 0 >>"$dir/out.log"
	idle_kb=$(rss)
	note idle_kb "$idle_kb"

	closed_rows
	measure open b open small -c 256 -r 1000 -s $stream_seconds
	measure open product open small -c 256 -r 1000 -s $stream_seconds
	for row in b-streams product; do
		measure events25k $row streams every20 -c 500 -s $stream_seconds
		[ -n "$quick" ] && continue
		measure events10k $row streams every50 -c 500 -s $stream_seconds
		measure events50k $row streams every10 -c 500 -s $stream_seconds
	done
	measure converted product streams ollama -c 500 -s $stream_seconds
	measure leave product streams every1000 -c 100 -s 0.5 -u "$upstream"
	slow_streams 2000 3
	[ -n "$quick" ] || slow_streams "${STREAMS:-10000}" 5
	wait_for_memory
	note start_us "$(DATA_DIR=$dir/data "$load" start "$dir/start.sock" \
		"$bin/fcgi-relay" --listen "$dir/start.sock" 2>>"$dir/out.log" | sed 's/.*=//')"
	awk -f "$here/tests/bench/report.awk" "$dir/results"
	echo
	"$tools/bench/count_tokens"
	echo
	"$tools/bench/events"
}

main
