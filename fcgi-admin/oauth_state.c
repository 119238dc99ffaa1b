#include "oauth_state.h"

#include <inttypes.h>

#include <openssl/evp.h>

#include "access.h"
#include "admin.h"
#include "base/base64url.h"
#include "base/err.h"
#include "message.h"
#include "store/code.h"
#include "store/session.h"

#define CODE_OAUTH "oauth"
#define COOKIE "oauth"
#define RETRY_LIFE_S 120
#define SHA256_BYTES 32

static struct str keyed(struct req *r, const char *label, struct str text)
{
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box_of(r), label, text, hash);
	return base64url_encode(r->arena, hash, sizeof(hash));
}

/* The row is found by a hash, so that the table gives no state away. In hex, since the table's
 * subjects have no case. */
static struct str subject_of(struct req *r, struct str state)
{
	char *hex = arena_alloc(r->arena, 2 * SECRET_HASH_LEN + 1);
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box_of(r), "oauth.state", state, hash);
	for (size_t i = 0; i < sizeof(hash); i++) {
		hex[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	return (struct str){ hex, 2 * SECRET_HASH_LEN };
}

/* All that must be the same when it comes back. */
static struct str bound_to(struct req *r, const struct oauth_state *s, struct str browser)
{
	return str_c(arena_fmt(r->arena, "%.*s %.*s %" PRId64, STR_ARG(browser),
	    STR_ARG(s->provider), s->user_id));
}

static bool put(struct req *r, const struct oauth_state *s, struct str browser, int life_s,
    struct err *err)
{
	return code_put(db_of(r), box_of(r), CODE_OAUTH, subject_of(r, s->text),
	    bound_to(r, s, browser), life_s, 0, err);
}

bool oauth_state_make(struct req *r, struct oauth_state *s, struct resp *out, struct err *err)
{
	struct str browser = access_cookie(r, COOKIE);
	char *text = arena_alloc(r->arena, OAUTH_STATE_LEN + 1);

	if (browser.n == 0) {
		char *fresh = arena_alloc(r->arena, SESSION_COOKIE_LEN + 1);

		secret_random_hex(fresh, SESSION_COOKIE_LEN);
		browser = str_c(fresh);
	}
	secret_random_hex(text, OAUTH_STATE_LEN);
	s->text = str_c(text);
	if (!put(r, s, browser, OAUTH_STATE_LIFE_S, err))
		return false;
	access_set_cookie(r, out, COOKIE, str_dup(r->arena, browser), OAUTH_STATE_LIFE_S);
	return true;
}

static bool mismatch(struct req *r, struct err *err)
{
	message_fail(r, err, MSG_A07);
	err->status = 403;
	return false;
}

static bool take(struct req *r, const struct oauth_state *s, bool *right, struct err *err)
{
	return code_take(db_of(r), box_of(r), CODE_OAUTH, subject_of(r, s->text),
	    bound_to(r, s, access_cookie(r, COOKIE)), right, err);
}

bool oauth_state_take(struct req *r, struct oauth_state *s, struct err *err)
{
	bool right = false;

	if (s->text.n != OAUTH_STATE_LEN || access_cookie(r, COOKIE).n == 0)
		return mismatch(r, err);
	if (!take(r, s, &right, err))
		return false;
	if (right)
		return true;
	s->provider = (struct str){ 0 };
	if (!take(r, s, &right, err))
		return false;
	return right || mismatch(r, err);
}

bool oauth_state_give_back(struct req *r, const struct oauth_state *s, struct err *err)
{
	return put(r, s, access_cookie(r, COOKIE), RETRY_LIFE_S, err);
}

struct str oauth_state_verifier(struct req *r, const struct oauth_state *s)
{
	return s->provider.n ? keyed(r, "oauth.verifier", s->text) : (struct str){ 0 };
}

struct str oauth_state_challenge(struct req *r, const struct oauth_state *s)
{
	struct str verifier = oauth_state_verifier(r, s);
	unsigned char hash[SHA256_BYTES];

	if (verifier.n == 0 ||
	    EVP_Digest(verifier.p, verifier.n, hash, NULL, EVP_sha256(), NULL) != 1)
		return (struct str){ 0 };
	return base64url_encode(r->arena, hash, sizeof(hash));
}

struct str oauth_state_nonce(struct req *r, const struct oauth_state *s)
{
	return s->provider.n ? keyed(r, "oauth.nonce", s->text) : (struct str){ 0 };
}
