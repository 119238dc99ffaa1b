/* image_tokens.c — see image_tokens.h
 *
 * All in whole numbers: where the guide scales by a square root, only its whole part in patches
 * decides, and that can be compared by squares.
 */
#include "billing/image_tokens.h"

enum {
	TILE = 512,        /* pixels */
	TILES_SIDE = 2048, /* a longer side is scaled down to it before tiles are counted */
	PATCH = 32,
	LOW_PATCHES = 256, /* detail low: 512 × 512 pixels */
};

/* Larger than any side in a header of thirty-two bits would be pointless, and products must fit. */
#define SIDE_MAX (INT64_C(1) << 31)

struct image_rule {
	struct str prefix; /* of the model's name */
	int64_t (*count)(const struct image_rule *r, struct image_size size, enum image_detail d);
	enum image_detail normal; /* when the request says auto or nothing */
	/* by tiles */
	int base, tile, short_side;
	/* by patches */
	int budget, side, hundredths;       /* multiplier × 100 */
	int original_budget, original_side; /* 0: detail original is like high */
};

static int64_t by_tiles(const struct image_rule *r, struct image_size size, enum image_detail d);
static int64_t by_patches(const struct image_rule *r, struct image_size size, enum image_detail d);
static int64_t by_area(const struct image_rule *r, struct image_size size, enum image_detail d);

/* OpenAI, guide "Images and vision", and measurements by users of the API, as of 2025-12. */
/* clang-format off */
#define TILES(model, base, tile, short_side) \
	{ STR_INIT(model), by_tiles, IMAGE_HIGH, base, tile, short_side, 0, 0, 0, 0, 0 }
#define PATCHES(model, budget, hundredths) \
	{ STR_INIT(model), by_patches, IMAGE_HIGH, 0, 0, 0, budget, 2048, hundredths, 0, 0 }
#define PATCHES_OR_ORIGINAL(model, normal, budget, hundredths) \
	{ STR_INIT(model), by_patches, normal, 0, 0, 0, budget, 2048, hundredths, 10000, 6000 }

static const struct image_rule rules[] = {
	TILES("",                     85,   170,  768), /* gpt-4o, gpt-4.1, gpt-4.5, gpt-4-turbo … */
	TILES("gpt-4o-mini",          2833, 5667, 768),
	TILES("gpt-5",                70,   140,  768),
	TILES("o1",                   75,   150,  768),
	TILES("o3",                   75,   150,  768),
	TILES("computer-use-preview", 65,   129,  768),
	TILES("gpt-image-1",          65,   129,  512),
	PATCHES("gpt-4.1-mini",  1536, 162),
	PATCHES("gpt-4.1-nano",  1536, 246),
	PATCHES("o4-mini",       1536, 172),
	PATCHES("gpt-5-mini",    1536, 162), /* measured: 1.2 */
	PATCHES("gpt-5-nano",    1536, 246), /* measured: 1.5 */
	PATCHES("gpt-5.4-mini",  1536, 162), /* measured: 1.2 */
	PATCHES("gpt-5.4-nano",  1536, 246), /* measured: 1.2 */
	PATCHES("gpt-5.2",       1536, 120), /* here and below: measured */
	PATCHES("gpt-5.3-codex", 1536, 120),
	PATCHES("gpt-5-codex",   1536, 120),
	PATCHES("gpt-5.1-codex", 1536, 120),
	PATCHES_OR_ORIGINAL("gpt-5.4", IMAGE_HIGH,     2500, 120),
	PATCHES_OR_ORIGINAL("gpt-5.5", IMAGE_ORIGINAL, 2500, 120),
	/* Anthropic, "Vision": width × height / 750 after scaling to a side of 1568, 1600 at most */
	{ STR_INIT("claude"), by_area, IMAGE_HIGH, 1600, 750, 1568, 0, 0, 0, 0, 0 },
};
/* clang-format on */

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t pieces(int64_t length, int64_t piece)
{
	return (length + piece - 1) / piece;
}

static bool is_known(struct image_size size)
{
	return size.width > 0 && size.height > 0;
}

/* Scaled down so that what is `now` becomes `wanted`, in whole pixels, never to nothing. */
static struct image_size scaled(struct image_size size, int64_t now, int64_t wanted)
{
	if (now <= wanted)
		return size;
	return (struct image_size){ larger(size.width * wanted / now, 1),
		larger(size.height * wanted / now, 1) };
}

static struct image_size with_side(struct image_size size, int64_t longest)
{
	return scaled(size, larger(size.width, size.height), longest);
}

/* ---- tiles -----------------------------------------------------------------------------------*/

static int64_t by_tiles(const struct image_rule *r, struct image_size size, enum image_detail d)
{
	if (d == IMAGE_LOW)
		return r->base;
	if (!is_known(size))
		size = (struct image_size){ TILES_SIDE, r->short_side };
	size = with_side(size, TILES_SIDE);
	size = scaled(size, smaller(size.width, size.height), r->short_side);
	return r->base + r->tile * pieces(size.width, TILE) * pieces(size.height, TILE);
}

/* ---- patches ---------------------------------------------------------------------------------*/

static int64_t patches_of(struct image_size size)
{
	return pieces(size.width, PATCH) * pieces(size.height, PATCH);
}

/* The largest k with k² ≤ budget × a / b, at least 1: the patches that side a of a picture with
 * sides a and b has when it fills the budget. Sides are at most some thousand pixels. */
static int64_t patches_along(int64_t a, int64_t b, int64_t budget)
{
	int64_t k = 1;

	while ((k + 1) * (k + 1) * b <= budget * a)
		k++;
	return k;
}

/* As large as the budget allows, with a whole number of patches along one side. */
static struct image_size fitted(struct image_size size, int64_t budget)
{
	int64_t w = size.width, h = size.height;
	int64_t across = patches_along(w, h, budget), down = patches_along(h, w, budget);

	if (across * h <= down * w)
		return (struct image_size){ PATCH * across, larger(PATCH * across * h / w, 1) };
	return (struct image_size){ larger(PATCH * down * w / h, 1), PATCH * down };
}

static int64_t by_patches(const struct image_rule *r, struct image_size size, enum image_detail d)
{
	int64_t budget = r->budget, side = r->side, patches;

	if (d == IMAGE_LOW) {
		budget = LOW_PATCHES;
		side = TILE;
	} else if (d == IMAGE_ORIGINAL && r->original_budget) {
		budget = r->original_budget;
		side = r->original_side;
	}
	patches = budget;
	if (is_known(size)) {
		size = with_side(size, side);
		if (patches_of(size) > budget)
			size = fitted(size, budget);
		patches = smaller(patches_of(size), budget);
	}
	return pieces(patches * r->hundredths, 100);
}

/* ---- area ------------------------------------------------------------------------------------*/

/* base: the most; tile: pixels to a token; short_side: the longest side. */
static int64_t by_area(const struct image_rule *r, struct image_size size, enum image_detail d)
{
	if (!is_known(size))
		return r->base;
	size = with_side(size, r->short_side);
	return smaller(pieces(size.width * size.height, r->tile), r->base);
}

/* ---- the module ------------------------------------------------------------------------------*/

static const struct image_rule *rule_of(struct str model)
{
	const struct image_rule *found = &rules[0];

	for (size_t i = model.n; i > 0; i--)
		if (model.p[i - 1] == '/') {
			model = str_slice(model, i, model.n);
			break;
		}
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (rules[i].prefix.n > found->prefix.n && str_starts(model, rules[i].prefix))
			found = &rules[i];
	return found;
}

enum image_detail image_detail_of(struct str word)
{
	if (str_eq(word, STR("low")))
		return IMAGE_LOW;
	if (str_eq(word, STR("high")))
		return IMAGE_HIGH;
	return str_eq(word, STR("original")) ? IMAGE_ORIGINAL : IMAGE_AUTO;
}

int64_t image_tokens(struct str model, struct image_size size, enum image_detail detail)
{
	const struct image_rule *r = rule_of(model);

	if (size.width > SIDE_MAX || size.height > SIDE_MAX)
		size = (struct image_size){ 0 };
	return r->count(r, size, detail == IMAGE_AUTO ? r->normal : detail);
}

int64_t image_fidelity_tokens(struct image_size size)
{
	enum { SQUARE = 4160, OTHER = 6240 };

	return is_known(size) && size.width == size.height ? SQUARE : OTHER;
}
