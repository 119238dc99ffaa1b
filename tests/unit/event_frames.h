/* event_frames.h — lines of text as AWS event-stream frames, by the tests' own means
 *
 *	event NAME PAYLOAD	exception NAME PAYLOAD	chunk PAYLOAD, which becomes base64 within JSON
 */
#ifndef TESTS_EVENT_FRAMES_H
#define TESTS_EVENT_FRAMES_H

#include <openssl/evp.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"

static inline void frame_u32(struct buf *out, size_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(out, (char)(n >> shift & 0xff));
}

static inline void frame_header(struct buf *out, const char *name, struct str value)
{
	buf_add_char(out, (char)strlen(name));
	buf_add_c(out, name);
	buf_add_char(out, 7);
	buf_add_char(out, (char)(value.n >> 8));
	buf_add_char(out, (char)(value.n & 0xff));
	buf_add(out, value);
}

/* kind: event or exception. */
static inline void add_frame(struct buf *out, struct str kind, struct str name, struct str payload)
{
	bool is_event = str_eq_c(kind, "event");
	struct buf headers = buf_init(4096);
	size_t start = out->len;

	frame_header(&headers, is_event ? ":event-type" : ":exception-type", name);
	frame_header(&headers, ":content-type", STR("application/json"));
	frame_header(&headers, ":message-type", kind);
	frame_u32(out, headers.len + payload.n + 16);
	frame_u32(out, headers.len);
	frame_u32(out, crc32(0, (const Bytef *)out->data + start, 8));
	buf_add(out, buf_str(&headers));
	buf_add(out, payload);
	frame_u32(out, crc32(0, (const Bytef *)out->data + start, (uInt)(out->len - start)));
	buf_release(&headers);
}

static inline struct str event_frames(struct arena *a, struct str lines)
{
	struct buf out = buf_init((size_t)16 * 1024 * 1024);
	struct str line, kind, name, payload;

	while (str_next(&lines, '\n', &line)) {
		if (!line.n)
			continue;
		(void)str_next(&line, ' ', &kind);
		payload = line;
		name = STR("chunk");
		if (str_eq_c(kind, "chunk")) {
			char *base64 = arena_alloc(a, line.n * 2 + 8);

			(void)EVP_EncodeBlock((unsigned char *)base64,
			    (const unsigned char *)line.p, (int)line.n);
			payload = str_c(arena_fmt(a, "{\"bytes\":\"%s\",\"p\":\"ab\"}", base64));
			kind = STR("event");
		} else {
			(void)str_next(&payload, ' ', &name);
		}
		add_frame(&out, kind, name, payload);
	}
	lines = arena_str(a, buf_str(&out));
	buf_release(&out);
	return lines;
}

#endif
