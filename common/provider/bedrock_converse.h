/* bedrock_converse.h — between the files of the Converse surface: messages, parameters, replies */
#ifndef PROVIDER_BEDROCK_CONVERSE_H
#define PROVIDER_BEDROCK_CONVERSE_H

#include "provider/bedrock.h"

/* Members of the request, one walk. */
enum converse_param {
	CP_TOOL_CHOICE,
	CP_FUNCTIONS,
	CP_FUNCTION_CALL,
	CP_RESPONSE_FORMAT,
	CP_EFFORT,
	CP_STOP,
	CP_TEMPERATURE,
	CP_TOP_P,
	CP_TOP_K,
	CP_SERVICE_TIER,
	CP_METADATA,
	CP_THINKING,
	CP_SEED,
	CP_COUNT
};

#define CONVERSE_NAMES_MAX 128

struct converse_writer {
	struct call *c;
	struct bedrock *b;
	struct buf *out;
	struct jval f[CP_COUNT];
	const char *turn;
	bool turn_has_results, turn_has_text, turn_has_document;
	struct jval names[CONVERSE_NAMES_MAX];
	size_t name_count, older_calls, documents;
};

/* bedrock_messages.c */
bool converse_add_system(struct converse_writer *w, struct err *err);
bool converse_add_messages(struct converse_writer *w, struct err *err);
/* A cache_control marker is a block of its own behind the one it marks. */
void converse_add_cache_point(struct converse_writer *w, struct jval marked);

/* bedrock_converse.c */
bool bedrock_converse_body(struct call *c, struct buf *body, struct err *err);

#endif
