/* fuzz_pictures.c — dialect.h for pictures of the dialects that convert them: gemini, cloudflare,
 * siliconflow, replicate, bedrock */
#define FUZZED_TYPES 24, 33, 37, 44, 46
#define FUZZED_CONFIG "{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\",\"user_id\":\"a\"}"
#define FUZZED_MODE MODE_IMAGES
#define FUZZED_WHOLE                                                                               \
	"{\"model\":\"amazon.nova-canvas/"                                                         \
	"gemini-image\",\"prompt\":\"x\",\"response_format\":\"b64_json\"}"
#define FUZZED_STREAM FUZZED_WHOLE
#define FUZZED_HAS_STREAMS false
#include "dialect.h"
