/* redis_link.h — one connection to a Redis: TCP, TLS or a Unix socket; commands out, replies in
 *
 * Redis's protocol is hiredis's (what it writes and its reader of replies); the socket is ours, since
 * the hiredis of Debian 12 knows no TLS. Addresses are written as everybody writes them:
 *
 *	redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]      6379 and 0 when not said
 *	rediss://…                                          the same over TLS
 *	unix:/PATH  unix://[USER:PASSWORD@]/PATH[?db=N]     a socket file
 *
 * A password without a user is that of the user "default". Percent signs stand for escapes in user,
 * password and path. Over TLS, 1.2 at least, the server's certificate must be valid, for that very
 * name or address, and come from an authority in the file given, or in the system's. There is no
 * client certificate. One server, or what stands in front of several and looks like one: neither
 * Cluster nor Sentinel.
 *
 * Units    a read or write that waits longer than the address's timeout_ms fails; connecting, TLS and
 *          signing in included, has REDIS_CONNECT_MS for each of its steps, and not less than that.
 * Threads  a link belongs to one thread at a time; a struct redis_address is read-only once read.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include "base/attr.h"
#include "base/str.h"

#define REDIS_TIMEOUT_MS 100
#define REDIS_CONNECT_MS 500

struct err;
struct redis_link;
struct redisReply; /* hiredis's */

struct redis_address {
	char host[256]; /* or a path */
	char port[8];   /* "": host is a path */
	char user[128], password[256];
	int database;
	int timeout_ms; /* REDIS_TIMEOUT_MS once read; may be changed before a link is opened */
	void *tls;      /* OpenSSL's context; NULL: none */
};

/* ERR_CONFIG when the URL, or for TLS the certificates, cannot be read. ca_file "": the system's. */
MUST_USE bool redis_address_read(struct redis_address *at, struct str url, const char *ca_file,
    struct err *err);
void redis_address_wipe(struct redis_address *at);

/* Connected, signed in, the database chosen; NULL when that fails, and why says what did. */
MUST_USE struct redis_link *redis_link_open(const struct redis_address *at, char why[128]);
void redis_link_free(struct redis_link *l);

/* Is written with what else was added by the next redis_link_reply. */
void redis_link_add(struct redis_link *l, int argc, const char **argv, const size_t *lengths);
/* The next reply, freeReplyObject's; NULL when the link is broken. */
MUST_USE struct redisReply *redis_link_reply(struct redis_link *l);
/* A command and its reply; printf-like as hiredis has it. */
MUST_USE struct redisReply *redis_link_ask(struct redis_link *l, const char *format, ...);
/* For messages that come unasked: waits for bytes, then what is whole of them; *reply NULL when
 * nothing is. False: the link is broken. */
MUST_USE bool redis_link_hear(struct redis_link *l, int wait_ms, struct redisReply **reply);
/* What broke it. */
const char *redis_link_error(const struct redis_link *l);

#endif
