#include "otlp.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "net/http.h"

#define SPAN_MAX_BYTES ((size_t)16 * 1024)
#define BATCH_MAX_BYTES (OTLP_BATCH_MAX * SPAN_MAX_BYTES + 65536)
#define POST_MS 10000
#define CONNECT_MS 3000
#define PAUSE_FIRST_MS 500
#define PAUSE_LONGEST_MS 8000
#define COMPLAIN_MS 60000
#define MS_PER_S 1000
#define NS_PER_MS 1000000

/* A span as it waits. */
struct waiting {
	struct task task;
	struct buf json;
};

struct otlp {
	struct queue *queue;
	pthread_t thread;
	struct buf url, head; /* head: of a batch, up to its spans */
	struct curl_slist *headers;
	const char *ca_file;
	_Atomic(uint64_t) sent, dropped;
	_Atomic(int64_t) until_ms; /* of stopping; 0: it goes on */
	int64_t complained_ms;     /* the thread's own */

	pthread_mutex_t lock; /* for the condition: stopping ends a pause */
	pthread_cond_t stopped;
};

/* ---- one span ----------------------------------------------------------------------------------- */

static void add_member(struct buf *b, const char *name, struct str text)
{
	json_add_name(b, name);
	json_add_str(b, text);
}

/* 64-bit numbers are strings in protobuf's JSON. */
static void add_number(struct buf *b, const char *name, int64_t n)
{
	json_add_name(b, name);
	buf_addf(b, "\"%" PRId64 "\"", n);
}

static void add_attr(struct buf *b, const struct otlp_attr *a)
{
	json_add_comma(b);
	buf_add_char(b, '{');
	add_member(b, "key", str_c(a->key));
	json_add_name(b, "value");
	buf_add_char(b, '{');
	if (a->text)
		add_member(b, "stringValue", (struct str){ a->text, (size_t)a->n });
	else
		add_number(b, "intValue", a->n);
	buf_add(b, STR("}}"));
}

static void add_attrs(struct buf *b, const struct otlp_attr *list)
{
	json_add_name(b, "attributes");
	buf_add_char(b, '[');
	for (; list->key; list++)
		if (!list->text || list->n > 0)
			add_attr(b, list);
	buf_add_char(b, ']');
}

static void add_span(struct buf *b, const struct otlp_span *s)
{
	buf_add_char(b, '{');
	add_member(b, "traceId", str_c(s->trace));
	add_member(b, "spanId", str_c(s->span));
	if (*s->parent)
		add_member(b, "parentSpanId", str_c(s->parent));
	if (s->state.n)
		add_member(b, "traceState", s->state);
	json_add_name(b, "flags");
	buf_add_int(b, 1); /* sampled, or it would not be here */
	add_member(b, "name", s->name);
	json_add_name(b, "kind");
	buf_add_int(b, s->kind);
	add_number(b, "startTimeUnixNano", s->start_ns);
	add_number(b, "endTimeUnixNano", s->end_ns);
	add_attrs(b, s->attrs);
	json_add_name(b, "status");
	buf_add_char(b, '{');
	if (s->failed) {
		json_add_name(b, "code");
		buf_add_int(b, 2);
		add_member(b, "message", s->message);
	}
	buf_add(b, STR("}}"));
}

static void waiting_free(struct waiting *w)
{
	buf_release(&w->json);
	mem_free(w);
}

void otlp_send(struct otlp *o, const struct otlp_span *span)
{
	struct waiting *w = MEM_NEW(struct waiting);

	w->json = buf_init(SPAN_MAX_BYTES);
	add_span(&w->json, span);
	if (buf_ok(&w->json) && queue_try_send(o->queue, &w->task))
		return;
	atomic_fetch_add(&o->dropped, 1);
	waiting_free(w);
}

struct otlp_counts otlp_counts(const struct otlp *o)
{
	return (struct otlp_counts){ atomic_load(&o->sent), atomic_load(&o->dropped) };
}

/* ---- posting ------------------------------------------------------------------------------------ */

static bool is_over(const struct otlp *o)
{
	int64_t until = atomic_load(&o->until_ms);

	return until && clock_mono_ms() >= until;
}

static int give_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return is_over(arg);
}

static size_t ignore_body(char *bytes, size_t size, size_t count, void *arg)
{
	return size * count;
}

static CURL *make_easy(struct otlp *o)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, o->url.data);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, o->headers);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_body);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, give_up);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, o);
	if (*o->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
	return easy;
}

enum outcome { TAKEN, LATER, REFUSED };

/* status 0: there was no answer. wait_ms: what Retry-After asks for. */
static enum outcome post(struct otlp *o, CURL *easy, struct str body, long *status,
    int64_t *wait_ms)
{
	int64_t until = atomic_load(&o->until_ms), left = POST_MS;
	curl_off_t retry_after = 0;

	*status = 0;
	*wait_ms = 0;
	if (until && until - clock_mono_ms() < left)
		left = until - clock_mono_ms();
	if (left <= 0)
		return LATER;
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	if (curl_easy_perform(easy) != CURLE_OK)
		return LATER;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
	if (*status >= 200 && *status <= 299)
		return TAKEN;
	if (*status != 429 && *status != 502 && *status != 503 && *status != 504)
		return REFUSED;
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
	*wait_ms = retry_after < OTLP_RETRY_MS / MS_PER_S ? retry_after * MS_PER_S : OTLP_RETRY_MS;
	return LATER;
}

static struct timespec after_ms(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / MS_PER_S;
	at.tv_nsec += ms % MS_PER_S * NS_PER_MS;
	if (at.tv_nsec >= (long)MS_PER_S * NS_PER_MS) {
		at.tv_sec++;
		at.tv_nsec -= (long)MS_PER_S * NS_PER_MS;
	}
	return at;
}

/* Ends early when stopping begins, and does not wait at all behind that. */
static void pause_ms(struct otlp *o, int64_t ms)
{
	struct timespec at = after_ms(ms);
	int rc = 0;

	pthread_mutex_lock(&o->lock);
	while (atomic_load(&o->until_ms) == 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&o->stopped, &o->lock, &at);
	pthread_mutex_unlock(&o->lock);
}

static void complain(struct otlp *o, long status, size_t spans)
{
	int64_t now = clock_mono_ms();

	if (o->complained_ms && now - o->complained_ms < COMPLAIN_MS)
		return;
	o->complained_ms = now;
	log_warn(NULL, "otlp.dropped", LOG_INT("spans", spans), LOG_INT("status", status));
}

static void deliver(struct otlp *o, CURL *easy, struct str body, size_t spans)
{
	int64_t give_up_ms = clock_mono_ms() + OTLP_RETRY_MS, pause = PAUSE_FIRST_MS, wait;
	enum outcome outcome;
	long status;

	for (;;) {
		bool stopping = atomic_load(&o->until_ms) != 0;

		outcome = post(o, easy, body, &status, &wait);
		/* When stopping began meanwhile there is one more try, within its time. */
		if (outcome != LATER || stopping || clock_mono_ms() >= give_up_ms)
			break;
		pause_ms(o, wait > pause ? wait : pause);
		pause = pause * 2 < PAUSE_LONGEST_MS ? pause * 2 : PAUSE_LONGEST_MS;
	}
	if (outcome == TAKEN) {
		atomic_fetch_add(&o->sent, spans);
		return;
	}
	atomic_fetch_add(&o->dropped, spans);
	complain(o, status, spans);
}

/* ---- the thread --------------------------------------------------------------------------------- */

static size_t take_into(struct buf *body, struct task *chain)
{
	size_t n = 0;

	while (chain) {
		struct waiting *w = CONTAINER_OF(chain, struct waiting, task);

		chain = chain->next;
		json_add_comma(body);
		buf_add(body, buf_str(&w->json));
		waiting_free(w);
		n++;
	}
	return n;
}

/* Waits for a span, then a while for more. 0: closed and empty. */
static size_t gather(struct otlp *o, struct buf *body)
{
	struct task *chain = queue_take_many(o->queue, OTLP_BATCH_MAX, -1);
	int64_t until = clock_mono_ms() + OTLP_GATHER_MS, now;
	size_t n;

	if (!chain)
		return 0;
	n = take_into(body, chain);
	while (
	    n < OTLP_BATCH_MAX && !atomic_load(&o->until_ms) && (now = clock_mono_ms()) < until) {
		chain = queue_take_many(o->queue, OTLP_BATCH_MAX - n, (int)(until - now));
		n += take_into(body, chain);
	}
	return n;
}

static void *run(void *arg)
{
	struct otlp *o = arg;
	CURL *easy = make_easy(o);
	struct buf body = buf_init(BATCH_MAX_BYTES);
	size_t n;

	for (;;) {
		buf_clear(&body);
		buf_add(&body, buf_str(&o->head));
		n = gather(o, &body);
		if (n == 0)
			break;
		buf_add(&body, STR("]}]}]}"));
		deliver(o, easy, buf_str(&body), n);
		if (body.cap > 4 * SPAN_MAX_BYTES)
			buf_release(&body);
		body.limit = BATCH_MAX_BYTES;
	}
	buf_release(&body);
	curl_easy_cleanup(easy);
	return NULL;
}

/* ---- begin and end ------------------------------------------------------------------------------ */

static void make_head(struct otlp *o, const struct otlp_setup *setup)
{
	const struct otlp_attr resource[] = {
		OTLP_TEXT("service.name", str_c(setup->service)),
		OTLP_TEXT("service.version", str_c(setup->version)),
		OTLP_TEXT("service.instance.id", str_c(setup->node)),
		{ 0 },
	};

	o->head = buf_init(4096);
	buf_add(&o->head, STR("{\"resourceSpans\":[{\"resource\":{"));
	add_attrs(&o->head, resource);
	buf_add(&o->head,
	    STR("},\"scopeSpans\":[{\"scope\":{\"name\":\"oneapi-fcgi\"},\"spans\":["));
}

static bool make_url(struct otlp *o, struct str endpoint, struct err *err)
{
	if (!str_starts_nocase(endpoint, STR("http://")) &&
	    !str_starts_nocase(endpoint, STR("https://")))
		return err_set(err, ERR_CONFIG,
		    "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://");
	o->url = buf_init(2048);
	buf_addf(&o->url, "%.*s/v1/traces", STR_ARG(str_without_slashes(endpoint)));
	return buf_ok(&o->url) ||
	    err_set(err, ERR_CONFIG, "OTEL_EXPORTER_OTLP_ENDPOINT is too long");
}

static bool is_header_safe(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool add_header(struct otlp *o, struct arena *a, struct str item)
{
	size_t at = str_find(item, '=');
	struct str name = str_trim(str_slice(item, 0, at));
	struct str value = url_decode(a, str_trim(str_slice(item, at + 1, item.n)), false);

	if (at == item.n || name.n == 0 || str_find(name, ':') < name.n || !is_header_safe(name) ||
	    !is_header_safe(value))
		return false;
	o->headers = curl_slist_append(o->headers,
	    arena_fmt(a, "%.*s: %.*s", STR_ARG(name), STR_ARG(value)));
	return true;
}

static bool make_headers(struct otlp *o, struct str rest, struct err *err)
{
	struct arena *a = arena_new(1024);
	struct str item;
	bool ok = true;

	o->headers = curl_slist_append(NULL, "Content-Type: application/json");
	o->headers = curl_slist_append(o->headers, "Expect:");
	while (ok && str_next(&rest, ',', &item))
		ok = add_header(o, a, item);
	arena_free(a);
	return ok ||
	    err_set(err, ERR_CONFIG, "OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value");
}

static void release(struct otlp *o)
{
	curl_slist_free_all(o->headers);
	buf_release(&o->url);
	buf_release(&o->head);
	mem_free(o);
}

static void init_waiting(struct otlp *o)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&o->stopped, &monotonic);
	pthread_condattr_destroy(&monotonic);
	o->queue = queue_new(OTLP_QUEUE_MAX);
}

static void release_waiting(struct otlp *o)
{
	queue_free(o->queue);
	pthread_cond_destroy(&o->stopped);
	pthread_mutex_destroy(&o->lock);
}

bool otlp_start(const struct otlp_setup *setup, struct otlp **out, struct err *err)
{
	struct otlp *o = MEM_NEW(struct otlp);

	o->ca_file = setup->ca_file;
	if (!make_url(o, str_c(setup->endpoint), err) ||
	    !make_headers(o, str_c(setup->headers), err)) {
		release(o);
		return false;
	}
	make_head(o, setup);
	init_waiting(o);
	if (pthread_create(&o->thread, NULL, run, o) != 0) {
		release_waiting(o);
		release(o);
		return err_set(err, ERR_CONFIG, "cannot start the thread that exports spans");
	}
	pthread_setname_np(o->thread, "otlp");
	*out = o;
	return true;
}

void otlp_stop(struct otlp *o)
{
	if (!o)
		return;
	pthread_mutex_lock(&o->lock);
	atomic_store(&o->until_ms, clock_mono_ms() + OTLP_FLUSH_MS);
	pthread_cond_broadcast(&o->stopped);
	pthread_mutex_unlock(&o->lock);
	queue_close(o->queue);
	pthread_join(o->thread, NULL);
	release_waiting(o);
	release(o);
}
