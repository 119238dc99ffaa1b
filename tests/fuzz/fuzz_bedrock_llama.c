/* fuzz_bedrock_llama.c — dialect.h for a Llama through Bedrock's InvokeModel, see fuzz_bedrock_events.c */
#include "../unit/event_frames.h"

#define FUZZED_TYPE 33
#define FUZZED_CONFIG                                                                              \
	"{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\",\"family\":\"meta.llama\","           \
	"\"api_style\":\"invoke\"}"
#define FUZZED_FRAMES(arena, bytes) event_frames(arena, bytes)
#include "dialect.h"
