/* text_tokens.c — see text_tokens.h
 *
 * Text goes to the end of a buffer. When that is full, all pieces but the last, which may go on, are
 * encoded and leave it. A buffer that holds one piece alone is encoded as it is.
 */
#include "billing/text_tokens.h"

#include <stdatomic.h>

#include "base/jtext.h"
#include "billing/split.h"

/* What a replaced sequence stands as. */
static const struct str replacement = STR_INIT("\xef\xbf\xbd");
enum { POINT_MAX = 4 };

static atomic_bool is_approximate;

void tokens_set_approximate(bool on)
{
	atomic_store_explicit(&is_approximate, on, memory_order_relaxed);
}

/* ---- encodings -------------------------------------------------------------------------------*/

/* clang-format off */
static const struct {
	struct str prefix;
	enum encoding encoding;
} models[] = {
	{ STR_INIT("gpt-4o"),          ENCODING_O200K },
	{ STR_INIT("gpt-4.1"),         ENCODING_O200K },
	{ STR_INIT("gpt-4.5"),         ENCODING_O200K },
	{ STR_INIT("gpt-4"),           ENCODING_CL100K },
	{ STR_INIT("gpt-3.5"),         ENCODING_CL100K },
	{ STR_INIT("gpt-35"),          ENCODING_CL100K },
	{ STR_INIT("text-embedding-"), ENCODING_CL100K },
	{ STR_INIT("text-moderation"), ENCODING_CL100K },
	{ STR_INIT("davinci-002"),     ENCODING_CL100K },
	{ STR_INIT("babbage-002"),     ENCODING_CL100K },
};

static const struct {
	struct str name;
	enum encoding encoding;
} names[] = {
	{ STR_INIT("o200k_base"),  ENCODING_O200K },
	{ STR_INIT("cl100k_base"), ENCODING_CL100K },
};
/* clang-format on */

enum encoding encoding_of_model(struct str model)
{
	enum encoding found = ENCODING_O200K;
	size_t longest = 0;

	for (size_t i = model.n; i > 0; i--)
		if (model.p[i - 1] == '/') {
			model = str_slice(model, i, model.n);
			break;
		}
	for (size_t i = 0; i < COUNT_OF(models); i++)
		if (models[i].prefix.n > longest && str_starts(model, models[i].prefix)) {
			longest = models[i].prefix.n;
			found = models[i].encoding;
		}
	return found;
}

bool encoding_of_name(struct str name, enum encoding *out)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_eq(name, names[i].name)) {
			*out = names[i].encoding;
			return true;
		}
	return false;
}

/* ---- the buffer ------------------------------------------------------------------------------*/

/* A state and the buffer that belongs to it. */
struct sink_of_text {
	struct text_state *s;
	char *buffer;
	size_t room;
};

enum drain { DRAIN_FINISHED, DRAIN_ALL };

/* Tokens of the pieces in front of [p, end); *rest is where those end that are finished. */
static int64_t count_pieces(enum encoding e, const char *p, const char *end, enum drain how,
    const char **rest)
{
	int64_t tokens = 0;

	while (p < end) {
		bool open = false;
		size_t n = split_next(e, p, end, &open);

		if (open && how == DRAIN_FINISHED)
			break;
		tokens += (int64_t)bpe_count(e, p, n);
		p += n;
	}
	*rest = p;
	return tokens;
}

static void drain(struct sink_of_text *to, enum drain how)
{
	struct text_state *s = to->s;
	const char *end = to->buffer + s->held, *rest;

	s->tokens += count_pieces(s->encoding, to->buffer, end, how, &rest);
	s->held = (uint16_t)(end - rest);
	memmove(to->buffer, rest, s->held);
}

/* text is ASCII, or one code point. */
static void put(struct sink_of_text *to, struct str text)
{
	struct text_state *s = to->s;

	while (text.n > 0) {
		size_t n = to->room - s->held;

		if (n < POINT_MAX) {
			drain(to, DRAIN_FINISHED);
			if (to->room - s->held < POINT_MAX)
				drain(to, DRAIN_ALL);
			continue;
		}
		n = text.n < n ? text.n : n;
		memcpy(to->buffer + s->held, text.p, n);
		s->held = (uint16_t)(s->held + n);
		text = (struct str){ text.p + n, text.n - n };
	}
}

/* ---- bytes to code points --------------------------------------------------------------------*/

static size_t ascii_run(struct str s)
{
	size_t n = 0;

	while (s.n - n >= 8) {
		uint64_t tops = eight_load(s.p + n) & EIGHT_TOPS;

		if (tops)
			return n + eight_first(tops);
		n += 8;
	}
	while (n < s.n && (unsigned char)s.p[n] < 0x80)
		n++;
	return n;
}

/* How many bytes at p, which do not begin a well-formed sequence, might become one: what U+FFFD
 * stands for, at least 1. All of n: more bytes may complete it. */
static size_t broken_run(const char *p, size_t n)
{
	static const char fill[][3] = { { '\x80', '\x80', '\x80' }, { '\xbf', '\xbf', '\xbf' } };
	char whole[POINT_MAX];
	size_t most = n < POINT_MAX - 1 ? n : POINT_MAX - 1;

	/* A prefix of a sequence is one that some continuation completes. */
	for (size_t k = most; k > 0; k--)
		for (size_t i = 0; i < COUNT_OF(fill); i++) {
			memcpy(whole, p, k);
			memcpy(whole + k, fill[i], POINT_MAX - k);
			if (jtext_utf8(whole, whole + POINT_MAX) > k)
				return k;
		}
	return 1;
}

/* The code point that the last text broke off in, continued by s. Returns how much of s it took. */
static size_t put_cut(struct sink_of_text *to, struct str s)
{
	struct text_state *t = to->s;
	size_t taken = 0;

	while (t->cut > 0 && taken < s.n) {
		size_t n;

		t->cut_bytes[t->cut++] = s.p[taken++];
		n = jtext_utf8(t->cut_bytes, t->cut_bytes + t->cut);
		if (n > 0) {
			put(to, (struct str){ t->cut_bytes, n });
			t->cut = 0;
		} else if (broken_run(t->cut_bytes, t->cut) < t->cut) {
			put(to, replacement);
			t->cut = 0;
			taken--;
		}
	}
	return taken;
}

static void encode(struct sink_of_text *to, struct str s)
{
	size_t taken = put_cut(to, s);

	to->s->exact += s.n;
	s = str_slice(s, taken, s.n);
	while (s.n > 0) {
		size_t n = ascii_run(s);

		put(to, (struct str){ s.p, n });
		s = str_slice(s, n, s.n);
		while (s.n > 0 && (unsigned char)*s.p >= 0x80) {
			n = jtext_utf8(s.p, s.p + s.n);
			if (n > 0) {
				put(to, (struct str){ s.p, n });
			} else {
				n = broken_run(s.p, s.n);
				if (n == s.n && n < POINT_MAX) {
					memcpy(to->s->cut_bytes, s.p, n);
					to->s->cut = (uint8_t)n;
					return;
				}
				put(to, replacement);
			}
			s = str_slice(s, n, s.n);
		}
	}
}

/* ---- text ------------------------------------------------------------------------------------*/

/* Two counts without branches: bytes above 0x7f, and those that begin a code point. */
static void weigh(struct text_state *s, struct str text)
{
	size_t high = 0, first = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		high += c >> 7;
		first += c >= 0xc0;
	}
	s->ascii_bytes += (int64_t)(text.n - high);
	s->other_points += (int64_t)first;
}

static int64_t weighed_tokens(const struct text_state *s)
{
	return (s->ascii_bytes + 3 * s->other_points + 3) / 4;
}

static void add(struct sink_of_text *to, struct str text)
{
	size_t left = TEXT_EXACT_MAX - to->s->exact;

	if (atomic_load_explicit(&is_approximate, memory_order_relaxed))
		left = 0;
	if (left < text.n) {
		weigh(to->s, str_slice(text, left, text.n));
		text.n = left;
	}
	if (text.n > 0)
		encode(to, text);
}

/* The inside of a JSON string. */
static void add_escaped(struct sink_of_text *to, struct str raw)
{
	const char *end = raw.p + raw.n;

	while (raw.n > 0) {
		const char *slash = memchr(raw.p, '\\', raw.n);
		size_t plain = slash ? (size_t)(slash - raw.p) : raw.n;
		char point[POINT_MAX];
		size_t n;

		add(to, (struct str){ raw.p, plain });
		if (!slash || slash + 1 == end)
			return;
		raw.p = jtext_unescape(slash + 1, end, point, &n);
		raw.n = (size_t)(end - raw.p);
		add(to, (struct str){ point, n });
	}
}

static void add_json(struct sink_of_text *to, struct jval text)
{
	if (text.type == J_STRING && text.text.n >= 2)
		add_escaped(to, str_slice(text.text, 1, text.text.n - 1));
}

static void end_text(struct sink_of_text *to)
{
	struct text_state *s = to->s;

	if (s->cut > 0)
		put(to, replacement);
	s->cut = 0;
	if (s->held > 0)
		drain(to, DRAIN_ALL);
	s->tokens += weighed_tokens(s);
	s->ascii_bytes = s->other_points = 0;
}

/* ---- counters --------------------------------------------------------------------------------*/

static struct sink_of_text counter_sink(struct text_counter *c)
{
	return (struct sink_of_text){ &c->state, c->buffer, sizeof(c->buffer) };
}

void text_counter_init(struct text_counter *c, enum encoding e)
{
	c->state = (struct text_state){ .encoding = e };
}

void text_add(struct text_counter *c, struct str bytes)
{
	struct sink_of_text to = counter_sink(c);

	add(&to, bytes);
}

void text_add_json(struct text_counter *c, struct jval text)
{
	struct sink_of_text to = counter_sink(c);

	add_json(&to, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the run of blanks, of a string, or of anything else at p ends. */
static const char *compact_run(const char *p, const char *end)
{
	const char *start = p;

	if (*p == '"') {
		for (p++; p < end && *p != '"'; p++)
			p += *p == '\\' && p + 1 < end;
		return p < end ? p + 1 : end;
	}
	while (p < end && *p != '"' && is_blank(*p) == is_blank(*start))
		p++;
	return p;
}

/* Strings keep their escapes: this is what JSON looks like to a model. */
void text_add_compact(struct text_counter *c, struct str json)
{
	const char *p = json.p, *end = json.p + json.n;

	while (p < end) {
		const char *next = compact_run(p, end);

		if (!is_blank(*p))
			text_add(c, (struct str){ p, (size_t)(next - p) });
		p = next;
	}
}

void text_end(struct text_counter *c)
{
	struct sink_of_text to = counter_sink(c);

	end_text(&to);
}

/* ---- meters ----------------------------------------------------------------------------------*/

static struct sink_of_text meter_sink(struct token_meter *m)
{
	return (struct sink_of_text){ &m->state, m->buffer, sizeof(m->buffer) };
}

void token_meter_init(struct token_meter *m, struct str model)
{
	m->state = (struct text_state){ .encoding = encoding_of_model(model) };
	m->turn = TURN_CONTENT;
}

/* A stream may be longer than what one request is encoded of: it takes as long to come. */
static void never_too_long(struct token_meter *m)
{
	m->state.exact = 0;
}

void token_meter_add(struct token_meter *m, struct str piece)
{
	struct sink_of_text to = meter_sink(m);

	never_too_long(m);
	add(&to, piece);
}

void token_meter_add_json(struct token_meter *m, struct jval text)
{
	struct sink_of_text to = meter_sink(m);

	never_too_long(m);
	add_json(&to, text);
}

void token_meter_break(struct token_meter *m)
{
	struct sink_of_text to = meter_sink(m);

	end_text(&to);
}

void token_meter_turn(struct token_meter *m, enum token_turn turn)
{
	if (m->turn != turn || turn == TURN_NAME)
		token_meter_break(m);
	m->turn = turn;
}

int64_t token_meter_count(const struct token_meter *m)
{
	struct token_meter copy = *m;

	token_meter_break(&copy);
	return copy.state.tokens;
}

int64_t token_meter_about(const struct token_meter *m)
{
	return m->state.tokens + weighed_tokens(&m->state) + (m->state.held + 3) / 4;
}
