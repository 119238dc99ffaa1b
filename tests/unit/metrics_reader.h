/* metrics_reader.h — a strict reader of Prometheus text (exposition format 0.0.4), for tests
 *
 * What promtool would object to and some more: every line well-formed, every sample behind the TYPE
 * of its family and nowhere else, no series twice, histograms cumulative with +Inf, sum and count.
 */
#ifndef TESTS_METRICS_READER_H
#define TESTS_METRICS_READER_H

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define READER_SERIES 20000
#define READER_FAMILIES 200

struct reader {
	char families[READER_FAMILIES][96];
	size_t family_count;
	char type[16];                /* of the last of them */
	uint64_t seen[READER_SERIES]; /* hashes of name and labels */
	size_t seen_count;
	double bucket; /* the last one's, -1: none is open */
	bool at_infinity;
};

static inline bool reader_is_name(struct str s)
{
	if (s.n == 0 || isdigit((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' && s.p[i] != ':')
			return false;
	return true;
}

static inline const char *reader_comment(struct reader *r, struct str line)
{
	struct str hash, keyword, name;

	str_next(&line, ' ', &hash);
	if (!str_next(&line, ' ', &keyword) || !str_next(&line, ' ', &name) ||
	    !reader_is_name(name))
		return "a comment that is neither HELP nor TYPE";
	if (str_eq_c(keyword, "HELP"))
		return line.n ? NULL : "HELP without text";
	if (!str_eq_c(keyword, "TYPE"))
		return "an unknown keyword";
	if (!str_eq_c(line, "counter") && !str_eq_c(line, "gauge") && !str_eq_c(line, "histogram"))
		return "an unknown type";
	for (size_t i = 0; i < r->family_count; i++)
		if (str_eq_c(name, r->families[i]))
			return "TYPE twice";
	if (r->bucket >= 0)
		return "a histogram without count";
	snprintf(r->families[r->family_count++], sizeof r->families[0], "%.*s", STR_ARG(name));
	snprintf(r->type, sizeof r->type, "%.*s", STR_ARG(line));
	return r->family_count < READER_FAMILIES ? NULL : "too many families";
}

/* {a="b",c="d"}: its length with the braces, 0 when it is wrong; le gets that label's value. */
static inline size_t reader_labels(struct str s, struct str *le)
{
	size_t at = 1;

	for (;;) {
		struct str rest = str_slice(s, at, s.n);
		size_t n = str_find_str(rest, STR("=\""));
		struct str name = str_slice(rest, 0, n);
		size_t from = at + n + 2, to = from;

		if (n == rest.n || !reader_is_name(name) || str_find(name, ':') < name.n)
			return 0;
		while (to < s.n && s.p[to] != '"') {
			if (s.p[to] == '\\' && (to + 1 >= s.n || !strchr("\\\"n", s.p[to + 1])))
				return 0;
			to += s.p[to] == '\\' ? 2 : 1;
		}
		if (to >= s.n || !str_is_utf8(str_slice(s, from, to)))
			return 0;
		if (str_eq_c(name, "le"))
			*le = str_slice(s, from, to);
		if (to + 1 >= s.n)
			return 0;
		if (s.p[to + 1] == '}')
			return to + 2;
		if (s.p[to + 1] != ',')
			return 0;
		at = to + 2;
	}
}

static inline const char *reader_histogram(struct reader *r, struct str suffix, struct str le,
    double value)
{
	if (str_eq_c(suffix, "_bucket")) {
		if (le.n == 0)
			return "a bucket without le";
		if (value < r->bucket)
			return "buckets are not cumulative";
		r->bucket = value;
		r->at_infinity = str_eq_c(le, "+Inf");
		return NULL;
	}
	if (r->bucket < 0 || !r->at_infinity)
		return "a histogram without +Inf";
	if (str_eq_c(suffix, "_sum"))
		return NULL;
	if (!str_eq_c(suffix, "_count"))
		return "a sample that no histogram has";
	if (value != r->bucket)
		return "count is not the last bucket";
	r->bucket = -1;
	r->at_infinity = false;
	return NULL;
}

static inline const char *reader_sample(struct reader *r, struct str line)
{
	size_t n = 0, labels = 0;
	struct str name, le = { 0 }, family = str_c(r->families[r->family_count - 1]);
	double value;
	uint64_t hash;

	while (n < line.n && line.p[n] != '{' && line.p[n] != ' ')
		n++;
	name = str_slice(line, 0, n);
	if (r->family_count == 0 || !reader_is_name(name) || !str_starts(name, family))
		return "a sample outside of its family";
	if (n < line.n && line.p[n] == '{') {
		labels = reader_labels(str_slice(line, n, line.n), &le);
		if (labels == 0)
			return "broken labels";
	}
	hash = str_hash(str_slice(line, 0, n + labels));
	for (size_t i = 0; i < r->seen_count; i++)
		if (r->seen[i] == hash)
			return "a series twice";
	if (r->seen_count == READER_SERIES)
		return "too many series";
	r->seen[r->seen_count++] = hash;
	if (n + labels >= line.n || line.p[n + labels] != ' ' ||
	    !str_to_double(str_slice(line, n + labels + 1, line.n), &value))
		return "a value that is no number";
	if (value < 0 && strcmp(r->type, "gauge") != 0)
		return "a negative count";
	if (strcmp(r->type, "histogram") == 0)
		return reader_histogram(r, str_slice(name, family.n, name.n), le, value);
	return str_eq(name, family) ? NULL : "a sample outside of its family";
}

/* NULL, or what is wrong with the first line that is. */
static inline const char *metrics_reader_check(struct str text)
{
	struct reader *r = calloc(1, sizeof *r);
	const char *wrong = NULL;
	struct str line;

	r->bucket = -1;
	if (text.n == 0 || text.p[text.n - 1] != '\n')
		wrong = "the last line has no end";
	while (!wrong && str_next(&text, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (line.p[0] == '#')
			wrong = reader_comment(r, line);
		else if (r->family_count == 0)
			wrong = "a sample without type";
		else
			wrong = reader_sample(r, line);
	}
	if (!wrong && r->bucket >= 0)
		wrong = "a histogram without count";
	free(r);
	return wrong;
}

/* The value of the series that is written so; -1: there is none. */
static inline double metrics_reader_value(const char *text, const char *series)
{
	size_t n = strlen(series);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, series, n) == 0 && at[n] == ' ')
			return strtod(at + n + 1, NULL);
	}
	return -1;
}

#endif
