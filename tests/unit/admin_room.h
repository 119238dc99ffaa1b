/* admin_room.h — the admin program without sockets, for its unit tests
 *
 * A room has a database of its own in a new folder, three accounts (root, boss: admin, anna: user),
 * each with an access token "token-NAME", and the program's route table. room_ask does what the
 * server does with one request: find the row, admit, handler, refuse.
 *
 * A test is mostly a table of steps, run in order by room_walk; every step says who asks what, and
 * which text the reply must have and must not have.
 */
#ifndef TESTS_ADMIN_ROOM_H
#define TESTS_ADMIN_ROOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../fcgi-admin/access.h"
#include "../../fcgi-admin/admin.h"
#include "../../fcgi-admin/reply.h"
#include "../../fcgi-admin/routes.h"
#include "base/err.h"
#include "base/json.h"
#include "store/migrate.h"
#include "store/token.h"

#define ROOM_PASSWORD "correct horse"

struct room {
	char dir[64];
	struct admin admin;
	struct db *db;
	struct route_table *routes;
	int64_t root, boss, anna;
};

/* Valid until the next room_ask. */
struct answer {
	int status;
	const char *body;
	const char *cookie; /* of Set-Cookie, or "" */
	const char *retry_after;
	const cJSON *tree;
};

struct ask_headers {
	const char *cookie, *authorization, *origin, *site, *addr, *language, *key;
	bool https;
};

static struct arena *room_arena;

#define room_must(call)                                                                            \
	do {                                                                                       \
		struct err err = { 0 };                                                            \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, err.msg, err.detail);                       \
	} while (0)

static inline int64_t room_add_user(struct room *m, const char *name, int role)
{
	struct arena *a = arena_new(4096);
	struct user u = {
		.username = str_c(name),
		.display_name = str_c(name),
		.password = str_c(secret_password_hash(a, STR(ROOM_PASSWORD))),
		.role = role,
		.status = USER_ENABLED,
		.group = STR("default"),
		.quota = 1000,
	};
	uint8_t hash[SECRET_HASH_LEN];

	room_must(user_insert(m->db, &u, &err));
	secret_hash(m->admin.rt.box, ACCESS_TOKEN_LABEL, str_c(arena_fmt(a, "token-%s", name)),
	    hash);
	room_must(user_set_access_token(m->db, u.id, hash, &err));
	arena_free(a);
	return u.id;
}

static inline void room_open_bare(struct room *m)
{
	struct db *watched;

	*m = (struct room){ .dir = "/tmp/admin-room-XXXXXX" };
	assert_non_null(mkdtemp(m->dir));
	m->admin.rt.program = "fcgi-admin";
	m->admin.rt.data_dir = m->dir;
	m->admin.rt.started_at = 1700000000;
	m->admin.test_prompt = STR("who are you?");
	m->admin.rates = rate_table_new(65536);
	room_must(secret_box_open(m->dir, "a secret of sufficient length", &m->admin.rt.box, &err));
	room_must(db_open("", m->dir, &m->db, &err));
	room_must(migrate(m->db, &err));
	room_must(db_open("", m->dir, &watched, &err));
	room_must(catalog_watch(watched, m->admin.rt.box, 50, &m->admin.rt.watcher, &err));
	m->routes = routes_table();
}

static inline void room_open(struct room *m)
{
	room_open_bare(m);
	m->root = room_add_user(m, "root", ROLE_ROOT);
	m->boss = room_add_user(m, "boss", ROLE_ADMIN);
	m->anna = room_add_user(m, "anna", ROLE_USER);
}

static inline void room_close(struct room *m)
{
	static const char *const names[] = { "oneapi.db", "oneapi.db-wal", "oneapi.db-shm",
		"oneapi.db-lock", "oneapi.db.lock", "secret.key", "root-password" };
	char path[128];

	arena_free(room_arena);
	room_arena = NULL;
	route_table_free(m->routes);
	catalog_unwatch(m->admin.rt.watcher);
	db_close(m->db);
	secret_box_free(m->admin.rt.box);
	rate_table_free(m->admin.rates);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", m->dir, names[i]);
		unlink(path);
	}
	rmdir(m->dir);
}

/* Waits until the snapshot that handlers read has what was saved. */
static inline void room_settle(struct room *m)
{
	const struct timespec pause = { 0, 5000000 };
	int64_t wanted = 0, seen = -1;

	room_must(catalog_version(m->db, &wanted, &err));
	for (int i = 0; i < 12000 && seen < wanted; i++) {
		struct catalog *c = runtime_catalog(&m->admin.rt);

		seen = c->version;
		catalog_put(c);
		nanosleep(&pause, NULL);
	}
	assert_true(seen >= wanted);
}

static inline void room_header(struct req *r, const char *name, const char *value)
{
	if (value && *value)
		headers_add_c(&r->headers, name, value);
}

static inline struct req *room_request(struct room *m, const char *method, const char *target,
    const char *body, const struct ask_headers *h)
{
	struct str whole = str_c(target), path;
	size_t mark = str_find(whole, '?');
	struct req *r;

	arena_free(room_arena);
	room_arena = arena_new(4096);
	r = req_new(room_arena);
	path = str_slice(whole, 0, mark);
	r->settings = &m->admin;
	r->local = m->db;
	r->method = str_c(method);
	r->path = arena_str(room_arena, path);
	r->raw_path = r->path;
	r->query = mark < whole.n ? str_slice(whole, mark + 1, whole.n) : (struct str){ 0 };
	r->body = str_c(body ? body : "");
	r->remote_addr = str_c(h->addr ? h->addr : "192.0.2.1");
	r->host = STR("gw.example");
	r->https = h->https;
	r->chinese = h->language != NULL;
	snprintf(r->id, sizeof r->id, "req-1");
	room_header(r, "cookie", h->cookie);
	room_header(r, "authorization", h->authorization);
	room_header(r, "origin", h->origin);
	room_header(r, "sec-fetch-site", h->site);
	room_header(r, "idempotency-key", h->key);
	return r;
}

static inline void room_release_resp(void *resp)
{
	resp_release(resp);
}

static inline struct answer room_ask(struct room *m, const char *method, const char *target,
    const char *body, const struct ask_headers *h)
{
	struct req *r = room_request(m, method, target, body, h);
	struct resp *out = ARENA_NEW(room_arena, struct resp);
	struct err err = { 0 }, ignored = { 0 };
	struct answer a = { 0 };
	cJSON *tree = NULL;

	resp_init(out, room_arena);
	arena_defer(room_arena, room_release_resp, out);
	if (!route_find(m->routes, r)) {
		r->route = NULL;
		err_set(&err, ERR_NOT_FOUND, "no route");
		reply_error(r, &err, out);
	} else if (!access_admit(r, out, &err) || !r->route->handler(r, out, &err)) {
		assert_int_not_equal(err.kind, ERR_NONE);
		resp_release(out);
		resp_init(out, room_arena);
		reply_error(r, &err, out);
	} else {
		assert_int_equal(err.kind, ERR_NONE);
	}
	a.status = out->status ? out->status : 200;
	a.body = str_dup(room_arena, buf_str(&out->body));
	a.cookie = str_dup(room_arena, headers_get(&out->headers, "set-cookie"));
	a.retry_after = str_dup(room_arena, headers_get(&out->headers, "retry-after"));
	if (out->body.len) {
		if (!json_parse(room_arena, buf_str(&out->body), &tree, &ignored))
			fail_msg("%s %s: the reply is not JSON: %s", method, target, a.body);
		a.tree = tree;
	}
	return a;
}

/* who NULL is a guest. */
static inline struct answer room_as(struct room *m, const char *who, const char *method,
    const char *target, const char *body)
{
	char token[64] = "";
	struct ask_headers h = { .authorization = token };

	if (who)
		snprintf(token, sizeof token, "Bearer token-%s", who);
	return room_ask(m, method, target, body, &h);
}

/* With that session cookie. */
static inline struct answer room_with(struct room *m, const char *cookie, const char *method,
    const char *target, const char *body)
{
	struct ask_headers h = { .cookie = cookie };

	return room_ask(m, method, target, body, &h);
}

/* The pair "session=…" of a reply that signed in. */
static inline void room_keep_cookie(struct answer a, char out[128])
{
	snprintf(out, 128, "%.*s", (int)strcspn(a.cookie, ";"), a.cookie);
}

struct step {
	const char *name;
	const char *who;
	const char *method, *target, *body;
	int status;
	const char *want;     /* must occur in the reply; NULL: anything */
	const char *unwanted; /* must not occur; NULL: nothing is */
};

#define SUCCESS "\"success\":true"
#define FAILURE "\"success\":false"

static inline void must_have(const char *name, struct answer a, const char *want)
{
	if (!strstr(a.body, want))
		fail_msg("%s: got %d %s, want %s", name, a.status, a.body, want);
}

/* value stands in the body's quotes as it is. */
static inline void room_option(struct room *m, const char *key, const char *value)
{
	char body[512];

	snprintf(body, sizeof body, "{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
	must_have(key, room_as(m, "root", "PUT", "/api/option", body), SUCCESS);
}

/* As if it always had been: no session and no access token ends. */
static inline void room_set_hash(struct room *m, int64_t id, struct str hash)
{
	static const char sql[] = "UPDATE users SET password = ? WHERE id = ?";

	room_must(db_run(m->db, sql, BIND(v_text(hash), v_int(id)), NULL, &err));
}

static inline void room_set_password(struct room *m, int64_t id, const char *password)
{
	struct arena *a = arena_new(4096);

	room_set_hash(m, id, str_c(secret_password_hash(a, str_c(password))));
	arena_free(a);
}

/* The first column of the first row. */
static inline int64_t room_number(struct room *m, const char *sql)
{
	int64_t n = -1;

	room_must(db_number(m->db, sql, BIND_NONE, &n, &err));
	return n;
}

static inline void room_walk(struct room *m, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		struct answer a = room_as(m, s->who, s->method, s->target, s->body);

		if (a.status != s->status)
			fail_msg("%s: got status %d, want %d: %s", s->name, a.status, s->status,
			    a.body);
		if (s->want && !strstr(a.body, s->want))
			fail_msg("%s: got %s, want %s", s->name, a.body, s->want);
		if (s->unwanted && strstr(a.body, s->unwanted))
			fail_msg("%s: got %s, which must not have %s", s->name, a.body,
			    s->unwanted);
	}
}

/* In a room of their own. */
static inline void room_try(const struct step *steps, size_t count)
{
	struct room m;

	room_open(&m);
	room_walk(&m, steps, count);
	room_close(&m);
}

#endif
