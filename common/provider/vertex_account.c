/* vertex_account.c — whose calls these are, and in which region */
#include "provider/vertex.h"

#include "base/arena.h"
#include "provider/catalog.h"
#include "provider/convert.h"

static bool refuse(const char *why, struct err *err)
{
	(void)err_set(err, ERR_UPSTREAM_AUTH, "upstream credentials rejected");
	return err_detail(err, "%s", why);
}

/* The channel's key as REGION|PROJECT|JSON: the JSON, with the other two noted. */
static struct str split_key(struct str key, struct vertex_account *to)
{
	struct str rest = str_trim(key), part;

	if (str_starts(rest, STR("{")) || !str_has(rest, STR("|")))
		return rest;
	if (str_next(&rest, '|', &part) && !to->region.n)
		to->region = str_trim(part);
	if (str_next(&rest, '|', &part) && !to->project.n)
		to->project = str_trim(part);
	return str_trim(rest);
}

static bool read_json(const struct call *c, struct str json, struct vertex_account *to,
    struct err *err)
{
	enum { EMAIL, KEY, KEY_ID, URI, PROJECT };
	static const struct str names[] = { STR_INIT("client_email"), STR_INIT("private_key"),
		STR_INIT("private_key_id"), STR_INIT("token_uri"), STR_INIT("project_id") };
	struct jval v[COUNT_OF(names)], root;
	struct err ignored = { 0 };
	struct str parts[3];

	if (!jscan_check(json, JSCAN_DEPTH_MAX, &root, &ignored) || root.type != J_OBJECT)
		return refuse("the service account is not JSON", err);
	convert_pick(root, names, v, COUNT_OF(v));
	to->email = jscan_text(c->arena, v[EMAIL]);
	to->private_key = jscan_text(c->arena, v[KEY]);
	to->private_key_id = jscan_text(c->arena, v[KEY_ID]);
	to->token_uri = jscan_text(c->arena, v[URI]);
	if (!to->project.n)
		to->project = jscan_text(c->arena, v[PROJECT]);
	if (!to->email.n || !to->private_key.n)
		return refuse("the service account lacks client_email or private_key", err);
	parts[0] = to->email;
	parts[1] = to->private_key_id;
	parts[2] = to->private_key;
	token_cache_key(parts, COUNT_OF(parts), to->cache_key);
	return true;
}

/* Both become part of a host or a path. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
		    c != '-' && c != '_' && c != '.' && c != ':')
			return false;
	}
	return true;
}

bool vertex_account_read(const struct call *c, struct vertex_account *out, struct err *err)
{
	struct str json = c->channel->vertex_ai_adc, key;

	*out = (struct vertex_account){
		.region = c->channel->region,
		.project = c->channel->vertex_ai_project_id,
	};
	key = split_key(c->key, out);
	if (!json.n)
		json = key;
	if (!out->region.n)
		out->region = STR("global");
	if (!str_starts(json, STR("{"))) {
		out->express = true;
		out->key = json;
		return json.n > 0 || refuse("the channel has no service account", err);
	}
	if (!read_json(c, json, out, err))
		return false;
	if (!out->project.n)
		return refuse("the service account names no project", err);
	return (is_plain(out->region) && is_plain(out->project)) ||
	    refuse("region or project has characters that no name has", err);
}

static void add_host(const struct call *c, const struct vertex_account *account, struct buf *url)
{
	struct str region = account->region;

	if (c->channel->base_url.n)
		buf_add(url, c->channel->base_url);
	else if (account->express || str_eq_c(region, "global"))
		buf_add(url, STR("https://aiplatform.googleapis.com"));
	else if (str_eq_c(region, "us") || str_eq_c(region, "eu"))
		buf_addf(url, "https://aiplatform.%.*s.rep.googleapis.com", STR_ARG(region));
	else
		buf_addf(url, "https://%.*s-aiplatform.googleapis.com", STR_ARG(region));
}

void vertex_add_place(const struct call *c, const struct vertex_account *account, struct buf *url)
{
	struct str version = c->channel->api_version;

	add_host(c, account, url);
	buf_addf(url, "/%.*s", STR_ARG(version.n ? version : STR("v1")));
	if (!account->express)
		buf_addf(url, "/projects/%.*s/locations/%.*s", STR_ARG(account->project),
		    STR_ARG(account->region));
}
