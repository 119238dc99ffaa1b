/* sse.c — reads text/event-stream (HTML Living Standard, 9.2.6 "Interpreting an event stream")
 *
 * Lines end with CR, LF or CRLF; the last two may be torn apart by a cut. A blank line delivers
 * the event when it had a data line, even an empty one. `id` stays in force for later events until
 * another one comes, `event` for its own event only; `retry`, comments and unknown fields are
 * skipped. One thing is done otherwise on purpose: the standard drops an event that the end of the
 * stream leaves without its blank line, and we deliver it, because some upstreams forget it.
 *
 * Copying. While frame_feed runs, the event in hand is kept as views (struct hand) into the fed
 * bytes, or into `pending` for the one line that began in an earlier call. What is still in hand
 * when the bytes are used up, and data that has several lines, moves to the reader's buffers.
 *
 * Ceilings depend on the stream alone, never on its cuts: a line, and the joined data of one event,
 * may have FRAME_MAX_BYTES each; a name or an id SSE_MAX_NAME_BYTES. */
#include "net/frame.h"

#include <string.h>

#include "base/err.h"

#define SSE_MAX_NAME_BYTES 4096
/* What an unusually large event leaves behind is given back above this. */
#define SSE_KEEP_BYTES (16 * 1024)

enum {
	STARTED = 1,  /* the first line, which may begin with a byte order mark, is past */
	AFTER_CR = 2, /* a LF that comes next belongs to the CR before it */
	HAS_DATA = 4, /* the event has a data line */
	HAS_NAME = 8, /* the event has a name */
};

/* The event being read, as far as it lies in memory that is valid during this call; p == NULL says
 * that the part is in the reader's buffer, if anywhere. */
struct hand {
	struct frame_reader *in;
	struct str data;
	struct str name;
};

static bool too_large(struct err *err)
{
	return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent an event that is too large");
}

static bool add_data(struct hand *h, struct str value, struct err *err)
{
	struct frame_reader *in = h->in;

	if (!(in->state & HAS_DATA)) {
		in->state |= HAS_DATA;
		h->data = value;
		return true;
	}
	if (h->data.p) {
		buf_add(&in->data, h->data);
		h->data.p = NULL;
	}
	buf_add_char(&in->data, '\n');
	buf_add(&in->data, value);
	return buf_ok(&in->data) || too_large(err);
}

static bool set_name(struct hand *h, struct str value, struct err *err)
{
	if (value.n > SSE_MAX_NAME_BYTES)
		return too_large(err);
	h->in->state |= HAS_NAME;
	h->name = value;
	return true;
}

static bool set_id(struct hand *h, struct str value, struct err *err)
{
	if (value.n > SSE_MAX_NAME_BYTES)
		return too_large(err);
	if (value.n && memchr(value.p, '\0', value.n))
		return true; /* the standard has us ignore it */
	buf_clear(&h->in->id);
	buf_add(&h->in->id, value);
	return true;
}

static void shrink_large(struct buf *b)
{
	buf_clear(b);
	if (b->cap > SSE_KEEP_BYTES)
		buf_shrink(b);
}

static bool dispatch(struct hand *h, struct err *err)
{
	struct frame_reader *in = h->in;
	struct frame_event event = { 0 };
	bool has_data = in->state & HAS_DATA;

	if (in->state & HAS_NAME)
		event.name = h->name.p ? h->name : buf_str(&in->name);
	event.data = h->data.p ? h->data : buf_str(&in->data);
	event.id = buf_str(&in->id);
	in->state &= ~(unsigned)(HAS_DATA | HAS_NAME);
	h->data.p = h->name.p = NULL;

	if (has_data) {
		in->events++;
		if (!in->on_event(in->arg, &event, err))
			return false;
	}
	if (in->data.len)
		shrink_large(&in->data);
	return true;
}

static struct str without_bom(struct frame_reader *in, struct str line)
{
	if (in->state & STARTED)
		return line;
	in->state |= STARTED;
	return str_starts(line, STR("\xEF\xBB\xBF")) ? str_slice(line, 3, line.n) : line;
}

/* One whole line, without its end. Its bytes stay valid until the end of the call. */
static bool take_line(struct hand *h, struct str line, struct err *err)
{
	struct str name, value;
	size_t colon;

	if (line.n > FRAME_MAX_BYTES)
		return too_large(err);
	line = without_bom(h->in, line);
	if (!line.n)
		return dispatch(h, err);

	colon = str_find(line, ':');
	name = str_slice(line, 0, colon);
	value = str_slice(line, colon + (colon < line.n), line.n);
	if (value.n && value.p[0] == ' ')
		value = str_slice(value, 1, value.n);

	if (str_eq(name, STR("data")))
		return add_data(h, value, err);
	if (str_eq(name, STR("event")))
		return set_name(h, value, err);
	if (str_eq(name, STR("id")))
		return set_id(h, value, err);
	return true;
}

/* Moves what is in hand to the reader's buffers; its views are about to go. */
static void put_down(struct hand *h)
{
	struct frame_reader *in = h->in;

	if (h->data.p) {
		buf_add(&in->data, h->data);
		h->data.p = NULL;
	}
	if (h->name.p) {
		buf_clear(&in->name);
		buf_add(&in->name, h->name);
		h->name.p = NULL;
	}
}

/* The ends of lines ahead, so that no byte is looked at more than once for each of the two, however
 * they are mixed. */
struct ends {
	const char *end, *lf, *cr;
};

static const char *find_from(const char *p, const char *end, char c)
{
	const char *at = p < end ? memchr(p, c, (size_t)(end - p)) : NULL;

	return at ? at : end;
}

/* The end of the line that starts at p, or the end of the bytes. */
static const char *line_end(struct ends *e, const char *p)
{
	if (e->lf < p)
		e->lf = find_from(p, e->end, '\n');
	if (e->cr < p)
		e->cr = find_from(p, e->end, '\r');
	return e->lf < e->cr ? e->lf : e->cr;
}

/* Past the end of line at p. A LF that belongs to a CR may still be to come. */
static const char *step_over(struct frame_reader *in, const char *p, const char *end)
{
	if (*p++ == '\n')
		return p;
	if (p == end)
		in->state |= AFTER_CR;
	else if (*p == '\n')
		p++;
	return p;
}

static bool keep_rest(struct frame_reader *in, struct str rest, struct err *err)
{
	buf_add(&in->pending, rest);
	return buf_ok(&in->pending) || too_large(err);
}

/* Completes the line that began in an earlier call, as far as p has it; *at moves past it. */
static bool finish_pending(struct hand *h, struct ends *e, const char **at, bool *whole,
    struct err *err)
{
	struct frame_reader *in = h->in;
	const char *p = *at, *stop = line_end(e, p);

	*whole = stop < e->end;
	*at = *whole ? step_over(in, stop, e->end) : e->end;
	return keep_rest(in, (struct str){ p, (size_t)(stop - p) }, err) &&
	    (!*whole || take_line(h, buf_str(&in->pending), err));
}

static bool feed(struct frame_reader *in, struct str bytes, struct err *err)
{
	struct hand h = { in, { 0 }, { 0 } };
	const char *p = bytes.p, *end, *stop;
	struct ends e;
	bool whole;

	if (!bytes.n)
		return true;
	end = p + bytes.n;
	if (in->state & AFTER_CR) {
		in->state &= ~(unsigned)AFTER_CR;
		p += *p == '\n';
	}
	e = (struct ends){ end, find_from(p, end, '\n'), find_from(p, end, '\r') };

	if (in->pending.len) {
		if (!finish_pending(&h, &e, &p, &whole, err))
			return false;
		if (!whole)
			return true;
	}
	for (; (stop = line_end(&e, p)) < end; p = step_over(in, stop, end)) {
		if (!take_line(&h, (struct str){ p, (size_t)(stop - p) }, err))
			return false;
	}
	put_down(&h);
	if (in->pending.len)
		shrink_large(&in->pending);
	return p == end || keep_rest(in, (struct str){ p, (size_t)(end - p) }, err);
}

static bool end(struct frame_reader *in, struct err *err)
{
	struct hand h = { in, { 0 }, { 0 } };
	bool ok;

	ok = (!in->pending.len || take_line(&h, buf_str(&in->pending), err)) && dispatch(&h, err);
	buf_clear(&in->pending);
	return ok;
}

void sse_init(struct frame_reader *in, frame_fn *on_event, void *arg)
{
	static const struct frame_ops ops = { feed, end };

	*in = (struct frame_reader){
		.ops = &ops,
		.on_event = on_event,
		.arg = arg,
		.pending = buf_init(FRAME_MAX_BYTES),
		.data = buf_init(FRAME_MAX_BYTES),
		.name = buf_init(SSE_MAX_NAME_BYTES),
		.id = buf_init(SSE_MAX_NAME_BYTES),
	};
}
