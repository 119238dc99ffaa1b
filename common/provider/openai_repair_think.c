/* openai_repair_think.c — reasoning that stands in the content, and such that stands twice
 *
 * A part of openai_repair.c. Both remember more than one event: a tag may be cut by the end of a
 * delta.
 */
#include "provider/openai.h"

#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"

/* A model may well write a short piece twice: only longer ones are taken for an upstream's slip. */
#define REPEATED_MIN 16

struct str openai_think_tag(const struct call *c)
{
	const struct openai_manners *m = openai_manners(c->provider);

	if (c->ask->mode != MODE_CHAT)
		return STR("");
	if (c->channel && c->channel->split_think)
		return STR("think");
	return str_c(m ? m->think : NULL);
}

/* The state of a choice; NULL when there are too many. */
static struct think *state_of(struct call *c, struct jval choice)
{
	struct openai_state *s = c->state;
	int64_t index = 0;

	(void)jscan_int(convert_member(choice, STR("index")), 0, INT32_MAX, &index);
	return s && s->think && index < OPENAI_CHOICES_SPLIT ? &s->think[index] : NULL;
}

void openai_split_thought(struct call *c, struct jedit *e, struct str tag, struct jval choice,
    struct jval message)
{
	struct jval content = convert_member(message, STR("content"));
	bool last = convert_member(choice, STR("message")).type == J_OBJECT ||
	    convert_member(choice, STR("finish_reason")).type == J_STRING;
	struct think *t = state_of(c, choice);
	struct str text = content.type == J_STRING ? jscan_text(c->arena, content) : STR("");
	struct buf thought = buf_init(text.n + THINK_HELD), said = buf_init(text.n + THINK_HELD);

	/* Once it is over, all is as it came; without content only the last piece has to do. */
	if (!t || t->at == THINK_OVER || (content.type != J_STRING && !(last && t->held_n)))
		return;
	think_split(t, tag, text, last, &thought, &said);
	if (!str_eq(buf_str(&said), text))
		jedit_set(e, message, STR("content"), convert_quote(c->arena, buf_str(&said)));
	if (thought.len)
		jedit_set(e, message, STR("reasoning_content"),
		    convert_quote(c->arena, buf_str(&thought)));
	buf_release(&thought);
	buf_release(&said);
}

void openai_drop_repeated(struct call *c, struct jedit *e, struct jval delta)
{
	struct jval thought = convert_member(delta, STR("reasoning_content"));
	struct openai_state *s = c->state;
	uint64_t hash;

	if (!s || !c->stream || thought.type != J_STRING || thought.text.n < REPEATED_MIN)
		return;
	hash = str_hash(thought.text);
	if (hash == s->thought)
		jedit_drop(e, delta, STR("reasoning_content"));
	s->thought = hash;
}
