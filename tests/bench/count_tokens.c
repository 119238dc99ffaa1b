/* count_tokens.c — how fast text is counted, in MB/s on one core
 *
 *	count_tokens [FILE…]
 *
 * Without files: made-up English, C, Chinese, and runs of one letter as long as one piece may be, in
 * both encodings; then what one event of a stream costs. Files are counted as they are. English has
 * to reach 20 MB/s.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "billing/tokens.h"

enum { SIZE = 2 << 20, LEAST_MS = 400, EVENTS = 1000000 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- texts -----------------------------------------------------------------------------------*/

/* Zipf-like: the k-th word of the list is taken about 1/k as often as the first. */
static const char *pick(const char *const *words, size_t count, uint32_t *seed)
{
	size_t limit = 1;

	*seed = *seed * 1664525U + 1013904223U;
	while (limit < count && (*seed >> (8 + limit % 20) & 1))
		limit *= 2;
	*seed = *seed * 1664525U + 1013904223U;
	return words[(*seed >> 8) %
	    (limit < count ? limit * 2 < count ? limit * 2 : count : count)];
}

static void fill(char *out, size_t n, const char *const *words, size_t count)
{
	uint32_t seed = 7;
	size_t at = 0;

	while (at < n) {
		const char *w = pick(words, count, &seed);
		size_t len = strlen(w);

		len = len < n - at ? len : n - at;
		memcpy(out + at, w, len);
		at += len;
	}
}

/* clang-format off */
static const char *const english[] = {
	"the ", "of ", "and ", "to ", "in ", "a ", "is ", "that ", "for ", "it ", "as ", "was ",
	"with ", "be ", "by ", "on ", "not ", "he ", "this ", "are ", "or ", "his ", "from ", "at ",
	"which ", "but ", "have ", "an ", "had ", "they ", "you ", "were ", "there ", "one ", "all ",
	"we ", "can ", "her ", "has ", "their ", "been ", "if ", "more ", "when ", "will ", "would ",
	"who ", "so ", "no.\n\nThe ", "out ", "up ", "into ", "than ", "them, ", "only ", "its ",
	"time ", "some ", "could ", "these ", "two ", "may ", "first ", "then ", "do ", "any ",
	"like ", "my ", "now ", "over ", "such ", "our ", "man ", "me ", "even ", "most ", "made ",
	"after ", "also ", "did ", "many ", "off ", "before ", "must ", "well ", "back. ", "through ",
	"years ", "much ", "where ", "your ", "way ", "down ", "should ", "because ", "long, ",
	"each ", "just ", "state ", "those ", "people ", "too ", "mister ", "how ", "little ",
	"1984 ", "good ", "world ", "don't ", "it's ", "thermodynamic ", "parliamentary ",
	"unquestionably ", "\"Photosynthesis\" ", "Massachusetts ", "recalibration ", "bivouacked ",
};
static const char *const code[] = {
	"\tif (", "int ", "i", " = ", "0", ";\n", "for (", "size_t ", "n", "++", ") {\n", "\t}\n",
	"\treturn ", "NULL", "struct buf *", "const char *", "p->len", " < ", "buf_add(&out, ",
	"STR(\"", "Content-Type", "\"))", ";\n\n", "static bool ", "/* what follows */\n", " && ",
	"!err_set(err, ERR_BAD_REQUEST, \"bad %s\", name)", "0x7fff", "->", "[i]", "uint64_t ",
	"memcpy(", ", sizeof(", "\t\t\t", "#include <stdio.h>\n", "\t\tgoto out;\n", "else ",
};
static const char *const chinese[] = {
	"的", "我们", "一个", "在", "是", "了", "不", "人工智能", "可以", "，", "模型", "这个", "有",
	"。\n", "数据", "进行", "和", "上海", "经济", "发展", "研究", "问题", "技术", "、", "系统",
	"今天天气", "非常", "好", "中华人民共和国", "：“", "”", "学习", "计算机", "网络", "服务",
	"请求", "余额", "龘", "饕餮", "魑魅魍魉",
};
/* clang-format on */

/* ---- measuring -------------------------------------------------------------------------------*/

static void measure(const char *name, enum encoding e, struct str text)
{
	static const char *const names[] = { "o200k", "cl100k" };
	double start = seconds(), spent;
	int64_t tokens = 0;
	int rounds = 0;

	do {
		tokens = tokens_text_in(e, text);
		rounds++;
		spent = seconds() - start;
	} while (spent * 1000 < LEAST_MS);
	printf("%-24s %-7s %8.1f MB/s  %" PRId64 " tokens, %.2f bytes each\n", name, names[e],
	    (double)text.n * rounds / spent / 1e6, tokens, (double)text.n / (double)tokens);
}

static void measure_both(const char *name, struct str text)
{
	measure(name, ENCODING_O200K, text);
	measure(name, ENCODING_CL100K, text);
}

/* A stream's events, one word each, and the count asked for at the end. */
static void measure_meter(void)
{
	struct token_meter m = { 0 };
	uint32_t seed = 7;
	double start = seconds(), spent;

	for (int i = 0; i < EVENTS; i++)
		token_meter_add(&m, str_c(pick(english, COUNT_OF(english), &seed)));
	spent = seconds() - start;
	printf("%-24s %-7s %8.1f ns an event  %" PRId64 " tokens\n", "stream of words", "o200k",
	    spent * 1e9 / EVENTS, token_meter_count(&m));
}

static void measure_file(const char *path, char *text)
{
	FILE *f = fopen(path, "rb");

	if (!f) {
		perror(path);
		exit(1);
	}
	measure_both(path, (struct str){ text, fread(text, 1, SIZE, f) });
	fclose(f);
}

int main(int argc, char **argv)
{
	char *text = malloc(SIZE);
	struct str all = { text, SIZE };

	if (!text)
		return 1;
	for (int i = 1; i < argc; i++)
		measure_file(argv[i], text);
	if (argc > 1)
		return 0;
	fill(text, SIZE, english, COUNT_OF(english));
	measure_both("english", all);
	fill(text, SIZE, code, COUNT_OF(code));
	measure_both("code", all);
	fill(text, SIZE, chinese, COUNT_OF(chinese));
	measure_both("chinese", all);
	memset(text, 'x', SIZE);
	measure_both("one letter, one piece", all);
	for (size_t i = 4095; i < SIZE; i += 4096)
		text[i] = '\n';
	measure_both("one letter, 4 KiB pieces", all);
	measure_meter();
	free(text);
	return 0;
}
