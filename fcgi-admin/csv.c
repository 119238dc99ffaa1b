#include "csv.h"

static void separate(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n' && b->data[b->len - 1] != '\xBF')
		buf_add_char(b, ',');
}

/* The signs in full width, too: spreadsheets of East Asia take them for the others. */
static bool is_formula(struct str text)
{
	static const struct str wide[] = { STR_INIT("\xef\xbc\x9d"), STR_INIT("\xef\xbc\x8b"),
		STR_INIT("\xef\xbc\x8d"), STR_INIT("\xef\xbc\xa0") };

	for (size_t i = 0; i < COUNT_OF(wide); i++) {
		if (str_starts(text, wide[i]))
			return true;
	}
	return text.n > 0 && memchr("=+-@\t\r\n", text.p[0], 7) != NULL;
}

/* A cell is always in quotes, so that nothing in it can end it, and an empty one is seen. */
void csv_text(struct buf *b, struct str text)
{
	separate(b);
	buf_add_char(b, '"');
	if (is_formula(text))
		buf_add_char(b, '\'');
	while (text.n > 0) {
		size_t quote = str_find(text, '"');

		buf_add(b, str_slice(text, 0, quote));
		if (quote < text.n)
			buf_add_c(b, "\"\"");
		text = str_slice(text, quote + 1, text.n);
	}
	buf_add_char(b, '"');
}

void csv_int(struct buf *b, int64_t n)
{
	separate(b);
	buf_add_int(b, n);
}

void csv_end(struct buf *b)
{
	buf_add_c(b, "\r\n");
}
