/* anthropic_thinking.c — how a Claude thinks, samples and forms its answer
 *
 * reasoning_effort becomes adaptive thinking with an effort, or a budget of tokens, whichever the
 * model has; a client that sends Anthropic's own `thinking` or `output_config` has them passed on.
 * While it thinks, a model takes no sampling parameters; the newest take none at all.
 */
#include "provider/anthropic.h"

#include "base/json.h"
#include "provider/claude.h"
#include "provider/convert.h"
#include "provider/schema.h"

#define BUDGET_MIN 1024

/* What an effort is: in tokens, and in the words of models with and without all of them. */
struct effort {
	struct str name;
	int64_t budget;
	const char *word;
	const char *plain; /* for models that do not know the word */
	unsigned knows;    /* the flag of those that do */
};

static const struct effort efforts[] = {
	{ STR_INIT("none"), 0, NULL, NULL, 0 },
	{ STR_INIT("minimal"), 1024, "low", "low", 0 },
	{ STR_INIT("low"), 2048, "low", "low", 0 },
	{ STR_INIT("medium"), 8192, "medium", "medium", 0 },
	{ STR_INIT("high"), 16384, "high", "high", 0 },
	{ STR_INIT("xhigh"), 32768, "xhigh", "max", CLAUDE_XHIGH },
	{ STR_INIT("max"), 32768, "max", "high", CLAUDE_MAX },
};

static const struct effort *find_effort(struct jval v)
{
	for (size_t i = 0; i < COUNT_OF(efforts); i++)
		if (jscan_is(v, efforts[i].name))
			return &efforts[i];
	return NULL;
}

static const char *word_of(const struct effort *e, const struct claude *model)
{
	return !e->knows || model->flags & e->knows ? e->word : e->plain;
}

bool anthropic_effort(struct jval effort, const struct claude *model, const char **word,
    int64_t *tokens)
{
	const struct effort *e = find_effort(effort);

	if (!e)
		return false;
	*word = word_of(e, model);
	*tokens = e->budget;
	return true;
}

bool anthropic_has_format(const struct anthropic_writer *w)
{
	return !w->host->is_vertex &&
	    w->model->flags & (w->host->is_bedrock ? CLAUDE_SCHEMA_AT_AWS : CLAUDE_SCHEMA);
}

/* ---- thinking ---------------------------------------------------------------------------- */

static int64_t budget_of(const struct anthropic_writer *w, const struct effort *e,
    int64_t max_tokens)
{
	if (max_tokens < 2 * (int64_t)BUDGET_MIN || w->last_call_unsigned)
		return 0;
	return e->budget < max_tokens ? e->budget : max_tokens / 2;
}

/* Returns whether it is on. effort gets what output_config is to say, or stays NULL. */
static bool add_effort(struct anthropic_writer *w, int64_t max_tokens, const char **effort)
{
	const struct effort *e = find_effort(w->f[AP_EFFORT]);
	bool adaptive = w->model->thinking >= THINKS_EITHER;
	int64_t budget;

	if (!e || w->model->thinking == THINKS_NOT)
		return false;
	if (e->budget == 0) {
		if (adaptive)
			convert_add_raw(w->out, "thinking", STR("{\"type\":\"disabled\"}"));
		return false;
	}
	if (adaptive) {
		convert_add_raw(w->out, "thinking", STR("{\"type\":\"adaptive\"}"));
		*effort = word_of(e, w->model);
		return true;
	}
	budget = budget_of(w, e, max_tokens);
	if (budget)
		buf_addf(w->out, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":%lld}",
		    (long long)budget);
	return budget > 0;
}

/* ---- output_config ----------------------------------------------------------------------- */

static void add_format(struct anthropic_writer *w)
{
	struct jval format = convert_member(w->f[AP_RESPONSE_FORMAT], STR("json_schema"));
	struct jval schema = convert_member(format, STR("schema"));

	json_add_name(w->out, "format");
	buf_add(w->out, STR("{\"type\":\"json_schema\",\"schema\":"));
	schema_add_strict(w->out, schema);
	buf_add_char(w->out, '}');
}

/* The client's own members first; ours where it said nothing. */
static void add_output_config(struct anthropic_writer *w, const char *effort)
{
	struct jval own = w->f[AP_OUTPUT_CONFIG], schema;
	size_t start = w->out->len, before;

	schema = convert_member(convert_member(w->f[AP_RESPONSE_FORMAT], STR("json_schema")),
	    STR("schema"));
	convert_add_raw(w->out, "output_config", STR("{"));
	before = w->out->len;
	if (own.type == J_OBJECT)
		buf_add(w->out, str_trim(str_slice(own.text, 1, own.text.n - 1)));
	if (effort && !convert_given(convert_member(own, STR("effort")))) {
		json_add_name(w->out, "effort");
		json_add_str(w->out, str_c(effort));
	}
	if (schema.type == J_OBJECT && anthropic_has_format(w) &&
	    !convert_given(convert_member(own, STR("format"))))
		add_format(w);
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, '}');
}

/* ---- sampling ---------------------------------------------------------------------------- */

static bool add_clamped(struct anthropic_writer *w, struct jval v)
{
	double d;

	if (!jscan_double(v, &d))
		return false;
	convert_add_raw(w->out, "temperature", d < 0 ? STR("0") : d > 1 ? STR("1") : v.text);
	return true;
}

static bool drop_sampling(const struct anthropic_writer *w, struct err *err)
{
	static const enum anthropic_param params[] = { AP_TEMPERATURE, AP_TOP_P, AP_TOP_K };
	static const char *const names[] = { "temperature", "top_p", "top_k" };

	for (size_t i = 0; i < COUNT_OF(params); i++)
		if (convert_given(w->f[params[i]]) &&
		    !convert_drop_one(w->c, names[i],
		        "this model does not take it, or not while it thinks", err))
			return false;
	return true;
}

static bool add_sampling(struct anthropic_writer *w, bool thinking, struct err *err)
{
	bool warm;

	if (thinking || w->model->sampling == SAMPLES_NOT)
		return drop_sampling(w, err);
	warm = add_clamped(w, w->f[AP_TEMPERATURE]);
	if (w->f[AP_TOP_K].type == J_NUMBER)
		convert_add_raw(w->out, "top_k", w->f[AP_TOP_K].text);
	if (w->f[AP_TOP_P].type != J_NUMBER)
		return true;
	if (warm && w->model->sampling == SAMPLES_ONE)
		return convert_drop_one(w->c, "top_p", "this model takes it or temperature", err);
	convert_add_raw(w->out, "top_p", w->f[AP_TOP_P].text);
	return true;
}

bool anthropic_add_thinking(struct anthropic_writer *w, int64_t max_tokens, bool *thinking,
    struct err *err)
{
	struct jval own = w->f[AP_THINKING];
	const char *effort = NULL;

	if (own.type == J_OBJECT) {
		convert_add_raw(w->out, "thinking", own.text);
		*thinking = !jscan_is(convert_member(own, STR("type")), STR("disabled"));
	} else {
		*thinking = add_effort(w, max_tokens, &effort);
	}
	add_output_config(w, effort);
	return add_sampling(w, *thinking, err);
}
