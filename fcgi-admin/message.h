/* message.h — every sentence that a client may read, in English and Chinese
 *
 * The ids are those of the message catalogue of the admin API; E08, A08, U28 to U33, T05, C12
 * to C16, P06, M01 and on (the texts of mail) and E01_FIELD are ours. A request's Accept-Language
 * chooses (r->chinese); no client depends on the wording. A text has up to two holes, written {},
 * filled in order.
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
	MSG_E01, MSG_E01_FIELD, MSG_E02, MSG_E03, MSG_E04, MSG_E05, MSG_E06, MSG_E08,
	MSG_A01, MSG_A02, MSG_A03, MSG_A04, MSG_A05, MSG_A06, MSG_A07, MSG_A08,
	MSG_U01, MSG_U03, MSG_U04, MSG_U05, MSG_U06, MSG_U07, MSG_U08, MSG_U09, MSG_U11, MSG_U13,
	MSG_U14, MSG_U15, MSG_U16, MSG_U17, MSG_U18, MSG_U19,
	MSG_U20, MSG_U21, MSG_U22, MSG_U23, MSG_U24, MSG_U25, MSG_U26, MSG_U27, MSG_U28,
	MSG_U29, MSG_U30, MSG_U31, MSG_U32, MSG_U33,
	MSG_O01, MSG_O02, MSG_O03, MSG_O04, MSG_O05, MSG_O06, MSG_O07,
	MSG_Q01, MSG_Q03, MSG_Q04, MSG_Q05, MSG_R01, MSG_R02, MSG_R03,
	MSG_T01, MSG_T02, MSG_T03, MSG_T04, MSG_T05,
	MSG_C01, MSG_C02, MSG_C03, MSG_C05, MSG_C06, MSG_C07, MSG_C08, MSG_C09, MSG_C10, MSG_C11,
	MSG_C12, MSG_C13, MSG_C14, MSG_C15, MSG_C16,
	MSG_P01, MSG_P02, MSG_P03, MSG_P04, MSG_P05, MSG_P06,
	MSG_L01,
	MSG_M01, MSG_M02, MSG_M03, MSG_M04, MSG_M05, MSG_M06, MSG_M07, MSG_M08, MSG_M09, MSG_M10,
	MSG_M11, MSG_M12, MSG_M13, MSG_M14, MSG_M15, MSG_M16, MSG_M17, MSG_M18, MSG_M19,
	MSG_M20, MSG_M21, MSG_M22, MSG_M23,
	MESSAGE_COUNT
};
/* clang-format on */

enum language { LANGUAGE_EN, LANGUAGE_ZH };

enum language message_language(const struct req *r);
/* As a user's row keeps it; English while it is unknown. */
enum language message_language_named(struct str name);
/* What nobody asked for at this moment: mail. Static; in the arena. */
const char *message_in(enum language in, enum message id);
struct str message_filled_in(struct arena *a, enum language in, enum message id, struct str first,
    struct str second);

/* In the language of the request; NUL-terminated, static. */
const char *message_text(const struct req *r, enum message id);
/* The text with its holes filled, in the arena. */
struct str message_filled(const struct req *r, enum message id, struct str first,
    struct str second);

/* They return false. The reply is an envelope with status 200 (reply.h). */
bool message_fail(const struct req *r, struct err *err, enum message id);
bool message_fail_about(const struct req *r, struct err *err, enum message id, struct str first,
    struct str second);
/* MSG_E01_FIELD about that member of the body or the query. */
bool message_fail_member(const struct req *r, struct err *err, const char *member);

#endif
