/* providers.h — the table of providers: all 51 channel types, one row each
 *
 * The id is stored in channels and never changes (one-api's channel type numbers). Adding an
 * OpenAI-compatible provider is a row; see adaptor.h for a dialect.
 */
#ifndef PROVIDER_PROVIDERS_H
#define PROVIDER_PROVIDERS_H

#include "base/attr.h"
#include "base/str.h"

struct adaptor;

#define PROVIDER_COUNT 51

/* How the upstream URL is made from base URL and the client's path (relay.md section 7). */
enum url_rule {
	URL_DEFAULT,    /* base + /v1/… */
	URL_WITHOUT_V1, /* base without trailing / + path without /v1 */
	URL_AZURE,
	URL_MINIMAX,  /* /v1/text/chatcompletion_v2 */
	URL_DOUBAO,   /* /api/v3/… */
	URL_NOVITA,   /* base + path without /v1 */
	URL_BAIDU_V2, /* /v2/chat/completions */
	URL_BAILIAN,  /* /compatible-mode/v1/… */
	URL_XUNFEI,   /* /v1/…, for some models /v2/… */
	URL_DEEPSEEK, /* completions below /beta */
	URL_ADAPTOR,  /* the dialect knows */
};

enum {
	QUIRK_NO_STREAM_USAGE = 1, /* refuses stream_options */
	QUIRK_BASE_URL_REQUIRED = 2,
	QUIRK_MODELS_OPTIONAL = 4,
	QUIRK_KEY_IS_ONE = 8,     /* a key may contain line ends: never split (33, 42) */
	QUIRK_REFERER = 16,       /* HTTP-Referer and X-Title (OpenRouter) */
	QUIRK_NO_IMAGE_SIZE = 32, /* refuses size, quality and style of images */
	QUIRK_IMAGE_NAMES = 64,   /* image_size and batch_size; replies with `images` */
	QUIRK_IMAGE_WIDTH = 128,  /* width and height instead of size; base64 for b64_json */
};

struct provider {
	int id;
	const char *name;
	const struct adaptor *adaptor; /* NULL: this build has no dialect for it yet */
	const char *base_url;
	enum url_rule url_rule;
	unsigned quirks;
	unsigned modes; /* bits 1 << enum mode */
	const char *owned_by;
	const char *legacy_other;  /* member of config that the column `other` fills, or "" */
	const char *const *models; /* default list, NULL-terminated */
	bool in_catalogue;
};

extern const struct provider providers[PROVIDER_COUNT];

/* NULL when there is none. */
const struct provider *provider_by_id(int64_t id);

/* Every model of the built-in catalogue once, in catalogue order, with who owns it first. */
struct catalogue_model {
	const char *name, *owned_by;
};
const struct catalogue_model *provider_catalogue(size_t *count);
/* NULL when the name is not in it. */
const char *provider_model_owner(struct str model);

#endif
