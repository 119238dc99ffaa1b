/* decode.c — libfcgi as the decoder of a request that is complete in memory
 *
 * FCGX_Accept_r reads a descriptor and waits for it; a loop must not wait. So the collected records
 * go into a memory file that the loop keeps, and libfcgi reads that: every byte is there, and the
 * empty STDIN record ends it. What must be known of libfcgi 2.4.2:
 *
 *	- keepConnection = 1, or the first thing it does is close the descriptor
 *	- listen_sock = -1, or a failure ends in a blocking accept; with -1 it returns -EBADF and
 *	  has closed the descriptor, so the file is made anew
 *	- it takes the lengths of names and values as they come, up to 2^32, and allocates their
 *	  sum without a look at what is there: parameters are checked before it sees them
 *	- a truncated body is only shorter: count it, and look at the stream's error
 *	- FCGX_Finish_r would write an END_REQUEST; FCGX_Free gives everything back without a word
 *
 * The file is not cut to length for each request. Instead a record of an impossible version follows
 * the last one, so that a reader that went too far would fail and not see an older request.
 */
#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "net/cgi_vars.h"
#include "net/conn.h"
#include "net/record.h"

/* Above this the file gives its memory back after use. */
#define MEMFD_KEEP_BYTES ((size_t)1024 * 1024)
/* Of the request's arena: struct req, header table, and what a relay request needs until it ends,
 * so that it lives in one block. Growing would triple it, for as long as a stream lasts. */
#define ARENA_BASE_BYTES ((size_t)10752)
/* A body up to this shares the arena's first block. */
#define ARENA_BODY_BYTES ((size_t)16 * 1024)

/* FCGX_Init replaces the dispositions of these; what the program chose is kept. */
static void init_once(void)
{
	static const int signals[] = { SIGPIPE, SIGUSR1, SIGTERM };
	struct sigaction old[COUNT_OF(signals)];

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaction(signals[i], NULL, &old[i]);
	if (FCGX_Init() != 0)
		log_error(NULL, "fcgi.init_failed", LOG_NONE);
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaction(signals[i], &old[i], NULL);
}

void fcgi_setup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_once);
}

bool decode_ready(struct fcgi_loop *f)
{
	if (f->memfd < 0) {
		f->memfd = memfd_create("fcgi-request", MFD_CLOEXEC);
		f->memfd_size = 0;
	}
	return f->memfd >= 0;
}

void decode_release(struct fcgi_loop *f)
{
	if (f->memfd >= 0)
		close(f->memfd);
	f->memfd = -1;
	f->memfd_size = 0;
}

/* The contents of all PARAMS records in one piece; joined is used only when there are several. */
static struct str all_params(struct str records, struct buf *joined)
{
	struct str params = STR("");
	struct record rec;

	for (; records.n > 0; records = str_slice(records, record_size(&rec), records.n)) {
		struct str content;

		if (!record_read(records.p, &rec) || rec.type != RECORD_PARAMS || !rec.content)
			continue;
		content = (struct str){ records.p + RECORD_HEADER, rec.content };
		if (!params.n) {
			params = content;
			continue;
		}
		if (!joined->len)
			buf_add(joined, params);
		buf_add(joined, content);
	}
	return joined->len ? buf_str(joined) : params;
}

/* Does every name and value lie within the parameters? */
static bool params_are_whole(const struct conn *c, struct str records)
{
	struct buf joined = buf_init(c->params_bytes);
	struct str rest = all_params(str_slice(records, 0, c->params_end), &joined);
	struct str name, value;
	bool whole = true;

	while (whole && rest.n > 0)
		whole = record_next_pair(&rest, &name, &value);
	buf_release(&joined);
	return whole;
}

bool decode_is_upload(const struct conn *c, struct str records)
{
	struct buf joined = buf_init(c->params_bytes);
	struct str rest = all_params(records, &joined), name, value;
	bool found = false;

	while (!found && rest.n > 0 && record_next_pair(&rest, &name, &value))
		found = str_eq(name, STR("CONTENT_TYPE")) &&
		    str_starts_nocase(str_trim(value), STR("multipart/"));
	buf_release(&joined);
	return found;
}

/* Puts the records into the memory file, with an end of the body if they have none. */
static bool load(struct fcgi_loop *f, uint16_t id, struct str records, bool with_body)
{
	char empty_stdin[RECORD_HEADER], stop[RECORD_HEADER] = { 0 };
	struct iovec iov[] = {
		{ (void *)(uintptr_t)records.p, records.n },
		{ empty_stdin, with_body ? 0 : sizeof(empty_stdin) },
		{ stop, sizeof(stop) },
	};
	size_t size = records.n + iov[1].iov_len + iov[2].iov_len;

	if (!decode_ready(f))
		return false;
	record_write(empty_stdin, RECORD_STDIN, id, 0);
	if (pwritev(f->memfd, iov, COUNT_OF(iov), 0) != (ssize_t)size)
		return false;
	if (size > f->memfd_size)
		f->memfd_size = size;
	return lseek(f->memfd, 0, SEEK_SET) == 0;
}

static void unload(struct fcgi_loop *f)
{
	/* A file that keeps its size costs memory only; so does one that cannot shrink. */
	if (f->memfd >= 0 && f->memfd_size > MEMFD_KEEP_BYTES && ftruncate(f->memfd, 0) == 0)
		f->memfd_size = 0;
}

/* The body is copied once, from libfcgi's stream into the arena. */
static bool read_body(struct req *r, FCGX_Stream *in, size_t expected)
{
	char *body = arena_alloc(r->arena, expected + 1);
	size_t n = 0;

	/* One byte more than there should be, so that the end of the stream is seen. */
	while (n <= expected) {
		size_t want = expected + 1 - n;
		int got = FCGX_GetStr(body + n, want > INT32_MAX ? INT32_MAX : (int)want, in);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (n != expected || FCGX_GetError(in) != 0)
		return false;
	body[n] = '\0';
	r->body = (struct str){ body, n };
	return true;
}

/* The body lies in a file already and is only shown to the request. */
static bool take_spool(struct conn *c, const struct cgi_vars *vars, struct req *r)
{
	struct spool *spool = c->spool;
	struct err err = { 0 };

	c->spool = NULL;
	if (!cgi_vars_length_is(vars, spool_size(spool))) {
		spool_free(spool);
		return false;
	}
	if (spool_map(spool, r->arena, &r->body, &err))
		return true;
	log_warn(&r->log, "fcgi.spool_failed", LOG_ERR(&err));
	return false;
}

static enum decoded read_request(struct conn *c, FCGX_Request *fcgx, struct req *r, bool with_body,
    struct err *err)
{
	struct cgi_vars vars;
	enum decoded result;

	cgi_vars_init(&vars, r->arena);
	for (char **entry = fcgx->envp; *entry; entry++)
		cgi_vars_take(&vars, *entry);
	result = cgi_vars_fill(&vars, c->loop->config->trusted_proxies, r, err) ? DECODED_OK
	                                                                        : DECODED_BAD;
	if (c->spool)
		return take_spool(c, &vars, r) ? result : DECODED_TORN;
	if (!with_body)
		return result;
	if (!cgi_vars_length_is(&vars, c->body_bytes) || !read_body(r, fcgx->in, c->body_bytes))
		return DECODED_TORN;
	return result;
}

/* Room for the variables and the header table, so that most requests need one block. */
static struct arena *arena_for(const struct conn *c, bool with_body)
{
	size_t size = ARENA_BASE_BYTES + c->params_bytes + c->params_bytes / 2;

	if (with_body && c->body_bytes <= ARENA_BODY_BYTES)
		size += c->body_bytes;
	return arena_new(size);
}

enum decoded decode_request(struct conn *c, struct str records, struct req **out, struct err *err)
{
	struct fcgi_loop *f = c->loop;
	bool with_body = records.n > c->params_end;
	struct req *r = req_new(arena_for(c, with_body));
	enum decoded result;
	FCGX_Request fcgx;

	*out = r;
	conn_begin(c, r);
	if (!params_are_whole(c, records)) {
		err_set(err, ERR_BAD_REQUEST, "malformed FastCGI parameters");
		return DECODED_BAD;
	}
	if (!load(f, c->id, records, with_body)) {
		decode_release(f);
		err_set(err, ERR_BUSY, "out of memory for requests");
		return DECODED_BAD;
	}
	FCGX_InitRequest(&fcgx, -1, 0);
	fcgx.ipcFd = f->memfd;
	fcgx.keepConnection = 1;
	fcgx.detached = 1; /* whatever fails: close, never a wait for the other side */
	if (FCGX_Accept_r(&fcgx) < 0) {
		FCGX_Free(&fcgx, 0);
		f->memfd = -1;
		err_set(err, ERR_INTERNAL, "libfcgi refuses the request");
		return DECODED_BAD;
	}
	/* Whether the web server keeps the connection was read from BEGIN_REQUEST by the walk. */
	result = read_request(c, &fcgx, r, with_body, err);
	FCGX_Free(&fcgx, 0);
	unload(f);
	return result;
}
