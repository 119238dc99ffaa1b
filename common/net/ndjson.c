/* ndjson.c — reads one JSON text a line (ollama, and others that call it JSON Lines)
 *
 * A line ends with LF; blanks around the text, a CR among them, and empty lines mean nothing. A
 * byte order mark at the start is skipped. What the end of the stream leaves without its LF is
 * delivered too. Whether a line is JSON is for the one who gets it to say.
 *
 * A line that lies whole in the fed bytes is handed on in place. FRAME_MAX_BYTES bounds the line
 * as sent, blanks included, so that it does not matter where the stream was cut. */
#include "net/frame.h"

#include <string.h>

#include "base/err.h"

#define NDJSON_KEEP_BYTES (16 * 1024)

enum {
	STARTED = 1, /* the first line is past */
};

static bool too_large(struct err *err)
{
	return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a line that is too large");
}

static bool take_line(struct frame_reader *in, struct str line, struct err *err)
{
	struct frame_event event = { 0 };

	if (line.n > FRAME_MAX_BYTES)
		return too_large(err);
	if (!(in->state & STARTED) && str_starts(line, STR("\xEF\xBB\xBF")))
		line = str_slice(line, 3, line.n);
	in->state |= STARTED;

	event.data = str_trim(line);
	if (!event.data.n)
		return true;
	in->events++;
	return in->on_event(in->arg, &event, err);
}

/* Takes the line that began in an earlier call and is complete now. */
static bool take_pending(struct frame_reader *in, struct err *err)
{
	bool ok = take_line(in, buf_str(&in->pending), err);

	buf_clear(&in->pending);
	if (in->pending.cap > NDJSON_KEEP_BYTES)
		buf_shrink(&in->pending);
	return ok;
}

static bool keep(struct frame_reader *in, struct str piece, struct err *err)
{
	buf_add(&in->pending, piece);
	return buf_ok(&in->pending) || too_large(err);
}

static bool feed(struct frame_reader *in, struct str bytes, struct err *err)
{
	const char *p = bytes.p, *end, *lf;
	struct str piece;

	if (!bytes.n)
		return true;
	for (end = p + bytes.n; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		piece = (struct str){ p, (size_t)((lf ? lf : end) - p) };
		if (!lf)
			return keep(in, piece, err);
		if (in->pending.len) {
			if (!keep(in, piece, err) || !take_pending(in, err))
				return false;
		} else if (!take_line(in, piece, err)) {
			return false;
		}
	}
	return true;
}

static bool end(struct frame_reader *in, struct err *err)
{
	return !in->pending.len || take_pending(in, err);
}

void ndjson_init(struct frame_reader *in, frame_fn *on_event, void *arg)
{
	static const struct frame_ops ops = { feed, end };

	*in = (struct frame_reader){
		.ops = &ops,
		.on_event = on_event,
		.arg = arg,
		.pending = buf_init(FRAME_MAX_BYTES),
		.data = buf_init(0),
		.name = buf_init(0),
		.id = buf_init(0),
	};
}
