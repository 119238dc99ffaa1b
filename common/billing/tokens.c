/* tokens.c — see tokens.h
 *
 * A text weighs a quarter of a token per ASCII byte and three quarters per other code point,
 * rounded up. A chat request is walked as text: what every message, name and call adds is a
 * constant of the published counting rules, what an image adds depends on the model's family, and
 * encoded files are weighed by their size, never as text.
 */
#include "billing/tokens.h"

#include <string.h>

/* Of the chat format. */
enum { PER_REPLY = 3, PER_MESSAGE = 3, PER_NAME = 1, PER_CALL = 3, PER_TOOLS = 12 };

/* Base64 bytes that make about one token: speech at ten tokens a second, pages of a document. */
enum { AUDIO_BYTES_PER_TOKEN = 1024, FILE_BYTES_PER_TOKEN = 40 };

/* ---- plain text ------------------------------------------------------------------------------*/

void token_meter_add(struct token_meter *m, struct str piece)
{
	size_t high = 0, first = 0;

	/* Two counts without branches: bytes above 0x7f, and those that begin a code point. */
	for (size_t i = 0; i < piece.n; i++) {
		unsigned char c = (unsigned char)piece.p[i];

		high += c >> 7;
		first += c >= 0xc0;
	}
	m->ascii_bytes += (int64_t)(piece.n - high);
	m->other_points += (int64_t)first;
}

int64_t token_meter_count(const struct token_meter *m)
{
	return (m->ascii_bytes + 3 * m->other_points + 3) / 4;
}

int64_t tokens_text(struct str model, struct str text)
{
	struct token_meter m = { 0 };

	token_meter_add(&m, text);
	return token_meter_count(&m);
}

/* ---- JSON strings ----------------------------------------------------------------------------*/

/* Four hex digits; -1 when they are not. */
static int hex4(const char *p)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			n = n * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			n = n * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return n;
}

/* s begins with a backslash. Returns how many bytes the escape has; a pair of surrogates is one. */
static size_t add_escape(struct token_meter *m, struct str s)
{
	int point, low;

	if (s.n < 6 || s.p[1] != 'u') {
		m->ascii_bytes++;
		return s.n < 2 ? s.n : 2;
	}
	point = hex4(s.p + 2);
	if (point >= 0 && point < 0x80) {
		m->ascii_bytes++;
		return 6;
	}
	m->other_points++;
	if (point < 0xd800 || point > 0xdbff || s.n < 12 || s.p[6] != '\\' || s.p[7] != 'u')
		return 6;
	low = hex4(s.p + 8);
	return low >= 0xdc00 && low <= 0xdfff ? 12 : 6;
}

/* The inside of a JSON string. */
static void add_escaped(struct token_meter *m, struct str s)
{
	while (s.n > 0) {
		const char *slash = memchr(s.p, '\\', s.n);
		size_t plain = slash ? (size_t)(slash - s.p) : s.n;

		token_meter_add(m, (struct str){ s.p, plain });
		s = str_slice(s, plain, s.n);
		if (s.n > 0)
			s = str_slice(s, add_escape(m, s), s.n);
	}
}

void token_meter_add_json(struct token_meter *m, struct jval text)
{
	if (text.type == J_STRING && text.text.n >= 2)
		add_escaped(m, str_slice(text.text, 1, text.text.n - 1));
}

int64_t tokens_json_string(struct str model, struct jval text)
{
	struct token_meter m = { 0 };

	token_meter_add_json(&m, text);
	return token_meter_count(&m);
}

/* Where the string that begins at p[0] == '"' ends, just after its closing quote. */
static size_t string_end(const char *p, size_t n)
{
	size_t i = 1;

	while (i < n && p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i < n ? i + 1 : n;
}

/* Any value as compact JSON: blanks between its parts do not count. */
static int64_t tokens_compact(struct jval v)
{
	struct token_meter m = { 0 };
	const char *p = v.text.p;
	size_t n = v.text.n, i = 0;

	while (i < n) {
		size_t end;

		if (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n') {
			i++;
			continue;
		}
		if (p[i] != '"') {
			m.ascii_bytes++;
			i++;
			continue;
		}
		end = i + string_end(p + i, n - i);
		m.ascii_bytes += 2;
		if (end - i >= 2)
			add_escaped(&m, (struct str){ p + i + 1, end - i - 2 });
		i = end;
	}
	return token_meter_count(&m);
}

/* ---- images and files ------------------------------------------------------------------------*/

/* The most an image can cost: its size is not known before it is fetched and decoded. */
struct image_cost {
	struct str prefix; /* of the model's name; the first that fits counts */
	int64_t low, high;
};

/* clang-format off */
static const struct image_cost image_costs[] = {
	/* base and six tiles of 512 pixels */
	{ STR_INIT("gpt-4o-mini"),  2833, 36835 },
	/* 1,536 patches, or 256 at low detail, times the model's factor */
	{ STR_INIT("gpt-4.1-mini"), 415,  2489 },
	{ STR_INIT("gpt-4.1-nano"), 630,  3779 },
	{ STR_INIT("gpt-5-mini"),   415,  2489 },
	{ STR_INIT("gpt-5-nano"),   630,  3779 },
	{ STR_INIT("o4-mini"),      441,  2642 },
	/* width × height ÷ 750, after scaling to 1,568 pixels */
	{ STR_INIT("claude"),       1600, 1600 },
	/* everything else like gpt-4o: 85 + 6 × 170 */
	{ STR_INIT(""),             85,   1105 },
};
/* clang-format on */

static struct str without_vendor(struct str model)
{
	for (size_t i = model.n; i > 0; i--)
		if (model.p[i - 1] == '/')
			return str_slice(model, i, model.n);
	return model;
}

static int64_t image_tokens(struct str model, struct jval detail)
{
	const struct image_cost *c = image_costs;

	model = without_vendor(model);
	while (!str_starts(model, c->prefix))
		c++;
	return jscan_is(detail, STR("low")) ? c->low : c->high;
}

static int64_t size_tokens(struct jval data, int64_t bytes_per_token)
{
	return data.type == J_STRING ? (int64_t)data.text.n / bytes_per_token + 1 : 0;
}

/* ---- content parts ---------------------------------------------------------------------------*/

typedef int64_t part_fn(struct str model, struct jval part);

/* raw: a member's name as it stands in the text; one with escapes is compared decoded. */
static bool name_is(struct str raw, struct str name)
{
	if (str_eq(raw, name))
		return true;
	return raw.n > name.n && memchr(raw.p, '\\', raw.n) &&
	    jscan_is((struct jval){ J_STRING, { raw.p - 1, raw.n + 2 } }, name);
}

static int64_t member_tokens(struct str model, struct jval object, const char *name)
{
	struct jval v;

	return jscan_member(object, str_c(name), &v) ? tokens_json_string(model, v) : 0;
}

static int64_t text_part(struct str model, struct jval part)
{
	return member_tokens(model, part, "text");
}

static int64_t refusal_part(struct str model, struct jval part)
{
	return member_tokens(model, part, "refusal");
}

static int64_t image_part(struct str model, struct jval part)
{
	struct jval detail = { 0 };

	if (!jscan_at(part, "image_url.detail", &detail))
		(void)jscan_member(part, STR("detail"), &detail);
	return image_tokens(model, detail);
}

static int64_t audio_part(struct str model, struct jval part)
{
	struct jval data = { 0 };

	return jscan_at(part, "input_audio.data", &data) ? size_tokens(data, AUDIO_BYTES_PER_TOKEN)
	                                                 : 0;
}

static int64_t file_part(struct str model, struct jval part)
{
	struct jval data = { 0 };

	return jscan_at(part, "file.file_data", &data) ? size_tokens(data, FILE_BYTES_PER_TOKEN)
	                                               : 0;
}

/* clang-format off */
static const struct {
	struct str type;
	part_fn *count;
} parts[] = {
	{ STR_INIT("text"),        text_part },
	{ STR_INIT("image_url"),   image_part },
	{ STR_INIT("input_text"),  text_part },
	{ STR_INIT("output_text"), text_part },
	{ STR_INIT("input_image"), image_part },
	{ STR_INIT("image"),       image_part },
	{ STR_INIT("input_audio"), audio_part },
	{ STR_INIT("file"),        file_part },
	{ STR_INIT("refusal"),     refusal_part },
};
/* clang-format on */

static int64_t part_tokens(struct str model, struct jval part)
{
	struct jval type;

	if (part.type == J_STRING)
		return tokens_json_string(model, part);
	if (jscan_member(part, STR("type"), &type))
		for (size_t i = 0; i < COUNT_OF(parts); i++)
			if (jscan_is(type, parts[i].type))
				return parts[i].count(model, part);
	return tokens_compact(part);
}

static int64_t content_tokens(struct str model, struct jval content)
{
	struct jiter it;
	struct jval part;
	int64_t total = 0;

	if (content.type == J_STRING)
		return tokens_json_string(model, content);
	if (content.type != J_ARRAY)
		return content.type == J_OBJECT ? part_tokens(model, content) : 0;
	it = jscan_iter(content);
	while (jscan_next_item(&it, &part))
		total += part_tokens(model, part);
	return total;
}

/* ---- messages --------------------------------------------------------------------------------*/

static int64_t name_tokens(struct str model, struct jval name)
{
	return name.type == J_STRING ? PER_NAME + tokens_json_string(model, name) : 0;
}

/* { "name": …, "arguments": … } */
static int64_t function_tokens(struct str model, struct jval call)
{
	if (call.type != J_OBJECT)
		return 0;
	return PER_CALL + member_tokens(model, call, "name") +
	    member_tokens(model, call, "arguments");
}

static int64_t tool_calls_tokens(struct str model, struct jval calls)
{
	struct jiter it;
	struct jval call, inner;
	int64_t total = 0;

	if (calls.type != J_ARRAY)
		return 0;
	it = jscan_iter(calls);
	while (jscan_next_item(&it, &call)) {
		if (jscan_member(call, STR("function"), &inner))
			total += function_tokens(model, inner);
		else
			total += PER_CALL + tokens_compact(call);
	}
	return total;
}

/* Members of a message that the model reads. */
/* clang-format off */
static const struct {
	struct str name;
	part_fn *count;
} members[] = {
	{ STR_INIT("content"),           content_tokens },
	{ STR_INIT("role"),              tokens_json_string },
	{ STR_INIT("name"),              name_tokens },
	{ STR_INIT("tool_calls"),        tool_calls_tokens },
	{ STR_INIT("function_call"),     function_tokens },
	{ STR_INIT("tool_call_id"),      tokens_json_string },
	{ STR_INIT("reasoning_content"), tokens_json_string },
	{ STR_INIT("reasoning"),         tokens_json_string },
	{ STR_INIT("refusal"),           tokens_json_string },
};
/* clang-format on */

/* One pass: a member that occurs twice counts twice, which errs on the safe side. */
static int64_t message_tokens(struct str model, struct jval message)
{
	struct jiter it;
	struct jval value;
	struct str name;
	int64_t total = PER_MESSAGE;

	if (message.type != J_OBJECT)
		return total;
	it = jscan_iter(message);
	while (jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < COUNT_OF(members); i++)
			if (name_is(name, members[i].name))
				total += members[i].count(model, value);
	return total;
}

static int64_t messages_tokens(struct str model, struct jval messages)
{
	struct jiter it;
	struct jval message;
	int64_t total = PER_REPLY;

	if (messages.type != J_ARRAY)
		return 0;
	it = jscan_iter(messages);
	while (jscan_next_item(&it, &message))
		total += message_tokens(model, message);
	return total;
}

static int64_t tools_tokens(struct str model, struct jval tools)
{
	if (tools.type != J_ARRAY || jscan_count(tools) == 0)
		return 0;
	return PER_TOOLS + tokens_compact(tools);
}

/* tool_choice, response_format: names and schemas. */
static int64_t schema_tokens(struct str model, struct jval v)
{
	return v.type == J_OBJECT ? tokens_compact(v) : 0;
}

/* clang-format off */
static const struct {
	struct str name;
	part_fn *count;
} request_members[] = {
	{ STR_INIT("messages"),        messages_tokens },
	{ STR_INIT("tools"),           tools_tokens },
	{ STR_INIT("functions"),       tools_tokens },
	{ STR_INIT("tool_choice"),     schema_tokens },
	{ STR_INIT("function_call"),   schema_tokens },
	{ STR_INIT("response_format"), schema_tokens },
};
/* clang-format on */

int64_t tokens_chat(struct str model, struct jval request)
{
	struct jiter it;
	struct jval value;
	struct str name;
	int64_t total = 0;

	if (request.type != J_OBJECT)
		return 0;
	it = jscan_iter(request);
	while (jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < COUNT_OF(request_members); i++)
			if (name_is(name, request_members[i].name))
				total += request_members[i].count(model, value);
	return total;
}

int64_t tokens_input(struct str model, struct jval input)
{
	struct jiter it;
	struct jval item;
	int64_t total = 0;

	if (input.type == J_STRING)
		return tokens_json_string(model, input);
	if (input.type != J_ARRAY)
		return 0;
	it = jscan_iter(input);
	while (jscan_next_item(&it, &item)) {
		if (item.type == J_NUMBER)
			total++;
		else if (item.type == J_ARRAY)
			total += (int64_t)jscan_count(item);
		else
			total += part_tokens(model, item);
	}
	return total;
}
