/* mail.h — a message as mail servers want it: RFC 5322, UTF-8, HTML
 *
 * Subject and sender's name are encoded words (RFC 2047), the body is base64, so no line is long
 * and nothing that was filled in can end a header or the message. Addresses are plain ASCII, as
 * nearly all are; anything else is refused, never repaired. Sending is smtp.h's.
 *
 * Errors   ERR_BAD_REQUEST for an address that is none.
 * Threads  pure.
 */
#ifndef ADMIN_MAIL_H
#define ADMIN_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct err;

#define MAIL_RECIPIENTS_MAX 16

struct mail {
	struct str from_name, from;
	struct str to; /* addresses, ; between them */
	struct str subject;
	struct str html; /* the whole page */
};

/* local@domain of RFC 5321 without quoted parts: at most 254 bytes, a dot within the domain. */
bool mail_address_ok(struct str address);
/* The part behind the @. */
struct str mail_domain(struct str address);
/* The addresses of a list, trimmed, empty ones left out; their number, 0 when one of them is no
 * address or there are too many. */
size_t mail_recipients(struct str list, struct str out[MAIL_RECIPIENTS_MAX]);
/* Head and body with CRLF line ends. */
MUST_USE bool mail_compose(struct arena *a, const struct mail *m, struct buf *out, struct err *err);

/* & < > " ' as entities. */
struct str mail_escape(struct arena *a, struct str text);
/* The page around a letter: title, inner HTML, footer with the site's name. */
struct str mail_page(struct arena *a, struct str system_name, struct str title, struct str html);
/* HTML as plain text, roughly: tags go, entities of mail_escape come back. */
struct str mail_plain(struct arena *a, struct str html);

#endif
