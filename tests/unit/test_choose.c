/* test_choose.c — which channel and key is next, whatever is in trouble
 *
 * Channels come from a database, time and the tables about channels are the test's own.
 */
#include "temp_db.h"

#include <math.h>

#include "../../fcgi-relay/breaker.h"
#include "../../fcgi-relay/choose.h"
#include "../../fcgi-relay/standing.h"
#include "store/channel_key.h"

#define T0 INT64_C(1000000000)

struct room {
	struct temp_db *t;
	struct catalog *catalog;
	struct vitals vitals;
	void *memory;
	struct ask ask;
	int64_t now;
};

static void open_room(struct room *r, struct temp_db *t)
{
	*r = (struct room){ .t = t, .now = T0 };
	r->memory = calloc(1, vitals_bytes());
	assert_non_null(r->memory);
	vitals_at(&r->vitals, r->memory);
	r->ask = (struct ask){ .mode = MODE_CHAT, .model = STR("m") };
}

static void close_room(struct room *r)
{
	catalog_put(r->catalog);
	free(r->memory);
}

/* "gpt-4o" at priority and weight; ids count from 1. */
static void add(struct room *r, const char *models, int64_t priority, int64_t weight,
    const char *key, const char *config)
{
	struct channel c = { .type = 1,
		.status = CHANNEL_ENABLED,
		.name = STR("c"),
		.group = STR("default"),
		.priority = priority,
		.weight = weight };

	c.models = str_c(models);
	c.key = str_c(key);
	c.config = str_c(config);
	CHECK(channel_insert(r->t->db, r->t->box, &c, 1, &r->t->err), &r->t->err);
}

static void option(struct room *r, enum option_id id, const char *value)
{
	CHECK(option_save(r->t->db, r->t->box, id, str_c(value), &r->t->err), &r->t->err);
}

static void build(struct room *r)
{
	catalog_put(r->catalog);
	CHECK(catalog_build(r->t->db, r->t->box, &r->catalog, &r->t->err), &r->t->err);
}

static struct choice choice(const struct room *r)
{
	return (struct choice){
		.catalog = r->catalog,
		.vitals = &r->vitals,
		.group = STR("default"),
		.ask = &r->ask,
		.user_id = 1,
		.token_id = 10,
		.now_ms = r->now,
	};
}

/* The id of the next channel, 0 when there is none. */
static int next(struct room *r, struct tried *tried)
{
	struct choice q = choice(r);
	const struct catalog_channel *c;
	struct err err = { 0 };

	if (choose_channel(&q, tried, &c, &err))
		return (int)c->row.id;
	assert_int_equal(err.kind, ERR_NO_CHANNEL);
	return 0;
}

static int once(struct room *r)
{
	struct tried tried = { 0 };

	return next(r, &tried);
}

/* All that one request would try, "2 4 1". */
static const char *order(struct room *r)
{
	static char text[256];
	struct tried tried = { 0 };
	size_t n = 0;
	int id;

	text[0] = '\0';
	while ((id = next(r, &tried)) != 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d", n ? " " : "", id);
	return text;
}

static uint64_t pair(int64_t channel, const char *model)
{
	return breaker_pair(channel, str_hash(str_c(model)));
}

static void open_breaker(struct room *r, int64_t channel, int64_t for_ms)
{
	assert_true(breaker_failed(&r->vitals.breakers, pair(channel, "m"), for_ms, r->now));
}

/* ---- tiers and weights -------------------------------------------------------------------------- */

static void test_tiers(void **state)
{
	struct room r;

	open_room(&r, *state);
	add(&r, "m", -5, 9, "k", "");
	add(&r, "m", 0, 0, "k", "");
	add(&r, "m", 7, 1, "k", "");
	add(&r, "other", 9, 1, "k", "");
	build(&r);
	for (int i = 0; i < 20; i++)
		assert_string_equal(order(&r), "3 2 1");
	r.ask.model = STR("nobody");
	assert_string_equal(order(&r), "");
	close_room(&r);
}

/* How often each of a tier's numbers belongs to whom: exactly its weight. */
static void test_weights_exactly(void **state)
{
	static const struct {
		const char *name;
		int64_t weights[4];
		uint32_t want[4];
	} cases[] = {
		{ "as they are", { 3, 1, 5, 1 }, { 3, 1, 5, 1 } },
		{ "zero beside others", { 0, 2, 0, 1 }, { 0, 2, 0, 1 } },
		{ "all zero: alike", { 0, 0, 0, 0 }, { 1, 1, 1, 1 } },
		{ "negative is zero", { -5, 4, 1, 1 }, { 0, 4, 1, 1 } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;
		const struct candidates *list;
		uint32_t counts[4] = { 0 };

		open_room(&r, *state);
		db_script(r.t->db, "DELETE FROM channels", &r.t->err) ? (void)0 : fail();
		for (int k = 0; k < 4; k++)
			add(&r, "m", 1, cases[i].weights[k], "k", "");
		add(&r, "m", 0, 100, "k", "");
		build(&r);
		list = catalog_candidates(r.catalog, STR("default"), STR("m"));
		assert_int_equal(list->tier_count, 2);
		for (uint32_t n = 0; n < list->tiers[0].total; n++)
			counts[candidates_at(list, &list->tiers[0], n)]++;
		for (int k = 0; k < 4; k++)
			if (counts[k] != cases[i].want[k])
				fail_msg("%s: %d has %u, want %u", cases[i].name, k, counts[k],
				    cases[i].want[k]);
		close_room(&r);
	}
}

/* Draws as requests make them; chi-square with two degrees is beyond 27.6 once in a million. */
static void test_weights_drawn(void **state)
{
	enum { DRAWS = 30000 };
	static const double shares[] = { 0.5, 0.3, 0.2 };
	double chi = 0;
	int counts[6] = { 0 };
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 1, 50, "k", "");
	add(&r, "m", 1, 30, "k", "");
	add(&r, "m", 1, 20, "k", "");
	add(&r, "m", 1, 0, "k", "");
	build(&r);
	for (int i = 0; i < DRAWS; i++)
		counts[once(&r)]++;
	assert_int_equal(counts[4], 0);
	for (int k = 0; k < 3; k++)
		chi += pow(counts[k + 1] - DRAWS * shares[k], 2) / (DRAWS * shares[k]);
	if (chi > 27.6)
		fail_msg("chi-square %.1f: %d %d %d", chi, counts[1], counts[2], counts[3]);

	/* The same when the walk decides: the heaviest is out of order. */
	open_breaker(&r, 1, 60000);
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < DRAWS; i++)
		counts[once(&r)]++;
	assert_int_equal(counts[1] + counts[4], 0);
	chi = pow(counts[2] - DRAWS * 0.6, 2) / (DRAWS * 0.6) +
	    pow(counts[3] - DRAWS * 0.4, 2) / (DRAWS * 0.4);
	if (chi > 23.9) /* one degree */
		fail_msg("chi-square %.1f: %d %d", chi, counts[2], counts[3]);
	close_room(&r);
}

static void test_zero_weight(void **state)
{
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 1, 0, "k", "");
	add(&r, "m", 1, 1, "k", "");
	add(&r, "m", 0, 5, "k", "");
	build(&r);
	for (int i = 0; i < 20; i++)
		assert_string_equal(order(&r), "2 1 3");
	close_room(&r);
}

static void test_wildcards(void **state)
{
	static const struct {
		const char *model, *want;
	} cases[] = {
		{ "gpt-4o", "1 3 2 4" },    /* named; then the longest; then any */
		{ "gpt-4o-mini", "3 2 4" }, /* longer beginnings first */
		{ "gpt-4", "2 4" },
		{ "gpt-5", "4" },
		{ "claude", "4" },
		{ "gpt-4o*", "3 2 4" },
		{ "", "4" },
	};
	struct room r;

	open_room(&r, *state);
	add(&r, "gpt-4o", 0, 0, "k", "");
	add(&r, "gpt-4*", 9, 0, "k", "");
	add(&r, "gpt-4o*, gpt-4o-2024*", 0, 0, "k", "");
	add(&r, "*", 99, 0, "k", "");
	build(&r);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		r.ask.model = str_c(cases[i].model);
		if (strcmp(order(&r), cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].model, order(&r),
			    cases[i].want);
	}
	close_room(&r);
}

/* ---- breakers ------------------------------------------------------------------------------------ */

static void test_open_is_last(void **state)
{
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 9, 1, "k", "");
	add(&r, "m", 9, 1, "k", "");
	add(&r, "m", 0, 1, "k", "");
	build(&r);
	open_breaker(&r, 1, 30000);
	open_breaker(&r, 2, 20000);
	assert_string_equal(order(&r), "3 2 1"); /* the good one, then what is due first */
	open_breaker(&r, 3, 50000);
	assert_string_equal(order(&r), "2 1 3"); /* never nobody */
	/* its success closes it at once */
	breaker_succeeded(&r.vitals.breakers, pair(1, "m"), true, r.now);
	assert_int_equal(once(&r), 1);
	option(&r, OPT_CIRCUIT_BREAKER_ENABLED, "false");
	build(&r);
	assert_int_not_equal(once(&r), 3);
	close_room(&r);
}

/* One request at a time finds out whether it is back; the others go elsewhere meanwhile. */
static void test_half_open(void **state)
{
	struct tried first = { 0 }, second = { 0 }, third = { 0 };
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 9, 1, "k", "");
	add(&r, "m", 0, 1, "k", "");
	build(&r);
	open_breaker(&r, 1, 10000);
	assert_int_equal(once(&r), 2);
	r.now += 10000;
	assert_int_equal(next(&r, &first), 1);
	assert_true(first.probe);
	assert_int_equal(next(&r, &second), 2);
	assert_false(second.probe);
	breaker_succeeded(&r.vitals.breakers, first.pair, first.probe, r.now);
	assert_int_equal(next(&r, &third), 1);
	assert_false(third.probe);
	close_room(&r);
}

/* ---- keys ------------------------------------------------------------------------------------------ */

static const char *key_of(struct room *r)
{
	static char text[64];
	struct tried tried = { 0 };

	assert_int_equal(next(r, &tried), 1);
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(tried.key->text));
	return text;
}

/* Two requests in a row get different keys. */
static bool alternates(struct room *r)
{
	char first = key_of(r)[1];

	return key_of(r)[1] != first;
}

static void test_key_turns(void **state)
{
	static const char *const want[] = { "ka", "kb", "kc", "ka", "kb", "kc" };
	struct room r;
	int counts[256] = { 0 };

	open_room(&r, *state);
	add(&r, "m", 0, 0, " ka \r\n\nkb\nka\nkc\n", "{\"key_mode\":\"round_robin\"}");
	build(&r);
	assert_int_equal(catalog_channel(r.catalog, 1)->key_count, 3);
	for (size_t i = 0; i < COUNT_OF(want); i++)
		assert_string_equal(key_of(&r), want[i]);

	CHECK(db_script(r.t->db, "DELETE FROM channels", &r.t->err), &r.t->err);
	CHECK(db_script(r.t->db, "DELETE FROM sqlite_sequence", &r.t->err), &r.t->err);
	add(&r, "m", 0, 0, "ka\nkb\nkc", "{\"key_mode\":\"random\"}");
	build(&r);
	for (int i = 0; i < 3000; i++)
		counts[(unsigned char)key_of(&r)[1]]++;
	for (int c = 'a'; c <= 'c'; c++)
		assert_in_range(counts[c], 850, 1150); /* 5.8 standard deviations */
	close_room(&r);
}

/* A key that is parked is left out until it is free; the channel goes on with the others. */
static void test_key_parked(void **state)
{
	const struct catalog_key *keys;
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 0, 0, "ka\nkb", "{\"key_mode\":\"round_robin\"}");
	add(&r, "m", -1, 0, "k", "");
	build(&r);
	keys = catalog_channel(r.catalog, 1)->keys;
	assert_int_not_equal(keys[0].id, keys[1].id);
	keyring_park(&r.vitals.keys, &keys[0], r.now + 5000, r.now);
	for (int i = 0; i < 4; i++)
		assert_string_equal(key_of(&r), "kb");
	keyring_park(&r.vitals.keys, &keys[1], r.now + 9000, r.now);
	assert_string_equal(order(&r), "2 1"); /* no key free: the last choice */
	r.now += 5000;
	assert_string_equal(key_of(&r), "ka");
	assert_string_equal(key_of(&r), "ka");
	keyring_unpark(&r.vitals.keys, &keys[1]);
	assert_true(alternates(&r));
	close_room(&r);
}

/* What the database says is parked for good, until an admin or a success says otherwise. */
static void test_key_parked_for_good(void **state)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1];
	struct room r;
	bool changed;

	open_room(&r, *state);
	add(&r, "m", 0, 0, "ka\nkb", "{\"key_mode\":\"round_robin\"}");
	(void)channel_key_hash(r.t->box, STR("ka"), hash);
	CHECK(channel_key_park(r.t->db, 1, str_c(hash), STR("no"), &changed, &r.t->err), &r.t->err);
	build(&r);
	for (int i = 0; i < 4; i++)
		assert_string_equal(key_of(&r), "kb");
	CHECK_TEXT(catalog_first_key(catalog_channel(r.catalog, 1))->text, "kb");
	CHECK(channel_key_unpark(r.t->db, 1, STR(""), &changed, &r.t->err), &r.t->err);
	build(&r);
	assert_true(alternates(&r));
	close_room(&r);
}

/* ---- what to try after a failure ------------------------------------------------------------------- */

/* k: refused, its next key if there is one; c: the channel failed. What is chosen, "1a 1b 2". */
static const char *story(struct room *r, int retry_times, bool refused, bool pinned)
{
	static char text[512];
	struct tried tried = { 0 };
	struct choice q = choice(r);
	const struct catalog_channel *c = NULL;
	struct err err = { 0 };
	size_t n = 0;

	text[0] = '\0';
	do {
		bool ok = pinned ? choose_pinned(&q, 1, &tried, &c, &err)
		                 : choose_channel(&q, &tried, &c, &err);

		if (!ok)
			break;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d%.*s", n ? " " : "",
		    (int)c->row.id, STR_ARG(tried.key->text));
		if (refused) {
			keyring_note_tried(&tried.keys, tried.key);
			if (c->key_count > 1)
				keyring_park(&r->vitals.keys, tried.key, r->now + 1000, r->now);
		}
	} while (n < 400 && choose_again(&q, &tried, c, retry_times, pinned));
	r->now += 2000;
	return text;
}

static void test_again(void **state)
{
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 9, 0, "a\nb\nc", "{\"key_mode\":\"round_robin\"}");
	add(&r, "m", 5, 0, "d", "");
	add(&r, "m", 1, 0, "e", "");
	add(&r, "x", 1, 0, "f", "");
	build(&r);
	assert_string_equal(story(&r, 0, false, false), "1a");
	assert_string_equal(story(&r, 1, false, false), "1b 2d");
	assert_string_equal(story(&r, 9, false, false), "1c 2d 3e");
	/* keys first, and they are no retries */
	assert_string_equal(story(&r, 0, true, false), "1a 1b 1c");
	assert_string_equal(story(&r, 1, true, false), "1a 1b 1c 2d");
	/* who names a channel gets its other keys at most */
	assert_string_equal(story(&r, 9, true, true), "1a 1b 1c");
	assert_string_equal(story(&r, 9, false, true), "1a");
	close_room(&r);
}

static void test_max_retries(void **state)
{
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 9, 0, "a", "{\"max_retries\":2}");
	add(&r, "m", 5, 0, "b", "");
	add(&r, "m", 1, 0, "c", "{\"max_retries\":0}");
	build(&r);
	assert_string_equal(story(&r, 0, false, false), "1a 2b");
	assert_string_equal(story(&r, 9, false, false), "1a 2b 3c");
	close_room(&r);
}

static void test_chain(void **state)
{
	struct room r;

	open_room(&r, *state);
	option(&r, OPT_MODEL_FALLBACKS, "{\"m\":[\"nobody\",\"x\",\"y\"],\"fast\":[\"y\",\"m\"]}");
	add(&r, "m", 9, 0, "a", "");
	add(&r, "m", 5, 0, "b", "");
	add(&r, "x", 1, 0, "c", "");
	add(&r, "y,x", 0, 0, "d", "");
	build(&r);
	/* each model has its own further channels */
	assert_string_equal(story(&r, 0, false, false), "1a 3c 4d");
	assert_string_equal(story(&r, 1, false, false), "1a 2b 3c 4d 4d");
	/* a key that was refused is not tried again for another model */
	assert_string_equal(story(&r, 0, true, false), "1a 3c 4d");
	assert_string_equal(story(&r, 1, true, false), "1a 2b 3c 4d");
	assert_string_equal(story(&r, 9, false, true), "1a");
	r.ask.model = STR("fast"); /* only an alias; what follows m follows it */
	assert_string_equal(story(&r, 0, false, false), "4d 1a 3c");
	close_room(&r);
}

/* However much is configured, a request comes to an end. */
static void test_bounded(void **state)
{
	struct tried tried = { 0 };
	struct room r;
	int attempts = 0;

	open_room(&r, *state);
	for (int i = 0; i < 100; i++)
		add(&r, "m", 0, 1, "k", "");
	build(&r);
	while (next(&r, &tried))
		attempts++;
	assert_int_equal(attempts, TRIED_MAX);
	close_room(&r);
}

/* ---- a conversation -------------------------------------------------------------------------------- */

static void ask_for(struct room *r, const char *body)
{
	CHECK(jscan_check(str_c(body), 64, &r->ask.root, &r->t->err), &r->t->err);
	(void)jscan_member(r->ask.root, STR("messages"), &r->ask.messages);
}

#define FIRST "{\"role\":\"user\",\"content\":\"hello\"}"

static void test_affinity(void **state)
{
	struct tried tried = { 0 };
	struct room r;
	int served, strayed = 0;

	open_room(&r, *state);
	for (int i = 0; i < 4; i++)
		add(&r, "m", 5, 1, "k", "");
	add(&r, "m", 0, 1, "k", "");
	build(&r);
	ask_for(&r, "{\"messages\":[" FIRST "]}");
	served = next(&r, &tried);
	assert_true(tried.conversation.key != 0);
	affinity_note(&r.vitals.conversations, tried.conversation.key, tried.model_hash, served,
	    600000, r.now);
	/* the same first turn again is spread as ever: 100 on one of four by chance are impossible */
	for (int i = 0; i < 100; i++)
		strayed += once(&r) != served;
	assert_true(strayed > 0);
	ask_for(&r, "{\"messages\":[" FIRST ",{\"role\":\"assistant\",\"content\":\"hi\"}]}");
	for (int i = 0; i < 100; i++)
		assert_int_equal(once(&r), served);
	/* only if it is healthy, and only within the best tier */
	open_breaker(&r, served, 1000);
	for (int i = 0; i < 20; i++)
		assert_int_not_equal(once(&r), served);
	r.now += 600000;
	strayed = 0;
	for (int i = 0; i < 100; i++)
		strayed += once(&r) != served;
	assert_true(strayed > 0);
	affinity_note(&r.vitals.conversations, tried.conversation.key, tried.model_hash, 5, 600000,
	    r.now);
	for (int i = 0; i < 20; i++)
		assert_int_not_equal(once(&r), 5);
	option(&r, OPT_CHANNEL_AFFINITY_MINUTES, "0");
	build(&r);
	memset(&tried, 0, sizeof(tried));
	(void)next(&r, &tried);
	assert_false(tried.is_known); /* not even looked at */
	close_room(&r);
}

/* A model with one channel: the body is not looked at. */
static void test_affinity_costs_nothing(void **state)
{
	struct tried tried = { 0 };
	struct room r;

	open_room(&r, *state);
	add(&r, "m", 5, 1, "k", "");
	add(&r, "m", 0, 1, "k", "");
	build(&r);
	ask_for(&r, "{\"prompt_cache_key\":\"k\",\"messages\":[" FIRST "]}");
	assert_int_equal(next(&r, &tried), 1);
	assert_false(tried.is_known);
	close_room(&r);
}

/* ---- latency ---------------------------------------------------------------------------------------- */

static void test_latency(void **state)
{
	enum { DRAWS = 3000 };
	int counts[4] = { 0 };
	struct room r;

	open_room(&r, *state);
	for (int i = 0; i < 3; i++)
		add(&r, "m", 5, 1, "k", "");
	option(&r, OPT_CHANNEL_CHOICE, "latency");
	build(&r);
	standing_answered(&r.vitals.standings, 1, 100, r.now);
	standing_answered(&r.vitals.standings, 2, 200, r.now);
	standing_answered(&r.vitals.standings, 3, 400, r.now);
	for (int i = 0; i < DRAWS; i++)
		counts[once(&r)]++;
	/* The faster of two that differ: 1 beats both, 2 beats 3, the slowest is hardly ever alone
	 * in the draw (four times the same: once in 81). */
	assert_in_range(counts[1], DRAWS * 60 / 100, DRAWS * 72 / 100);
	assert_in_range(counts[2], DRAWS * 28 / 100, DRAWS * 38 / 100);
	assert_in_range(counts[3], 0, DRAWS * 3 / 100);

	/* What is under way counts: 1 with three is as slow as 400. */
	for (int i = 0; i < 5; i++)
		standing_begin(&r.vitals.standings, 1, 0, r.now);
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < DRAWS; i++)
		counts[once(&r)]++;
	assert_true(counts[2] > counts[3] && counts[3] > counts[1]);
	close_room(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_tiers),
		DB_TEST(test_weights_exactly),
		DB_TEST(test_weights_drawn),
		DB_TEST(test_zero_weight),
		DB_TEST(test_wildcards),
		DB_TEST(test_open_is_last),
		DB_TEST(test_half_open),
		DB_TEST(test_key_turns),
		DB_TEST(test_key_parked),
		DB_TEST(test_key_parked_for_good),
		DB_TEST(test_again),
		DB_TEST(test_max_retries),
		DB_TEST(test_chain),
		DB_TEST(test_bounded),
		DB_TEST(test_affinity),
		DB_TEST(test_affinity_costs_nothing),
		DB_TEST(test_latency),
	};

	return temp_db_run("choose", tests, COUNT_OF(tests));
}
