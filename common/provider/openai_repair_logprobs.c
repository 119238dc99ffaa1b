/* openai_repair_logprobs.c — how likely each token was, as OpenAI lists it
 *
 *	theirs	{"tokens":["a"],"token_logprobs":[-0.1],"token_ids":[5],"top_logprobs":[{"a":-0.1}]}
 *	ours	{"content":[{"token":"a","logprob":-0.1,"bytes":null,"top_logprobs":[…]}],"refusal":null}
 *
 * In a stream the choice may also have one number, for the token that its delta says.
 */
#include "provider/openai.h"

#include "base/json.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"

/* What the client may read of one that nobody computed. */
static const struct str unlikely = STR_INIT("-9999.0");

static void add_token(struct buf *out, struct str token, struct jval logprob)
{
	json_add_comma(out);
	buf_addf(out, "{\"token\":%.*s,\"logprob\":%.*s,\"bytes\":null", STR_ARG(token),
	    STR_ARG(logprob.type == J_NUMBER ? logprob.text : unlikely));
}

/* An object of tokens and numbers. */
static void add_top(struct buf *out, struct jval top)
{
	struct jiter it = jscan_iter(top);
	struct jval logprob;
	struct str name, quoted;

	buf_add(out, STR(",\"top_logprobs\":["));
	while (top.type == J_OBJECT && jscan_next_member(&it, &name, &logprob)) {
		quoted = (struct str){ name.p - 1, name.n + 2 };
		add_token(out, quoted, logprob);
		buf_add_char(out, '}');
	}
	buf_add(out, STR("]}"));
}

/* Lists that run side by side; the shorter ones end in nothing. */
static void add_lists(struct buf *out, struct jval logprobs)
{
	static const struct str names[] = { STR_INIT("tokens"), STR_INIT("token_logprobs"),
		STR_INIT("top_logprobs") };
	struct jval lists[COUNT_OF(names)], token, logprob, top;
	struct jiter its[COUNT_OF(names)];

	convert_pick(logprobs, names, lists, COUNT_OF(names));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		its[i] = jscan_iter(lists[i]);
	while (jscan_next_item(&its[0], &token)) {
		logprob = top = (struct jval){ 0 };
		if (lists[1].type == J_ARRAY)
			(void)jscan_next_item(&its[1], &logprob);
		if (lists[2].type == J_ARRAY)
			(void)jscan_next_item(&its[2], &top);
		if (token.type != J_STRING)
			continue;
		add_token(out, token.text, logprob);
		add_top(out, top);
	}
}

void openai_mend_logprobs(struct call *c, struct jedit *e, struct jval choice, struct jval message)
{
	struct jval logprobs = convert_member(choice, STR("logprobs"));
	struct jval text = convert_member(message, STR("content"));
	bool lists = convert_member(logprobs, STR("tokens")).type == J_ARRAY;
	struct buf out;

	if (!lists && logprobs.type != J_NUMBER)
		return;
	if (!jscan_true(convert_member(c->ask->root, STR("logprobs"))) ||
	    (!lists && text.type != J_STRING)) {
		jedit_replace(e, logprobs, STR("null"));
		return;
	}
	out = buf_init(logprobs.text.n * 64 + text.text.n + 1024);
	buf_add(&out, STR("{\"content\":["));
	if (lists) {
		add_lists(&out, logprobs);
	} else {
		add_token(&out, text.text, logprobs);
		add_top(&out, (struct jval){ 0 });
	}
	buf_add(&out, STR("],\"refusal\":null}"));
	if (buf_ok(&out)) {
		jedit_replace(e, logprobs, adaptor_keep(c->arena, &out));
		return;
	}
	buf_release(&out);
	jedit_replace(e, logprobs, STR("null"));
}
