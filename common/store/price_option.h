/* price_option.h — the option ModelPrice: what a model costs beside its input and its output
 *
 * ModelRatio says what an input token costs and CompletionRatio how much more an output token does.
 * Everything else stands in ModelPrice, a JSON object model → prices. Nothing in it is needed: what
 * is not said is as the built-in table has it, or costs what the plain token costs.
 *
 *	{ "claude-sonnet-4-5": { "cached": 0.1, "cache_write": 1.25, "cache_write_1h": 2 },
 *	  "gpt-4o-audio-preview": { "audio_in": 16, "audio_out": 32 },
 *	  "gemini-2.5-pro": { "tiers": [ { "above": 200000, "input": 2, "output": 1.5 } ] },
 *	  "my-images": { "per_image": { "1024x1024": 0.04, "hd/1024x1024": 0.08, "*": 0.12 } },
 *	  "my-voice": { "per_million_characters": 15 },
 *	  "my-ears": { "per_minute": 0.006 },
 *	  "my-search": { "per_request": 0.01 }, "the-same": 0.01 }
 *
 * Units
 *	cached, cache_write, cache_write_1h, audio_in, image_in, reasoning, audio_out, image_out
 *		times the model's input price, for each token of that part
 *	batch	times all of this, for what goes through a batch; 0.5 when not given
 *	tiers   when a prompt has more than `above` tokens, every input price of that request is
 *		multiplied with `input` and every output price with `output` (1 when not given);
 *		ascending, at most TIERS_MAX; [] = none
 *	per_image, per_minute, per_million_characters, per_million_trained, per_request
 *		US dollars; trained: tokens of fine-tuning. per_request is added to the rest.
 *		per_image may be an object: the first of "QUALITY/SIZE", "SIZE", "QUALITY" and "*"
 *		that is in it counts, else the dearest
 *
 * Numbers are 0, which is free, or from a millionth to 1,000,000, kept in millionths. What is not 0
 * but would be rounded to it is refused: nothing becomes free by its smallness. A name may carry a
 * channel type, NAME(TYPE).
 *
 * What is stored may come from elsewhere (an import, a hand in the database) and still has to have a
 * price: there a figure that is too small counts as a millionth, one that is too large as 1,000,000,
 * and an entry with any other fault as if it were not there.
 *
 * Errors   ERR_BAD_REQUEST naming the entry and its member.
 * Threads  pure.
 */
#ifndef STORE_PRICE_OPTION_H
#define STORE_PRICE_OPTION_H

#include "base/jscan.h"

#define RATIO_ONE INT64_C(1000000)
#define RATIO_MAX (INT64_C(1000000) * RATIO_ONE)
#define TIERS_MAX 4

enum meter {
	METER_END, /* no more: lists of extras end with it */
	/* times the input price */
	METER_CACHED,
	METER_CACHE_WRITE,
	METER_CACHE_WRITE_1H,
	METER_AUDIO_IN,
	METER_IMAGE_IN,
	METER_REASONING,
	METER_AUDIO_OUT,
	METER_IMAGE_OUT,
	METER_BATCH,    /* times all prices, in a batch */
	METER_TIER,     /* value: factor on input prices */
	METER_NO_TIERS, /* drops those of the built-in table */
	/* US dollars */
	METER_PER_IMAGE,
	METER_PER_MINUTE,
	METER_PER_MILLION_CHARACTERS,
	METER_PER_MILLION_TRAINED,
	METER_PER_REQUEST,
	/* times the model's price of an image; in the built-in table only */
	METER_IMAGE_FACTOR,
};

/* One price beside input and output. */
struct price_extra {
	enum meter meter;
	int64_t value;         /* millionths of the meter's unit */
	int64_t above, output; /* METER_TIER */
	const char *which;     /* METER_PER_IMAGE, METER_IMAGE_FACTOR: "hd/1024x1024", "*" … */
};

/* One member of the option. */
struct price_entry {
	struct str name;
	const struct price_extra *extras; /* ends with METER_END */
};

/* Who wrote the text: somebody who can be told what is wrong with it, or nobody who is there. */
enum price_source { PRICE_NEW, PRICE_STORED };

/* What of a stored text is not as it should be. */
struct price_faults {
	size_t count;
	struct str first; /* a name */
};

struct price_option {
	struct jval root;
	struct jiter it;
	enum price_source source;
	struct price_faults faults;
};

/* "" counts as {}. text must outlive what is read from it. Fails also for a stored text that is no
 * JSON object. */
MUST_USE bool price_option_open(struct str text, enum price_source source, struct price_option *out,
    struct err *err);
/* *more is false at the end. What *out points to is the arena's. Never fails for a stored text. */
MUST_USE bool price_option_next(struct price_option *o, struct arena *a, struct price_entry *out,
    bool *more, struct err *err);

/* "2.5" or "0.000001" to millionths, rounded to nearest; false when it is neither 0 nor from half a
 * millionth to 1,000,000. */
MUST_USE bool ratio_parse(struct str number, int64_t *out);
/* The same for a value; why says what is wrong with it, and is NULL when nothing is. Of a stored one
 * that is only too small or too large there is a why and a value. */
MUST_USE bool ratio_value(struct jval v, enum price_source source, int64_t *out, const char **why);
void price_fault(struct price_faults *faults, struct str name);

/* An option of the form { name: ratio }, as a whole: ERR_BAD_REQUEST naming the first entry that
 * may not be saved. */
MUST_USE bool ratios_check(struct str text, struct err *err);

#endif
