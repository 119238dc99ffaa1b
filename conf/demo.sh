#!/bin/bash
# demo.sh — `make demo`: the gateway between curl and a made-up provider, in ten seconds
#
# Starts what `make run` starts, in a temporary folder and on a free port, with fake_upstream as its
# only channel; asks for one whole and one streamed answer; shows both, their log rows and root's
# quota before and after. Ends with status 0 when everything was as it should be, the charge to the
# last unit included. Reads BIN_DIR as conf/run.sh does.
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
BIN_DIR=$(cd "${BIN_DIR:-$here/build/release/bin}" && pwd) || exit 1
tools=$(dirname "$BIN_DIR")/tests
export no_proxy="*"
access=demo-access-token-of-root
key=sk-demo-key-of-root
model=gpt-4o
# 10 prompt and 7 completion tokens at USD 2.50 and 10.00 a million, USD 1 = 500,000, rounded up.
charge=48
pids=()

stop() {
	trap '' INT TERM EXIT
	kill -TERM "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
	exit "$1"
}

fail() {
	echo "make demo: $*" >&2
	[ -s "$dir/log" ] && tail -n 20 "$dir/log" >&2
	stop 1
}

# Until the command succeeds, 8 seconds at most.
eventually() {
	for _ in $(seq 80); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

free_port() {
	local port
	for _ in $(seq 50); do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# path, more arguments of curl
api() {
	local path="$1"
	shift
	curl -sS --max-time 5 -H "Authorization: $access" "$base/api/$path" "$@"
}

chat() { # stream?
	curl -sSN --max-time 5 -w '\nstatus %{http_code}\n' "$base/v1/chat/completions" \
		-H "Authorization: Bearer $key" -H "Content-Type: application/json" \
		-d "{\"model\":\"$model\",\"stream\":$1,\"messages\":[{\"role\":\"user\",\"content\":\"Hello, gateway\"}]}"
}

# The value of a number in flat JSON on stdin, the first of that name.
number() {
	grep -o "\"$1\":-\?[0-9]*" | head -n 1 | cut -d: -f2
}

quota() {
	api user/self | number quota
}

is_up() {
	kill -0 "$run" 2>/dev/null || fail "the gateway ended"
	curl -sf --max-time 2 -o /dev/null "$base/api/status"
}

upstream_listens() {
	upstream=$(sed -n 's/^listening //p' "$dir/upstream" 2>/dev/null)
	[ -n "$upstream" ]
}

channel_serves() {
	curl -s --max-time 2 -H "Authorization: Bearer $key" "$base/v1/models" | grep -q "\"$model\""
}

both_are_logged() {
	logs=$(api "log/?p=0&type=2")
	[ "$(grep -o '"request_id"' <<<"$logs" | wc -l)" = 2 ]
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/oneapi-demo.XXXXXX") || exit 1
trap 'stop 1' INT TERM EXIT

"$tools/fake_upstream" >"$dir/upstream" &
pids+=($!)
eventually upstream_listens || fail "fake_upstream does not listen"
PORT=$(free_port)
base=http://127.0.0.1:$PORT
# Not in the environment, nor beside the .env, of an installation: its database is not for us.
cd "$dir" || exit 1
env -i PATH="$PATH" TMPDIR="${TMPDIR:-/tmp}" BIN_DIR="$BIN_DIR" PORT="$PORT" DATA_DIR="$dir/data" \
	INITIAL_ROOT_ACCESS_TOKEN=$access INITIAL_ROOT_TOKEN=$key \
	bash "$here/conf/run.sh" >"$dir/log" 2>&1 &
run=$!
pids+=($run)
eventually is_up || fail "the gateway does not answer"
echo "The gateway runs at $base, a made-up provider at http://127.0.0.1:$upstream."

api channel/ -d "{\"type\":1,\"name\":\"made up\",\"key\":\"sk-none\",\"models\":\"$model\",
	\"base_url\":\"http://127.0.0.1:$upstream\",\"group\":\"default\"}" |
	grep -q '"success":true' || fail "the channel was not accepted"
eventually channel_serves || fail "the channel does not serve $model"
before=$(quota)

printf '\nPOST /v1/chat/completions, whole:\n'
answer=$(chat false)
echo "$answer"
grep -q '^status 200$' <<<"$answer" && grep -q 'echo: Hello, gateway' <<<"$answer" ||
	fail "the whole answer is wrong"

printf '\nPOST /v1/chat/completions, streamed:\n'
answer=$(chat true)
echo "$answer"
grep -q '^status 200$' <<<"$answer" && grep -q '^data: \[DONE\]$' <<<"$answer" &&
	[ "$(grep -c '"content":"word' <<<"$answer")" = 5 ] || fail "the streamed answer is wrong"

eventually both_are_logged || fail "the log has not both requests: $logs"
printf '\nGET /api/log/, newest first:\n'
grep -o '{"id":[^{}]*}' <<<"$logs"
after=$(quota)
printf '\nquota of root: %s before, %s after: %s charged for two requests, expected %s\n' \
	"$before" "$after" "$((before - after))" "$((2 * charge))"
[ "$((before - after))" = "$((2 * charge))" ] || fail "the charge is wrong"
[ "$(grep -o "\"quota\":$charge,\"prompt_tokens\":10,\"completion_tokens\":7" <<<"$logs" | wc -l)" = 2 ] ||
	fail "the log rows are wrong"
echo "All as it should be."
stop 0
