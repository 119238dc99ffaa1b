/* fuzz_fcgi.c — a web server that sends anything
 *
 * The first byte says how the rest is cut into writes, everything else is what a connection
 * receives. Requests that come out of it are answered at once, as a stream, from a timer, or never;
 * whatever arrives, each must end exactly once, and the loop must be empty afterwards.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/fcgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t begun, ended;

static void refuse(const struct req *r, const struct err *err, struct resp *out)
{
	resp_json(out, err_status(err));
	buf_addf(&out->body, "%.*s: %s", STR_ARG(r->path), err->msg);
	begun++;
	ended++;
}

static void on_gone(struct req *r)
{
	ended++;
	reply_end(r);
}

static const struct reply_events events = { .on_gone = on_gone };

static void answer_whole(struct req *r)
{
	struct resp resp;

	resp_init(&resp, r->arena);
	for (size_t i = 0; i < r->headers.count; i++)
		buf_add(&resp.body, r->headers.items[i].value);
	buf_add(&resp.body, r->body);
	buf_add(&resp.body, req_query(r, "q"));
	ended++;
	reply_send(r, &resp);
}

static void answer_stream(struct req *r)
{
	reply_start(r, 200, NULL);
	reply_write(r, r->path);
	reply_flush(r);
	reply_write(r, r->body);
	ended++;
	if (r->path.n % 2)
		reply_end(r);
	else
		reply_abort(r);
}

struct later {
	struct timer timer;
	struct req *r;
};

static void on_later(struct timer *t)
{
	struct req *r = CONTAINER_OF(t, struct later, timer)->r;

	answer_whole(r);
}

static void answer_later(struct req *r)
{
	struct later *l = ARENA_NEW(r->arena, struct later);

	l->r = r;
	l->timer.fn = on_later;
	timer_set(reply_wire(r), &l->timer, 0);
}

static void answer_never(struct req *r)
{
	reply_watch(r, &events);
}

static void on_request(struct req *r, void *arg)
{
	static void (*const answers[])(
	    struct req * r) = { answer_whole, answer_stream, answer_later, answer_never };

	begun++;
	answers[(r->path.n / 2 + r->body.n) % COUNT_OF(answers)](r);
}

static const struct fcgi_config config = {
	.max_params_bytes = 2048,
	.max_body_bytes = 2048,
	.request_timeout_ms = 1000,
	.max_upload_ms = 1000,
	.max_conns = 8,
	.trusted_proxies = STR_INIT("10.0.0.0/8, unix"),
	.on_request = on_request,
	.refuse = refuse,
};

static void drop_replies(int fd)
{
	char sink[4096];

	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire *wire;
	static struct fcgi_loop *loop;
	size_t piece, n;
	int fds[2];

	if (!wire) {
		if (!log_open("fuzz", LOG_ERROR, NULL))
			abort();
		wire = wire_new(0);
		loop = fcgi_loop_new(wire, NULL, &config);
	}
	if (size < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 0;
	piece = data[0] ? data[0] : size;
	begun = ended = 0;
	fcgi_loop_adopt(loop, fds[0]);
	for (size_t at = 1; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		if (send(fds[1], data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		wire_turn(wire, 0);
		drop_replies(fds[1]);
	}
	for (int i = 0; i < 4; i++) {
		wire_turn(wire, 0);
		drop_replies(fds[1]);
	}
	close(fds[1]);
	for (int i = 0; i < 8 && fcgi_loop_conns(loop) > 0; i++)
		wire_turn(wire, 0);
	if (fcgi_loop_conns(loop) > 0 || begun != ended)
		abort();
	return 0;
}
