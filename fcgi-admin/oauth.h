/* oauth.h — signing in with third parties: GitHub, Lark, OpenID Connect, WeChat
 *
 * The pages ask for a state, send the browser to the provider, and bring `code` and `state` back:
 *
 *	GET /api/oauth/state                  data: a state; the client makes the provider's URL itself
 *	GET /api/oauth/state?provider=oidc    the same for one provider, and beside data `url`: where
 *	                                      to go, with PKCE and, for OpenID, a nonce
 *	GET /api/oauth/{github,lark,oidc}?code=&state=
 *	GET /api/oauth/wechat?code=           no state: the code was typed in
 *	GET /api/oauth/wechat/bind?code=
 *	DELETE /api/oauth/{github,lark,oidc,wechat}/bind
 *	GET /api/oauth/oidc/discover?url=     root: what a provider says of itself
 *
 * With a session the account is bound, without one it signs in or, while registration is open, is
 * made. Who has a second factor is asked for it (login.h).
 *
 * DESIGN. A provider is a row of functions and a list of steps; a step is at most one upstream call
 * on the request's wire, its reply is read on a worker, then comes the next (oauth_run). All that is
 * between is in struct oauth, in the request's arena. Replies are bounded in size and time,
 * redirects are not followed. What a provider says is not shown, its error codes are logged; codes,
 * secrets and tokens are not.
 *
 * Threads  each request by whoever has it; the cache looks after itself.
 */
#ifndef ADMIN_OAUTH_H
#define ADMIN_OAUTH_H

#include <cjson/cJSON.h>

#include "admin.h"
#include "net/route.h"
#include "net/upstream.h"
#include "oauth_state.h"
#include "store/identity.h"

#define OAUTH_CALL_MS 5000 /* of one call */
#define OAUTH_TOTAL_MS 15000
#define OAUTH_REPLY_MAX ((size_t)256 * 1024)
#define OAUTH_CODE_MAX 4096
#define OAUTH_ID_MAX 255
#define OAUTH_TOKEN_MAX 16384 /* of an access token */

struct oauth;

/* Who it is, as the provider says; checked by oauth_account.h. */
struct oauth_person {
	struct str id;        /* as it is stored */
	struct str former[2]; /* how older rows hold the same person; "" = none */
	struct str username, display_name, email;
};

struct oauth_step {
	/* Makes the call by one of the functions below; none: the step is skipped. */
	bool (*ask)(struct oauth *o, struct err *err);
	/* o->reply arrived, whatever its status. */
	bool (*read)(struct oauth *o, struct err *err);
};

struct oauth_provider {
	const char *name;
	enum identity identity;
	const char *prefix, *display_name; /* of new accounts */
	bool (*is_on)(const struct options *options);
	const struct oauth_step *steps;     /* from code to person; ends with an empty one */
	const struct oauth_step *url_steps; /* before url; NULL: none */
	/* Where the browser goes; o->state is set. */
	bool (*url)(struct oauth *o, struct buf *out, struct err *err);
};

extern const struct oauth_provider oauth_github, oauth_lark, oauth_oidc, oauth_wechat;

/* A sign-in under way. */
struct oauth {
	struct req *r;
	const struct oauth_provider *provider;
	const struct options *options;
	struct oauth_state state;
	struct str code;
	struct str access_token;
	void *own; /* of the provider's */
	struct oauth_person person;

	/* what is called, and what came back */
	const struct oauth_step *step;
	handler_fn *then;
	int64_t deadline_ms;
	bool asked;
	struct upstream_req upstream;
	struct buf body;
	struct upstream_reply reply;
	bool unreachable; /* a call failed in a way that another try may mend */
};

/* Works off the steps, then runs `then` as the end of the handler. */
MUST_USE bool oauth_run(struct req *r, struct oauth *o, const struct oauth_step *steps,
    handler_fn *then, struct resp *out, struct err *err);
/* Of the request that oauth_run was called for. */
struct oauth *oauth_of(const struct req *r);

/* ---- for the steps of providers ------------------------------------------------------------------ */

/* Begins a call; headers_add_c and oauth_body may follow. */
void oauth_ask(struct oauth *o, const char *method, struct str url);
void oauth_bearer(struct oauth *o);
/* Adds name=value, encoded; the body is a form. */
void oauth_form(struct oauth *o, const char *name, struct str value);
/* Adds "name":"value"; the body is a JSON object. */
void oauth_json(struct oauth *o, const char *name, struct str value);

/* The reply as an object. A status that is not 200, no JSON, an `error`: logged and refused with O06
 * when the provider does not take the code, else with O03. */
MUST_USE bool oauth_object(struct oauth *o, const cJSON **tree, struct err *err);
/* The same, and o->access_token is its access_token. */
MUST_USE bool oauth_token(struct oauth *o, const cJSON **tree, struct err *err);
/* Logs what is wrong at the provider (our words) and refuses with O03. */
bool oauth_fault(struct oauth *o, const char *why, struct err *err);
/* <ServerAddress>/oauth/<provider> */
struct str oauth_redirect_uri(struct oauth *o);
/* name=value, encoded, behind ? or &. */
void oauth_query(struct buf *url, const char *name, struct str value);
/* state, and PKCE's challenge. */
void oauth_query_state(struct oauth *o, struct buf *url);
/* Plain visible characters and UTF-8, 1 to OAUTH_ID_MAX bytes. */
bool oauth_id_ok(struct str id);

#endif
