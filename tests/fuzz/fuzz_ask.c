/* fuzz_ask.c — any body as a request, in each mode, read, counted and encoded by each dialect
 *
 * The first byte chooses the mode, and whether the body is a form with the boundary b. What ask_read
 * accepts must encode without harm, and the encoded body must again be one JSON value, or a form.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct arena *a, const struct ask *ask, int type)
{
	struct channel row = { .id = 1,
		.type = type,
		.key = STR("key"),
		.base_url = STR("http://h"),
		.model_mapping = STR("{\"a\":\"b\\\"\"}"),
		.system_prompt = STR("Be \"terse\".") };
	struct catalog_channel channel;
	struct upstream_req out;
	struct err err = { 0 };
	struct jval root;
	struct call c;
	bool made = catalog_channel_make(a, &row, &channel, &err);

	assert(made);
	c = (struct call){ .arena = a,
		.ask = ask,
		.channel = &channel,
		.provider = channel.provider,
		.model = catalog_map_model(&channel, ask->model),
		.system_prompt = row.system_prompt,
		.key = row.key,
		.stream = ask->stream };
	upstream_req_init(&out, a);
	if (channel.provider->modes & 1u << ask->mode &&
	    channel.provider->adaptor->encode(&c, &out, &err)) {
		bool valid = ask->form ? out.pieces || out.body.p == ask->body.p
		                       : jscan_check(out.body, JSCAN_DEPTH_MAX, &root, &err);

		assert(valid);
	}
	upstream_req_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = { 1, 3, 28, 30, 44, 45, 50 };
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct str body, model, type;
	struct ask ask;

	if (size > 0) {
		body = (struct str){ (const char *)data + 1, size - 1 };
		type = data[0] & 0x80 ? STR("multipart/form-data; boundary=b") : STR("");
		if (!ask_model(a, type, body, &model, &err))
			err_clear(&err);
		if (ask_read(a, data[0] % 0x80 % MODE_COUNT, type, body, STR("path-model"), &ask,
		        &err)) {
			int64_t tokens = ask_prompt_tokens(&ask);

			assert(tokens >= 0);
			for (size_t i = 0; i < COUNT_OF(types); i++)
				encode(a, &ask, types[i]);
		}
	}
	arena_free(a);
	return 0;
}
