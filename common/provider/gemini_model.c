/* gemini_model.c — what the name of a model tells, and the settings that all of Google's share */
#include "provider/gemini.h"

#include "base/arena.h"

static struct google_settings settings = { "", "", "" };

void google_configure(const struct google_settings *to)
{
	settings = *to;
}

const struct google_settings *google_settings(void)
{
	return &settings;
}

static bool is_digit(struct str s, size_t at)
{
	return at < s.n && s.p[at] >= '0' && s.p[at] <= '9';
}

/* Of what stands behind "gemini-": "2.5-flash" is 25, "3-pro" is 30. A name that moves with time
 * ("flash-latest") is taken for the oldest that it may stand for. */
static int generation(struct str rest)
{
	int n;

	if (is_digit(rest, 0)) {
		n = (rest.p[0] - '0') * 10;
		if (rest.n > 1 && rest.p[1] == '.' && is_digit(rest, 2))
			n += rest.p[2] - '0';
		return n;
	}
	if (str_ends(rest, STR("-latest")))
		return 25;
	return str_starts(rest, STR("exp")) ? 20 : 10;
}

struct gemini_model gemini_model(struct str name)
{
	struct gemini_model m = { 0 };
	struct str rest = name, piece;

	while (str_next(&rest, '/', &piece))
		name = piece;
	if (str_starts(name, STR("gemini-")) && !str_starts(name, STR("gemini-embedding")))
		m.generation = generation(str_slice(name, 7, name.n));
	m.is_gemma = str_starts(name, STR("gemma"));
	m.is_pro = str_has(name, STR("-pro"));
	m.is_lite = str_has(name, STR("-lite"));
	m.is_imagen = str_starts(name, STR("imagen"));
	m.is_image = m.generation && str_has(name, STR("-image"));
	m.is_embedding = str_has(name, STR("embedding"));
	m.thinks =
	    m.generation >= 25 && !str_has(name, STR("-tts")) && !(m.is_image && m.generation < 30);
	return m;
}

bool gemini_finds(struct str url)
{
	static const struct str begins[] = {
		STR_INIT("https://generativelanguage.googleapis.com/"),
		STR_INIT("https://www.youtube.com/"),
		STR_INIT("https://youtube.com/"),
		STR_INIT("https://youtu.be/"),
		STR_INIT("gs://"),
	};

	for (size_t i = 0; i < COUNT_OF(begins); i++)
		if (str_starts_nocase(url, begins[i]))
			return true;
	return false;
}
