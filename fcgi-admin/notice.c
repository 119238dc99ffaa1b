#include "notice.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail.h"
#include "store/channel_event.h"
#include "store/outbox.h"

#define EVENTS_MAX 200
#define LETTER_BYTES ((size_t)512 * 1024)

/* clang-format off */
static const struct {
	const char *kind, *sentence;
} sentences[] = {
	{ EVENT_DISABLED, "was disabled" },
	{ EVENT_ENABLED, "is enabled again" },
	{ EVENT_PARKED, "goes on without one of its keys" },
	{ EVENT_SLOW, "is slow" },
};
/* clang-format on */

static const char *sentence_of(struct str kind)
{
	for (size_t i = 0; i < COUNT_OF(sentences); i++) {
		if (str_eq_c(kind, sentences[i].kind))
			return sentences[i].sentence;
	}
	return "";
}

static void add_event(struct arena *a, struct buf *html, const struct channel_event *e)
{
	struct str cause = mail_escape(a, e->cause);

	buf_add(html, STR("<p>"));
	if (e->channel_id)
		buf_addf(html, "Channel &quot;%.*s&quot; (#%" PRId64 ") %s",
		    STR_ARG(mail_escape(a, e->name)), e->channel_id, sentence_of(e->kind));
	if (e->channel_id && cause.n)
		buf_add(html, STR(": "));
	buf_add(html, cause);
	buf_add(html, STR("</p>\n"));
}

/* Nothing but tests that ended: that is another subject. */
static struct str subject_of(const struct channel_event_list *events)
{
	for (size_t i = 0; i < events->count; i++) {
		if (!str_eq_c(events->items[i].kind, EVENT_TESTED))
			return STR("Channel status change");
	}
	return STR("Channel test finished");
}

static bool write_letter(struct db *db, const struct secret_box *box, struct arena *a,
    const struct channel_event_list *events, struct err *err)
{
	struct buf html = buf_init(LETTER_BYTES);
	bool ok;

	for (size_t i = 0; i < events->count; i++)
		add_event(a, &html, &events->items[i]);
	ok = outbox_put(db, box, a,
	         &(struct letter){
	             .kind = LETTER_NOTICE,
	             .subject = subject_of(events),
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
