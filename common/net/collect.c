/* collect.c — from bytes on a connection to a request that is complete
 *
 * A wake-up reads what is there, once, into the loop's scratch. Records are walked by their headers
 * alone: those of the request are moved together, others are answered or dropped, and the limits
 * are applied before a record's content has even arrived. Only what is incomplete is kept, in the
 * connection's own buffer, which goes as soon as the request is decoded. A body that outgrows
 * SPOOL_ABOVE_BYTES moves to a file (spool.h), record by record from then on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/cgi_vars.h"
#include "net/conn.h"
#include "net/record.h"

/* Records on one connection, within one request, that belong to no request of ours. */
#define MAX_STRAY 4096
/* What headers and padding of records may add to a request before it counts as too large. */
#define FRAMING_SLACK ((size_t)256 * 1024)

/* ---- requests ------------------------------------------------------------------------- */

void conn_begin(struct conn *c, struct req *r)
{
	const struct fcgi_config *config = c->loop->config;

	r->conn = c;
	r->server = config->server;
	r->settings = config->settings;
	r->accepted_ms = c->first_ms;
	r->started_ms = wire_now_ms(c->loop->wire);
	cgi_vars_request_id(r->id);
}

void conn_drop_spool(struct conn *c)
{
	spool_free(c->spool);
	c->spool = NULL;
}

void conn_refuse(struct conn *c, struct req *r, const struct err *err)
{
	c->r = r;
	c->phase = CONN_BUSY;
	reply_refuse(r, err);
}

static void refuse_kind(struct conn *c, enum err_kind kind)
{
	const struct fcgi_config *config = c->loop->config;
	struct err err = { 0 };

	if (kind == ERR_TOO_LARGE)
		err_set(&err, kind, "request body is larger than %zu bytes", c->body_limit);
	else if (kind == ERR_BUSY)
		err_set(&err, kind, "there is no room for this upload at the moment");
	else if (kind == ERR_HEADERS_TOO_LARGE)
		err_set(&err, kind, "request headers are larger than %zu bytes",
		    config->max_params_bytes);
	else
		err_set(&err, kind, "the request did not arrive in time");
	conn_refuse(c, c->r, &err);
}

/* A request for a refusal: with what is known of it. */
static struct req *partial_request(struct conn *c, const char *records)
{
	struct err ignored = { 0 };
	struct req *r;

	if (c->params_done) {
		enum decoded d =
		    decode_request(c, (struct str){ records, c->params_end }, &r, &ignored);

		if (d == DECODED_OK)
			return r;
		req_free(r);
	}
	r = req_new(arena_new(1024));
	r->method = STR("GET");
	r->path = STR("/");
	conn_begin(c, r);
	return r;
}

/* Gives a complete request away. */
static void hand_over(struct conn *c, struct req *r)
{
	c->r = r;
	c->phase = CONN_BUSY;
	c->loop->config->on_request(r, c->loop->config->arg);
}

/* ---- walking over records ------------------------------------------------------------- */

/* What a header asks for; the record itself may not be there yet. */
enum verdict {
	KEEP,      /* part of the request */
	DROP,      /* of no use */
	ANSWER,    /* about the connection: answered */
	BEGIN,     /* a request begins */
	SECOND,    /* another request on a connection that has one */
	TOO_EARLY, /* the next request, before this one was answered: waits its turn */
	ABORT,
	REFUSE, /* breaks a limit, c->fault says which */
	BROKEN, /* not FastCGI, or out of order */
};

/* What the walk came to. */
enum walked { NEED_MORE, COMPLETE, DISCARDED, WAITS, LEFT, GARBLED };

struct span {
	char *p;
	size_t n;
};

static enum verdict judge_begin(const struct conn *c, const struct record *rec)
{
	bool collecting = c->phase == CONN_COLLECT;

	if (rec->content < 8)
		return BROKEN;
	if (collecting && !c->id)
		return BEGIN;
	if (rec->id != c->id)
		return SECOND;
	return collecting || c->phase == CONN_DISCARD ? BROKEN : TOO_EARLY;
}

static enum verdict refuse(struct conn *c, enum err_kind kind)
{
	c->fault = kind;
	return REFUSE;
}

/* How long a body may be is asked only when it is already long. */
static bool body_fits(struct conn *c, size_t bytes, const char *records)
{
	const struct fcgi_config *config = c->loop->config;

	c->body_limit = config->max_body_bytes;
	if (bytes > c->body_limit && config->max_upload_bytes > c->body_limit &&
	    decode_is_upload(c, (struct str){ records, c->params_end }))
		c->body_limit = config->max_upload_bytes;
	return bytes <= c->body_limit;
}

/* A record of the request that is being collected. */
static enum verdict judge_part(struct conn *c, const struct record *rec, const char *records)
{
	const struct fcgi_config *config = c->loop->config;
	size_t most = 2 * (config->max_body_bytes + config->max_params_bytes) + FRAMING_SLACK;

	if (rec->type == RECORD_PARAMS && !c->params_done) {
		if (c->params_bytes + rec->content > config->max_params_bytes)
			return refuse(c, ERR_HEADERS_TOO_LARGE);
	} else if (rec->type == RECORD_STDIN && c->params_done) {
		if (!body_fits(c, c->body_bytes + rec->content, records))
			return refuse(c, ERR_TOO_LARGE);
	} else {
		return rec->type == RECORD_PARAMS || rec->type == RECORD_STDIN ? BROKEN : DROP;
	}
	if (c->parsed + record_size(rec) > most)
		return refuse(c, c->params_done ? ERR_TOO_LARGE : ERR_HEADERS_TOO_LARGE);
	return KEEP;
}

static enum verdict judge(struct conn *c, const struct record *rec, const char *records)
{
	if (rec->id == 0)
		return ANSWER;
	if (rec->type == RECORD_BEGIN)
		return judge_begin(c, rec);
	if (!c->id || rec->id != c->id)
		return DROP;
	if (rec->type == RECORD_ABORT)
		return ABORT;
	return c->phase == CONN_COLLECT ? judge_part(c, rec, records) : DROP;
}

/* FCGI_GET_VALUES and whatever else may come with id 0 (section 4.1, 4.2). */
static void answer_management(struct conn *c, const struct record *rec, struct str content)
{
	struct buf pairs = buf_init(1024), out = buf_init(2048);
	char type[8] = { (char)rec->type };
	struct str name, value;
	char most[24];

	snprintf(most, sizeof(most), "%zu", c->loop->config->max_conns);
	if (rec->type != RECORD_GET_VALUES) {
		record_add(&out, RECORD_UNKNOWN_TYPE, 0, (struct str){ type, sizeof(type) });
	} else {
		while (record_next_pair(&content, &name, &value)) {
			if (str_eq(name, STR("FCGI_MPXS_CONNS")))
				record_add_pair(&pairs, name, STR("0"));
			else if (str_eq(name, STR("FCGI_MAX_CONNS")) ||
			    str_eq(name, STR("FCGI_MAX_REQS")))
				record_add_pair(&pairs, name, str_c(most));
		}
		record_add(&out, RECORD_GET_VALUES_RESULT, 0, buf_str(&pairs));
	}
	conn_answer(c, buf_str(&out));
	buf_release(&pairs);
	buf_release(&out);
}

static void answer_end(struct conn *c, uint16_t id, enum record_status status)
{
	struct buf out = buf_init(64);

	record_add_end(&out, id, 0, status);
	conn_answer(c, buf_str(&out));
	buf_release(&out);
}

/* False for a role that we do not play: answered, and its records will be dropped. */
static bool begin_request(struct conn *c, const struct record *rec, const char *content)
{
	int role = (unsigned char)content[0] << 8 | (unsigned char)content[1];

	c->fresh = false;
	c->keep = ((unsigned char)content[2] & RECORD_KEEP_CONN) != 0;
	if (role != RECORD_RESPONDER) {
		answer_end(c, rec->id, RECORD_UNKNOWN_ROLE);
		if (!c->keep && c->phase != CONN_CLOSED)
			conn_linger(c);
		return false;
	}
	c->id = rec->id;
	return true;
}

/* Moves what is kept of the body to a file; from there on only parameters are kept. */
static bool start_spool(struct conn *c, const char *records)
{
	struct str kept = { records + c->params_end, c->parsed - c->params_end };
	struct err err = { 0 };
	struct record rec;
	bool ok;

	c->spool = spool_new(c->loop->config->spool_dir, &err);
	ok = c->spool != NULL;
	for (; ok && kept.n; kept = str_slice(kept, record_size(&rec), kept.n)) {
		ok = record_read(kept.p, &rec) &&
		    spool_add(c->spool, (struct str){ kept.p + RECORD_HEADER, rec.content }, &err);
	}
	c->parsed = c->params_end;
	if (!ok)
		log_warn(NULL, "fcgi.spool_failed", LOG_ERR(&err));
	return ok;
}

static bool is_spooled(const struct conn *c, const struct record *rec)
{
	return rec->type == RECORD_STDIN && c->loop->config->spool_dir &&
	    (c->spool || c->body_bytes + rec->content > SPOOL_ABOVE_BYTES);
}

/* A piece of a body that lies in a file. */
static bool spool_part(struct conn *c, const char *records, struct str content)
{
	struct err err = { 0 };

	if (!c->spool && !start_spool(c, records))
		return false;
	if (spool_add(c->spool, content, &err))
		return true;
	log_warn(NULL, "fcgi.spool_failed", LOG_ERR(&err));
	return false;
}

/* Counts a record that belongs to the request; true when it was the last one. */
static bool take_part(struct conn *c, const struct record *rec)
{
	if (rec->type == RECORD_PARAMS) {
		c->params_bytes += rec->content;
		c->params_done = rec->content == 0;
		c->params_end = c->parsed;
	} else if (rec->type == RECORD_STDIN) {
		c->body_bytes += rec->content;
		return rec->content == 0;
	}
	return false;
}

/* The request breaks a limit: what is known of it is decoded, the rest will be thrown away. */
static void begin_discard(struct conn *c, const char *records)
{
	conn_drop_spool(c);
	c->r = partial_request(c, records);
	c->phase = CONN_DISCARD;
	c->parsed = 0;
}

/* While discarding: true when this record was the last of the request, or it is too much. */
static bool discarded(struct conn *c, const struct record *rec)
{
	if (c->phase != CONN_DISCARD)
		return false;
	c->discard_bytes += record_size(rec);
	if (c->discard_bytes > c->loop->config->max_body_bytes + FRAMING_SLACK) {
		c->unread = true;
		return true;
	}
	return rec->id == c->id && rec->type == RECORD_STDIN && rec->content == 0;
}

/* What else there is to do for a whole record that is not part of the request. */
static enum walked stray(struct conn *c, enum verdict v, const struct record *rec,
    const char *content)
{
	if (++c->stray > MAX_STRAY && c->phase != CONN_DISCARD)
		return GARBLED;
	if (v == ANSWER)
		answer_management(c, rec, (struct str){ content, rec->content });
	else if (v == SECOND)
		answer_end(c, rec->id, RECORD_CANT_MPX);
	if (c->phase == CONN_CLOSED || c->phase == CONN_LINGER || c->gone)
		return LEFT;
	return discarded(c, rec) ? DISCARDED : NEED_MORE;
}

/* Walks over whole records. What belongs to the request is moved together at the front, up to
 * c->parsed; the rest of the span follows it. */
static enum walked walk(struct conn *c, struct span *s)
{
	enum walked end = NEED_MORE;
	size_t at = c->parsed;
	struct record rec;

	while (end == NEED_MORE && s->n - at >= RECORD_HEADER) {
		enum verdict v = record_read(s->p + at, &rec) ? judge(c, &rec, s->p) : BROKEN;
		size_t size = record_size(&rec);
		const char *content = s->p + at + RECORD_HEADER;

		if (v == REFUSE) {
			begin_discard(c, s->p);
			continue; /* it is judged again, as part of what is thrown away */
		}
		if (v == TOO_EARLY || v == ABORT || v == BROKEN) {
			end = v == TOO_EARLY ? WAITS : v == ABORT ? LEFT : GARBLED;
			break;
		}
		if (s->n - at < size)
			break;
		if (v == BEGIN)
			v = begin_request(c, &rec, content) ? KEEP : DROP;
		if (v == KEEP && is_spooled(c, &rec)) {
			if (!spool_part(c, s->p, (struct str){ content, rec.content })) {
				c->fault = ERR_BUSY;
				begin_discard(c, s->p);
				continue;
			}
			end = take_part(c, &rec) ? COMPLETE : NEED_MORE;
		} else if (v == KEEP) {
			if (at > c->parsed)
				memmove(s->p + c->parsed, s->p + at, size);
			c->parsed += size;
			end = take_part(c, &rec) ? COMPLETE : NEED_MORE;
		} else {
			end = stray(c, v, &rec, content);
		}
		at += size;
	}
	/* When the connection was closed meanwhile, so was the span. */
	if (end != LEFT && at > c->parsed) {
		memmove(s->p + c->parsed, s->p + at, s->n - at);
		s->n -= at - c->parsed;
	}
	return end;
}

/* ---- input ---------------------------------------------------------------------------- */

/* Keeps what is left for later; it may lie in c->in already. */
static void keep_rest(struct conn *c, struct span s)
{
	if (c->in.len && s.p >= c->in.data && s.p <= c->in.data + c->in.len) {
		buf_consume(&c->in, (size_t)(s.p - c->in.data));
		buf_truncate(&c->in, s.n);
	} else {
		buf_clear(&c->in);
		buf_add(&c->in, (struct str){ s.p, s.n });
	}
	if (!c->in.len)
		buf_release(&c->in);
}

static void complete(struct conn *c, struct span *s)
{
	struct err err = { 0 };
	struct req *r;
	enum decoded result = decode_request(c, (struct str){ s->p, c->parsed }, &r, &err);

	s->p += c->parsed;
	s->n -= c->parsed;
	c->parsed = 0;
	keep_rest(c, *s);
	if (result == DECODED_OK) {
		hand_over(c, r);
	} else if (result == DECODED_BAD) {
		conn_refuse(c, r, &err);
	} else {
		log_warn(&r->log, "fcgi.torn_request", LOG_INT("body", c->body_bytes));
		req_free(r);
		conn_close(c);
	}
}

/* A deadline is needed only while something is incomplete; an old one is left to expire. */
bool conn_is_waiting(const struct conn *c)
{
	return c->phase == CONN_DISCARD ||
	    (c->phase == CONN_COLLECT && (c->fresh || c->id || c->in.len));
}

void conn_watch_time(struct conn *c)
{
	if (conn_is_waiting(c) && !timer_is_set(&c->timer))
		timer_set(c->loop->wire, &c->timer, c->loop->config->request_timeout_ms);
}

/* True when there may be more to do with what is left. */
static bool act(struct conn *c, enum walked what, struct span *s)
{
	if (c->phase == CONN_CLOSED || c->phase == CONN_LINGER || c->gone)
		return false;
	switch (what) {
	case COMPLETE:
		complete(c, s);
		break;
	case DISCARDED:
		keep_rest(c, *s);
		refuse_kind(c, c->fault);
		break;
	case WAITS:
		c->pipelined = true;
		keep_rest(c, *s);
		conn_arm(c);
		return false;
	case NEED_MORE:
		keep_rest(c, *s);
		conn_watch_time(c);
		return false;
	case LEFT:
		conn_lost(c);
		return false;
	case GARBLED:
		log_warn(NULL, "fcgi.protocol_error", LOG_INT("phase", c->phase));
		conn_lost(c);
		return false;
	}
	return c->phase != CONN_CLOSED && !c->gone && c->in.len > 0;
}

static void walk_span(struct conn *c, struct span s)
{
	bool more = true;

	c->walking = true;
	while (more) {
		enum walked what = walk(c, &s);

		more = act(c, what, &s);
		s = (struct span){ c->in.data, c->in.len };
	}
	c->walking = false;
}

void conn_walk_kept(struct conn *c)
{
	walk_span(c, (struct span){ c->in.data, c->in.len });
}

void conn_receive(struct conn *c)
{
	struct fcgi_loop *f = c->loop;
	ssize_t n = recv(c->watch.fd, f->scratch, sizeof(f->scratch), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_lost(c);
		return;
	}
	if (c->phase == CONN_LINGER)
		return;
	c->last_ms = wire_now_ms(f->wire);
	if (c->phase == CONN_COLLECT && !c->id && !c->in.len)
		c->first_ms = c->last_ms;
	if (c->in.len) {
		buf_add(&c->in, (struct str){ f->scratch, (size_t)n });
		conn_walk_kept(c);
	} else {
		walk_span(c, (struct span){ f->scratch, (size_t)n });
	}
}

void conn_timed_out(struct conn *c)
{
	if (c->phase == CONN_DISCARD) {
		c->unread = true;
		refuse_kind(c, c->fault);
		return;
	}
	if (!c->id) {
		conn_close(c);
		return;
	}
	conn_drop_spool(c);
	c->r = partial_request(c, c->in.data);
	c->unread = true;
	buf_release(&c->in);
	refuse_kind(c, ERR_TIMEOUT_REQUEST);
}
