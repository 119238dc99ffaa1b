/* replicate_schema.c — see replicate_schema.h */
#include "provider/replicate_schema.h"

#include <pthread.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "provider/convert.h"

#define SLOTS 256
#define KNOWN_S 600
#define GUESS_S 60
/* Images per prediction where the schema has a number of them but no maximum. */
#define OUTPUTS 4

/* ---- members ------------------------------------------------------------------------------- */

/* clang-format off */
enum used { CHAT = 1, PAINT = 2 };

/* Members of inputs, and what a model whose schema nobody told is taken to have. */
static const struct {
	struct str name;
	unsigned guess;
} members[] = {
	{ STR_INIT("prompt"), CHAT | PAINT },
	{ STR_INIT("text"), 0 },
	{ STR_INIT("input"), 0 },
	{ STR_INIT("system_prompt"), CHAT },
	{ STR_INIT("system_instruction"), 0 },
	{ STR_INIT("max_tokens"), 0 },
	{ STR_INIT("max_new_tokens"), 0 },
	{ STR_INIT("max_completion_tokens"), 0 },
	{ STR_INIT("max_output_tokens"), 0 },
	{ STR_INIT("temperature"), CHAT },
	{ STR_INIT("top_p"), CHAT },
	{ STR_INIT("top_k"), CHAT },
	{ STR_INIT("presence_penalty"), CHAT },
	{ STR_INIT("frequency_penalty"), CHAT },
	{ STR_INIT("stop_sequences"), CHAT },
	{ STR_INIT("stop"), 0 },
	{ STR_INIT("reasoning_effort"), 0 },
	{ STR_INIT("verbosity"), 0 },
	{ STR_INIT("seed"), CHAT | PAINT },
	{ STR_INIT("image"), PAINT },
	{ STR_INIT("images"), 0 },
	{ STR_INIT("image_input"), 0 },
	{ STR_INIT("input_image"), PAINT },
	{ STR_INIT("input_images"), 0 },
	{ STR_INIT("image_prompt"), PAINT },
	{ STR_INIT("mask"), PAINT },
	{ STR_INIT("width"), 0 },
	{ STR_INIT("height"), 0 },
	{ STR_INIT("aspect_ratio"), 0 },
	{ STR_INIT("size"), 0 },
	{ STR_INIT("num_outputs"), 0 },
	{ STR_INIT("number_of_images"), 0 },
	{ STR_INIT("num_images"), 0 },
	{ STR_INIT("output_format"), PAINT },
	{ STR_INIT("guidance"), PAINT },
	{ STR_INIT("guidance_scale"), 0 },
	{ STR_INIT("steps"), PAINT },
	{ STR_INIT("num_inference_steps"), 0 },
	{ STR_INIT("safety_tolerance"), PAINT },
	{ STR_INIT("negative_prompt"), PAINT },
	{ STR_INIT("prompt_strength"), 0 },
	{ STR_INIT("output_quality"), 0 },
	{ STR_INIT("quality"), 0 },
	{ STR_INIT("background"), 0 },
	{ STR_INIT("style"), 0 },
	{ STR_INIT("resolution"), 0 },
};

static const struct {
	int w, h;
	struct str name;
} ratios[] = {
	{ 1, 1, STR_INIT("1:1") },
	{ 16, 9, STR_INIT("16:9") },
	{ 9, 16, STR_INIT("9:16") },
	{ 3, 2, STR_INIT("3:2") },
	{ 2, 3, STR_INIT("2:3") },
	{ 4, 3, STR_INIT("4:3") },
	{ 3, 4, STR_INIT("3:4") },
	{ 5, 4, STR_INIT("5:4") },
	{ 4, 5, STR_INIT("4:5") },
	{ 21, 9, STR_INIT("21:9") },
	{ 9, 21, STR_INIT("9:21") },
};
/* clang-format on */

#define ALL_RATIOS ((1u << COUNT_OF(ratios)) - 1)
#define RATIO_CUSTOM (1u << COUNT_OF(ratios))

_Static_assert(COUNT_OF(members) <= 64, "names are bits of 64");

static uint64_t bit_of(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (str_eq(members[i].name, name))
			return UINT64_C(1) << i;
	return 0;
}

bool replicate_takes(const struct replicate_schema *s, const char *name)
{
	return (s->names & bit_of(str_c(name))) != 0;
}

bool replicate_takes_list(const struct replicate_schema *s, const char *name)
{
	return (s->lists & bit_of(str_c(name))) != 0;
}

const char *replicate_first(const struct replicate_schema *s, const char *const *names)
{
	while (*names && !replicate_takes(s, *names))
		names++;
	return *names;
}

bool replicate_has_custom_ratio(const struct replicate_schema *s)
{
	return (s->ratios & RATIO_CUSTOM) != 0;
}

const char *replicate_ratio(const struct replicate_schema *s, int64_t width, int64_t height)
{
	double wanted = (double)width / (double)height, best = 1e9;
	struct str name = ratios[0].name;

	for (size_t i = 0; i < COUNT_OF(ratios); i++) {
		double ratio = (double)ratios[i].w / ratios[i].h;
		double off = ratio > wanted ? ratio / wanted : wanted / ratio;

		if (!(s->ratios & 1u << i) || off >= best)
			continue;
		best = off;
		name = ratios[i].name;
	}
	return name.p;
}

/* ---- guesses ------------------------------------------------------------------------------- */

/* What the families on the platform call their members. */
static const struct family {
	struct str prefix;
	const char *max_tokens, *image;
	bool list, of_openai;
} families[] = {
	{ STR_INIT("openai/"), "max_completion_tokens", "image_input", true, true },
	{ STR_INIT("google/"), "max_output_tokens", "images", true, false },
	{ STR_INIT(""), "max_tokens", "image", false, false },
};

static const struct family *family_of(struct str model)
{
	size_t i = 0;

	while (!str_starts(model, families[i].prefix))
		i++;
	return &families[i];
}

static bool makes_several(struct str model)
{
	static const struct str several[] = { STR_INIT("flux-schnell"), STR_INIT("flux-dev"),
		STR_INIT("sdxl"), STR_INIT("stable-diffusion") };

	for (size_t i = 0; i < COUNT_OF(several); i++)
		if (str_has(model, several[i]) && !str_has(model, STR("diffusion-3")))
			return true;
	return false;
}

static bool takes_pixels(struct str model)
{
	return str_has(model, STR("sdxl")) ||
	    (str_has(model, STR("stable-diffusion")) && !str_has(model, STR("diffusion-3")));
}

static void guess_sizes(struct replicate_schema *s, struct str model)
{
	if (takes_pixels(model))
		s->names |= bit_of(STR("width")) | bit_of(STR("height"));
	else
		s->names |= bit_of(STR("aspect_ratio"));
	if (makes_several(model)) {
		s->names |= bit_of(STR("num_outputs"));
		s->outputs = OUTPUTS;
	}
}

struct replicate_schema replicate_schema_guess(struct str model)
{
	const struct family *family = family_of(model);
	struct replicate_schema s = { .ratios = ALL_RATIOS, .outputs = 1 };
	uint64_t image = bit_of(str_c(family->image));

	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (members[i].guess)
			s.names |= UINT64_C(1) << i;
	s.names |= bit_of(str_c(family->max_tokens)) | image;
	s.lists = family->list ? image : 0;
	if (family->of_openai)
		s.names |= bit_of(STR("reasoning_effort")) | bit_of(STR("verbosity"));
	if (str_has(model, STR("kontext")))
		s.names &= ~image; /* theirs is input_image */
	guess_sizes(&s, model);
	return s;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The schema that the property points to, or the property itself. */
static struct jval follow(struct jval schemas, struct jval property)
{
	static const struct str place = STR_INIT("#/components/schemas/");
	struct jval ref = convert_member(property, STR("$ref"));
	struct str name;

	if (ref.type != J_STRING)
		ref = convert_at(property, "allOf.0.$ref");
	name = convert_inside(ref);
	if (!str_starts(name, place))
		return property;
	return convert_member(schemas, str_slice(name, place.n, name.n));
}

static uint32_t read_ratios(struct jval property)
{
	struct jval values = convert_member(property, STR("enum")), value;
	struct jiter it = jscan_iter(values);
	uint32_t found = 0;

	if (values.type != J_ARRAY)
		return ALL_RATIOS;
	while (jscan_next_item(&it, &value)) {
		for (size_t i = 0; i < COUNT_OF(ratios); i++)
			found |= jscan_is(value, ratios[i].name) ? 1u << i : 0;
		found |= jscan_is(value, STR("custom")) ? RATIO_CUSTOM : 0;
	}
	return found & ALL_RATIOS ? found : found | ALL_RATIOS;
}

static void read_property(struct replicate_schema *s, struct jval schemas, size_t i,
    struct jval property)
{
	uint64_t bit = UINT64_C(1) << i;
	struct str name = members[i].name;

	s->names |= bit;
	property = follow(schemas, property);
	if (jscan_is(convert_member(property, STR("type")), STR("array")))
		s->lists |= bit;
	if (str_eq_c(name, "aspect_ratio"))
		s->ratios = read_ratios(property);
	if ((str_eq_c(name, "num_outputs") || str_eq_c(name, "number_of_images") ||
	        str_eq_c(name, "num_images")) &&
	    !jscan_int(convert_member(property, STR("maximum")), 1, 16, &s->outputs))
		s->outputs = OUTPUTS;
}

struct replicate_schema replicate_schema_read(struct str body, struct str model)
{
	struct replicate_schema s = { .known = true, .ratios = ALL_RATIOS, .outputs = 1 };
	struct jval root = { 0 }, schemas, properties, property;
	struct jiter it;
	struct str name;

	if (!jscan_value(body, &root))
		return replicate_schema_guess(model);
	schemas = convert_at(root, "latest_version.openapi_schema.components.schemas");
	if (schemas.type != J_OBJECT)
		schemas = convert_at(root, "openapi_schema.components.schemas");
	properties = convert_at(schemas, "Input.properties");
	if (properties.type != J_OBJECT)
		return replicate_schema_guess(model);
	it = jscan_iter(properties);
	while (jscan_next_member(&it, &name, &property))
		for (size_t i = 0; i < COUNT_OF(members); i++)
			if (jscan_name_is(name, members[i].name))
				read_property(&s, schemas, i, property);
	return s.names ? s : replicate_schema_guess(model);
}

/* ---- memory -------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock; /* guards the slots */
	struct slot {
		uint8_t key[REPLICATE_KEY_BYTES];
		int64_t expires_at; /* 0: free */
		struct replicate_schema schema;
	} slots[SLOTS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool replicate_schema_get(const uint8_t key[REPLICATE_KEY_BYTES], struct replicate_schema *out)
{
	int64_t now = clock_unix();
	bool found = false;

	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < SLOTS && !found; i++) {
		const struct slot *s = &table.slots[i];

		found = s->expires_at > now && memcmp(s->key, key, REPLICATE_KEY_BYTES) == 0;
		if (found)
			*out = s->schema;
	}
	pthread_mutex_unlock(&table.lock);
	return found;
}

/* Its own place, or else that of the one which ends first. */
static struct slot *place_for(const uint8_t key[REPLICATE_KEY_BYTES])
{
	struct slot *first = &table.slots[0];

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &table.slots[i];

		if (memcmp(s->key, key, REPLICATE_KEY_BYTES) == 0)
			return s;
		if (s->expires_at < first->expires_at)
			first = s;
	}
	return first;
}

void replicate_schema_put(const uint8_t key[REPLICATE_KEY_BYTES], const struct replicate_schema *s)
{
	struct slot *slot;

	pthread_mutex_lock(&table.lock);
	slot = place_for(key);
	memcpy(slot->key, key, REPLICATE_KEY_BYTES);
	slot->schema = *s;
	slot->expires_at = clock_unix() + (s->known ? KNOWN_S : GUESS_S);
	pthread_mutex_unlock(&table.lock);
}

void replicate_schema_forget(void)
{
	pthread_mutex_lock(&table.lock);
	memset(table.slots, 0, sizeof(table.slots));
	pthread_mutex_unlock(&table.lock);
}
