#include "smtp.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/err.h"
#include "store/option.h"

void smtp_from_options(const struct options *o, const char *ca_file, struct smtp *out)
{
	*out = (struct smtp){
		.host = str_trim(option_text(o, OPT_SMTP_SERVER)),
		.port = (int)option_int(o, OPT_SMTP_PORT),
		.account = option_text(o, OPT_SMTP_ACCOUNT),
		.token = option_text(o, OPT_SMTP_TOKEN),
		.from = str_trim(option_text(o, OPT_SMTP_FROM)),
		.from_name = option_text(o, OPT_SYSTEM_NAME),
		.ca_file = ca_file,
	};
	if (out->from.n == 0)
		out->from = out->account;
}

bool smtp_is_set(const struct smtp *s)
{
	return s->host.n > 0 && mail_address_ok(s->from);
}

/* Nothing that could end the host within the URL. */
bool smtp_host_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    str_find(STR(".-_:[]"), c) == sizeof(".-_:[]") - 1)
			return false;
	}
	return s.n > 0 && s.n < 256;
}

static bool is_here(struct str host)
{
	return str_eq_nocase(host, STR("localhost")) || str_starts(host, STR("127.")) ||
	    str_eq_c(host, "::1") || str_eq_c(host, "[::1]");
}

static size_t read_message(char *to, size_t size, size_t count, void *arg)
{
	struct str *left = arg;
	size_t n = size * count < left->n ? size * count : left->n;

	memcpy(to, n ? left->p : "", n);
	*left = str_slice(*left, n, left->n);
	return n;
}

static int look_up(void *arg, curl_off_t a UNUSED, curl_off_t b UNUSED, curl_off_t c UNUSED,
    curl_off_t d UNUSED)
{
	const struct stop *stop = arg;

	return stop->fn && stop->fn(stop->arg);
}

static const char *url_of(struct arena *a, const struct smtp *s)
{
	bool bare_ipv6 = str_find(s->host, ':') < s->host.n && s->host.p[0] != '[';

	return arena_fmt(a, "%s://%s%.*s%s:%d", s->port == 465 ? "smtps" : "smtp",
	    bare_ipv6 ? "[" : "", STR_ARG(s->host), bare_ipv6 ? "]" : "", s->port);
}

static void set_server(CURL *e, struct arena *a, const struct smtp *s)
{
	bool signs_in = s->account.n > 0 && s->token.n > 0;
	long timeout_ms = s->timeout_ms ? s->timeout_ms : SMTP_TIMEOUT_MS;

	curl_easy_setopt(e, CURLOPT_URL, url_of(a, s));
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms / 2);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_USE_SSL,
	    (long)(signs_in && !is_here(s->host) ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	if (s->ca_file && *s->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file);
	if (signs_in) {
		curl_easy_setopt(e, CURLOPT_USERNAME, str_dup(a, s->account));
		curl_easy_setopt(e, CURLOPT_PASSWORD, str_dup(a, s->token));
	}
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, look_up);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, (void *)(uintptr_t)&s->stop);
}

static bool transfer(CURL *e, struct arena *a, const struct smtp *s, struct str to,
    struct str message, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct str list[MAIL_RECIPIENTS_MAX];
	size_t count = mail_recipients(to, list);
	struct curl_slist *rcpt = NULL;
	CURLcode code;

	for (size_t i = 0; i < count; i++)
		rcpt = curl_slist_append(rcpt, arena_fmt(a, "<%.*s>", STR_ARG(list[i])));
	set_server(e, a, s);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(e, CURLOPT_MAIL_FROM, arena_fmt(a, "<%.*s>", STR_ARG(s->from)));
	curl_easy_setopt(e, CURLOPT_MAIL_RCPT, rcpt);
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, read_message);
	curl_easy_setopt(e, CURLOPT_READDATA, &message);
	code = curl_easy_perform(e);
	curl_slist_free_all(rcpt);
	if (code == CURLE_OK)
		return true;
	err_set(err, ERR_UPSTREAM, "the mail server did not take the message");
	return err_detail(err, "%.*s: %s", STR_ARG(s->host), *why ? why : curl_easy_strerror(code));
}

bool smtp_send(struct arena *a, const struct smtp *s, struct str to, struct str subject,
    struct str html, struct err *err)
{
	struct mail m = {
		.from_name = s->from_name,
		.from = s->from,
		.to = to,
		.subject = subject,
		.html = html,
	};
	struct buf message = buf_init(SMTP_MESSAGE_MAX);
	CURL *e = NULL;
	bool ok = false;

	if (!smtp_host_ok(s->host))
		err_set(err, ERR_UPSTREAM, "SMTPServer is no host");
	else if (mail_compose(a, &m, &message, err)) {
		e = curl_easy_init();
		ok = e ? transfer(e, a, s, to, buf_str(&message), err)
		       : err_set(err, ERR_INTERNAL, "no transfer handle");
	}
	curl_easy_cleanup(e);
	buf_release(&message);
	return ok;
}
