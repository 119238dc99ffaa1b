/* fuzz_replicate_images.c — dialect.h for images of the replicate dialect: predictions of a deployment,
 * and the schema of a model */
#define FUZZED_TYPE 46
#define FUZZED_MODE MODE_IMAGES
#define FUZZED_WHOLE                                                                               \
	"{\"model\":\"deployments/a/b\",\"prompt\":\"x\",\"response_format\":\"b64_json\"}"
#define FUZZED_STREAM "{\"model\":\"a/b\",\"prompt\":\"x\"}"
#define FUZZED_HAS_STREAMS false
#include "dialect.h"
