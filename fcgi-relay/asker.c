#include "asker.h"

#include <curl/curl.h>
#include <poll.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/frame.h"
#include "provider/adaptor.h"

#include "relay.h"

#define OBJECT_MAX_BYTES (4 * 1024 * 1024)
/* For an answer that is an object; and, of a file, without any bytes. */
#define OBJECT_MS 60000
#define STALL_S 60

struct asker {
	const struct relay *relay;
	int stop_fd;
};

/* Where an answer goes: into body, or line by line. */
struct answer {
	struct buf body;
	struct frame_reader frames;
	asker_line_fn *fn;
	void *arg;
	CURL *easy;
	bool failed;
};

struct asker *asker_new(const struct relay *relay, int stop_fd)
{
	struct asker *k = MEM_NEW(struct asker);

	k->relay = relay;
	k->stop_fd = stop_fd;
	return k;
}

void asker_free(struct asker *k)
{
	mem_free(k);
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool build(const struct catalog_channel *channel, const struct resource *pin,
    const char *path, const char *query, struct arena *a, struct upstream_req *out)
{
	struct headers *headers = ARENA_NEW(a, struct headers);
	struct ask *ask = ARENA_NEW(a, struct ask);
	struct call *call = ARENA_NEW(a, struct call);
	const struct catalog_key *key = catalog_key_by_id(channel, (uint64_t)pin->key_id);
	struct err ignored = { 0 };

	if (!channel->provider->adaptor)
		return false;
	headers_init(headers, a);
	if (pin->charge == CHARGE_RUN)
		headers_add_c(headers, "OpenAI-Beta", "assistants=v2");
	ask->mode = MODE_RESOURCE;
	ask->method = STR("GET");
	ask->path = str_c(path);
	ask->headers = headers;
	ask->max_tokens = -1;
	ask->n = 1;
	*call = (struct call){
		.arena = a,
		.ask = ask,
		.channel = channel,
		.provider = channel->provider,
		.model = pin->model,
		.query = str_c(query),
		.key = (key ? key : catalog_first_key(channel))->text,
	};
	return channel->provider->adaptor->encode(call, out, &ignored);
}

/* ---- the call -------------------------------------------------------------------------------- */

static int stop_if_told(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct asker *k = arg;
	struct pollfd fd = { .fd = k->stop_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static bool on_frame(void *arg, const struct frame_event *event, struct err *err)
{
	struct answer *to = arg;

	return to->fn(to->arg, event->data);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	struct answer *to = arg;
	struct str piece = { bytes, size * count };
	struct err ignored = { 0 };
	long status = 0;

	curl_easy_getinfo(to->easy, CURLINFO_RESPONSE_CODE, &status);
	if (to->fn && status == 200)
		to->failed = to->failed || !frame_feed(&to->frames, piece, &ignored);
	else
		buf_add(&to->body, piece);
	return to->failed ? 0 : piece.n;
}

static struct curl_slist *header_lines(const struct upstream_req *u, struct arena *a)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < u->headers.count; i++)
		list = curl_slist_append(list,
		    arena_fmt(a, "%.*s: %.*s", STR_ARG(u->headers.items[i].name),
		        STR_ARG(u->headers.items[i].value)));
	return list;
}

static void set_limits(CURL *easy, const struct asker *k, bool is_file)
{
	const struct conf *conf = k->relay->rt.conf;
	const char *ca_file = conf_text(conf, "CA_FILE");

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, conf_text(conf, "RELAY_PROXY"));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)k->relay->limits.connect_ms);
	if (!is_file)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)OBJECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, stop_if_told);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, k);
	if (*ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
}

static int call_it(struct asker *k, struct upstream_req *u, struct arena *a, struct answer *to)
{
	CURL *easy = curl_easy_init();
	struct curl_slist *lines = header_lines(u, a);
	long status = 0;

	to->easy = easy;
	set_limits(easy, k, to->fn != NULL);
	curl_easy_setopt(easy, CURLOPT_URL, u->url.data);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, to);
	if (curl_easy_perform(easy) == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(lines);
	curl_easy_cleanup(easy);
	return (int)status;
}

static int get(struct asker *k, const struct catalog_channel *channel, const struct resource *pin,
    const char *path, const char *query, struct answer *to)
{
	struct arena *a = arena_new(4096);
	struct upstream_req u;
	int status = 0;

	upstream_req_init(&u, a);
	if (build(channel, pin, path, query, a, &u))
		status = call_it(k, &u, a, to);
	upstream_req_release(&u);
	arena_free(a);
	return status;
}

int asker_object(struct asker *k, const struct catalog_channel *channel, const struct resource *pin,
    const char *path, const char *query, struct arena *a, struct str *body)
{
	struct answer to = { .body = buf_init(OBJECT_MAX_BYTES) };
	int status = get(k, channel, pin, path, query, &to);

	if (!buf_ok(&to.body))
		status = 0;
	*body = arena_str(a, buf_str(&to.body));
	buf_release(&to.body);
	return status;
}

bool asker_lines(struct asker *k, const struct catalog_channel *channel, const struct resource *pin,
    const char *path, asker_line_fn *fn, void *arg)
{
	struct answer to = { .body = buf_init(OBJECT_MAX_BYTES), .fn = fn, .arg = arg };
	struct err ignored = { 0 };
	bool all;

	ndjson_init(&to.frames, on_frame, &to);
	all = get(k, channel, pin, path, "", &to) == 200 && !to.failed &&
	    frame_end(&to.frames, &ignored);
	frame_release(&to.frames);
	buf_release(&to.body);
	return all;
}
