/* cgi.c — plain CGI: one request from environment and stdin, its reply to stdout
 *
 * There is one request and nobody else to keep waiting, so stdin is read with blocking reads, each
 * under the request's time limits. stdout is written like a web server's socket: it may be a pipe,
 * a socket or, from a shell, a file, which epoll refuses and which never blocks for long.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/cgi_vars.h"
#include "net/conn.h"

extern char **environ;

/* Up to n bytes; 0 at the end of stdin, -1 when nothing came in time or it broke. */
static ssize_t read_some(const struct fcgi_config *config, int64_t begun_ms, char *to, size_t n)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = begun_ms + config->max_upload_ms - clock_mono_ms();
	ssize_t got;

	if (left > config->request_timeout_ms)
		left = config->request_timeout_ms;
	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		return -1;
	do
		got = read(STDIN_FILENO, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Reads to the end of stdin, or to length when that is known. */
static bool read_stdin(const struct fcgi_config *config, size_t length, struct buf *out,
    struct err *err)
{
	int64_t begun_ms = clock_mono_ms();

	while (out->len < length) {
		size_t want = length - out->len < SCRATCH_BYTES ? length - out->len : SCRATCH_BYTES;
		char *to = buf_reserve(out, want);
		ssize_t got;

		if (!to)
			return err_set(err, ERR_TOO_LARGE, "request body is larger than %zu bytes",
			    config->max_body_bytes);
		got = read_some(config, begun_ms, to, want);
		if (got < 0)
			return err_set(err, ERR_TIMEOUT_REQUEST,
			    "the request did not arrive in time");
		if (got == 0)
			break;
		buf_commit(out, (size_t)got);
	}
	return true;
}

static void release_buf(void *object)
{
	buf_release(object);
}

static bool read_body(const struct fcgi_config *config, const struct cgi_vars *vars, struct req *r,
    struct err *err)
{
	struct str text = vars->var[CGI_CONTENT_LENGTH];
	struct buf *body = ARENA_NEW(r->arena, struct buf);
	int64_t length = 0;

	/* Room for one more read than allowed, which then shows that the body is too long. */
	*body = buf_init(config->max_body_bytes + SCRATCH_BYTES);
	arena_defer(r->arena, release_buf, body);
	if (text.n && !str_to_int(text, 0, INT64_MAX, &length))
		return err_set(err, ERR_BAD_REQUEST, "malformed Content-Length");
	/* A chunked upload comes without a length; anything else without one has no body. */
	if (!text.n && !headers_get(&vars->headers, "transfer-encoding").n)
		return true;
	if ((uint64_t)length > config->max_body_bytes)
		return err_set(err, ERR_TOO_LARGE, "request body is larger than %zu bytes",
		    config->max_body_bytes);
	if (!read_stdin(config, text.n ? (size_t)length : SIZE_MAX, body, err))
		return false;
	if (body->len > config->max_body_bytes)
		return err_set(err, ERR_TOO_LARGE, "request body is larger than %zu bytes",
		    config->max_body_bytes);
	if (text.n && body->len != (size_t)length)
		return err_set(err, ERR_BAD_REQUEST, "the request body is shorter than announced");
	r->body = buf_str(body);
	return true;
}

static bool fill(const struct fcgi_config *config, struct req *r, struct err *err)
{
	struct cgi_vars vars;
	size_t bytes = 0;

	cgi_vars_init(&vars, r->arena);
	for (char **entry = environ; *entry; entry++) {
		bytes += strlen(*entry);
		if (bytes <= config->max_params_bytes)
			cgi_vars_take(&vars, *entry);
	}
	if (!cgi_vars_fill(&vars, config->trusted_proxies, r, err))
		return false;
	if (bytes > config->max_params_bytes)
		return err_set(err, ERR_HEADERS_TOO_LARGE,
		    "request headers are larger than %zu bytes", config->max_params_bytes);
	return read_body(config, &vars, r, err);
}

/* Non-blocking where that means something; only then is it watched. */
static bool watch_stdout(struct conn *c, struct err *err)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0)
		return err_set(err, ERR_CONFIG, "stdout is closed");
	if (wire_watch(c->loop->wire, &c->watch, 0, false)) {
		if (fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK) < 0)
			return err_set(err, ERR_CONFIG, "cannot use stdout: %s", strerror(errno));
	} else if (errno != EPERM) {
		return err_set(err, ERR_CONFIG, "cannot watch stdout: %s", strerror(errno));
	}
	return true;
}

bool fcgi_cgi_start(struct wire *w, const struct fcgi_config *config, struct err *err)
{
	struct fcgi_loop *f = fcgi_loop_new(w, NULL, config);
	struct conn *c = conn_new(f, STDOUT_FILENO);
	struct err refusal = { 0 };
	struct req *r;

	c->cgi = true;
	c->fresh = false;
	if (!watch_stdout(c, err)) {
		conn_lost(c);
		return false;
	}
	c->phase = CONN_BUSY;
	r = req_new(arena_new(8192));
	conn_begin(c, r);
	if (fill(config, r, &refusal)) {
		c->r = r;
		config->on_request(r, config->arg);
	} else {
		conn_refuse(c, r, &refusal);
	}
	return true;
}
