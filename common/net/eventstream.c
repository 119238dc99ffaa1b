/* eventstream.c — reads AWS event streams (application/vnd.amazon.eventstream)
 *
 * A frame is a prelude of twelve bytes (its length, the length of its headers, a checksum of these
 * eight bytes), headers, payload, and a checksum of all before it; numbers are big-endian, checksums
 * CRC-32 as zlib computes it. Of the headers three count: what kind of message it is, which event or
 * exception, and for an error its text. They arrive as
 *
 *	id	":message-type": event, exception or error
 *	name	":event-type", ":exception-type" or ":error-code"
 *	data	the payload; for an error without one ":error-message"
 *
 * A frame that lies whole in the fed bytes is handed on in place. A wrong checksum or length is
 * ERR_UPSTREAM_BODY, bytes left at the end are ERR_UPSTREAM_TRUNCATED. */
#include "net/frame.h"

#include <zlib.h>

#include "base/err.h"

#define PRELUDE_BYTES 12
#define FRAME_MIN_BYTES 16
#define HEADERS_MAX_BYTES (128 * 1024)
#define KEEP_BYTES (16 * 1024)

static bool bad(struct err *err, const char *why)
{
	return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a broken frame: %s", why);
}

static uint32_t u32_at(struct str bytes, size_t at)
{
	const unsigned char *p = (const unsigned char *)bytes.p + at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t checksum(struct str bytes)
{
	return (uint32_t)crc32(0, (const Bytef *)bytes.p, (uInt)bytes.n);
}

/* Length of the frame that begins with this prelude. */
static bool read_prelude(struct str prelude, size_t *total, struct err *err)
{
	size_t headers = u32_at(prelude, 4);

	*total = u32_at(prelude, 0);
	if (u32_at(prelude, 8) != checksum(str_slice(prelude, 0, 8)))
		return bad(err, "the checksum of its beginning is wrong");
	if (*total < FRAME_MIN_BYTES || *total > FRAME_MAX_BYTES)
		return bad(err, "its length is out of bounds");
	return (headers <= HEADERS_MAX_BYTES && headers <= *total - FRAME_MIN_BYTES) ||
	    bad(err, "its headers do not fit");
}

/* ---- headers ----------------------------------------------------------------------------- */

/* Cuts n bytes off the front; false when there are fewer. */
static bool cut(struct str *rest, size_t n, struct str *piece)
{
	if (rest->n < n)
		return false;
	*piece = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, n, rest->n);
	return true;
}

/* The value of a header; its bytes as they are. */
static bool cut_value(struct str *rest, unsigned type, struct str *value)
{
	static const unsigned char sizes[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
	struct str length;

	if (type >= COUNT_OF(sizes))
		return false;
	if (type != 6 && type != 7)
		return cut(rest, sizes[type], value);
	return cut(rest, 2, &length) &&
	    cut(rest, (size_t)(unsigned char)length.p[0] << 8 | (unsigned char)length.p[1], value);
}

static bool read_headers(struct str rest, struct frame_event *event, struct err *err)
{
	struct str length, name, type, value, message = { 0 };

	while (rest.n) {
		if (!cut(&rest, 1, &length) || !cut(&rest, (unsigned char)length.p[0], &name) ||
		    !cut(&rest, 1, &type) || !cut_value(&rest, (unsigned char)type.p[0], &value))
			return bad(err, "its headers are cut off");
		if (str_eq_c(name, ":message-type"))
			event->id = value;
		else if (str_eq_c(name, ":event-type") || str_eq_c(name, ":exception-type") ||
		    str_eq_c(name, ":error-code"))
			event->name = value;
		else if (str_eq_c(name, ":error-message"))
			message = value;
	}
	if (!event->data.n)
		event->data = message;
	return true;
}

/* ---- frames ------------------------------------------------------------------------------ */

static bool take_frame(struct frame_reader *in, struct str frame, struct err *err)
{
	size_t headers = u32_at(frame, 4), end = frame.n - 4;
	struct frame_event event = { 0 };

	if (u32_at(frame, end) != checksum(str_slice(frame, 0, end)))
		return bad(err, "its checksum is wrong");
	event.data = str_slice(frame, PRELUDE_BYTES + headers, end);
	if (!read_headers(str_slice(frame, PRELUDE_BYTES, PRELUDE_BYTES + headers), &event, err))
		return false;
	in->events++;
	return in->on_event(in->arg, &event, err);
}

/* Moves bytes over until n of them are pending; false while there are too few. */
static bool gather(struct frame_reader *in, struct str *bytes, size_t n)
{
	size_t missing = in->pending.len < n ? n - in->pending.len : 0;
	struct str piece = str_slice(*bytes, 0, missing);

	buf_add(&in->pending, piece);
	*bytes = str_slice(*bytes, piece.n, bytes->n);
	return in->pending.len >= n;
}

/* Goes on with the frame that began in an earlier call. */
static bool feed_pending(struct frame_reader *in, struct str *bytes, struct err *err)
{
	size_t total;
	bool ok;

	if (!gather(in, bytes, PRELUDE_BYTES))
		return true;
	if (!read_prelude(buf_str(&in->pending), &total, err))
		return false;
	if (!gather(in, bytes, total))
		return buf_ok(&in->pending) || bad(err, "it is too large");
	ok = take_frame(in, buf_str(&in->pending), err);
	buf_clear(&in->pending);
	if (in->pending.cap > KEEP_BYTES)
		buf_shrink(&in->pending);
	return ok;
}

static bool feed(struct frame_reader *in, struct str bytes, struct err *err)
{
	size_t total;

	if (in->pending.len && !feed_pending(in, &bytes, err))
		return false;
	while (bytes.n >= PRELUDE_BYTES) {
		if (!read_prelude(bytes, &total, err))
			return false;
		if (bytes.n < total)
			break;
		if (!take_frame(in, str_slice(bytes, 0, total), err))
			return false;
		bytes = str_slice(bytes, total, bytes.n);
	}
	buf_add(&in->pending, bytes);
	return buf_ok(&in->pending) || bad(err, "it is too large");
}

static bool end(struct frame_reader *in, struct err *err)
{
	return !in->pending.len ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED, "the upstream's stream ended within a frame");
}

void eventstream_init(struct frame_reader *in, frame_fn *on_event, void *arg)
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
