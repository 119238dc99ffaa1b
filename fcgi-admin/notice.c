#include "notice.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail.h"
#include "message.h"
#include "store/channel_event.h"
#include "store/outbox.h"
#include "store/user.h"

#define EVENTS_MAX 200
#define LETTER_BYTES ((size_t)512 * 1024)

/* clang-format off */
static const struct {
	const char *kind;
	enum message sentence;
} sentences[] = {
	{ EVENT_DISABLED, MSG_M19 },
	{ EVENT_ENABLED, MSG_M20 },
	{ EVENT_PARKED, MSG_M21 },
	{ EVENT_SLOW, MSG_M22 },
};
/* clang-format on */

static enum message sentence_of(struct str kind)
{
	for (size_t i = 0; i < COUNT_OF(sentences); i++) {
		if (str_eq_c(kind, sentences[i].kind))
			return sentences[i].sentence;
	}
	return MSG_M23;
}

static void add_event(struct arena *a, enum language in, struct buf *html,
    const struct channel_event *e)
{
	struct str cause = mail_escape(a, e->cause);

	buf_add(html, STR("<p>"));
	if (e->channel_id)
		buf_add(html,
		    message_filled_in(a, in, sentence_of(e->kind), mail_escape(a, e->name),
		        str_c(arena_fmt(a, "%" PRId64, e->channel_id))));
	if (e->channel_id && cause.n)
		buf_add(html, STR(": "));
	buf_add(html, cause);
	buf_add(html, STR("</p>\n"));
}

/* Nothing but tests that ended: that is another subject. */
static enum message subject_of(const struct channel_event_list *events)
{
	for (size_t i = 0; i < events->count; i++) {
		if (!str_eq_c(events->items[i].kind, EVENT_TESTED))
			return MSG_M17;
	}
	return MSG_M18;
}

static bool write_letter(struct db *db, const struct secret_box *box, struct arena *a,
    const struct channel_event_list *events, struct err *err)
{
	struct buf html = buf_init(LETTER_BYTES);
	struct str language;
	enum language in;
	bool ok;

	if (!user_root_language(db, a, &language, err))
		return false;
	in = message_language_named(language);
	for (size_t i = 0; i < events->count; i++)
		add_event(a, in, &html, &events->items[i]);
	ok = outbox_put(db, box, a,
	         &(struct letter){
	             .kind = LETTER_NOTICE,
	             .subject = str_c(message_in(in, subject_of(events))),
	             .html = buf_str(&html),
	         },
	         err) &&
	    channel_event_told(db, events->items[events->count - 1].id, err);
	buf_release(&html);
	return ok;
}

static bool tell_in(struct db *db, const struct secret_box *box, struct arena *a, struct err *err)
{
	struct channel_event_list events;

	return channel_event_untold(db, a, EVENTS_MAX, &events, err) &&
	    (events.count == 0 || write_letter(db, box, a, &events, err));
}

/* Looks without the write lock first: nearly always there is nothing to tell. */
bool notice_tell(struct db *db, const struct secret_box *box, struct err *err)
{
	struct channel_event_list events;
	struct arena *a = arena_new(4096);
	bool ok = channel_event_untold(db, a, 1, &events, err);

	if (ok && events.count > 0) {
		ok = db_begin(db, err) && tell_in(db, box, a, err);
		if (ok)
			ok = db_commit(db, err);
		else
			db_rollback(db);
	}
	arena_free(a);
	return ok;
}
