/* http.h — one request and one reply, whatever carried them
 *
 * struct req is what a handler sees: complete in memory, decoded, owned by one thread at a time.
 * Everything it points to lives in its arena. A test makes one by hand with req_new and fills in
 * what it needs, so handlers are tested without sockets.
 *
 * A handler has this shape, in both programs:
 *
 *	static bool get_status(struct req *r, struct resp *out, struct err *err);
 *
 * True: *out is the reply, unless the handler called req_defer: then somebody else owns the request
 * now and answers later. False: err is turned into a reply by the program's one error function.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/str.h"

struct conn;
struct err;
struct req;
struct resp;
struct route;
struct server;

struct header {
	struct str name; /* lower case for requests, as written for replies */
	struct str value;
};

/* A list in order; several of one name are allowed. */
struct headers {
	struct header *items;
	size_t count, cap;
	struct arena *arena;
};

void headers_init(struct headers *h, struct arena *a);
/* Both texts are copied into the arena. CR, LF and NUL in a value are dropped. */
void headers_add(struct headers *h, struct str name, struct str value);
/* NUL-terminated or literal texts. */
void headers_add_c(struct headers *h, const char *name, const char *value);
/* Without copying: both live at least as long as the arena and hold no CR, LF or NUL. */
void headers_add_view(struct headers *h, struct str name, struct str value);
/* Takes out every header of that name without case. */
void headers_drop(struct headers *h, const char *name);
/* First value of that name without case; the empty view when absent. */
struct str headers_get(const struct headers *h, const char *name);

#define REQ_ID_MAX 48
#define REQ_PARAMS_MAX 4

struct req {
	struct task task; /* for handing the request to a worker or back to its wire */
	struct arena *arena;
	struct server *server;
	struct conn *conn;    /* where the reply goes; NULL in tests */
	const void *settings; /* the program's own, from server_config */
	void *local;          /* what the worker that has the request keeps (its database) */

	struct str method;   /* "GET" */
	struct str path;     /* decoded, from REQUEST_URI up to '?', one trailing slash removed */
	struct str raw_path; /* as sent, without a deployment's prefix (fcgi.c); "" when unknown */
	struct str query;    /* as sent, without '?' */
	struct headers headers; /* without Content-Length; names lower case, `_` as `-` */
	struct str content_type;
	struct str body;
	struct str remote_addr; /* the client's address (server.h: trusted proxies) */
	struct str host;
	bool https;
	bool chinese;        /* Accept-Language begins with zh */
	char id[REQ_ID_MAX]; /* X-Oneapi-Request-Id */
	int64_t started_ms;  /* monotonic, when the request was complete */
	int64_t accepted_ms; /* monotonic, when its first byte came */
	struct log log;

	const struct route *route;
	struct str params[REQ_PARAMS_MAX]; /* ":id" parts of the route, decoded */

	bool deferred;
	bool *defer_flag; /* the dispatcher's: set with deferred, since r may be gone by then */
	void *state;      /* of whoever deferred it */
};

/* A request for tests and for plain use without a connection; returns owned. */
struct req *req_new(struct arena *a);
/* Frees what the request's arena holds, itself included. */
void req_free(struct req *r);
/* From now on the reply comes later, by server.h's reply_*; the handler returns true. */
void req_defer(struct req *r);

struct str req_header(const struct req *r, const char *name);
/* A query parameter, percent-decoded, `+` as blank; the empty view when absent. */
struct str req_query(const struct req *r, const char *name);
/* The same as a number; anything unparsable gives fallback. */
int64_t req_query_int(const struct req *r, const char *name, int64_t fallback);
/* Percent-decodes into the arena; malformed escapes stay as they are. s itself comes back when
 * there is nothing to decode. */
struct str url_decode(struct arena *a, struct str s, bool plus_is_blank);
/* Appends with everything but unreserved characters encoded (RFC 3986, 2.3). */
void url_encode(struct buf *out, struct str s);

struct resp {
	int status; /* 0 = 200 */
	struct headers headers;
	struct buf body;
};

/* For a whole reply; the ceiling of its body is 64 MiB. Released by whoever sends it. */
void resp_init(struct resp *resp, struct arena *a);
void resp_release(struct resp *resp);
/* Sets Content-Type: application/json. */
void resp_json(struct resp *resp, int status);

#endif
