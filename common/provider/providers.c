/* providers.c — one row per channel type, and the catalogue of models made from them */
#include "provider/providers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/model_names.h"

/* clang-format off */

#define OPENAI &openai_adaptor
#define OLLAMA &ollama_adaptor
#define PROXY &proxy_adaptor
#define ANTHROPIC &anthropic_adaptor
#define BEDROCK &bedrock_adaptor
#define GEMINI &gemini_adaptor
#define PALM &palm_adaptor
#define VERTEX &vertex_adaptor
#define COHERE &cohere_adaptor
#define CLOUDFLARE &cloudflare_adaptor
#define DEEPL &deepl_adaptor
#define REPLICATE &replicate_adaptor
#define NOT_YET NULL

#define NONE 0u
#define BIT(mode) (1u << MODE_##mode)
#define CHAT BIT(CHAT)
#define TEXT (CHAT | BIT(COMPLETIONS))
#define EMBED BIT(EMBEDDINGS)
#define MODERATE BIT(MODERATIONS)
#define PAINT BIT(IMAGES)
#define IMAGES (PAINT | BIT(IMAGE_EDITS) | BIT(IMAGE_VARIATIONS))
#define SPEAK BIT(SPEECH)
#define HEAR BIT(TRANSCRIPTION)
#define AUDIO (SPEAK | HEAR | BIT(TRANSLATION))
#define RESPOND BIT(RESPONSES)
#define RERANK BIT(RERANK)
#define KEEP BIT(RESOURCE)
/* All that OpenAI itself does or did. */
#define ALL (TEXT | EMBED | MODERATE | BIT(EDITS) | IMAGES | AUDIO | RESPOND | \
	BIT(RESPONSES_COMPACT) | KEEP)
/* Who stands in front of who knows whom. */
#define ANY (ALL | RERANK)

/*	  id, name, dialect, base URL, URL rule,
 *	  quirks, modes, owned_by, legacy `other`, models, in the catalogue? */
const struct provider providers[PROVIDER_COUNT] = {
	{ 1, "openai", OPENAI, "https://api.openai.com", URL_DEFAULT,
	  0, ALL, "openai", "", models_openai, true },
	{ 2, "api2d", OPENAI, "https://oa.api2d.net", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 3, "azure", OPENAI, "", URL_AZURE,
	  QUIRK_BASE_URL_REQUIRED, ALL, "azure", "api_version", models_openai, false },
	{ 4, "closeai", OPENAI, "https://api.closeai-proxy.xyz", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 5, "openai-sb", OPENAI, "https://api.openai-sb.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 6, "openai-max", OPENAI, "https://api.openaimax.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 7, "ohmygpt", OPENAI, "https://api.ohmygpt.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 8, "custom", OPENAI, "", URL_DEFAULT,
	  QUIRK_BASE_URL_REQUIRED, ANY, "openai", "", models_openai, false },
	{ 9, "ails", OPENAI, "https://api.caipacity.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 10, "aiproxy", OPENAI, "https://api.aiproxy.io", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 11, "palm", PALM, "https://generativelanguage.googleapis.com", URL_ADAPTOR,
	  0, CHAT, "google palm", "", models_palm, true },
	{ 12, "api2gpt", OPENAI, "https://api.api2gpt.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 13, "aigc2d", OPENAI, "https://api.aigc2d.com", URL_DEFAULT,
	  0, ANY, "openai", "", models_openai, false },
	{ 14, "anthropic", ANTHROPIC, "https://api.anthropic.com", URL_ADAPTOR,
	  0, CHAT, "anthropic", "", models_anthropic, true },
	{ 15, "baidu", NOT_YET, "https://aip.baidubce.com", URL_ADAPTOR,
	  0, NONE, "baidu", "", models_baidu, true },
	{ 16, "zhipu", NOT_YET, "https://open.bigmodel.cn", URL_ADAPTOR,
	  0, NONE, "zhipu", "", models_zhipu, true },
	{ 17, "ali", NOT_YET, "https://dashscope.aliyuncs.com", URL_ADAPTOR,
	  0, NONE, "ali", "plugin", models_ali, true },
	{ 18, "xunfei", NOT_YET, "", URL_ADAPTOR,
	  0, NONE, "xunfei", "api_version", models_xunfei, true },
	{ 19, "ai360", OPENAI, "https://ai.360.cn", URL_DEFAULT,
	  0, CHAT | EMBED, "360", "", models_ai360, true },
	{ 20, "openrouter", OPENAI, "https://openrouter.ai/api", URL_DEFAULT,
	  QUIRK_REFERER, TEXT | EMBED | RESPOND, "openrouter", "", models_openrouter, false },
	{ 21, "aiproxy-library", NOT_YET, "https://api.aiproxy.io", URL_ADAPTOR,
	  0, NONE, "aiproxy", "library_id", models_openai, false },
	{ 22, "fastgpt", OPENAI, "https://fastgpt.run/api/openapi", URL_DEFAULT,
	  0, CHAT, "openai", "", models_openai, false },
	{ 23, "tencent", NOT_YET, "https://hunyuan.tencentcloudapi.com", URL_ADAPTOR,
	  0, NONE, "tencent", "", models_tencent, true },
	{ 24, "gemini", GEMINI, "https://generativelanguage.googleapis.com", URL_ADAPTOR,
	  0, CHAT | EMBED | PAINT | SPEAK, "google gemini", "api_version", models_gemini, true },
	{ 25, "moonshot", OPENAI, "https://api.moonshot.cn", URL_DEFAULT,
	  0, CHAT | KEEP, "moonshot", "", models_moonshot, true },
	{ 26, "baichuan", OPENAI, "https://api.baichuan-ai.com", URL_DEFAULT,
	  0, CHAT | EMBED, "baichuan", "", models_baichuan, true },
	{ 27, "minimax", OPENAI, "https://api.minimax.chat", URL_MINIMAX,
	  0, CHAT, "minimax", "", models_minimax, true },
	{ 28, "mistral", OPENAI, "https://api.mistral.ai", URL_DEFAULT,
	  QUIRK_NO_STREAM_USAGE, CHAT | EMBED | MODERATE | SPEAK | HEAR | KEEP, "mistralai", "", models_mistral, true },
	{ 29, "groq", OPENAI, "https://api.groq.com/openai", URL_DEFAULT,
	  0, CHAT | RESPOND | AUDIO | KEEP, "groq", "", models_groq, true },
	{ 30, "ollama", OLLAMA, "http://localhost:11434", URL_ADAPTOR,
	  0, TEXT | EMBED, "ollama", "", models_ollama, true },
	{ 31, "lingyiwanwu", OPENAI, "https://api.lingyiwanwu.com", URL_DEFAULT,
	  0, CHAT, "lingyiwanwu", "", models_lingyiwanwu, true },
	{ 32, "stepfun", OPENAI, "https://api.stepfun.com", URL_DEFAULT,
	  0, CHAT | PAINT | BIT(IMAGE_EDITS) | SPEAK | HEAR | KEEP, "stepfun", "", models_stepfun, true },
	{ 33, "aws-bedrock", BEDROCK, "", URL_ADAPTOR,
	  QUIRK_KEY_IS_ONE, CHAT | EMBED | PAINT, "aws", "", models_aws_bedrock, true },
	{ 34, "coze", NOT_YET, "https://api.coze.com", URL_ADAPTOR,
	  0, NONE, "coze", "", models_none, true },
	{ 35, "cohere", COHERE, "https://api.cohere.ai", URL_ADAPTOR,
	  0, CHAT | EMBED | RERANK | HEAR, "Cohere", "", models_cohere, true },
	{ 36, "deepseek", OPENAI, "https://api.deepseek.com", URL_DEEPSEEK,
	  0, TEXT | RESPOND, "deepseek", "", models_deepseek, true },
	{ 37, "cloudflare", CLOUDFLARE, "https://api.cloudflare.com", URL_ADAPTOR,
	  0, TEXT | EMBED | RESPOND | PAINT | SPEAK | HEAR | BIT(TRANSLATION), "cloudflare", "", models_cloudflare, true },
	{ 38, "deepl", DEEPL, "https://api-free.deepl.com", URL_ADAPTOR,
	  0, CHAT, "deepl", "", models_deepl, true },
	{ 39, "together-ai", OPENAI, "https://api.together.xyz", URL_DEFAULT,
	  QUIRK_IMAGE_WIDTH, TEXT | EMBED | PAINT | AUDIO | RERANK, "together.ai", "", models_together_ai, true },
	{ 40, "doubao", OPENAI, "https://ark.cn-beijing.volces.com", URL_DOUBAO,
	  0, CHAT | EMBED | PAINT | RESPOND, "doubao", "", models_doubao, true },
	{ 41, "novita", OPENAI, "https://api.novita.ai/v3/openai", URL_NOVITA,
	  0, TEXT | EMBED | RERANK, "novita", "", models_novita, true },
	{ 42, "vertex-ai", VERTEX, "", URL_ADAPTOR,
	  QUIRK_KEY_IS_ONE, CHAT | EMBED | PAINT | SPEAK, "vertexai", "", models_vertex_ai, true },
	{ 43, "proxy", PROXY, "", URL_ADAPTOR,
	  QUIRK_BASE_URL_REQUIRED | QUIRK_MODELS_OPTIONAL, BIT(PROXY), "proxy", "", models_none, true },
	{ 44, "siliconflow", OPENAI, "https://api.siliconflow.cn", URL_DEFAULT,
	  QUIRK_IMAGE_NAMES, TEXT | EMBED | PAINT | SPEAK | HEAR | RERANK, "siliconflow", "", models_siliconflow, true },
	{ 45, "xai", OPENAI, "https://api.x.ai", URL_DEFAULT,
	  QUIRK_NO_IMAGE_SIZE, CHAT | RESPOND | PAINT | BIT(IMAGE_EDITS), "xai", "", models_xai, true },
	{ 46, "replicate", REPLICATE, "https://api.replicate.com/v1/models/", URL_ADAPTOR,
	  0, CHAT | PAINT | BIT(IMAGE_EDITS), "replicate", "", models_replicate, true },
	{ 47, "baidu-v2", OPENAI, "https://qianfan.baidubce.com", URL_BAIDU_V2,
	  0, TEXT | EMBED | PAINT | RESPOND | RERANK, "baiduv2", "", models_baidu_v2, true },
	{ 48, "xunfei-v2", OPENAI, "https://spark-api-open.xf-yun.com", URL_XUNFEI,
	  0, CHAT, "xunfeiv2", "", models_xunfei_v2, true },
	{ 49, "ali-bailian", OPENAI, "https://dashscope.aliyuncs.com", URL_BAILIAN,
	  0, TEXT | EMBED | RESPOND, "alibailian", "", models_ali_bailian, false },
	{ 50, "openai-compatible", OPENAI, "", URL_WITHOUT_V1,
	  QUIRK_BASE_URL_REQUIRED, ANY, "openai", "", models_openai, false },
	{ 51, "gemini-openai-compatible", OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai/", URL_WITHOUT_V1,
	  0, CHAT | EMBED | PAINT, "geminiv2", "", models_gemini, false },
};

/* The order of the catalogue is an order of dialects, not of ids: clients that list models see the
 * first owner of a name that several providers offer. */
static const unsigned char catalogue_order[] = {
	1, 14, 11, 15, 16, 17, 18, 23, 24, 30, 33, 34, 35, 37, 38, 42, 43, 46,
	19, 25, 26, 27, 40, 28, 29, 31, 32, 36, 39, 41, 44, 45, 47, 48,
};

/* clang-format on */

const struct provider *provider_by_id(int64_t id)
{
	if (id < 1 || id > PROVIDER_COUNT)
		return NULL;
	return &providers[id - 1];
}

/* ---- catalogue ------------------------------------------------------------------------ */

/* Made at first use, then read-only: in order for listing, by name for finding. */
static struct {
	pthread_once_t once;
	size_t count;
	struct catalogue_model *models;
	const struct catalogue_model **by_name;
} catalogue = { .once = PTHREAD_ONCE_INIT };

static size_t count_names(void)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(catalogue_order); i++)
		for (const char *const *m = provider_by_id(catalogue_order[i])->models; *m; m++)
			n++;
	return n;
}

/* Names are equal or not; among equal ones the earlier in the catalogue comes first, for all
 * entries lie in one array in that order. */
static int by_name(const void *left, const void *right)
{
	const struct catalogue_model *a = *(const struct catalogue_model *const *)left;
	const struct catalogue_model *b = *(const struct catalogue_model *const *)right;
	int order = str_cmp(str_c(a->name), str_c(b->name));

	return order ? order : (a > b) - (a < b);
}

static const struct catalogue_model *find_name(struct str name)
{
	size_t low = 0, high = catalogue.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_cmp(name, str_c(catalogue.by_name[middle]->name));

		if (order == 0)
			return catalogue.by_name[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Drops from all[] the names that occurred before, keeping the order of the rest. */
static size_t drop_repeated(struct catalogue_model *all, size_t n)
{
	const struct catalogue_model **sorted = mem_alloc(n * sizeof(*sorted));
	bool *repeated = mem_zalloc(n);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &all[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 1; i < n; i++)
		repeated[sorted[i] - all] = str_eq_c(str_c(sorted[i]->name), sorted[i - 1]->name);
	for (size_t i = 0; i < n; i++)
		if (!repeated[i])
			all[kept++] = all[i];
	mem_free(repeated);
	mem_free(sorted);
	return kept;
}

static void make_catalogue(void)
{
	size_t total = count_names(), n = 0;
	struct catalogue_model *all = mem_alloc(total * sizeof(*all));

	for (size_t i = 0; i < COUNT_OF(catalogue_order); i++) {
		const struct provider *p = provider_by_id(catalogue_order[i]);

		for (const char *const *m = p->models; *m; m++)
			all[n++] = (struct catalogue_model){ *m, p->owned_by };
	}
	catalogue.count = drop_repeated(all, n);
	catalogue.models = all;
	catalogue.by_name = mem_alloc(catalogue.count * sizeof(*catalogue.by_name));
	for (size_t i = 0; i < catalogue.count; i++)
		catalogue.by_name[i] = &all[i];
	qsort(catalogue.by_name, catalogue.count, sizeof(*catalogue.by_name), by_name);
}

const struct catalogue_model *provider_catalogue(size_t *count)
{
	pthread_once(&catalogue.once, make_catalogue);
	*count = catalogue.count;
	return catalogue.models;
}

const char *provider_model_owner(struct str model)
{
	const struct catalogue_model *found;

	pthread_once(&catalogue.once, make_catalogue);
	found = find_name(model);
	return found ? found->owned_by : NULL;
}
