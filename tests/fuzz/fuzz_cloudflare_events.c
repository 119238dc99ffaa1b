/* fuzz_cloudflare_events.c — dialect.h for the cloudflare dialect */
#define FUZZED_TYPE 37
#define FUZZED_CONFIG "{\"user_id\":\"a\"}"
#include "dialect.h"
