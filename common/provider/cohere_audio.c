/* cohere_audio.c — transcripts: POST /v2/audio/transcriptions
 *
 * A form like OpenAI's, but Cohere knows four of its fields only: model, file, temperature and
 * language, and the last must be said, since it does not listen for one. The reply is a text
 * without times, so formats with times are refused. The files keep their bytes: views travel.
 */
#include "provider/cohere.h"

#include "base/form.h"
#include "provider/convert.h"

/* What means something where it is left out, for strict channels. */
static const struct str telling[] = { STR_INIT("prompt"), STR_INIT("timestamp_granularities[]"),
	STR_INIT("include[]"), STR_INIT("chunking_strategy") };

static bool is_taken(struct str field)
{
	static const struct str taken[] = { STR_INIT("model"), STR_INIT("file"),
		STR_INIT("language"), STR_INIT("temperature") };

	for (size_t i = 0; i < COUNT_OF(taken); i++)
		if (str_eq(field, taken[i]))
			return true;
	return false;
}

static bool check(const struct call *c, struct err *err)
{
	const struct form *form = c->ask->form;
	struct str format = c->ask->response_format;

	if (format.n && !str_eq_c(format, "json") && !str_eq_c(format, "text"))
		return err_set(err, ERR_INVALID_AUDIO,
		    "response_format must be json or text for this channel");
	if (!str_trim(form_text(form, STR("language"))).n)
		return err_set(err, ERR_INVALID_AUDIO,
		    "field language is required for this channel");
	for (size_t i = 0; i < COUNT_OF(telling); i++)
		if (form_text(form, telling[i]).n &&
		    !convert_drop_one(c, str_dup(c->arena, telling[i]),
		        "the provider has no such parameter", err))
			return false;
	return true;
}

/* Names that repeat are one edit. */
static bool drop_others(struct form_edit *e, const struct form *form, struct err *err)
{
	for (size_t i = 0; i < form->count; i++) {
		struct str name = form->parts[i].name;
		bool dropped = is_taken(name);

		for (size_t j = 0; j < e->n; j++)
			dropped |= str_eq(e->fields[j].name, name);
		if (dropped)
			continue;
		if (e->n == FORM_EDITS_MAX)
			return err_set(err, ERR_INVALID_AUDIO,
			    "the form has too many fields that this channel does not know");
		form_drop(e, name);
	}
	return true;
}

bool cohere_put_form(struct call *c, struct upstream_req *out, struct err *err)
{
	struct form_edit e;

	if (!check(c, err) || !convert_begin_form(c, &e, err) ||
	    !drop_others(&e, c->ask->form, err))
		return false;
	out->has_body = true;
	convert_put_form(c, &e, out);
	return true;
}

enum step cohere_transcribed(struct call *c, struct jval root, struct str body, struct buf *out,
    struct err *err)
{
	struct jval text = convert_member(root, STR("text"));

	if (text.type != J_STRING) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without a transcript");
		return STEP_FAILED;
	}
	if (c->ask->stream)
		return openai_stream_from_whole(c, body, out, err) ? STEP_DONE : STEP_FAILED;
	token_meter_add(&c->meter, jscan_text(c->arena, text));
	c->pieces++;
	c->finished = true;
	if (str_eq_c(c->ask->response_format, "text")) {
		c->reply_type = "text/plain; charset=utf-8";
		buf_add(out, jscan_text(c->arena, text));
	} else {
		buf_add(out, body);
	}
	return adaptor_done(buf_ok(out), err);
}
