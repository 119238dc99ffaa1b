/* frame.h — what every reader of a framed stream has in common
 *
 * An upstream streams its reply as events: SSE (sse.h), one JSON text a line (ndjson.h), one
 * binary frame (eventstream.c). A reader is fed whatever the socket gave, cut anywhere, and calls back once per complete
 * event; the result is the same wherever the cuts fall.
 *
 *	struct frame_reader in;
 *	sse_init(&in, on_event, x);
 *	if (!frame_feed(&in, bytes, err)) …     the event is too large, or on_event said no
 *	if (!frame_end(&in, err)) …             end of stream: a pending event is delivered
 *	frame_release(&in);
 *
 * An event of at most FRAME_MAX_BYTES is collected; a longer one is ERR_UPSTREAM_BODY. An event
 * that lies whole in the fed bytes is passed on without being copied.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct err;
struct frame_reader;

#define FRAME_MAX_BYTES (16 * 1024 * 1024)

struct frame_event {
	struct str name; /* SSE `event:`, or "" */
	struct str data; /* joined `data:` lines, or the line, or the frame's payload */
	struct str id;
};

/* False with err set ends the reading. The views are valid during the call. */
typedef bool frame_fn(void *arg, const struct frame_event *event, struct err *err);

struct frame_ops {
	bool (*feed)(struct frame_reader *in, struct str bytes, struct err *err);
	bool (*end)(struct frame_reader *in, struct err *err);
};

struct frame_reader {
	const struct frame_ops *ops;
	frame_fn *on_event;
	void *arg;
	struct buf pending; /* bytes of an event, or of a line, that is not complete */
	struct buf data;    /* joined data lines */
	struct buf name, id;
	unsigned state;  /* the format's own */
	uint64_t events; /* delivered so far */
};

void sse_init(struct frame_reader *in, frame_fn *on_event, void *arg);
void ndjson_init(struct frame_reader *in, frame_fn *on_event, void *arg);
/* AWS event streams: what name and id hold is said in eventstream.c. */
void eventstream_init(struct frame_reader *in, frame_fn *on_event, void *arg);

static inline bool frame_feed(struct frame_reader *in, struct str bytes, struct err *err)
{
	return in->ops->feed(in, bytes, err);
}

static inline bool frame_end(struct frame_reader *in, struct err *err)
{
	return in->ops->end(in, err);
}

void frame_release(struct frame_reader *in);

#endif
