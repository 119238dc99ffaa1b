/* fuzz_vectors.c — dialect.h for embeddings of the dialects that convert them: gemini, ollama, bedrock,
 * cohere, cloudflare */
#define FUZZED_TYPES 24, 30, 33, 35, 37
#define FUZZED_CONFIG "{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\",\"user_id\":\"a\"}"
#define FUZZED_MODE MODE_EMBEDDINGS
#define FUZZED_WHOLE "{\"model\":\"cohere.embed-v4\",\"input\":[\"x\",\"y\"]}"
#define FUZZED_STREAM FUZZED_WHOLE
#define FUZZED_HAS_STREAMS false
#include "dialect.h"
