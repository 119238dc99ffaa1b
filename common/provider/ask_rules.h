/* ask_rules.h — what the families of ask.c share: the members of a request, and one check per mode
 *
 * A request is JSON or a form; its members are found once, and a check of relay.md section 5 asks
 * for them by name without knowing which it was. To add a mode: a row in ask.c, a check in the file
 * of its family.
 *
 * Errors   of each family's own kind; texts are part of the interface, clients match on them.
 * Threads  pure.
 */
#ifndef PROVIDER_ASK_RULES_H
#define PROVIDER_ASK_RULES_H

#include "base/err.h"
#include "provider/ask.h"

/* A request while it is read. The members are J_NONE in a form: ask for those with asking_text. */
struct asking {
	struct arena *arena;
	struct ask *ask;
	enum err_kind kind; /* of what is wrong with a member */
	struct asking_members {
		struct jval model, stream, n, max_tokens, max_completion_tokens, max_output_tokens;
		struct jval messages, prompt, input, tools, stream_options;
		struct jval instruction, size, quality, response_format, voice, stream_format;
		struct jval image, images, previous_response_id, conversation, query, documents;
		struct jval prompt_cache_key, safety_identifier, user;
	} m;
};

/* Neither absent nor null. */
bool asking_said(struct jval v);
/* A member that is text, decoded; "" when it is not said. */
MUST_USE bool asking_text(const struct asking *q, struct jval v, const char *name, struct str *out,
    struct err *err);
/* A string or an array, neither of them empty. */
MUST_USE bool asking_need_text(const struct asking *q, struct jval v, const char *name,
    struct err *err);
/* A limit of tokens, when it is said. */
MUST_USE bool asking_limit(const struct asking *q, struct jval v, const char *name, int64_t *out,
    struct err *err);

typedef bool ask_check_fn(struct asking *q, struct err *err);

/* ask_text.c */
ask_check_fn ask_check_chat, ask_check_completions, ask_check_embeddings, ask_check_moderations,
    ask_check_edits, ask_check_responses, ask_check_rerank;
/* ask_image.c */
ask_check_fn ask_check_generation, ask_check_image_edit, ask_check_variation;
/* ask_audio.c */
ask_check_fn ask_check_speech, ask_check_transcription;

#endif
