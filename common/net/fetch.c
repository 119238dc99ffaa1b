#include "net/fetch.h"

#include <curl/curl.h>

#include "base/arena.h"
#include "net/upstream.h"

#define URL_MAX_BYTES 8192
/* Who is told to come again comes after this. */
#define BUSY_S 2

struct visit {
	struct wire *wire;
	struct arena *arena;
	const struct fetch_rules *rules;
	struct fetch_share *share;
	struct str url; /* where we are */
	int64_t due_ms;
	int redirects;
	fetch_fn *done;
	void *arg;
	struct fetched result;
	struct timer refuse; /* when it ends before it began, or in the middle */

	/* one hop */
	struct upstream_req req;
	struct upstream *call;
	int status;
	struct headers headers;
	struct buf body;
};

static void visit_begin(struct visit *v);

static bool refused(struct err *err, const char *why)
{
	err_set(err, ERR_INVALID_TEXT, "the file at a URL in the request could not be fetched");
	return err_detail(err, "%s", why);
}

/* ---- how much of it ------------------------------------------------------------------------ */

void fetch_share_init(struct fetch_share *s, struct fetch_room *room,
    const struct fetch_rules *rules, size_t counted)
{
	size_t most = rules->max_request_bytes;

	*s = (struct fetch_share){ .room = room, .most = counted < most ? most - counted : 0 };
}

void fetch_share_release(struct fetch_share *s)
{
	if (s->room)
		atomic_fetch_sub_explicit(&s->room->used, s->used, memory_order_relaxed);
	s->used = 0;
}

static bool share_take(struct fetch_share *s, size_t n, struct err *err)
{
	struct fetch_room *room = s->room;

	if (n > s->most - s->used)
		return err_set(err, ERR_TOO_LARGE,
		    "the files at the URLs in this request are too large together");
	if (atomic_fetch_add_explicit(&room->used, n, memory_order_relaxed) + n > room->max_bytes) {
		atomic_fetch_sub_explicit(&room->used, n, memory_order_relaxed);
		err_set(err, ERR_BUSY, "too many files of requests are held here at this time");
		err->retry_after_s = BUSY_S;
		return false;
	}
	s->used += n;
	return true;
}

/* ---- where to go --------------------------------------------------------------------------- */

static struct str url_part(struct arena *a, CURLU *u, CURLUPart part)
{
	char *text = NULL;
	struct str s = STR("");

	if (curl_url_get(u, part, &text, 0) == CURLUE_OK)
		s = arena_str(a, str_c(text));
	curl_free(text);
	return s;
}

/* Resolves a reference against where we are, and checks scheme and form. */
static bool resolve(struct visit *v, struct str reference, struct str *out, struct err *err)
{
	CURLU *u = curl_url();
	struct str scheme, whole = STR("");
	bool ok = u && reference.n <= URL_MAX_BYTES;

	if (ok && v->url.n)
		ok = curl_url_set(u, CURLUPART_URL, str_dup(v->arena, v->url), 0) == CURLUE_OK;
	ok = ok && curl_url_set(u, CURLUPART_URL, str_dup(v->arena, reference), 0) == CURLUE_OK;
	if (ok) {
		scheme = url_part(v->arena, u, CURLUPART_SCHEME);
		ok =
		    str_eq_c(scheme, "https") || (v->rules->allow_http && str_eq_c(scheme, "http"));
		/* Credentials in a URL are somebody's secret, and fragments are never sent. */
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
		whole = url_part(v->arena, u, CURLUPART_URL);
	}
	curl_url_cleanup(u);
	*out = whole;
	return ok || refused(err, "not an https URL");
}

/* ---- what came back ------------------------------------------------------------------------ */

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* True: the next hop has begun. */
static bool follow(struct visit *v, struct err *err)
{
	struct str location = headers_get(&v->headers, "location");

	if (location.n == 0)
		return refused(err, "a redirect without a location");
	if (v->redirects++ == FETCH_REDIRECTS_MAX)
		return refused(err, "too many redirects");
	if (!resolve(v, location, &v->url, err))
		return false;
	visit_begin(v);
	return true;
}

static bool take(struct visit *v, const struct upstream_result *result, struct err *err)
{
	struct str type = headers_get(&v->headers, "content-type");

	if (!result->ok)
		return refused(err, result->err.detail[0] ? result->err.detail : result->err.msg);
	if (v->status != 200)
		return refused(err, arena_fmt(v->arena, "status %d", v->status));
	v->result.ok = true;
	v->result.body = buf_str(&v->body);
	v->result.content_type = str_trim(str_slice(type, 0, str_find(type, ';')));
	return true;
}

static void finish(struct visit *v)
{
	v->done(v->arg, &v->result);
}

static void on_done(void *arg, const struct upstream_result *result)
{
	struct visit *v = arg;
	struct err *err = &v->result.err;

	v->call = NULL;
	if (result->ok && is_redirect(v->status)) {
		if (follow(v, err))
			return;
	} else {
		v->result.ok = take(v, result, err);
	}
	finish(v);
}

static void on_refuse(struct timer *t)
{
	finish(CONTAINER_OF(t, struct visit, refuse));
}

/* Not from within the caller's turn. */
static void refuse_later(struct visit *v)
{
	v->refuse.fn = on_refuse;
	timer_set(v->wire, &v->refuse, 0);
}

static bool on_head(void *arg, const struct upstream_head *head)
{
	struct visit *v = arg;

	v->status = head->status;
	for (size_t i = 0; i < head->headers.count; i++)
		headers_add(&v->headers, head->headers.items[i].name, head->headers.items[i].value);
	return true;
}

/* What a redirect says beside its address is of no use. */
static bool on_body(void *arg, struct str bytes)
{
	struct visit *v = arg;
	struct err *err = &v->result.err;
	bool ok;

	if (v->status != 200)
		return true;
	ok = bytes.n <= v->rules->max_bytes - v->body.len ? share_take(v->share, bytes.n, err)
	                                                  : refused(err, "too large");
	if (ok) {
		buf_add(&v->body, bytes);
		return true;
	}
	upstream_cancel(v->call);
	v->call = NULL;
	buf_release(&v->body);
	refuse_later(v);
	return true;
}

static void visit_begin(struct visit *v)
{
	static const struct upstream_events events = { on_head, on_body, on_done };
	int64_t left_ms = v->due_ms - wire_now_ms(v->wire);

	if (left_ms <= 0) {
		refused(&v->result.err, "out of time");
		refuse_later(v);
		return;
	}
	headers_init(&v->headers, v->arena);
	upstream_req_release(&v->req);
	upstream_req_init(&v->req, v->arena);
	v->req.method = "GET";
	buf_add(&v->req.url, v->url);
	v->req.public_or = &v->rules->allowed;
	v->req.limits = upstream_default_limits;
	v->req.limits.total_ms = (int)left_ms;
	v->call = upstream_start(v->wire, &v->req, &events, v);
}

static void release(void *visit)
{
	struct visit *v = visit;

	upstream_req_release(&v->req);
	buf_release(&v->body);
}

void fetch_url(struct wire *w, struct arena *a, struct str url, const struct fetch_rules *rules,
    struct fetch_share *share, fetch_fn *done, void *arg)
{
	struct visit *v = ARENA_NEW(a, struct visit);

	v->wire = w;
	v->arena = a;
	v->rules = rules;
	v->share = share;
	v->body = buf_init(rules->max_bytes);
	upstream_req_init(&v->req, a);
	arena_defer(a, release, v);
	v->due_ms = wire_now_ms(w) + rules->timeout_ms;
	v->done = done;
	v->arg = arg;
	if (resolve(v, url, &v->url, &v->result.err))
		visit_begin(v);
	else
		refuse_later(v);
}
