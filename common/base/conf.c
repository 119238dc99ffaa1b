#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define FROM_ENVIRONMENT 0
#define FROM_FALLBACK (-1)

/* One setting: its row and what it came to. */
struct entry {
	const struct conf_key *key;
	char *text; /* owned */
	int64_t n;  /* CONF_INT, CONF_BOOL */
	double d;
	int line; /* in the file, or one of FROM_… */
};

struct conf {
	struct entry *entries;
	size_t count;
};

/* A line of the file after its syntax is undone. */
struct setting {
	struct str name;
	struct buf value;
};

/* ---- the file ---- */

static bool read_file(const char *path, bool must_exist, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f) {
		if (errno == ENOENT && !must_exist)
			return true;
		return err_set(err, ERR_CONFIG, "cannot open '%s': %s", path, strerror(errno));
	}
	for (;;) {
		char piece[4096];
		size_t n = fread(piece, 1, sizeof(piece), f);

		if (n == 0)
			break;
		buf_add(out, (struct str){ piece, n });
	}
	ok = !ferror(f);
	fclose(f);
	if (!ok)
		return err_set(err, ERR_CONFIG, "cannot read '%s'", path);
	if (!buf_ok(out))
		return err_set(err, ERR_CONFIG, "'%s' is larger than 1 MiB", path);
	if (str_find(buf_str(out), '\0') < out->len)
		return err_set(err, ERR_CONFIG, "'%s' is not a text file", path);
	return true;
}

static bool is_name(struct str s)
{
	static const char others[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.0123456789";

	for (size_t i = 0; i < s.n; i++)
		if (!memchr(others, s.p[i], sizeof(others) - 1))
			return false;
	return s.n > 0 && !(s.p[0] >= '0' && s.p[0] <= '9');
}

/* What may follow a closing quote: nothing, or a comment. */
static const char *check_rest(struct str rest)
{
	rest = str_trim(rest);
	return rest.n == 0 || rest.p[0] == '#' ? NULL : "text after the closing quote";
}

static const char *read_single(struct str s, struct buf *value)
{
	size_t end = str_find(s, '\'');

	if (end == s.n)
		return "no closing quote";
	buf_add(value, str_slice(s, 0, end));
	return check_rest(str_slice(s, end + 1, s.n));
}

static const char *read_double(struct str s, struct buf *value)
{
	static const char escapes[] = "n\nt\t\"\"\\\\";

	for (size_t i = 0; i < s.n; i++) {
		const char *at;

		if (s.p[i] == '"')
			return check_rest(str_slice(s, i + 1, s.n));
		if (s.p[i] != '\\') {
			buf_add_char(value, s.p[i]);
			continue;
		}
		if (++i == s.n)
			break;
		at = strchr(escapes, s.p[i]);
		if (!at)
			return "unknown escape, only \\n \\t \\\" \\\\ are";
		buf_add_char(value, at[1]);
	}
	return "no closing quote";
}

static const char *read_bare(struct str s, struct buf *value)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' && (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
			s = str_slice(s, 0, i);
	buf_add(value, str_trim(s));
	return NULL;
}

/* NULL, or what is wrong with the line. The name is empty when the line says nothing. */
static const char *read_line(struct str line, struct setting *out)
{
	size_t at;
	struct str raw;

	out->name = STR("");
	buf_clear(&out->value);
	line = str_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return NULL;
	if (str_starts(line, STR("export ")))
		line = str_trim(str_slice(line, sizeof("export ") - 1, line.n));
	at = str_find(line, '=');
	if (at == line.n)
		return "no '=' after the name";
	out->name = str_trim(str_slice(line, 0, at));
	if (!is_name(out->name))
		return "not a name before the '='";
	raw = str_trim(str_slice(line, at + 1, line.n));
	if (str_starts(raw, STR("'")))
		return read_single(str_slice(raw, 1, raw.n), &out->value);
	if (str_starts(raw, STR("\"")))
		return read_double(str_slice(raw, 1, raw.n), &out->value);
	return read_bare(raw, &out->value);
}

/* ---- the table ---- */

static struct entry *find_entry(const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_eq_c(name, c->entries[i].key->name))
			return &c->entries[i];
	return NULL;
}

static void set_text(struct entry *e, const char *text, int line)
{
	mem_free(e->text);
	e->text = mem_strdup(text);
	e->line = line;
}

static struct conf *conf_new(const struct conf_key *const *tables)
{
	struct conf *c = MEM_NEW(struct conf);

	for (size_t t = 0; tables[t]; t++) {
		for (const struct conf_key *k = tables[t]; k->name; k++) {
			struct entry *e = find_entry(c, str_c(k->name));

			/* Programs may share a row, but not disagree about it. */
			assert(!e || e->key->type == k->type);
			if (e)
				continue;
			c->entries = mem_realloc(c->entries, (c->count + 1) * sizeof(*e));
			e = &c->entries[c->count++];
			*e = (struct entry){ .key = k };
			set_text(e, k->fallback, FROM_FALLBACK);
		}
	}
	return c;
}

static bool apply_file(struct conf *c, const char *path, struct str text, struct err *err)
{
	struct setting s = { .value = buf_init(FILE_MAX_BYTES) };
	const char *wrong = NULL;
	struct str line;
	int number = 0;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_slice(text, 3, text.n);
	while (!wrong && str_next(&text, '\n', &line)) {
		struct entry *e;

		number++;
		wrong = read_line(line, &s);
		e = wrong || !s.name.n ? NULL : find_entry(c, s.name);
		if (!e)
			continue;
		if (s.value.len)
			set_text(e, s.value.data, number);
		else
			set_text(e, e->key->fallback, FROM_FALLBACK);
	}
	buf_release(&s.value);
	if (!wrong)
		return true;
	if (is_name(s.name))
		return err_set(err, ERR_CONFIG, "'%s' line %d, setting '%.*s': %s", path, number,
		    STR_ARG(s.name), wrong);
	return err_set(err, ERR_CONFIG, "'%s' line %d: %s", path, number, wrong);
}

static void apply_environment(struct conf *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = &c->entries[i];
		const char *text = getenv(e->key->name);

		if (!text)
			continue;
		if (*text)
			set_text(e, text, FROM_ENVIRONMENT);
		else
			set_text(e, e->key->fallback, FROM_FALLBACK);
	}
}

/* ---- values ---- */

static bool read_bool(struct str s, int64_t *out)
{
	if (str_eq_nocase(s, STR("true")) || str_eq(s, STR("1")))
		*out = 1;
	else if (str_eq_nocase(s, STR("false")) || str_eq(s, STR("0")))
		*out = 0;
	else
		return false;
	return true;
}

static bool read_value(struct entry *e)
{
	const struct conf_key *k = e->key;
	struct str s = str_trim(str_c(e->text));

	switch (k->type) {
	case CONF_TEXT:
		return true;
	case CONF_INT:
		return str_to_int(s, k->min, k->max, &e->n);
	case CONF_BOOL:
		return read_bool(s, &e->n);
	case CONF_DOUBLE:
		return str_to_double(s, &e->d) && e->d >= (double)k->min && e->d <= (double)k->max;
	}
	return false;
}

/* What a value must be, as an operator reads it. */
static const char *describe(const struct conf_key *k, char *out, size_t size)
{
	const char *kind = k->type == CONF_INT ? "a whole number" : "a number";

	if (k->type == CONF_TEXT)
		return "text";
	if (k->type == CONF_BOOL)
		return "true or false";
	snprintf(out, size, "%s from %" PRId64 " to %" PRId64, kind, k->min, k->max);
	return out;
}

static bool check_values(struct conf *c, const char *path, struct err *err)
{
	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = &c->entries[i];
		char want[80];

		if (read_value(e))
			continue;
		assert(e->line != FROM_FALLBACK);
		if (e->line == FROM_ENVIRONMENT)
			return err_set(err, ERR_CONFIG, "environment: setting '%s' must be %s",
			    e->key->name, describe(e->key, want, sizeof(want)));
		return err_set(err, ERR_CONFIG, "'%s' line %d: setting '%s' must be %s", path,
		    e->line, e->key->name, describe(e->key, want, sizeof(want)));
	}
	return true;
}

bool conf_load(const char *path, bool must_exist, const struct conf_key *const *tables,
    struct conf **out, struct err *err)
{
	struct conf *c = conf_new(tables);
	struct buf text = buf_init(FILE_MAX_BYTES);
	bool ok = true;

	if (path)
		ok = read_file(path, must_exist, &text, err) &&
		    apply_file(c, path, buf_str(&text), err);
	/* Secrets stand in that file. */
	if (text.cap)
		mem_wipe(text.data, text.cap);
	buf_release(&text);
	if (ok) {
		apply_environment(c);
		ok = check_values(c, path, err);
	}
	if (!ok) {
		conf_free(c);
		return false;
	}
	*out = c;
	return true;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		mem_free(c->entries[i].text);
	mem_free(c->entries);
	mem_free(c);
}

static const struct entry *entry_of(const struct conf *c, const char *name, enum conf_type type)
{
	const struct entry *e = find_entry(c, str_c(name));

	assert(e && e->key->type == type);
	return e;
}

const char *conf_text(const struct conf *c, const char *name)
{
	return entry_of(c, name, CONF_TEXT)->text;
}

int64_t conf_int(const struct conf *c, const char *name)
{
	return entry_of(c, name, CONF_INT)->n;
}

bool conf_bool(const struct conf *c, const char *name)
{
	return entry_of(c, name, CONF_BOOL)->n != 0;
}

double conf_double(const struct conf *c, const char *name)
{
	return entry_of(c, name, CONF_DOUBLE)->d;
}

bool conf_is_set(const struct conf *c, const char *name)
{
	const struct entry *e = find_entry(c, str_c(name));

	assert(e);
	return e->line != FROM_FALLBACK;
}

void conf_print_help(const struct conf_key *const *tables)
{
	for (size_t t = 0; tables[t]; t++) {
		for (const struct conf_key *k = tables[t]; k->name; k++) {
			char want[80];

			printf("%s=%s\n\t%s (%s)\n", k->name, k->fallback, k->help,
			    describe(k, want, sizeof(want)));
		}
	}
}
