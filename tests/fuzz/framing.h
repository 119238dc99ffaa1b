/* framing.h — a framed stream from a stranger: the same events wherever it is cut
 *
 * The whole of a reader's fuzz target. Define FUZZED_INIT, the reader's init of net/frame.h, and
 * include it once. The first byte of the input says how it is cut: 0 byte by byte, n pieces of n
 * bytes. Reading it so and reading it whole must bring the same events and the same error, or none.
 * libFuzzer's entry point; a mismatch aborts.
 */
#ifndef FUZZ_FRAMING_H
#define FUZZ_FRAMING_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/frame.h"

#define NOTES_MAX (64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *arg, const struct frame_event *event, struct err *err)
{
	struct buf *notes = arg;

	buf_addf(notes, "%zu %zu %zu ", event->name.n, event->data.n, event->id.n);
	buf_add(notes, event->name);
	buf_add(notes, event->data);
	buf_add(notes, event->id);
	return true;
}

/* Each piece is given from memory of its own, so that ASan sees a view that was kept too long. */
static bool feed_piece(struct frame_reader *in, struct str piece, struct err *err)
{
	char *copy = mem_alloc(piece.n);
	bool ok;

	memcpy(copy, piece.p, piece.n);
	ok = frame_feed(in, (struct str){ copy, piece.n }, err);
	mem_free(copy);
	return ok;
}

static enum err_kind read_all(struct str text, size_t step, struct buf *notes)
{
	struct frame_reader in;
	struct err err = { 0 };
	bool ok = true;

	FUZZED_INIT(&in, note, notes);
	for (size_t i = 0; ok && i < text.n; i += step)
		ok = feed_piece(&in, str_slice(text, i, i + step), &err);
	if (ok)
		ok = frame_end(&in, &err);
	frame_release(&in);
	if (ok != (err.kind == ERR_NONE))
		abort();
	return err.kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = buf_init(NOTES_MAX), cut = buf_init(NOTES_MAX);
	struct str text;
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] ? data[0] : 1;
	text = (struct str){ (const char *)data + 1, size - 1 };
	if (read_all(text, text.n, &whole) != read_all(text, step, &cut))
		abort();
	if (!str_eq(buf_str(&whole), buf_str(&cut)))
		abort();
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}

#endif
