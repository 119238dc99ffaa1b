/* gemini_contents.h — between the files that write a conversation as Gemini's contents
 *
 *	gemini_contents.c	turns, texts, signatures, calls, the system's words
 *	gemini_media.c		parts that are no text
 *	gemini_results.c	results of calls
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_GEMINI_CONTENTS_H
#define PROVIDER_GEMINI_CONTENTS_H

#include "provider/gemini.h"

/* Calls that a result may still refer to. */
#define GEMINI_CALLS_KEPT 256

struct gemini_call {
	struct str id;
	struct jval name;
	size_t turn; /* the message that made it */
};

struct gemini_result {
	struct jval message;
	struct str id;
	size_t index; /* of the message */
	bool older, done;
};

struct gemini_contents {
	struct gemini_writer *w;
	struct buf *out;
	const char *role; /* of the turn that is open, or NULL */

	struct gemini_call calls[GEMINI_CALLS_KEPT]; /* a ring */
	size_t call_count, last_turn;
	struct gemini_result *results;
	size_t result_count, result_cap;
};

/* The two roles: a turn's is compared by its place. */
extern const char gemini_role_user[], gemini_role_model[];

/* ---- gemini_contents.c ------------------------------------------------------------------- */

/* The place of the next part of that role. */
void gemini_begin_part(struct gemini_contents *t, const char *role);
bool gemini_is_text(struct jval part);
struct jval gemini_text_of(struct jval part);
size_t gemini_count_texts(struct jval parts);
/* The latest with that id; NULL when none is kept. */
const struct gemini_call *gemini_find_call(const struct gemini_contents *t, struct str id);
void gemini_add_id(struct gemini_contents *t, struct str id);

/* ---- gemini_media.c ------------------------------------------------------------------------ */

/* A part that is no text. */
MUST_USE bool gemini_add_media(struct gemini_contents *t, const char *role, struct jval part,
    const char *place, struct err *err);
/* The part itself, where gemini_begin_part has made room. */
MUST_USE bool gemini_add_media_part(struct gemini_contents *t, const struct media_part *m,
    const char *place, struct err *err);

/* ---- gemini_results.c -------------------------------------------------------------------- */

/* Of the run of results that flush ends. older: of a function, which it names itself. */
void gemini_note_result(struct gemini_contents *t, struct jval message, size_t index, bool older);
/* A run of results is complete: writes them. */
MUST_USE bool gemini_flush_results(struct gemini_contents *t, struct err *err);

#endif
