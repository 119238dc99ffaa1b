/* access.h — may this request do what it asks: limits, origin, session or access token, role
 *
 * access_admit runs before every handler and checks the columns of its route: `access` is the
 * least role, `flags` are the ROUTE_* below. The session cookie counts first, then the header
 * Authorization (an access token, with or without `Bearer `). The user is read from the database
 * for every request, so that a role or status that changed counts at once. A new password, whoever
 * set it and however, ends every session and the access token.
 *
 * Another site may make a browser send our cookie. Whatever changes state is therefore refused
 * when the browser says that it comes from elsewhere: Sec-Fetch-Site other than same-origin or
 * none, or an Origin (POST, PUT, DELETE) whose host is not ours.
 *
 * Status 401 means only "neither session nor Authorization header"; the web pages go to the login
 * form on it. Every other refusal is 200 with success false, limits are 429.
 *
 * Threads  on the worker that has the request.
 */
#ifndef ADMIN_ACCESS_H
#define ADMIN_ACCESS_H

#include "net/http.h"
#include "store/user.h"

enum {
	ROUTE_CHANGES = 1,  /* a GET that changes state */
	ROUTE_CRITICAL = 2, /* few calls per address: throttle.h */
	ROUTE_LARGE = 4,    /* takes bodies up to BODY_MAX_LARGE */
	ROUTE_AUDITED = 8,  /* a GET whose use by an administrator is noted: witness.h */
};

/* Who asks. Guests have id 0 and role ROLE_GUEST. */
struct actor {
	struct user user;
	struct str cookie; /* of the session, "" when an access token was used */
	void *job;         /* of a handler that deferred its reply */
	void *watching;    /* witness.c's, NULL for who is not watched */
};

/* server_config.admit. */
bool access_admit(struct req *r, struct resp *out, struct err *err);
/* After access_admit; never NULL. */
struct actor *access_actor(const struct req *r);

/* Who is signed in with the request's session cookie, whatever the status of the account; for
 * routes of guests. */
MUST_USE bool access_session(struct req *r, struct actor *actor, bool *found, struct err *err);

/* Who asks, for routes of guests that say more to others: by session or access token; id 0 for guests
 * and for accounts that are not enabled. A token that is not valid is refused. */
MUST_USE bool access_known(struct req *r, struct user *out, struct err *err);

/* "May act on": a higher role than the target's, or root. */
bool access_outranks(const struct req *r, const struct user *target);

/* The label under which access tokens are hashed. */
#define ACCESS_TOKEN_LABEL "access"

/* Starts a session for the user and sets its cookie; ends the one that the request came with. */
MUST_USE bool access_sign_in(struct req *r, const struct user *u, struct resp *out,
    struct err *err);
/* Ends the request's session, if it has one, and clears the cookie. */
MUST_USE bool access_sign_out(struct req *r, struct resp *out, struct err *err);

/* Cookies of the session's kind: 64 hex digits, sent back by this site's own pages only. "" when
 * there is none that could be ours. */
struct str access_cookie(const struct req *r, const char *name);
void access_set_cookie(const struct req *r, struct resp *out, const char *name, const char *value,
    int life_s);

#endif
