#include "lines.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "provider/ask.h"

#include "used.h"

/* Where nothing is counted: most texts have more to a token. */
#define BYTES_PER_TOKEN 3
#define LINE_DEPTH (JSON_MAX_DEPTH + 1)
#define SUMMARY_MAX_BYTES 2048

/* clang-format off */
/* What may be in a batch: routes that are paid by tokens. */
static const struct endpoint {
	struct str url;
	enum mode mode;
} endpoints[] = {
	{ STR_INIT("/v1/chat/completions"), MODE_CHAT },
	{ STR_INIT("/v1/completions"), MODE_COMPLETIONS },
	{ STR_INIT("/v1/embeddings"), MODE_EMBEDDINGS },
	{ STR_INIT("/v1/responses"), MODE_RESPONSES },
	{ STR_INIT("/v1/moderations"), MODE_MODERATIONS },
};
/* clang-format on */

/* The ids that were seen: open addressing over their hashes, at most half full. */
struct seen {
	uint64_t *slots;
	size_t mask;
};

struct reader {
	struct arena *a;
	const struct lines_rules *rules;
	struct lines *out;
	const struct endpoint *endpoint;
	struct seen ids;
	size_t number; /* of the line at hand */
	size_t exact_left;
};

static bool refuse(const struct reader *r, const char *why, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "line %zu: %s", r->number, why);
}

/* ---- a line of a batch ----------------------------------------------------------------------- */

static void seen_init(struct seen *s, struct arena *a, struct str content)
{
	size_t lines = 1, slots = 16;

	for (struct str rest = content, line; lines <= LINES_MAX && str_next(&rest, '\n', &line);)
		lines++;
	while (slots < 2 * lines)
		slots *= 2;
	s->mask = slots - 1;
	s->slots = arena_zalloc(a, slots * sizeof(*s->slots));
}

/* False: it was there. */
static bool seen_add(struct seen *s, struct str id)
{
	uint64_t hash = str_hash(id) | 1;
	size_t i = (size_t)(hash >> 20) & s->mask;

	for (; s->slots[i]; i = (i + 1) & s->mask) {
		if (s->slots[i] == hash)
			return false;
	}
	s->slots[i] = hash;
	return true;
}

static bool read_id(struct reader *r, struct jval line, struct err *err)
{
	struct jval value;
	struct str id;

	if (!jscan_member(line, STR("custom_id"), &value) || value.type != J_STRING)
		return refuse(r, "custom_id must be a string", err);
	id = jscan_text(r->a, value);
	if (id.n == 0)
		return refuse(r, "custom_id must not be empty", err);
	return seen_add(&r->ids, id) || refuse(r, "custom_id was used before", err);
}

static bool read_url(struct reader *r, struct jval line, struct err *err)
{
	const struct endpoint *found = NULL;
	struct jval value;

	if (!jscan_member(line, STR("method"), &value) || !jscan_is(value, STR("POST")))
		return refuse(r, "method must be POST", err);
	(void)jscan_member(line, STR("url"), &value);
	for (size_t i = 0; i < COUNT_OF(endpoints); i++) {
		if (jscan_is(value, endpoints[i].url))
			found = &endpoints[i];
	}
	if (!found)
		return refuse(r, "url is none of the routes that a batch may use here", err);
	if (r->endpoint && r->endpoint != found)
		return refuse(r, "url is not that of the lines before", err);
	r->endpoint = found;
	return true;
}

static bool read_model(struct reader *r, struct str model, struct err *err)
{
	if (model.n == 0 || model.n > MODEL_NAME_MAX)
		return refuse(r, "body.model must be the name of a model", err);
	if (r->out->model.n && !str_eq(r->out->model, model))
		return refuse(r,
		    "a batch is for one model: body.model is not that of the lines before", err);
	return r->out->requests > 0 || !r->rules->model ||
	    r->rules->model(r->rules->arg, model, err);
}

static bool is_on(struct jval body, struct str name)
{
	struct jval value;

	return jscan_member(body, name, &value) && jscan_true(value);
}

/* As a request of that route is read. */
static bool read_body(struct reader *r, struct jval line, struct ask *ask, struct err *err)
{
	struct err why = { 0 };
	struct jval body;

	if (!jscan_member(line, STR("body"), &body) || body.type != J_OBJECT)
		return refuse(r, "body must be an object", err);
	if (!ask_read(r->a, r->endpoint->mode, STR("application/json"), body.text, STR(""), ask,
	        &why))
		return refuse(r, why.msg, err);
	if (ask->stream || is_on(body, STR("stream")) || is_on(body, STR("background")))
		return refuse(r, "stream and background do not work in a batch", err);
	return read_model(r, ask->model, err) &&
	    (!r->rules->fn || family_references(body, r->rules->fn, r->rules->arg, err));
}

static int64_t tokens_of_bytes(size_t n)
{
	return (int64_t)(n / BYTES_PER_TOKEN + 1);
}

static int64_t prompt_of(struct reader *r, const struct ask *ask)
{
	size_t n = ask->root.text.n;

	if (n > r->exact_left)
		return tokens_of_bytes(n);
	r->exact_left -= n;
	return ask_prompt_tokens(ask);
}

static bool read_request(struct reader *r, struct jval line, struct err *err)
{
	struct lines *l = r->out;
	struct ask ask;
	int64_t prompt;

	if (!read_id(r, line, err) || !read_url(r, line, err) || !read_body(r, line, &ask, err))
		return false;
	prompt = prompt_of(r, &ask);
	l->prompt += prompt;
	l->completion += used_most_written(&ask, r->rules->unsaid);
	l->bounded = l->bounded && ask.max_tokens >= 0;
	if (prompt > l->longest)
		l->longest = prompt;
	return true;
}

/* ---- any line -------------------------------------------------------------------------------- */

/* The first line's model outlives what that line takes of the arena. */
static void keep_model(struct reader *r, struct str line)
{
	struct jval root, body, model;

	if (r->out->requests == 0 && r->out->kind == LINES_BATCH && jscan_value(line, &root) &&
	    jscan_member(root, STR("body"), &body) && jscan_member(body, STR("model"), &model))
		r->out->model = arena_str(r->a, jscan_text(r->a, model));
}

static bool read_line(struct reader *r, struct str text, struct err *err)
{
	struct err why = { 0 };
	struct jval root;

	if (text.n > LINE_BYTES_MAX)
		return refuse(r, "is too long", err);
	if (memchr(text.p, '\r', text.n)) /* for some readers a line ends there */
		return refuse(r, "has a carriage return in it", err);
	if (r->out->requests == LINES_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the file has more than %d lines", LINES_MAX);
	if (!jscan_check(text, LINE_DEPTH, &root, &why))
		return refuse(r, why.msg, err);
	if (root.type != J_OBJECT)
		return refuse(r, "is not a JSON object", err);
	if (r->out->kind == LINES_TRAINING) {
		r->out->prompt += tokens_of_bytes(text.n);
		return true;
	}
	return read_request(r, root, err);
}

enum lines_kind lines_kind_of(struct str purpose)
{
	if (str_eq_c(purpose, "batch"))
		return LINES_BATCH;
	return str_eq_c(purpose, "fine-tune") ? LINES_TRAINING : LINES_NONE;
}

bool lines_check(struct arena *a, enum lines_kind kind, struct str content,
    const struct lines_rules *rules, struct lines *out, struct err *err)
{
	struct reader r = { .a = a, .rules = rules, .out = out, .exact_left = EXACT_BYTES };
	struct str rest = content, line;

	*out = (struct lines){ .kind = kind, .bounded = true };
	if (content.n > LINES_BYTES_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the file has more than %d MB",
		    LINES_BYTES_MAX / 1000 / 1000);
	if (kind == LINES_BATCH)
		seen_init(&r.ids, a, content);
	while (str_next(&rest, '\n', &line)) {
		struct arena_mark mark;
		bool ok;

		r.number++;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		keep_model(&r, line);
		mark = arena_mark(a);
		ok = read_line(&r, line, err);
		arena_rewind(a, mark);
		if (!ok)
			return false;
		out->requests++;
	}
	if (out->requests == 0)
		return err_set(err, ERR_BAD_REQUEST, "the file has no lines");
	if (r.endpoint)
		out->endpoint = r.endpoint->url;
	return true;
}

int64_t lines_epochs(int64_t requests)
{
	enum { USUAL = 3, FEWEST = 100, MOST = 25000, EPOCHS_MAX = 25 };
	int64_t epochs = USUAL;

	if (requests <= 0)
		return EPOCHS_MAX;
	if (requests * USUAL < FEWEST)
		epochs = FEWEST / requests;
	else if (requests * USUAL > MOST)
		epochs = MOST / requests;
	return epochs < 1 ? 1 : epochs > EPOCHS_MAX ? EPOCHS_MAX : epochs;
}

/* ---- the summary ----------------------------------------------------------------------------- */

static const char *const kind_names[] = {
	[LINES_NONE] = "",
	[LINES_BATCH] = "batch",
	[LINES_TRAINING] = "fine-tune",
};

struct str lines_write(struct arena *a, const struct lines *l)
{
	struct buf b = buf_init(SUMMARY_MAX_BYTES);
	struct str text;

	if (l->kind == LINES_NONE)
		return STR("");
	buf_addf(&b, "{\"kind\":\"%s\",\"endpoint\":\"%.*s\",\"model\":", kind_names[l->kind],
	    STR_ARG(l->endpoint));
	json_add_str(&b, l->model);
	buf_addf(&b,
	    ",\"requests\":%" PRId64 ",\"prompt\":%" PRId64 ",\"completion\":%" PRId64
	    ",\"longest\":%" PRId64 ",\"bounded\":%s}",
	    l->requests, l->prompt, l->completion, l->longest, l->bounded ? "true" : "false");
	text = buf_ok(&b) ? arena_str(a, buf_str(&b)) : STR("");
	buf_release(&b);
	return text;
}

static int64_t number(struct jval root, struct str name)
{
	struct jval value;
	int64_t n;

	return jscan_member(root, name, &value) && jscan_int(value, 0, INT64_MAX, &n) ? n : 0;
}

static struct str text(struct arena *a, struct jval root, struct str name)
{
	struct jval value;

	return jscan_member(root, name, &value) ? jscan_text(a, value) : STR("");
}

void lines_read(struct arena *a, struct str summary, struct lines *out)
{
	struct jval root;

	*out = (struct lines){ 0 };
	if (summary.n == 0 || !jscan_value(summary, &root) || root.type != J_OBJECT)
		return;
	out->kind = lines_kind_of(text(a, root, STR("kind")));
	out->endpoint = text(a, root, STR("endpoint"));
	out->model = text(a, root, STR("model"));
	out->requests = number(root, STR("requests"));
	out->prompt = number(root, STR("prompt"));
	out->completion = number(root, STR("completion"));
	out->longest = number(root, STR("longest"));
	out->bounded = is_on(root, STR("bounded"));
}
