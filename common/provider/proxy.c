/* proxy.c — any call to one channel, as the client makes it (adaptors/proxy.md)
 *
 * Method, path, query, headers and body go up as they came, the reply comes down as it is. What is
 * taken out of the headers is what belongs to one connection, what names the client or the gateway,
 * and the client's own key; the channel's key is the whole value of Authorization, or of another
 * header when it is written "Name: value".
 */
#include "provider/adaptor.h"

#include "provider/catalog.h"
#include "provider/providers.h"

/* ---- headers ----------------------------------------------------------------------------- */

static const struct str not_forwarded[] = {
	/* of one connection, or made anew for the next */
	STR_INIT("host"),
	STR_INIT("content-length"),
	STR_INIT("connection"),
	STR_INIT("transfer-encoding"),
	STR_INIT("te"),
	STR_INIT("trailer"),
	STR_INIT("upgrade"),
	STR_INIT("keep-alive"),
	STR_INIT("expect"),
	STR_INIT("proxy-authorization"),
	STR_INIT("proxy-connection"),
	/* bodies travel as they are: nobody here would undo a coding, and the request's is undone */
	STR_INIT("accept-encoding"),
	STR_INIT("content-encoding"),
	/* who the client is to us */
	STR_INIT("authorization"),
	STR_INIT("x-api-key"),
	STR_INIT("api-key"),
	STR_INIT("cookie"),
	STR_INIT("forwarded"),
	STR_INIT("x-real-ip"),
};

static bool is_forwarded(struct str name, struct str connection)
{
	for (size_t i = 0; i < COUNT_OF(not_forwarded); i++)
		if (str_eq_nocase(name, not_forwarded[i]))
			return false;
	if (str_starts_nocase(name, STR("x-forwarded-")))
		return false;
	for (struct str item; str_next(&connection, ',', &item);)
		if (str_eq_nocase(str_trim(item), name))
			return false;
	return true;
}

/* "Name: value" with a name made of letters, digits and hyphens; a scheme and its token is none. */
static bool split_header(struct str key, struct str *name, struct str *value)
{
	size_t colon = str_find(key, ':');

	*name = str_slice(key, 0, colon);
	*value = str_trim(str_slice(key, colon + 1, key.n));
	if (colon + 1 >= key.n || key.p[colon + 1] != ' ' || name->n == 0 || value->n == 0)
		return false;
	for (size_t i = 0; i < name->n; i++) {
		char c = name->p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '-')
			return false;
	}
	return true;
}

static void add_headers(const struct call *c, struct upstream_req *out)
{
	const struct headers *from = c->ask->headers;
	struct str connection, name = STR("Authorization"), value = c->key, own_name, own_value;

	if (split_header(c->key, &own_name, &own_value)) {
		name = own_name;
		value = own_value;
	}
	if (from) {
		connection = headers_get(from, "connection");
		for (size_t i = 0; i < from->count; i++)
			if (is_forwarded(from->items[i].name, connection) &&
			    !str_eq_nocase(from->items[i].name, name))
				headers_add(&out->headers, from->items[i].name,
				    from->items[i].value);
	}
	if (value.n)
		headers_add(&out->headers, name, value);
	if (c->ask->body.n && c->ask->content_type.n &&
	    headers_get(&out->headers, "content-type").n == 0)
		headers_add(&out->headers, STR("Content-Type"), c->ask->content_type);
}

/* ---- the request ------------------------------------------------------------------------- */

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	const struct ask *ask = c->ask;

	if (c->channel->base_url.n == 0)
		return err_set(err, ERR_CHANNEL_INVALID, "the channel has no base URL");
	if (!adaptor_path_ok(ask->path))
		return err_set(err, ERR_BAD_REQUEST, "the path is not valid");
	out->method = adaptor_method(c->arena, ask->method);
	if (!out->method)
		return err_set(err, ERR_BAD_REQUEST, "the method is not valid");
	buf_add(&out->url, c->channel->base_url);
	buf_add(&out->url, ask->path);
	if (c->query.n) {
		buf_add_char(&out->url, '?');
		buf_add(&out->url, c->query);
	}
	add_headers(c, out);
	out->body = ask->body;
	out->has_body = ask->body.n > 0;
	c->raw = true;
	return true;
}

/* ---- the reply --------------------------------------------------------------------------- */

/* Where the engine has collected it instead: as it came. */
static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	buf_add(out, body);
	c->finished = true;
	return adaptor_done(buf_ok(out), err);
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	buf_add(out, event->data);
	return true;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	c->finished = true;
	return true;
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status, body, err);
	adaptor_scrub(c, err);
}

const struct adaptor proxy_adaptor = {
	.name = "proxy",
	.modes = 1u << MODE_PROXY,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
