#include "net/fetch.h"

#include <curl/curl.h>

#include "base/arena.h"
#include "net/upstream.h"

#define URL_MAX_BYTES 8192

struct visit {
	struct wire *wire;
	struct arena *arena;
	const struct fetch_rules *rules;
	struct str url; /* where we are */
	int64_t due_ms;
	int redirects;
	fetch_fn *done;
	void *arg;
	struct fetched result;
	struct timer refuse; /* when it ends before it began */
};

static void visit_begin(struct visit *v);

static bool refused(struct err *err, const char *why)
{
	err_set(err, ERR_INVALID_TEXT, "the file at a URL in the request could not be fetched");
	return err_detail(err, "%s", why);
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
static bool follow(struct visit *v, const struct upstream_reply *reply, struct err *err)
{
	struct str location = headers_get(&reply->headers, "location");

	if (location.n == 0)
		return refused(err, "a redirect without a location");
	if (v->redirects++ == FETCH_REDIRECTS_MAX)
		return refused(err, "too many redirects");
	if (!resolve(v, location, &v->url, err))
		return false;
	visit_begin(v);
	return true;
}

static bool take(struct visit *v, const struct upstream_reply *reply, struct err *err)
{
	struct str type = headers_get(&reply->headers, "content-type");

	if (!reply->result.ok)
		return refused(err,
		    reply->result.err.detail[0] ? reply->result.err.detail : reply->result.err.msg);
	if (reply->status != 200)
		return refused(err, arena_fmt(v->arena, "status %d", reply->status));
	v->result.ok = true;
	v->result.body = reply->body;
	v->result.content_type = str_trim(str_slice(type, 0, str_find(type, ';')));
	return true;
}

static void finish(struct visit *v)
{
	v->done(v->arg, &v->result);
}

static void on_reply(void *arg, struct upstream_reply *reply)
{
	struct visit *v = arg;
	struct err *err = &v->result.err;

	if (reply->result.ok && is_redirect(reply->status)) {
		if (follow(v, reply, err))
			return;
	} else {
		v->result.ok = take(v, reply, err);
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

static void visit_begin(struct visit *v)
{
	int64_t left_ms = v->due_ms - wire_now_ms(v->wire);
	struct upstream_req u;

	if (left_ms <= 0) {
		refused(&v->result.err, "out of time");
		refuse_later(v);
		return;
	}
	upstream_req_init(&u, v->arena);
	u.method = "GET";
	buf_add(&u.url, v->url);
	u.public_or = &v->rules->allowed;
	u.limits = upstream_default_limits;
	u.limits.total_ms = (int)left_ms;
	upstream_fetch(v->wire, v->arena, &u, v->rules->max_bytes, on_reply, v);
}

void fetch_url(struct wire *w, struct arena *a, struct str url, const struct fetch_rules *rules,
    fetch_fn *done, void *arg)
{
	struct visit *v = ARENA_NEW(a, struct visit);

	v->wire = w;
	v->arena = a;
	v->rules = rules;
	v->due_ms = wire_now_ms(w) + rules->timeout_ms;
	v->done = done;
	v->arg = arg;
	if (resolve(v, url, &v->url, &v->result.err))
		visit_begin(v);
	else
		refuse_later(v);
}
