/* ask_audio.c — what requests to speak and to listen must say (relay.md section 5) */
#include "provider/ask_rules.h"

#include "base/form.h"

#define SPEECH_POINTS_MAX 4096

/* A name, or {"id": …} for a voice of one's own. */
static bool need_voice(const struct asking *q, struct err *err)
{
	struct jval voice = q->m.voice, id;

	if (voice.type == J_OBJECT && jscan_member(voice, STR("id"), &id))
		voice = id;
	if (!asking_said(voice) || jscan_is(voice, STR("")))
		return err_set(err, q->kind, "voice is required");
	return voice.type == J_STRING || err_set(err, q->kind, "voice must be a string");
}

bool ask_check_speech(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	struct str input, format;

	if (!asking_text(q, q->m.input, "input", &input, err))
		return false;
	if (input.n == 0)
		return err_set(err, q->kind, "input is required");
	ask->characters = (int64_t)str_code_points(input);
	if (ask->characters > SPEECH_POINTS_MAX)
		return err_set(err, ERR_TEXT_TOO_LONG, "input is longer than %d characters",
		    SPEECH_POINTS_MAX);
	if (!need_voice(q, err) ||
	    !asking_text(q, q->m.response_format, "response_format", &ask->response_format, err) ||
	    !asking_text(q, q->m.stream_format, "stream_format", &format, err))
		return false;
	ask->stream = str_eq_c(format, "sse");
	return true;
}

/* Some providers fetch the file themselves. */
static bool names_file(const struct form *form)
{
	return form_text(form, STR("url")).n > 0 || form_text(form, STR("file_url")).n > 0;
}

bool ask_check_transcription(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;

	if (form_files(ask->form, STR("file"), &ask->file_bytes) == 0 && !names_file(ask->form))
		return err_set(err, q->kind, "file is required");
	ask->response_format = form_text(ask->form, STR("response_format"));
	return true;
}
