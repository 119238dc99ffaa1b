/* models.c — GET /v1/models: what this key may ask for
 *
 * The models that enabled channels offer the user's group, cut down to the key's own list when it
 * has one; each id once, sorted; in OpenAI's shape with the members that one-api adds.
 */
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#include "answer.h"
#include "gate.h"
#include "relay.h"
#include "routes.h"

/* One-api's fixed time and permission; some clients insist on their presence. */
#define MODEL_CREATED "1626777600"
#define MODEL_PERMISSION                                                                           \
	"[{\"id\":\"modelperm-LwHkVFn8AcMItP432fKKDIKJ\",\"object\":\"model_permission\","         \
	"\"created\":" MODEL_CREATED ",\"allow_create_engine\":true,\"allow_sampling\":true,"      \
	"\"allow_logprobs\":true,\"allow_search_indices\":false,\"allow_view\":true,"              \
	"\"allow_fine_tuning\":false,\"organization\":\"*\",\"group\":null,"                       \
	"\"is_blocking\":false}]"

static void add_model(struct buf *out, struct str name)
{
	const char *owner = provider_model_owner(name);

	buf_add_c(out, "{\"id\":");
	json_add_str(out, name);
	buf_add_c(out, ",\"object\":\"model\",\"created\":" MODEL_CREATED ",\"owned_by\":");
	json_add_str(out, str_c(owner ? owner : "custom"));
	buf_add_c(out, ",\"permission\":" MODEL_PERMISSION ",\"root\":");
	json_add_str(out, name);
	buf_add_c(out, ",\"parent\":null}");
}

static bool may_use(const struct req *r, struct str model)
{
	struct str list = gate_caller(r)->owner.token.models;

	return list.n == 0 || str_list_has(list, model);
}

static bool list_models(struct req *r, struct resp *out, struct err *err)
{
	struct catalog *c = runtime_catalog(&relay_of(r)->rt);
	size_t count;
	const struct str *models = catalog_models(c, gate_caller(r)->owner.group, &count);

	resp_json(out, 200);
	answer_cors(r, &out->headers);
	buf_add_c(&out->body, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < count; i++) {
		if (!may_use(r, models[i]))
			continue;
		json_add_comma(&out->body);
		add_model(&out->body, models[i]);
	}
	buf_add_c(&out->body, "]}");
	catalog_put(c);
	return true;
}

static bool offers(const struct req *r, struct str model)
{
	struct catalog *c = runtime_catalog(&relay_of(r)->rt);
	bool found =
	    may_use(r, model) && catalog_candidates(c, gate_caller(r)->owner.group, model) != NULL;

	catalog_put(c);
	return found;
}

static bool get_model(struct req *r, struct resp *out, struct err *err)
{
	struct str model = r->params[0];

	if (!offers(r, model)) {
		err_set(err, ERR_MODEL_NOT_FOUND, "The model '%.*s' does not exist",
		    STR_ARG(model));
		snprintf(err->param, sizeof err->param, "model");
		return false;
	}
	resp_json(out, 200);
	answer_cors(r, &out->headers);
	add_model(&out->body, model);
	return true;
}

/* What one-api's route table names and nobody implements: 501 for a valid key. */
#define NOT_IMPLEMENTED(method, path)                                                              \
	{                                                                                          \
		method, path, ACCESS_KEY, 0, answer_not_implemented, NULL                          \
	}

/* clang-format off */
const struct route models_routes[] = {
	{ "GET", "/v1/models", ACCESS_KEY, 0, list_models, NULL },
	{ "GET", "/v1/models/*model", ACCESS_KEY, 0, get_model, NULL },
	{ 0 },
};

const struct route other_routes[] = {
	{ "OPTIONS", "/*path", ACCESS_NONE, 0, answer_preflight, NULL },
	NOT_IMPLEMENTED("DELETE", "/v1/models/:model"),
	{ 0 },
};
/* clang-format on */
