/* think.c — see think.h */
#include "provider/think.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TAG_MAX 16

/* How many of the last bytes of text are the beginning of the tag, not all of it. */
static size_t begun(struct str text, struct str tag)
{
	for (size_t n = tag.n - 1 < text.n ? tag.n - 1 : text.n; n > 0; n--)
		if (str_starts(tag, str_slice(text, text.n - n, text.n)))
			return n;
	return 0;
}

static void hold(struct think *t, struct str text)
{
	assert(text.n <= THINK_HELD);
	memcpy(t->held, text.p, text.n);
	t->held_n = text.n;
}

/* Blanks may stand before the tag; all else says that there is none. */
static struct str before(struct think *t, struct str open, struct str text, bool last,
    struct buf *said)
{
	struct str rest = text;

	while (rest.n && (*rest.p == ' ' || *rest.p == '\n' || *rest.p == '\r' || *rest.p == '\t'))
		rest = str_slice(rest, 1, rest.n);
	if (str_starts(rest, open)) {
		t->at = THINK_INSIDE;
		return str_slice(rest, open.n, rest.n);
	}
	if (!last && text.n <= THINK_HELD && begun(rest, open) == rest.n) {
		hold(t, text);
		return STR("");
	}
	t->at = THINK_OVER;
	buf_add(said, text);
	return STR("");
}

static struct str inside(struct think *t, struct str close, struct str text, bool last,
    struct buf *thought)
{
	size_t end = str_find_str(text, close), kept = 0;

	if (end < text.n) {
		t->at = THINK_BEHIND;
		buf_add(thought, str_slice(text, 0, end));
		return str_slice(text, end + close.n, text.n);
	}
	if (!last)
		kept = begun(text, close);
	hold(t, str_slice(text, text.n - kept, text.n));
	buf_add(thought, str_slice(text, 0, text.n - kept));
	return STR("");
}

/* Empty lines between the two belong to neither. */
static void behind(struct think *t, struct str text, struct buf *said)
{
	while (text.n && (*text.p == '\n' || *text.p == '\r'))
		text = str_slice(text, 1, text.n);
	if (text.n)
		t->at = THINK_OVER;
	buf_add(said, text);
}

void think_split(struct think *t, struct str tag, struct str text, bool last, struct buf *thought,
    struct buf *said)
{
	char tags[2][TAG_MAX + 4];
	struct buf joined = buf_init(THINK_HELD + text.n);
	struct str open = { tags[0], tag.n + 2 }, close = { tags[1], tag.n + 3 };

	assert(tag.n <= TAG_MAX);
	(void)snprintf(tags[0], sizeof(tags[0]), "<%.*s>", STR_ARG(tag));
	(void)snprintf(tags[1], sizeof(tags[1]), "</%.*s>", STR_ARG(tag));
	if (t->held_n) {
		buf_add(&joined, (struct str){ t->held, t->held_n });
		buf_add(&joined, text);
		text = buf_str(&joined);
		t->held_n = 0;
	}
	if (t->at == THINK_BEFORE)
		text = before(t, open, text, last, said);
	if (t->at == THINK_INSIDE)
		text = inside(t, close, text, last, thought);
	if (t->at == THINK_BEHIND)
		behind(t, text, said);
	else if (t->at == THINK_OVER)
		buf_add(said, text);
	buf_release(&joined);
}
