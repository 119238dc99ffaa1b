/* adaptor.c — what all dialects share: usage, and keeping what encode makes */
#include "provider/adaptor.h"

#include <string.h>

#include "base/mem.h"
#include "provider/convert.h"

#define TOKENS_CEILING (INT64_C(1) << 31)
/* A report may be so many tokens, or so many times our own count, above what we saw. */
#define REPORT_SLACK (INT64_C(1) << 20)
#define REPORT_FACTOR 64
/* The same where a report contradicts itself: a part larger than its whole. */
#define BESIDE_SLACK 4096

/* A count of tokens, or 0; *found when it was there at all. */
static int64_t tokens(struct jval v, bool *found)
{
	int64_t n;

	if (!jscan_int(v, INT64_MIN, INT64_MAX, &n))
		return 0;
	if (found)
		*found = true;
	if (n < 0)
		return 0;
	return n < TOKENS_CEILING ? n : TOKENS_CEILING;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Three ways of counting that part from OpenAI's, told apart by the numbers themselves: reasoning
 * beside completion (the sum shows it), cached beside prompt (a part larger than the whole), and
 * nothing but a sum, which adaptor_complete_usage divides. */
static void mend_usage(struct usage *u, int64_t total)
{
	int64_t sum = u->prompt_tokens + u->completion_tokens;

	if (u->reasoning_tokens && total == sum + u->reasoning_tokens)
		u->completion_tokens += u->reasoning_tokens;
	u->cached_beside = u->cached_tokens > u->prompt_tokens;
	if (u->cached_beside)
		u->prompt_tokens += u->cached_tokens;
	u->only_sum = u->prompt_tokens == 0 && total > 0;
	if (u->only_sum)
		u->completion_tokens = larger(u->completion_tokens, total);
}

/* Details of a whole, by whichever of its three names they came. */
static void pick_details(const struct jval *any, const struct str *names, struct jval *out,
    size_t n)
{
	for (int i = 0; i < 2 && any->type != J_OBJECT; i++)
		any++;
	convert_pick(*any, names, out, n);
}

/* Half a dozen APIs of OpenAI's say the same in two vocabularies: prompt and completion where text
 * is completed, input and output everywhere else. */
enum {
	PROMPT,
	INPUT,
	COMPLETION,
	OUTPUT,
	TOTAL,
	CACHE_HIT,
	OF_PROMPT,
	OF_INPUT,
	OF_INPUT_TOO, /* of transcripts, in the singular */
	OF_COMPLETION,
	OF_OUTPUT,
	OF_OUTPUT_TOO,
	USAGE_NAMES
};

static const struct str usage_names[USAGE_NAMES] = {
	[PROMPT] = STR_INIT("prompt_tokens"),
	[INPUT] = STR_INIT("input_tokens"),
	[COMPLETION] = STR_INIT("completion_tokens"),
	[OUTPUT] = STR_INIT("output_tokens"),
	[TOTAL] = STR_INIT("total_tokens"),
	[CACHE_HIT] = STR_INIT("prompt_cache_hit_tokens"),
	[OF_PROMPT] = STR_INIT("prompt_tokens_details"),
	[OF_INPUT] = STR_INIT("input_tokens_details"),
	[OF_INPUT_TOO] = STR_INIT("input_token_details"),
	[OF_COMPLETION] = STR_INIT("completion_tokens_details"),
	[OF_OUTPUT] = STR_INIT("output_tokens_details"),
	[OF_OUTPUT_TOO] = STR_INIT("output_token_details"),
};

static void read_prompt_details(const struct jval *v, struct usage *u)
{
	enum { CACHED, CACHE_WRITE, AUDIO, IMAGE };
	static const struct str names[] = { STR_INIT("cached_tokens"),
		STR_INIT("cache_write_tokens"), STR_INIT("audio_tokens"),
		STR_INIT("image_tokens") };
	struct jval part[COUNT_OF(names)];

	pick_details(&v[OF_PROMPT], names, part, COUNT_OF(names));
	u->cached_tokens = larger(tokens(part[CACHED], NULL), tokens(v[CACHE_HIT], NULL));
	u->cache_write_tokens = tokens(part[CACHE_WRITE], NULL);
	u->audio_prompt_tokens = tokens(part[AUDIO], NULL);
	u->image_prompt_tokens = tokens(part[IMAGE], NULL);
}

static void read_completion_details(const struct jval *v, struct usage *u)
{
	enum { REASONING, AUDIO, IMAGE };
	static const struct str names[] = { STR_INIT("reasoning_tokens"), STR_INIT("audio_tokens"),
		STR_INIT("image_tokens") };
	struct jval part[COUNT_OF(names)];

	pick_details(&v[OF_COMPLETION], names, part, COUNT_OF(names));
	u->reasoning_tokens = tokens(part[REASONING], NULL);
	u->audio_completion_tokens = tokens(part[AUDIO], NULL);
	u->image_completion_tokens = tokens(part[IMAGE], NULL);
}

bool adaptor_usage(struct jval usage, struct usage *out)
{
	struct jval v[USAGE_NAMES];
	struct usage u = { 0 };
	bool found = false;
	int64_t total;

	if (usage.type != J_OBJECT)
		return false;
	convert_pick(usage, usage_names, v, COUNT_OF(v));
	u.prompt_tokens = larger(tokens(v[PROMPT], &found), tokens(v[INPUT], &found));
	u.completion_tokens = larger(tokens(v[COMPLETION], &found), tokens(v[OUTPUT], &found));
	total = tokens(v[TOTAL], &found);
	if (!found)
		return false;
	read_prompt_details(v, &u);
	read_completion_details(v, &u);
	mend_usage(&u, total);
	u.reported = u.prompt_tokens + u.completion_tokens > 0;
	*out = u;
	return true;
}

/* No mistake of an upstream may empty an account. What we do not see (images by URL, hidden
 * reasoning, tools on the other side) fits the slack by far. */
int64_t adaptor_believable(int64_t reported, int64_t counted)
{
	int64_t most = REPORT_SLACK + REPORT_FACTOR * counted;

	return reported < most ? reported : most;
}

/* A cache beside the prompt is what we counted as well: far more than that is a slip. */
static void check_beside(struct usage *u, int64_t counted)
{
	if (u->cached_beside && u->prompt_tokens > BESIDE_SLACK + REPORT_FACTOR * counted)
		u->prompt_tokens -= u->cached_tokens;
}

static void cut(int64_t *part, int64_t *left)
{
	if (*part > *left)
		*part = *left;
	*left -= *part;
}

/* In the order of struct usage, as its price is worked out. */
static void cut_parts(struct usage *u)
{
	int64_t prompt = u->prompt_tokens, completion = u->completion_tokens;

	cut(&u->cached_tokens, &prompt);
	cut(&u->cache_write_tokens, &prompt);
	cut(&u->cache_write_1h_tokens, &prompt);
	cut(&u->audio_prompt_tokens, &prompt);
	cut(&u->image_prompt_tokens, &prompt);
	cut(&u->reasoning_tokens, &completion);
	cut(&u->audio_completion_tokens, &completion);
	cut(&u->image_completion_tokens, &completion);
}

bool adaptor_counts(const struct call *c)
{
	const struct usage *u = &c->usage;

	return !u->reported || u->completion_tokens == 0 || u->completion_tokens > REPORT_SLACK;
}

void adaptor_complete_usage(struct call *c, int64_t prompt_estimate)
{
	struct usage *u = &c->usage;
	int64_t counted = adaptor_counts(c) ? token_meter_count(&c->meter) : 0;

	if (!u->reported) {
		/* some streams begin with what the prompt was, and broke off before the rest */
		u->prompt_tokens = adaptor_believable(u->prompt_tokens, prompt_estimate);
		if (u->prompt_tokens == 0)
			u->prompt_tokens = prompt_estimate;
		u->completion_tokens = counted;
		return;
	}
	if (u->prompt_tokens == 0 && u->only_sum) {
		int64_t total = u->completion_tokens;

		u->prompt_tokens = prompt_estimate < total ? prompt_estimate : total;
		u->completion_tokens = total - u->prompt_tokens;
	} else if (u->prompt_tokens == 0) {
		u->prompt_tokens = prompt_estimate; /* half a report */
	}
	if (u->completion_tokens == 0 && !u->only_sum)
		u->completion_tokens = counted; /* some say the prompt first */
	check_beside(u, prompt_estimate);
	u->prompt_tokens = adaptor_believable(u->prompt_tokens, prompt_estimate);
	u->completion_tokens = adaptor_believable(u->completion_tokens, counted);
	cut_parts(u);
}

const struct medium *adaptor_medium(const struct call *c, struct str url)
{
	for (size_t i = 0; i < c->media_count; i++) {
		if (str_eq(c->media[i].url, url))
			return &c->media[i];
	}
	return NULL;
}

struct usage adaptor_usage_shown(const struct call *c)
{
	struct usage u = c->usage;

	if (!u.reported)
		u.completion_tokens = token_meter_count(&c->meter);
	if (!u.reported || (u.prompt_tokens == 0 && !u.only_sum))
		u.prompt_tokens = ask_prompt_tokens(c->ask);
	return u;
}

enum step adaptor_done(bool fits, struct err *err)
{
	if (fits)
		return STEP_DONE;
	(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
	return STEP_FAILED;
}

struct str adaptor_keep(struct arena *a, struct buf *b)
{
	struct str kept = buf_str(b);

	arena_defer(a, mem_free, buf_detach(b));
	return kept;
}

/* ---- a client's own path ----------------------------------------------------------------- */

/* "." or "..", also encoded. */
static bool is_dots(struct str segment)
{
	size_t dots = 0;

	while (segment.n) {
		size_t n = segment.p[0] == '.' ? 1 : str_starts_nocase(segment, STR("%2e")) ? 3 : 0;

		if (n == 0)
			return false;
		segment = str_slice(segment, n, segment.n);
		dots++;
	}
	return dots == 1 || dots == 2;
}

bool adaptor_path_ok(struct str path)
{
	struct str rest = path, segment;

	if (path.n && path.p[0] != '/')
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] <= 0x20 || (unsigned char)path.p[i] >= 0x7f ||
		    strchr("?#\\", path.p[i]))
			return false;
	while (str_next(&rest, '/', &segment))
		if (is_dots(segment))
			return false;
	return true;
}

const char *adaptor_method(struct arena *a, struct str method)
{
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] < 'A' || method.p[i] > 'Z')
			return NULL;
	return method.n ? str_dup(a, method) : NULL;
}
