/* message.h — every sentence that a client may read, in English and Chinese
 *
 * The ids are those of the message catalogue of the admin API; E08, A08, U28, T05, C12, P06 and
 * E01_FIELD are ours. A request's Accept-Language chooses
 * (r->chinese); no client depends on the wording. A text has up to two holes, written {}, filled
 * in order.
 *
 *	return message_fail(r, err, MSG_U26);
 *	return message_fail_about(r, err, MSG_T02, network, (struct str){ 0 });
 *
 * Threads  pure.
 */
#ifndef ADMIN_MESSAGE_H
#define ADMIN_MESSAGE_H

#include "base/err.h"
#include "net/http.h"

/* clang-format off */
enum message {
	MSG_E01, MSG_E01_FIELD, MSG_E02, MSG_E03, MSG_E04, MSG_E05, MSG_E08,
	MSG_A01, MSG_A02, MSG_A03, MSG_A04, MSG_A08,
	MSG_U01, MSG_U03, MSG_U09, MSG_U13, MSG_U14, MSG_U15, MSG_U16, MSG_U17, MSG_U18, MSG_U19,
	MSG_U20, MSG_U21, MSG_U22, MSG_U23, MSG_U24, MSG_U25, MSG_U26, MSG_U27, MSG_U28,
	MSG_Q05,
	MSG_T01, MSG_T02, MSG_T03, MSG_T04, MSG_T05,
	MSG_C03, MSG_C05, MSG_C06, MSG_C07, MSG_C08, MSG_C09, MSG_C12,
	MSG_P01, MSG_P02, MSG_P03, MSG_P04, MSG_P05, MSG_P06,
	MSG_L01,
	MESSAGE_COUNT
};
/* clang-format on */

/* In the language of the request; NUL-terminated, static. */
const char *message_text(const struct req *r, enum message id);
/* The text with its holes filled, in the arena. */
struct str message_filled(const struct req *r, enum message id, struct str first,
    struct str second);

/* Both return false. The reply is an envelope with status 200 (reply.h). */
bool message_fail(const struct req *r, struct err *err, enum message id);
bool message_fail_about(const struct req *r, struct err *err, enum message id, struct str first,
    struct str second);

#endif
