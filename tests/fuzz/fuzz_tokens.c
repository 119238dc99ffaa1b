/* fuzz_tokens.c — counting tokens of anything
 *
 * Whatever the bytes are: text has no more tokens than three a byte (what replaces a broken one), and
 * cut anywhere it has as many as whole; a request, checked or not, is walked without harm; an image
 * has a size or none.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/image_tokens.h"
#include "billing/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_text(enum encoding e, struct str text, size_t cut)
{
	int64_t whole = tokens_text_in(e, text);
	struct text_counter c;

	assert(whole >= 0 && whole <= 3 * (int64_t)text.n && (whole > 0) == (text.n > 0));
	text_counter_init(&c, e);
	text_add(&c, str_slice(text, 0, cut));
	text_add(&c, str_slice(text, cut, text.n));
	text_end(&c);
	assert(c.state.tokens == whole);
}

/* A meter cuts long pieces, so it may differ a little where text is long. */
static void count_stream(enum encoding e, struct str text, size_t step)
{
	int64_t whole = tokens_text_in(e, text), got;
	struct token_meter m = { .state.encoding = e };

	for (size_t i = 0; i < text.n; i += step)
		token_meter_add(&m, str_slice(text, i, i + step));
	got = token_meter_count(&m);
	assert(text.n > sizeof(m.buffer) / 3 - 4 || got == whole);
	assert(got >= 0 && got <= 3 * (int64_t)text.n);
}

static void count_image(struct str model, struct str text)
{
	struct image_size size = { 0 };

	if (image_size_of_uri(text, &size) || image_size_of_base64(text, &size) ||
	    image_size_of_bytes(text, &size))
		assert(size.width > 0 && size.height > 0);
	assert(image_tokens(model, size, IMAGE_AUTO) > 0);
}

static void count_request(struct str model, struct jval root)
{
	assert(tokens_chat(model, root) >= 0);
	assert(tokens_response(model, root) >= 0);
	assert(tokens_input(model, root) >= 0);
	assert(tokens_json_string(model, root) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { .kind = ERR_NONE };
	struct str text, model;
	struct jval root;

	if (size < 2)
		return 0;
	text = (struct str){ (const char *)data + 2, size - 2 };
	model = data[0] & 1 ? STR("gpt-4") : STR("gpt-4.1-mini");
	count_text(encoding_of_model(model), text, text.n ? data[1] % text.n : 0);
	count_stream(encoding_of_model(model), text, 1 + (data[0] >> 1) % 64);
	count_image(model, text);
	if (jscan_check(text, JSCAN_DEPTH_MAX, &root, &err))
		count_request(model, root);
	return 0;
}
