/* convert_check.c — what no dialect that converts a chat may pass over in silence
 *
 * A role that nobody knows, a tool that is no function, more choices than the provider makes: left
 * out, or taken for something else, each would change what the request means. Every dialect asks
 * here before it writes; what else it cannot do is its own file's.
 */
#include "provider/convert.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "provider/adaptor.h"

bool convert_check_choices(const struct call *c, int64_t most, struct err *err)
{
	if (c->ask->n <= most)
		return true;
	if (most == 1)
		return err_set(err, ERR_INVALID_TEXT, "n must be 1 for this channel");
	return err_set(err, ERR_N_RANGE, "n must be at most %lld for this channel",
	    (long long)most);
}

/* Names the member that is wrong, as OpenAI's errors do. */
static bool refuse(struct err *err, const char *place, const char *why)
{
	(void)err_set(err, ERR_INVALID_TEXT, "%s%s", place, why);
	(void)snprintf(err->param, sizeof(err->param), "%s", place);
	return false;
}

/* ---- tools --------------------------------------------------------------------------------- */

static bool is_function(struct jval tool)
{
	struct jval type = convert_member(tool, STR("type"));

	return convert_member(tool, STR("function")).type == J_OBJECT &&
	    (!convert_given(type) || jscan_is(type, STR("function")));
}

static bool check_list(const struct call *c, struct jval list, const char *of, struct err *err)
{
	struct jiter it = jscan_iter(list);
	struct jval tool;

	for (size_t i = 0; list.type == J_ARRAY && jscan_next_item(&it, &tool); i++)
		if (!is_function(tool))
			return refuse(err, arena_fmt(c->arena, "%s[%zu]", of, i),
			    ": this channel takes functions only");
	return true;
}

/* A choice of something else than a function, or among some of them, is no choice of all. */
static bool check_choice(const struct call *c, struct err *err)
{
	struct jval choice = convert_param(c, "tool_choice");
	struct jval type = convert_member(choice, STR("type"));

	return choice.type != J_OBJECT || !convert_given(type) || jscan_is(type, STR("function")) ||
	    refuse(err, "tool_choice", ": this channel can be told a function only");
}

static bool check_tools(const struct call *c, enum convert_tools takes, struct err *err)
{
	struct jval older = convert_param(c, "functions");
	bool any = (c->ask->tools.type == J_ARRAY && jscan_count(c->ask->tools)) ||
	    (older.type == J_ARRAY && jscan_count(older));

	if (takes == TOOLS_NONE)
		return !any || err_set(err, ERR_INVALID_TEXT, "this channel has no tools");
	return check_list(c, c->ask->tools, "tools", err) && check_choice(c, err);
}

/* ---- messages ------------------------------------------------------------------------------ */

static bool is_role(struct jval role)
{
	static const struct str roles[] = { STR_INIT("user"), STR_INIT("assistant"),
		STR_INIT("system"), STR_INIT("tool"), STR_INIT("developer"), STR_INIT("function") };

	for (size_t i = 0; i < COUNT_OF(roles); i++)
		if (jscan_is(role, roles[i]))
			return true;
	return false;
}

static bool check_message(const struct call *c, struct jval message, size_t index,
    enum convert_tools takes, struct err *err)
{
	struct jval calls;

	if (!is_role(convert_member(message, STR("role"))))
		return refuse(err, arena_fmt(c->arena, "messages[%zu].role", index),
		    " must be system, developer, user, assistant, tool or function");
	if (takes != TOOLS_FUNCTIONS)
		return true;
	calls = convert_member(message, STR("tool_calls"));
	return calls.type != J_ARRAY ||
	    check_list(c, calls, arena_fmt(c->arena, "messages[%zu].tool_calls", index), err);
}

bool convert_check_chat(const struct call *c, int64_t choices, enum convert_tools takes,
    struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval message;

	if (!convert_check_choices(c, choices, err) ||
	    (takes != TOOLS_ANY && !check_tools(c, takes, err)))
		return false;
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!check_message(c, message, i, takes, err))
			return false;
	return true;
}

/* ---- vectors ------------------------------------------------------------------------------- */

size_t convert_count_inputs(const struct call *c)
{
	struct jval input = c->ask->input, first;
	struct jiter it = jscan_iter(input);

	if (input.type != J_ARRAY)
		return 1;
	/* numbers are the tokens of one text */
	if (jscan_next_item(&it, &first) && first.type == J_NUMBER)
		return 1;
	return jscan_count(input);
}

bool convert_check_vectors(size_t came, size_t asked, struct err *err)
{
	return came == asked ||
	    err_set(err, ERR_UPSTREAM_BODY,
	        "the upstream answered with %zu embeddings for %zu inputs", came, asked);
}
