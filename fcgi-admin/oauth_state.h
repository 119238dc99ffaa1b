/* oauth_state.h — what ties the way to a third party and back to one browser
 *
 * A state is 128 random bits that travel over the third party. It is good once, for
 * OAUTH_STATE_LIFE_S, in the browser that asked for it (cookie `oauth`), for the account that was
 * signed in then or for nobody, and, when its maker knew, for one provider. What is kept is a keyed
 * hash of all that (store/code.h), so every process can check it.
 *
 * PKCE verifier (RFC 7636) and nonce (OpenID Connect Core, 3.1.2.1) are keyed hashes of the state:
 * the same in every process, and unknown to who sees the state go by. Old clients, which make the
 * provider's URL themselves, ask for a state without a provider; those have neither.
 *
 * Threads  as the request.
 */
#ifndef ADMIN_OAUTH_STATE_H
#define ADMIN_OAUTH_STATE_H

#include "net/http.h"

#define OAUTH_STATE_LEN 32
#define OAUTH_STATE_LIFE_S 600

struct err;

struct oauth_state {
	struct str text;
	struct str provider; /* its name, "" when the maker did not say */
	int64_t user_id;     /* who was signed in, 0: nobody */
};

/* Fills in text, and sets the cookie if the browser has none. */
MUST_USE bool oauth_state_make(struct req *r, struct oauth_state *s, struct resp *out,
    struct err *err);
/* Uses up s->text for this provider and user; s->provider becomes what the maker said. A07 with
 * status 403 when it is none, not this browser's, for another provider, used or too old. */
MUST_USE bool oauth_state_take(struct req *r, struct oauth_state *s, struct err *err);
/* The provider could not be reached, so the client may try again. */
MUST_USE bool oauth_state_give_back(struct req *r, const struct oauth_state *s, struct err *err);

/* "" for a state without a provider. */
struct str oauth_state_verifier(struct req *r, const struct oauth_state *s);
struct str oauth_state_challenge(struct req *r, const struct oauth_state *s); /* S256 */
struct str oauth_state_nonce(struct req *r, const struct oauth_state *s);

#endif
