/* Gemini, Vertex and PaLM channels through nginx: chat whole and streamed, tools and an image, tokens of
 * service accounts, embeddings, what is billed. */
#include "../stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/attr.h"
#include "base/json.h"

#define QUOTA 5000000

static int64_t channel(struct stack *s, int type, const char *models, const char *config)
{
	return stack_channel(s,
	    &(struct stack_channel){ .models = models,
	        .type = type,
	        .base_url = s->upstream,
	        .config = config });
}

static void test_gemini(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t id = channel(s, 24, "gemini-2.0-flash", NULL);
	struct stack_reply *r;

	r = stack_post(s, STACK_CHAT, u.key,
	    "{\"model\":\"gemini-2.0-flash\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	    "\"type\":"
	    "\"text\",\"text\":\"hi\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	    "\"data:image/png;base64,iVBORw0KGgo=\"}}]}]}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "Hello from Google.");
	assert_int_equal(stack_int(r->json, "usage.completion_tokens"), 10);
	assert_non_null(strstr(stack_text(stack_last(s), "body"),
	    "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgo=\"}}"));
	assert_non_null(strstr(stack_text(stack_last(s), "path"),
	    "/v1beta/models/gemini-2.0-flash:generateContent"));
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(stack_sums(s, u.id).charges, 1);
	assert_true(stack_sums(s, u.id).charged > 0);
	stack_channel_delete(s, id);
}

/* The signature that comes with a call goes back with its result. */
static void test_tools(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t id = channel(s, 24, "gemini-2.0-flash", NULL);
	char body[4096], *message;
	struct stack_reply *r;

#define ASK                                                                                        \
	"{\"model\":\"gemini-2.0-flash\",\"tools\":[{\"type\":\"function\",\"function\":{"         \
	"\"name\":"                                                                                \
	"\"now\",\"parameters\":{\"type\":\"object\",\"properties\":{\"zone\":{\"type\":"          \
	"\"string\"}}}}}],"                                                                        \
	"\"messages\":[{\"role\":\"user\",\"content\":\"time?\"}"
	r = stack_post(s, STACK_CHAT, u.key, ASK "]}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.finish_reason"), "tool_calls");
	assert_string_equal(
	    stack_text(r->json, "choices.0.message.tool_calls.0.function.arguments"),
	    "{\"zone\":\"UTC\"}");
	message = cJSON_PrintUnformatted(stack_at(r->json, "choices.0.message"));
	(void)snprintf(body, sizeof(body),
	    ASK ",%s,{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"noon\"}]}", message);
	cJSON_free(message);
	r = stack_post(s, STACK_CHAT, u.key, body);
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "Hello from Google.");
	assert_non_null(
	    strstr(stack_text(stack_last(s), "body"), "\"thoughtSignature\":\"c2lnbmVk\""));
	stack_channel_delete(s, id);
}

static void check_stream(struct stack *s, const struct stack_user *u, const char *model)
{
	struct stack_stream st;
	char body[512], text[256] = "";
	int events = 0;

	(void)snprintf(body, sizeof(body),
	    "{\"model\":\"%s\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
	    model);
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT, .key = u->key, .body = body }, &st));
	assert_int_equal(st.reply.status, 200);
	assert_string_equal(stack_header(&st.reply, "Content-Type"), "text/event-stream");
	while (stack_stream_next(&st, 60000) == STACK_EVENT && events++ < 50) {
		cJSON *event = cJSON_Parse(st.event.data);
		const char *piece = stack_text(event, "choices.0.delta.content");

		strncat(text, piece, sizeof(text) - strlen(text) - 1);
		cJSON_Delete(event);
	}
	assert_true(st.complete);
	assert_string_equal(text, "Hello from Google.");
	stack_stream_close(&st, false);
}

static void test_stream(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t id = channel(s, 24, "gemini-2.0-flash", NULL);

	check_stream(s, &u, "gemini-2.0-flash");
	assert_true(stack_wait_settled(s, 5000));
	stack_channel_delete(s, id);
}

static void test_embeddings(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t id = channel(s, 24, "gemini-embedding-001", NULL);
	struct stack_reply *r = stack_post(s, "/v1/embeddings", u.key,
	    "{\"model\":\"gemini-embedding-001\",\"input\":\"hi\",\"stream\":true}");

	assert_int_equal(r->status, 200);
	assert_int_equal(stack_int(r->json, "data.0.embedding.1"), 1);
	stack_channel_delete(s, id);
}

/* The config of a Vertex channel whose account asks the fake upstream for tokens. */
static char *account(struct stack *s)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *out = BIO_new(BIO_s_mem());
	struct buf adc = buf_init(65536), config = buf_init(65536);
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(out, &p);
	buf_add(&adc, STR("{\"client_email\":\"a@b\",\"project_id\":\"demo\",\"private_key\":"));
	json_add_str(&adc, (struct str){ p, (size_t)n });
	buf_addf(&adc, ",\"token_uri\":\"%s/token\"}", s->upstream);
	buf_add(&config, STR("{\"region\":\"europe-west4\",\"vertex_ai_adc\":"));
	json_add_str(&config, buf_str(&adc));
	buf_add_char(&config, '}');
	buf_release(&adc);
	BIO_free(out);
	EVP_PKEY_free(key);
	return buf_detach(&config);
}

/* The first token is refused by the model and replaced; the second serves all that follows. */
static void test_vertex(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	char *config = account(s);
	int64_t id = channel(s, 42, "gemini-2.0-flash,claude-sonnet-4-5", config);
	int64_t before = stack_stats(s).requests;
	struct stack_reply *r;

	r = stack_post(s, STACK_CHAT, u.key,
	    "{\"model\":\"gemini-2.0-flash\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
	    "}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "Hello from Google.");
	assert_string_equal(stack_text(stack_last(s), "path"),
	    "/v1/projects/demo/locations/europe-west4/publishers/google/models/"
	    "gemini-2.0-flash:generateContent");
	assert_int_equal(stack_stats(s).requests - before, 4);
	check_stream(s, &u, "gemini-2.0-flash");
	r = stack_post(s, STACK_CHAT, u.key,
	    "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
	    "}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "Hello from Claude.");
	assert_int_equal(stack_stats(s).requests - before, 6);
	assert_true(stack_wait_settled(s, 5000));
	stack_channel_delete(s, id);
	free(config);
}

static void test_palm(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t id = channel(s, 11, "PaLM-2", "{\"palm\":\"refuse\"}");
	struct stack_reply *r;

	stack_option(s, "UnpricedModel", "free");
	r = stack_post(s, STACK_CHAT, u.key,
	    "{\"model\":\"PaLM-2\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");

	assert_int_equal(r->status, 410);
	stack_channel_delete(s, id);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gemini),
		cmocka_unit_test(test_tools),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_embeddings),
		cmocka_unit_test(test_vertex),
		cmocka_unit_test(test_palm),
	};
	static const char *const env[] = { "VERTEX_TOKEN_HOSTS=127.0.0.1", NULL };

	return stack_run("google", tests, COUNT_OF(tests), env);
}
