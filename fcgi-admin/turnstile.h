/* turnstile.h — Cloudflare's check that a person is asking, where the option says so
 *
 * A token (query parameter `turnstile`) is good at Cloudflare once, but a registration form sends
 * the same one with the code request and with the form. So a token that passed is remembered for
 * its sender's address: for TURNSTILE_LIFE_S and TURNSTILE_USES calls.
 *
 *	static bool send_code(struct req *r, struct resp *out, struct err *err)
 *	{
 *		return turnstile_then(r, really_send_code, out, err);
 *	}
 *
 * The call to Cloudflare runs on the request's wire; `then` runs on a worker. Address of the check:
 * setting TURNSTILE_URL.
 */
#ifndef ADMIN_TURNSTILE_H
#define ADMIN_TURNSTILE_H

#include "net/route.h"

#define TURNSTILE_LIFE_S 600
#define TURNSTILE_USES 5
#define TURNSTILE_TIMEOUT_MS 5000
#define TURNSTILE_DEFAULT_URL "https://challenges.cloudflare.com/turnstile/v0/siteverify"

/* then(r, out, err), at once or later, or A05, A06. */
MUST_USE bool turnstile_then(struct req *r, handler_fn *then, struct resp *out, struct err *err);

#endif
