/* fuzz_deepl_events.c — dialect.h for the deepl dialect, which wants something to translate */
#define FUZZED_TYPE 38
#define FUZZED_MODE MODE_CHAT
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"deepl-fr\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"    \
	"\"x\"}]}"
#define FUZZED_WHOLE "{\"model\":\"deepl-fr\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#include "dialect.h"
