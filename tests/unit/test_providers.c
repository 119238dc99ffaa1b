/* test_providers.c — the table of providers and the catalogue of models */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider/adaptor.h"
#include "provider/providers.h"

static void test_ids(void **state)
{
	for (int i = 0; i < PROVIDER_COUNT; i++) {
		const struct provider *p = &providers[i];

		if (p->id != i + 1)
			fail_msg("row %d: got id %d", i, p->id);
		assert_ptr_equal(provider_by_id(i + 1), p);
	}
	assert_null(provider_by_id(0));
	assert_null(provider_by_id(-1));
	assert_null(provider_by_id(PROVIDER_COUNT + 1));
	assert_null(provider_by_id(INT64_MAX));
}

static void test_rows(void **state)
{
	for (int i = 0; i < PROVIDER_COUNT; i++) {
		const struct provider *p = &providers[i];

		if (!p->name[0] || !p->owned_by[0] || !p->models)
			fail_msg("%d: a column is empty", p->id);
		if (p->adaptor && (!p->modes || (p->modes & ~p->adaptor->modes)))
			fail_msg("%s: modes %x, the dialect does %x", p->name, p->modes,
			    p->adaptor->modes);
		if (!p->adaptor && p->modes)
			fail_msg("%s: modes without a dialect", p->name);
		if (p->adaptor == &openai_adaptor && p->url_rule == URL_ADAPTOR)
			fail_msg("%s: the openai dialect needs a rule", p->name);
		/* those that make it from the channel's region have none */
		if (p->adaptor && !p->base_url[0] && p->id != 33 && p->id != 42 &&
		    !(p->quirks & QUIRK_BASE_URL_REQUIRED))
			fail_msg("%s: no base URL and none required", p->name);
		for (int j = 0; j < i; j++)
			if (strcmp(providers[j].name, p->name) == 0)
				fail_msg("%s: the name is taken", p->name);
	}
}

static void test_known_facts(void **state)
{
	static const struct {
		int id;
		const char *name, *base_url, *owned_by, *legacy_other;
		enum url_rule rule;
		unsigned quirks;
		size_t models;
	} rows[] = {
		{ 1, "openai", "https://api.openai.com", "openai", "", URL_DEFAULT, 0, 53 },
		{ 3, "azure", "", "azure", "api_version", URL_AZURE, QUIRK_BASE_URL_REQUIRED, 53 },
		{ 17, "ali", "https://dashscope.aliyuncs.com", "ali", "plugin", URL_ADAPTOR, 0,
		    89 },
		{ 20, "openrouter", "https://openrouter.ai/api", "openrouter", "", URL_DEFAULT,
		    QUIRK_REFERER, 231 },
		{ 28, "mistral", "https://api.mistral.ai", "mistralai", "", URL_DEFAULT,
		    QUIRK_NO_STREAM_USAGE, 6 },
		{ 30, "ollama", "http://localhost:11434", "ollama", "", URL_ADAPTOR, 0, 7 },
		{ 33, "aws-bedrock", "", "aws", "", URL_ADAPTOR, QUIRK_KEY_IS_ONE, 12 },
		{ 42, "vertex-ai", "", "vertexai", "", URL_ADAPTOR, QUIRK_KEY_IS_ONE, 17 },
		{ 43, "proxy", "", "proxy", "", URL_ADAPTOR,
		    QUIRK_BASE_URL_REQUIRED | QUIRK_MODELS_OPTIONAL, 0 },
		{ 50, "openai-compatible", "", "openai", "", URL_WITHOUT_V1,
		    QUIRK_BASE_URL_REQUIRED, 53 },
		{ 51, "gemini-openai-compatible",
		    "https://generativelanguage.googleapis.com/v1beta/openai/", "geminiv2", "",
		    URL_WITHOUT_V1, 0, 13 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct provider *p = provider_by_id(rows[i].id);
		size_t models = 0;

		while (p->models[models])
			models++;
		assert_string_equal(p->name, rows[i].name);
		assert_string_equal(p->base_url, rows[i].base_url);
		assert_string_equal(p->owned_by, rows[i].owned_by);
		assert_string_equal(p->legacy_other, rows[i].legacy_other);
		assert_int_equal(p->url_rule, rows[i].rule);
		assert_int_equal(p->quirks, rows[i].quirks);
		assert_int_equal(models, rows[i].models);
	}
}

/* 33 of the types speak OpenAI's dialect (data of the reference). */
static void test_dialects(void **state)
{
	int openai = 0, ollama = 0;

	for (int i = 0; i < PROVIDER_COUNT; i++) {
		openai += providers[i].adaptor == &openai_adaptor;
		ollama += providers[i].adaptor == &ollama_adaptor;
	}
	assert_int_equal(openai, 33);
	assert_int_equal(ollama, 1);
}

/* relay.md 14.1: 471 distinct names, each once, first owner. */
static void test_catalogue(void **state)
{
	size_t n;
	const struct catalogue_model *models = provider_catalogue(&n);

	assert_int_equal(n, 471);
	assert_string_equal(models[0].name, "gpt-3.5-turbo");
	assert_string_equal(models[0].owned_by, "openai");
	assert_string_equal(models[53].name, "claude-instant-1.2");
	for (size_t i = 0; i < n; i++) {
		const char *owner = provider_model_owner(str_c(models[i].name));

		if (!owner || strcmp(owner, models[i].owned_by) != 0)
			fail_msg("%s: got owner %s, want %s", models[i].name,
			    owner ? owner : "none", models[i].owned_by);
		for (size_t j = 0; j < i; j++)
			if (strcmp(models[i].name, models[j].name) == 0)
				fail_msg("%s is there twice", models[i].name);
	}
}

static void test_in_catalogue(void **state)
{
	for (int i = 0; i < PROVIDER_COUNT; i++) {
		const struct provider *p = &providers[i];

		for (const char *const *m = p->models; p->in_catalogue && *m; m++)
			if (!provider_model_owner(str_c(*m)))
				fail_msg("%s of %s is missing", *m, p->name);
	}
	assert_null(provider_model_owner(STR("openrouter/auto")));
	assert_null(provider_model_owner(STR("")));
	assert_null(provider_model_owner(STR("gpt-4o-")));
	assert_string_equal(provider_model_owner(STR("deepseek-chat")), "deepseek");
	assert_string_equal(provider_model_owner(STR("moonshot-v1-8k")), "moonshot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_known_facts),
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_catalogue),
		cmocka_unit_test(test_in_catalogue),
	};

	return cmocka_run_group_tests_name("providers", tests, NULL, NULL);
}
