/* work.c — works.h's work_*: what an object says of its work, and what that costs */
#include "works.h"

#include <inttypes.h>

#include "base/err.h"

#define TOKENS_MAX (INT64_C(1) << 36)
/* Of a training, above what one goes through its file once: adaptor_believable has the rest. */
#define EPOCHS 16

/* ---- what it says of itself ------------------------------------------------------------------ */

/* clang-format off */
/* How works end, by their charge; what is not named goes on. */
static const struct ending {
	enum resource_charge charge;
	struct str status;
	bool may_be_free; /* without a figure nothing was used */
} endings[] = {
	{ CHARGE_RESPONSE, STR_INIT("completed"), false },
	{ CHARGE_RESPONSE, STR_INIT("incomplete"), false },
	{ CHARGE_RESPONSE, STR_INIT("failed"), false },
	{ CHARGE_RESPONSE, STR_INIT("cancelled"), false },
	{ CHARGE_BATCH, STR_INIT("completed"), true },
	{ CHARGE_BATCH, STR_INIT("failed"), true },
	{ CHARGE_BATCH, STR_INIT("expired"), true },
	{ CHARGE_BATCH, STR_INIT("cancelled"), true },
	{ CHARGE_RUN, STR_INIT("completed"), false },
	{ CHARGE_RUN, STR_INIT("incomplete"), false },
	{ CHARGE_RUN, STR_INIT("failed"), false },
	{ CHARGE_RUN, STR_INIT("cancelled"), false },
	{ CHARGE_RUN, STR_INIT("expired"), false },
	{ CHARGE_TRAINING, STR_INIT("succeeded"), false },
	{ CHARGE_TRAINING, STR_INIT("failed"), true },
	{ CHARGE_TRAINING, STR_INIT("cancelled"), true },
};
/* clang-format on */

static const struct ending *ending_of(const struct resource *pin, struct jval object)
{
	struct jval status;

	if (!jscan_member(object, STR("status"), &status))
		return NULL;
	for (size_t i = 0; i < COUNT_OF(endings); i++) {
		if (pin->charge == (int64_t)endings[i].charge &&
		    jscan_is(status, endings[i].status))
			return &endings[i];
	}
	return NULL;
}

/* Sums of a batch may be larger than what one answer can have. */
static void read_sum(struct jval usage, struct str name, int64_t *to)
{
	struct jval value;
	int64_t n;

	if (jscan_member(usage, name, &value) && jscan_int(value, 0, TOKENS_MAX, &n) && n > *to)
		*to = n;
}

static bool read_usage(struct jval object, struct work_end *end)
{
	struct jval usage;

	if (!jscan_member(object, STR("usage"), &usage) || !adaptor_usage(usage, &end->usage) ||
	    !end->usage.reported)
		return false;
	read_sum(usage, STR("input_tokens"), &end->usage.prompt_tokens);
	read_sum(usage, STR("output_tokens"), &end->usage.completion_tokens);
	return true;
}

static bool read_trained(struct jval object, struct work_end *end)
{
	struct jval value;

	end->usage.reported = jscan_member(object, STR("trained_tokens"), &value) &&
	    jscan_int(value, 0, TOKENS_MAX, &end->usage.trained);
	return end->usage.reported;
}

/* More than its files ask for, or than was charged in advance. */
static int64_t expected(const struct resource *pin, struct str name, int64_t billed)
{
	struct jval summary, value;
	int64_t n;

	if (pin->summary.n && jscan_value(pin->summary, &summary) &&
	    jscan_member(summary, name, &value) && jscan_int(value, 0, TOKENS_MAX, &n) &&
	    n > billed)
		return n;
	return billed;
}

void work_cut(const struct resource *pin, struct usage *u)
{
	int64_t in = expected(pin, STR("prompt"), pin->billed_prompt);
	int64_t out = expected(pin, STR("completion"), pin->billed_completion);

	u->prompt_tokens = adaptor_believable(u->prompt_tokens, in);
	u->completion_tokens = adaptor_believable(u->completion_tokens, out);
	u->trained = adaptor_believable(u->trained, in * EPOCHS);
}

enum work_state work_state(const struct resource *pin, struct jval object, struct work_end *end)
{
	const struct ending *ending = ending_of(pin, object);
	struct jval value;

	*end = (struct work_end){ .requests = -1 };
	if (!ending)
		return WORK_RUNS;
	if (jscan_at(object, "request_counts.completed", &value) &&
	    !jscan_int(value, 0, TOKENS_MAX, &end->requests))
		end->requests = -1;
	if (pin->charge == CHARGE_RUN && jscan_member(object, STR("model"), &value) &&
	    value.type == J_STRING && value.text.n > 2)
		end->model = str_slice(value.text, 1, value.text.n - 1);
	if (pin->charge == CHARGE_TRAINING ? read_trained(object, end) : read_usage(object, end)) {
		work_cut(pin, &end->usage);
		return WORK_ENDED;
	}
	end->usage = (struct usage){ .reported = true };
	if (!ending->may_be_free)
		return WORK_UNCOUNTED;
	/* a batch without a figure may have results */
	return jscan_member(object, STR("output_file_id"), &value) && value.type == J_STRING
	    ? WORK_UNCOUNTED
	    : WORK_ENDED;
}

static void add(struct usage *to, const struct usage *u)
{
	to->prompt_tokens += u->prompt_tokens;
	to->completion_tokens += u->completion_tokens;
	to->cached_tokens += u->cached_tokens;
	to->cache_write_tokens += u->cache_write_tokens;
	to->cache_write_1h_tokens += u->cache_write_1h_tokens;
	to->audio_prompt_tokens += u->audio_prompt_tokens;
	to->image_prompt_tokens += u->image_prompt_tokens;
	to->reasoning_tokens += u->reasoning_tokens;
	to->audio_completion_tokens += u->audio_completion_tokens;
	to->image_completion_tokens += u->image_completion_tokens;
}

void work_add_line(struct arena *a, struct str line, struct work_end *end)
{
	struct usage usage = { 0 };
	struct jval root, value;

	if (!jscan_value(line, &root) || !jscan_at(root, "response.body.usage", &value) ||
	    !adaptor_usage(value, &usage))
		return;
	add(&end->usage, &usage);
	end->requests++;
}

/* ---- what it costs --------------------------------------------------------------------------- */

/* What was trained before is named "ft:BASE:…" and is trained on at the base's price. */
static struct str trained_model(struct str model)
{
	if (!str_starts(model, STR("ft:")))
		return model;
	model = str_slice(model, 3, model.n);
	return str_slice(model, 0, str_find(model, ':'));
}

static struct str priced_model(const struct catalog_channel *channel, const struct resource *pin)
{
	switch ((enum resource_charge)pin->charge) {
	case CHARGE_RESPONSE:
		return catalog_map_model(channel, pin->model);
	case CHARGE_TRAINING:
		return trained_model(pin->model);
	case CHARGE_BATCH:
	case CHARGE_RUN:
		break;
	}
	return pin->model;
}

bool work_rate(struct arena *a, const struct catalog *c, const struct catalog_channel *channel,
    struct str group, const struct resource *pin, int64_t requests, struct rate *out,
    struct err *err)
{
	struct lines lines;

	if (!price_find(c->prices,
	        &(struct price_query){ .rule = pin->charge == CHARGE_TRAINING ? PRICE_TRAINING
	                                                                      : PRICE_TOKENS,
	            .model = priced_model(channel, pin),
	            .channel_type = channel->row.type,
	            .group = group },
	        out, err))
		return false;
	if (pin->charge != CHARGE_BATCH)
		return true;
	lines_read(a, pin->summary, &lines);
	price_batch(out, requests >= 0 ? requests : lines.requests, lines.longest);
	return true;
}

static struct str describe(struct arena *a, const struct resource *pin, const struct work_end *end)
{
	static const char *const names[] = {
		[CHARGE_RESPONSE] = "background response",
		[CHARGE_BATCH] = "batch",
		[CHARGE_RUN] = "run",
		[CHARGE_TRAINING] = "training",
	};
	bool known = pin->charge >= 0 && pin->charge < (int64_t)COUNT_OF(names);
	const char *name = known ? names[pin->charge] : "work";

	if (pin->charge == CHARGE_BATCH && end->requests >= 0)
		return str_c(arena_fmt(a, "%s %.*s: %" PRId64 " answers", name, STR_ARG(pin->id),
		    end->requests));
	if (pin->charge == CHARGE_TRAINING)
		return str_c(arena_fmt(a, "%s %.*s: %" PRId64 " tokens", name, STR_ARG(pin->id),
		    end->usage.trained));
	return str_c(arena_fmt(a, "%s %.*s", name, STR_ARG(pin->id)));
}

bool work_bill(struct arena *a, const struct catalog *c, const struct catalog_channel *channel,
    struct str group, const struct resource *pin, const struct work_end *end,
    struct pins_bill *bill, struct err *err)
{
	struct resource used = *pin;

	*bill = (struct pins_bill){ .usage = end->usage };
	if (end->model.n)
		used.model = end->model;
	if (!work_rate(a, c, channel, group, &used, end->requests, &bill->rate, err))
		return false;
	bill->row = (struct logrow){
		.model_name = priced_model(channel, &used),
		.user_id = pin->user_id,
		.type = LOG_TYPE_CONSUME,
		.content = describe(a, pin, end),
		.channel = pin->channel_id,
		.origin_model = used.model,
		.model_ratio = bill->rate.model,
		.completion_ratio = bill->rate.completion,
		.group_ratio = bill->rate.group,
	};
	bill->write_log = option_bool(&c->options, OPT_LOG_CONSUME_ENABLED);
	return true;
}
