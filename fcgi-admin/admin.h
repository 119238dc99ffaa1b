/* admin.h — what every handler of this program can reach from its request
 *
 * Threads  struct admin is read-only once main has filled it in, apart from the rate table, which
 *          looks after itself.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/rate.h"
#include "net/http.h"
#include "provider/runtime.h"

struct admin {
	struct runtime rt;
	struct rate_table *rates;
	struct mapping *shared; /* what all processes of the machine count together */
	struct runner *runner;  /* NULL: jobs wait for another process (tests) */
	struct pager *pager;    /* NULL: every page is counted through to (tests) */
	struct mailer *mailer;  /* NULL: letters wait in the outbox (tests) */
	const char
	    *ca_file; /* certificates that servers we call are checked against; "" = system */
	const char *turnstile_url;
	const char *github_url, *github_api_url; /* the sites of oauth.h, without trailing slash */
	const char *lark_url, *lark_accounts_url, *lark_passport_url;
	struct oauth_cache *oauth_cache; /* NULL: nothing is kept (tests) */
	int64_t api_limit;               /* requests per client address and 180 s; 0: no limit */
	struct str ui_version;           /* in /api/status; "": this build's */
	struct str test_prompt;
	struct str root_token; /* the three are for the first start, see bootstrap.h; "" = none */
	struct str root_access_token;
	struct str root_password;
};

static inline const struct admin *admin_of(const struct req *r)
{
	return r->settings;
}

/* The worker's own connection. */
static inline struct db *db_of(const struct req *r)
{
	return r->local;
}

static inline const struct secret_box *box_of(const struct req *r)
{
	return admin_of(r)->rt.box;
}

/* Today's catalog, and the options in it, valid as long as the request. */
const struct catalog *catalog_of(struct req *r);
const struct options *options_of(struct req *r);
/* Where people reach this site, without slashes at the end. */
struct str site_address(const struct options *o);

#endif
