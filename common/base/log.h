/* log.h — logfmt or JSON lines with inherited fields
 *
 *	ts=2026-11-22T10:00:00.123Z level=info prog=fcgi-relay req=… event=relay.done user=7 ms=812
 *	{"ts":"2026-11-22T10:00:00.123Z","level":"info","prog":"fcgi-relay","req":"…",…,"ms":812}
 *
 * One line per request; others only for surprises. A struct log carries fields that every line of
 * a request shares (request id, user, channel). Values with blanks, quotes or control characters
 * are quoted and escaped; a value never spans lines. Keys and passwords are never passed here; a
 * key appears as its last four characters, made by log_key_tail.
 *
 *	log_info(&r->log, "channel.created", LOG_INT("channel", id), LOG_STR("name", name));
 *
 * Lines go to stderr in one write(2) each, or to the file that log_open names. A loop may gather
 * the lines of a turn (log_gather), so that many requests share one.
 *
 * Threads  callable from anywhere; one struct log is used by one thread at a time.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
	const char *req; /* request id or NULL */
	int64_t user;    /* 0: not known yet */
	int64_t channel; /* 0: none */
};

enum log_kind { LOG_KIND_END, LOG_KIND_INT, LOG_KIND_STR };

struct log_field {
	enum log_kind kind;
	const char *name;
	int64_t n;
	struct str s;
};

#define LOG_INT(name, value)                                                                       \
	((struct log_field){ LOG_KIND_INT, (name), (int64_t)(value), { 0, 0 } })
#define LOG_STR(name, value) ((struct log_field){ LOG_KIND_STR, (name), 0, (value) })
#define LOG_TEXT(name, value) ((struct log_field){ LOG_KIND_STR, (name), 0, str_c(value) })
#define LOG_ERR(err) LOG_TEXT("error", (err)->msg), LOG_TEXT("detail", (err)->detail)

/* Once, before threads: the program's name, the least level written, NULL or a file to append to.
 * False with errno when the file cannot be opened; lines then go where they went before. */
MUST_USE bool log_open(const char *program, enum log_level least, const char *path);
/* logfmt unless said otherwise; before threads, too. */
enum log_format { LOG_LOGFMT, LOG_JSON };
void log_set_format(enum log_format format);
bool log_wants(enum log_level level);

/* From now on lines of this thread below LOG_WARN wait, in their order, until log_flush, a graver
 * line, or until there are 4 KB of them; or no longer. */
void log_gather(bool on);
void log_flush(void);

/* l may be NULL. fields end with kind LOG_KIND_END; use the macros below. */
void log_write(enum log_level level, const struct log *l, const char *event,
    const struct log_field *fields);

/* For a line without fields. */
#define LOG_NONE ((struct log_field){ LOG_KIND_END, 0, 0, { 0, 0 } })

#define LOG_FIELDS(...)                                                                            \
	((const struct log_field[]){ __VA_ARGS__, { LOG_KIND_END, 0, 0, { 0, 0 } } })
#define log_debug(l, event, ...) log_write(LOG_DEBUG, (l), (event), LOG_FIELDS(__VA_ARGS__))
#define log_info(l, event, ...) log_write(LOG_INFO, (l), (event), LOG_FIELDS(__VA_ARGS__))
#define log_warn(l, event, ...) log_write(LOG_WARN, (l), (event), LOG_FIELDS(__VA_ARGS__))
#define log_error(l, event, ...) log_write(LOG_ERROR, (l), (event), LOG_FIELDS(__VA_ARGS__))

/* "…abcd" in out: enough to recognise a key, not to use it. Returns out. */
const char *log_key_tail(struct str key, char out[12]);

#endif
