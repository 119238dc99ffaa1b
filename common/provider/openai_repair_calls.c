/* openai_repair_calls.c — calls of tools as OpenAI says them
 *
 * Upstreams leave out index or id, write arguments as an object, send an empty delta behind the
 * last call, say id and name again with every delta, or give one id to several calls. What belongs
 * together is found by all of these, so that the client gets one index and one id for each call.
 */
#include "provider/openai.h"

#include "base/secret.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"

#define FRESH_ID 24

/* One event or reply. */
struct mending {
	struct call *c;
	struct jedit *e;
	bool touched[OPENAI_CALLS_KEPT]; /* calls of the stream that it has brought something of */
	uint64_t ids[OPENAI_CALLS_KEPT]; /* of a whole reply's calls: hashes */
	size_t id_count;
};

static bool is_no_id(struct jval id)
{
	return id.type != J_STRING || id.text.n <= 2 || jscan_is(id, STR("null"));
}

/* 0: it has none. */
static uint64_t hash_of(struct jval id)
{
	return is_no_id(id) ? 0 : str_hash(id.text) | 1;
}

/* Nothing is said: the mark after the last call. */
static bool is_empty(struct jval call)
{
	struct jval function = convert_member(call, STR("function"));
	struct jval arguments = convert_member(function, STR("arguments"));

	return is_no_id(convert_member(call, STR("id"))) &&
	    !convert_given(convert_member(function, STR("name"))) &&
	    (!convert_given(arguments) || jscan_is(arguments, STR("")));
}

static bool all_empty(struct jval calls)
{
	struct jiter it = jscan_iter(calls);
	struct jval call;

	while (jscan_next_item(&it, &call))
		if (!is_empty(call))
			return false;
	return true;
}

static struct str fresh_id(struct mending *m)
{
	char id[FRESH_ID + 1];

	secret_random_alnum(id, FRESH_ID);
	return str_c(arena_fmt(m->c->arena, "\"call_%s\"", id));
}

/* What tells calls of a stream apart: id, index, and whether this is a beginning, with a name. */
struct mark {
	uint64_t id;
	int64_t index;
	bool named;
};

static struct mark mark_of(struct jval call)
{
	struct mark k = { .id = hash_of(convert_member(call, STR("id"))), .index = -1 };

	k.named = convert_given(convert_member(convert_member(call, STR("function")), STR("name")));
	(void)jscan_int(convert_member(call, STR("index")), 0, INT32_MAX, &k.index);
	return k;
}

/* Is it more of that call? Some upstreams say id and name in every delta, and some give one id to
 * several calls: those have an index each, or come together. */
static bool goes_on(const struct mending *m, int number, struct mark k)
{
	const struct openai_state *s = m->c->state;
	const struct openai_tool_call *call = &s->calls[number];

	if (!k.id)
		return !k.named && (k.index < 0 || call->index == k.index);
	return call->id == k.id && (k.index < 0 || call->index < 0 || call->index == k.index) &&
	    !(k.named && m->touched[number]);
}

/* The latest call that it goes on with, else the latest with its id when no name begins another;
 * -1: none. */
static int find_call(const struct mending *m, struct mark k)
{
	const struct openai_state *s = m->c->state;

	for (int i = s->call_count; i-- > 0;)
		if (goes_on(m, i, k))
			return i;
	for (int i = s->call_count; i-- > 0 && k.id && !k.named;)
		if (s->calls[i].id == k.id)
			return i;
	return -1;
}

static bool is_known(const struct openai_state *s, uint64_t id)
{
	for (int i = 0; i < s->call_count; i++)
		if (id && s->calls[i].id == id)
			return true;
	return false;
}

/* Which call of the stream this is. */
static int number_of(struct mending *m, struct jval call, bool *begins)
{
	struct openai_state *s = m->c->state;
	struct mark k = mark_of(call);
	int number = find_call(m, k);

	*begins = number < 0 && s->call_count < OPENAI_CALLS_KEPT;
	if (*begins) {
		number = s->call_count;
		s->calls[number] = (struct openai_tool_call){ k.id, k.index, is_known(s, k.id) };
		s->call_count++;
	} else if (number < 0) {
		number = s->call_count - 1;
	}
	m->touched[number] = true;
	return number;
}

/* Of a whole reply: does an earlier call have this id? */
static bool is_repeated(struct mending *m, struct jval id)
{
	uint64_t hash = hash_of(id);

	for (size_t i = 0; hash && i < m->id_count; i++)
		if (m->ids[i] == hash)
			return true;
	if (m->id_count < OPENAI_CALLS_KEPT)
		m->ids[m->id_count++] = hash;
	return false;
}

static void mend_arguments(struct mending *m, struct jval call)
{
	struct jval function = convert_member(call, STR("function"));
	struct jval arguments = convert_member(function, STR("arguments"));

	if (arguments.type == J_OBJECT)
		jedit_replace(m->e, arguments, convert_quote(m->c->arena, arguments.text));
	else if (arguments.type == J_NULL)
		jedit_replace(m->e, arguments, STR("\"\""));
}

static void mend_call(struct mending *m, struct jval call, bool streamed)
{
	const struct openai_state *s = m->c->state;
	struct jval id = convert_member(call, STR("id")), v;
	bool begins = true, renamed;
	int64_t index;
	int number;

	if (call.type != J_OBJECT)
		return;
	mend_arguments(m, call);
	if (streamed && s && s->calls) {
		number = number_of(m, call, &begins);
		v = convert_member(call, STR("index"));
		if (!jscan_int(v, 0, INT32_MAX, &index) || index != number)
			jedit_set(m->e, call, STR("index"),
			    str_c(arena_fmt(m->c->arena, "%d", number)));
		renamed = s->calls[number].renamed;
	} else {
		renamed = is_repeated(m, id);
	}
	if (!is_no_id(id) && !renamed)
		return;
	if (begins)
		jedit_set(m->e, call, STR("id"), fresh_id(m));
	else if (id.type != J_NONE)
		jedit_drop(m->e, call, STR("id"));
}

void openai_mend_calls(struct call *c, struct jedit *e, struct jval message, bool streamed)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call;
	struct jiter it = jscan_iter(calls);
	struct mending m;

	if (calls.type != J_ARRAY || jscan_count(calls) == 0)
		return;
	if (streamed && all_empty(calls)) {
		jedit_drop(e, message, STR("tool_calls"));
		return;
	}
	m = (struct mending){ .c = c, .e = e };
	while (jscan_next_item(&it, &call))
		mend_call(&m, call, streamed);
}
