/* vertex.h — between the files of the Vertex dialect: who asks, where, and for what
 *
 * A service account is JSON that an operator wrote, in config.vertex_ai_adc or as the channel's key,
 * there also as REGION|PROJECT|JSON. A key that is none of these is one of Vertex's express mode and
 * goes along as it is. */
#ifndef PROVIDER_VERTEX_H
#define PROVIDER_VERTEX_H

#include "provider/adaptor.h"
#include "provider/token_cache.h"

struct vertex_account {
	bool express; /* key, and nothing else */
	struct str key;
	struct str region, project;
	struct str email, private_key, private_key_id, token_uri;
	uint8_t cache_key[TOKEN_KEY_BYTES];
};

/* ERR_UPSTREAM_AUTH when the channel's account is not one. */
MUST_USE bool vertex_account_read(const struct call *c, struct vertex_account *out,
    struct err *err);
/* scheme://host/v1/projects/…/locations/…, in express mode up to the version. */
void vertex_add_place(const struct call *c, const struct vertex_account *account, struct buf *url);

/* vertex_token.c: the signed claim that is exchanged for a token. */
MUST_USE bool vertex_claim(struct arena *a, const struct vertex_account *account, int64_t now,
    struct str *jwt, struct err *err);
/* What of it is signed. */
struct str vertex_claim_text(struct arena *a, const struct vertex_account *account, int64_t now);
/* The call that asks for a token, and its reply; the token goes to the cache and to *token. */
MUST_USE bool vertex_ask_token(struct call *c, const struct vertex_account *account,
    struct upstream_req *out, struct err *err);
MUST_USE bool vertex_take_token(struct call *c, const struct vertex_account *account,
    struct str body, struct str *token, struct err *err);
/* An error status of that call. */
void vertex_token_error(struct call *c, int status, struct str body, struct err *err);

#endif
