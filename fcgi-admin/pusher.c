#include "pusher.h"

#include <curl/curl.h>

#include "base/err.h"
#include "base/json.h"
#include "store/option.h"

#define REPLY_MAX ((size_t)64 * 1024)
#define BODY_MAX_BYTES ((size_t)1024 * 1024)

bool pusher_is_set(const struct options *o)
{
	return str_trim(option_text(o, OPT_MESSAGE_PUSHER_ADDRESS)).n > 0;
}

static size_t keep(char *from, size_t size, size_t count, void *arg)
{
	struct buf *b = arg;

	buf_add(b, (struct str){ from, size * count });
	return buf_ok(b) ? size * count : 0;
}

static void add_member(struct buf *b, const char *name, struct str value)
{
	json_add_name(b, name);
	json_add_str(b, value);
}

static void write_body(const struct options *o, struct str title, struct str text, struct buf *b)
{
	buf_add_char(b, '{');
	add_member(b, "title", title);
	add_member(b, "description", text);
	add_member(b, "content", text);
	add_member(b, "url", STR(""));
	add_member(b, "channel", STR(""));
	add_member(b, "token", option_text(o, OPT_MESSAGE_PUSHER_TOKEN));
	buf_add_char(b, '}');
}

static bool judge(struct arena *a, long status, struct str reply, struct err *err)
{
	struct err ignored = { 0 };
	cJSON *tree;

	if (status >= 200 && status < 300 && json_parse(a, reply, &tree, &ignored) &&
	    json_bool_at(tree, "success", false))
		return true;
	err_set(err, ERR_UPSTREAM, "the push gateway did not take the notice");
	return err_detail(err, "status %ld", status);
}

static bool post(CURL *e, struct arena *a, const char *url, const char *ca_file, struct buf *body,
    struct err *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct buf reply = buf_init(REPLY_MAX);
	long status = 0;
	CURLcode code;
	bool ok;

	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)PUSHER_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)body->len);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &reply);
	if (ca_file && *ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
	code = curl_easy_perform(e);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		ok = judge(a, status, buf_str(&reply), err);
	} else {
		err_set(err, ERR_UPSTREAM, "the push gateway cannot be reached");
		ok = err_detail(err, "%s", curl_easy_strerror(code));
	}
	curl_slist_free_all(headers);
	buf_release(&reply);
	return ok;
}

bool pusher_send(struct arena *a, const struct options *o, const char *ca_file, struct str title,
    struct str text, struct err *err)
{
	struct str url = str_trim(option_text(o, OPT_MESSAGE_PUSHER_ADDRESS));
	struct buf body = buf_init(BODY_MAX_BYTES);
	CURL *e = curl_easy_init();
	bool ok;

	write_body(o, title, text, &body);
	ok = e && buf_ok(&body) ? post(e, a, str_dup(a, url), ca_file, &body, err)
	                        : err_set(err, ERR_INTERNAL, "the notice cannot be sent");
	curl_easy_cleanup(e);
	buf_release(&body);
	return ok;
}
