#include "store/user_name.h"

#include "base/err.h"

/* Capitals from first to last, each step-th of them, and how far their small letters are. */
static const struct letters {
	uint32_t first, last, step;
	int32_t to_small;
} letters[] = {
	{ 'A', 'Z', 1, 32 },
	{ 0xc0, 0xd6, 1, 32 },
	{ 0xd8, 0xde, 1, 32 },
	{ 0x100, 0x12e, 2, 1 },
	{ 0x132, 0x136, 2, 1 },
	{ 0x139, 0x147, 2, 1 },
	{ 0x14a, 0x176, 2, 1 },
	{ 0x178, 0x178, 1, -121 },
	{ 0x179, 0x17d, 2, 1 },
	{ 0x1cd, 0x1db, 2, 1 },
	{ 0x1de, 0x1ee, 2, 1 },
	{ 0x1f8, 0x21e, 2, 1 },
	{ 0x222, 0x232, 2, 1 },
	{ 0x386, 0x386, 1, 38 },
	{ 0x388, 0x38a, 1, 37 },
	{ 0x38c, 0x38c, 1, 64 },
	{ 0x38e, 0x38f, 1, 63 },
	{ 0x391, 0x3a1, 1, 32 },
	{ 0x3a3, 0x3ab, 1, 32 },
	{ 0x3c2, 0x3c2, 1, 1 }, /* the sigma at the end of a word */
	{ 0x400, 0x40f, 1, 80 },
	{ 0x410, 0x42f, 1, 32 },
	{ 0x460, 0x480, 2, 1 },
	{ 0x48a, 0x4be, 2, 1 },
	{ 0x4c1, 0x4cd, 2, 1 },
	{ 0x4d0, 0x52e, 2, 1 },
	{ 0x531, 0x556, 1, 48 },
	{ 0x1e00, 0x1e94, 2, 1 },
	{ 0x1ea0, 0x1efe, 2, 1 },
	{ 0xff21, 0xff3a, 1, 32 },
};

static bool is_one_of(uint32_t c, const struct letters *l)
{
	return c >= l->first && c <= l->last && (c - l->first) % l->step == 0;
}

static uint32_t small(uint32_t c)
{
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		if (is_one_of(c, &letters[i]))
			return (uint32_t)((int32_t)c + letters[i].to_small);
	}
	return c;
}

/* Is it one of the capitals or of their small letters? */
static bool has_case(uint32_t c)
{
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		if (is_one_of(c, &letters[i]) ||
		    is_one_of((uint32_t)((int32_t)c - letters[i].to_small), &letters[i]))
			return true;
	}
	return false;
}

/* Takes the first character off. What is no UTF-8 is taken byte by byte, as something of its own. */
static uint32_t next(struct str *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	size_t more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = p[0];

	if (p[0] >= 0xc0 && more < s->n) {
		c = p[0] & (0x3fu >> more);
		for (size_t i = 1; i <= more; i++)
			c = c << 6 | (p[i] & 0x3fu);
	} else {
		more = 0;
		if (p[0] >= 0x80)
			c |= 0x80000000u;
	}
	*s = str_slice(*s, more + 1, s->n);
	return c;
}

bool user_name_same(struct str a, struct str b)
{
	while (a.n && b.n) {
		uint32_t left = next(&a), right = next(&b);

		if (left != right && small(left) != small(right))
			return false;
	}
	return a.n == b.n;
}

/* Can another name be the same, and the index not see it? Of Chinese ones, say, none can. */
static bool index_is_blind(struct str name)
{
	while (name.n) {
		uint32_t c = next(&name);

		if (c >= 0x80 && has_case(c))
			return true;
	}
	return false;
}

static bool has_name(struct db *db, int64_t id, struct str name, bool *has, struct err *err)
{
	static const char sql[] = "SELECT username FROM users WHERE id = ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(id)), &rows, err))
		return false;
	*has = rows_next(&rows) && str_eq(rows_text(&rows, 0), name);
	return rows_close(&rows, err);
}

bool user_name_like(struct db *db, struct str name, int64_t but, bool *taken, struct err *err)
{
	static const char sql[] = "SELECT username FROM users WHERE status <> 3 AND id <> ? "
	                          "AND length(username) = ?";
	struct rows rows;
	bool own = false;

	*taken = false;
	if (!index_is_blind(name))
		return true;
	if (!has_name(db, but, name, &own, err))
		return false;
	if (own)
		return true;
	if (!db_query(db, sql, BIND(v_int(but), v_int((int64_t)str_code_points(name))), &rows, err))
		return false;
	while (!*taken && rows_next(&rows))
		*taken = user_name_same(rows_text(&rows, 0), name);
	return rows_close(&rows, err);
}
