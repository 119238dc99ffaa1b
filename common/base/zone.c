#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#define FOLDER "/usr/share/zoneinfo"
#define FILE_MAX_BYTES (256 * 1024)
#define HEADER_BYTES 44
#define HOUR 3600
#define DAY 86400
#define OFFSET_MAX (26 * HOUR) /* RFC 8536, 3.2: more is not to be expected */

/* The nth (5: last) weekday of a month, at so many seconds after its midnight. */
struct change_rule {
	int month, nth, weekday, at;
};

struct zone {
	char name[64];
	struct zone *next; /* in struct zones */
	int first_offset;  /* before the first change */
	size_t count;
	int64_t *changes; /* ascending */
	int *offsets;     /* from that change on */
	/* after the last change */
	bool has_tail, has_summer;
	int winter_offset, summer_offset;
	struct change_rule summer, winter; /* when each begins */
};

/* ---- the calendar (proleptic Gregorian, days since 1970-01-01) ------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Years begin in March here, so that the leap day is their last. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t era = floor_div(days + 719468, 146097), of_era = days + 719468 - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

/* 0: Sunday. 1970-01-01 was a Thursday. */
static int weekday_of(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t rule_days(struct change_rule r, int64_t year)
{
	int64_t first = days_of(year, r.month, 1);
	int64_t next_month =
	    r.month == 12 ? days_of(year + 1, 1, 1) : days_of(year, r.month + 1, 1);
	int64_t day = first + (r.weekday - weekday_of(first) + 7) % 7 + (r.nth - 1) * 7;

	while (day >= next_month)
		day -= 7;
	return day;
}

/* ---- the rule after the last change: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX, 8.3 TZ) ------------ */

static bool take_char(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_slice(*s, 1, s->n);
	return true;
}

static bool take_number(struct str *s, int max, int *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
		*out = *out * 10 + (s->p[n] - '0');
	*s = str_slice(*s, n, s->n);
	return n > 0 && *out <= max;
}

static bool take_name(struct str *s)
{
	size_t n = 0;
	bool quoted = take_char(s, '<');

	while (n < s->n &&
	    (quoted ? s->p[n] != '>' : (s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
		n++;
	*s = str_slice(*s, n, s->n);
	return n >= 3 && (!quoted || take_char(s, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct str *s, int *out)
{
	bool minus = take_char(s, '-');
	int h = 0, m = 0, sec = 0;

	if (!minus)
		take_char(s, '+');
	if (!take_number(s, 167, &h) || (take_char(s, ':') && !take_number(s, 59, &m)) ||
	    (take_char(s, ':') && !take_number(s, 59, &sec)))
		return false;
	*out = h * HOUR + m * 60 + sec;
	if (minus)
		*out = -*out;
	return true;
}

static bool take_rule(struct str *s, struct change_rule *r)
{
	r->at = 2 * HOUR;
	return take_char(s, ',') && take_char(s, 'M') && take_number(s, 12, &r->month) &&
	    r->month >= 1 && take_char(s, '.') && take_number(s, 5, &r->nth) && r->nth >= 1 &&
	    take_char(s, '.') && take_number(s, 6, &r->weekday) &&
	    (!take_char(s, '/') || take_time(s, &r->at));
}

static bool parse_tail(struct zone *z, struct str s)
{
	int west = 0;

	if (s.n == 0)
		return true; /* no rule: the last change's offset goes on */
	if (!take_name(&s) || !take_time(&s, &west))
		return false;
	z->winter_offset = -west;
	z->has_tail = true;
	if (s.n == 0)
		return true;
	z->has_summer = true;
	z->summer_offset = z->winter_offset + HOUR;
	if (!take_name(&s))
		return false;
	if (s.n && s.p[0] != ',') {
		if (!take_time(&s, &west))
			return false;
		z->summer_offset = -west;
	}
	return take_rule(&s, &z->summer) && take_rule(&s, &z->winter) && s.n == 0;
}

/* Rules are in local time as it is just before each change. */
static int tail_offset(const struct zone *z, int64_t at)
{
	int64_t year, summer, winter;
	int month, day;

	if (!z->has_summer)
		return z->winter_offset;
	date_of(floor_div(at + z->winter_offset, DAY), &year, &month, &day);
	summer = rule_days(z->summer, year) * DAY + z->summer.at - z->winter_offset;
	winter = rule_days(z->winter, year) * DAY + z->winter.at - z->summer_offset;
	if (summer < winter)
		return at >= summer && at < winter ? z->summer_offset : z->winter_offset;
	return at >= winter && at < summer ? z->winter_offset : z->summer_offset;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int64_t big_endian(const char *p, int bytes)
{
	uint64_t n = (p[0] & 0x80) ? UINT64_MAX : 0;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)p[i];
	return (int64_t)n;
}

/* The six counts of a header. */
struct counts {
	size_t isut, isstd, leap, changes, types, chars;
};

static bool read_header(struct str file, struct counts *c)
{
	size_t *const fields[] = { &c->isut, &c->isstd, &c->leap, &c->changes, &c->types,
		&c->chars };

	if (file.n < HEADER_BYTES || !str_starts(file, STR("TZif")))
		return false;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		int64_t n = big_endian(file.p + 20 + 4 * i, 4);

		if (n < 0 || n > FILE_MAX_BYTES)
			return false;
		*fields[i] = (size_t)n;
	}
	return true;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
	return c->changes * (time_bytes + 1) + c->types * 6 + c->chars +
	    c->leap * (time_bytes + 4) + c->isstd + c->isut;
}

static bool read_changes(struct zone *z, const char *p, const struct counts *c)
{
	const char *indexes = p + c->changes * 8, *types = indexes + c->changes;

	z->first_offset = (int)big_endian(types, 4);
	z->count = c->changes;
	z->changes = mem_zalloc((c->changes + 1) * sizeof(*z->changes));
	z->offsets = mem_zalloc((c->changes + 1) * sizeof(*z->offsets));
	for (size_t i = 0; i < c->changes; i++) {
		size_t type = (unsigned char)indexes[i];

		if (type >= c->types)
			return false;
		z->changes[i] = big_endian(p + 8 * i, 8);
		z->offsets[i] = (int)big_endian(types + 6 * type, 4);
		if ((i && z->changes[i] <= z->changes[i - 1]) || abs(z->offsets[i]) > OFFSET_MAX)
			return false;
	}
	return true;
}

/* The first block has 32-bit times, for readers of old; the second one is ours. */
static bool parse_file(struct zone *z, struct str file)
{
	struct counts c;
	size_t bytes;

	if (!read_header(file, &c) || file.p[4] < '2' || file.n < HEADER_BYTES + block_bytes(&c, 4))
		return false;
	file = str_slice(file, HEADER_BYTES + block_bytes(&c, 4), file.n);
	if (!read_header(file, &c) || c.types == 0)
		return false;
	bytes = HEADER_BYTES + block_bytes(&c, 8);
	if (file.n < bytes || !read_changes(z, file.p + HEADER_BYTES, &c))
		return false;
	return parse_tail(z, str_trim(str_slice(file, bytes, file.n)));
}

static ssize_t read_file(struct str name, char *out)
{
	char path[128];
	ssize_t n = -1, got;
	int fd;

	snprintf(path, sizeof(path), FOLDER "/%.*s", STR_ARG(name));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (n = 0; n < FILE_MAX_BYTES; n += got) {
		got = read(fd, out + n, (size_t)(FILE_MAX_BYTES - n));
		if (got <= 0)
			break;
	}
	close(fd);
	return n;
}

/* Letters, digits, _ + - and single slashes between them: nothing that leaves the folder. */
static bool is_name(struct str name)
{
	char before = '/';

	if (name.n == 0 || name.n >= sizeof(((struct zone *)0)->name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    c == '_' || c == '+' || c == '-';

		if (!word && (c != '/' || before == '/'))
			return false;
		before = c;
	}
	return before != '/';
}

static bool parse_fixed(struct zone *z, struct str name)
{
	int seconds = 0;
	bool minus = name.n && name.p[0] == '-';

	if (name.n != 6 || (name.p[0] != '+' && !minus) || name.p[3] != ':')
		return false;
	name = str_slice(name, 1, name.n);
	if (!take_time(&name, &seconds) || name.n || seconds > 14 * HOUR)
		return false;
	z->first_offset = minus ? -seconds : seconds;
	return true;
}

static bool fill(struct zone *z, struct str name)
{
	char *file;
	ssize_t n;
	bool ok;

	if (name.n == 0 || str_eq(name, STR("UTC")) || parse_fixed(z, name))
		return true;
	if (!is_name(name))
		return false;
	file = mem_alloc(FILE_MAX_BYTES);
	n = read_file(name, file);
	ok = n > 0 && parse_file(z, (struct str){ file, (size_t)n });
	mem_free(file);
	return ok;
}

bool zone_read(struct str name, struct zone **out, struct err *err)
{
	struct zone *z = MEM_NEW(struct zone);

	if (!fill(z, name)) {
		zone_free(z);
		return err_set(err, ERR_BAD_REQUEST, "there is no time zone '%.*s'",
		    STR_ARG(str_slice(name, 0, 64)));
	}
	snprintf(z->name, sizeof(z->name), "%.*s", STR_ARG(name));
	*out = z;
	return true;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	mem_free(z->changes);
	mem_free(z->offsets);
	mem_free(z);
}

int zone_offset(const struct zone *z, int64_t at)
{
	size_t from = 0, to = z->count;

	if (z->count == 0 || at < z->changes[0])
		return z->count == 0 && z->has_tail ? tail_offset(z, at) : z->first_offset;
	if (at >= z->changes[z->count - 1] && z->has_tail)
		return tail_offset(z, at);
	while (to - from > 1) {
		size_t middle = from + (to - from) / 2;

		if (z->changes[middle] <= at)
			from = middle;
		else
			to = middle;
	}
	return z->offsets[from];
}

/* ---- periods --------------------------------------------------------------------------------- */

/* The instant at which a local day begins. Where midnight is skipped, the day begins at the change;
 * where it comes twice, at the first. */
static int64_t midnight(const struct zone *z, int64_t days)
{
	int64_t local = days * DAY;
	int64_t before = local - zone_offset(z, local - DAY),
	        after = local - zone_offset(z, local + DAY);
	int64_t first = before < after ? before : after, last = before < after ? after : before;

	if (first + zone_offset(z, first) == local)
		return first;
	if (last + zone_offset(z, last) == local)
		return last;
	/* In a gap: find the change between the two. */
	while (last - first > 1) {
		int64_t middle = first + (last - first) / 2;

		if (middle + zone_offset(z, middle) < local)
			first = middle;
		else
			last = middle;
	}
	return last;
}

/* The first day of the period that lies `ahead` periods after that of `at`. */
static int64_t first_day(const struct zone *z, enum zone_period period, int64_t at, int ahead)
{
	int64_t days = floor_div(at + zone_offset(z, at), DAY), year, months;
	int month, day;

	switch (period) {
	case ZONE_DAY:
		return days + ahead;
	case ZONE_WEEK:
		return days - (weekday_of(days) + 6) % 7 + 7 * ahead;
	case ZONE_MONTH:
		break;
	}
	date_of(days, &year, &month, &day);
	months = year * 12 + month - 1 + ahead;
	return days_of(floor_div(months, 12), (int)(months - floor_div(months, 12) * 12) + 1, 1);
}

int64_t zone_start(const struct zone *z, enum zone_period period, int64_t at)
{
	return midnight(z, first_day(z, period, at, 0));
}

int64_t zone_next(const struct zone *z, enum zone_period period, int64_t at)
{
	return midnight(z, first_day(z, period, at, 1));
}

/* ---- all that were asked for ----------------------------------------------------------------- */

struct zones {
	pthread_mutex_t lock; /* guards first, and the chain's making */
	struct zone *first;
};

struct zones *zones_new(void)
{
	struct zones *all = MEM_NEW(struct zones);

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void zones_free(struct zones *all)
{
	if (!all)
		return;
	while (all->first) {
		struct zone *z = all->first;

		all->first = z->next;
		zone_free(z);
	}
	pthread_mutex_destroy(&all->lock);
	mem_free(all);
}

/* Under the lock; a file of a few kilobytes is read once per name. */
static struct zone *add_zone(struct zones *all, struct str name)
{
	struct zone *z;
	struct err err = { 0 };

	if (!zone_read(name, &z, &err)) {
		log_warn(NULL, "zone.unknown", LOG_ERR(&err));
		z = MEM_NEW(struct zone);
		snprintf(z->name, sizeof(z->name), "%.*s", STR_ARG(name));
	}
	z->next = all->first;
	all->first = z;
	return z;
}

const struct zone *zones_find(struct zones *all, struct str name)
{
	struct zone *z;

	name = str_slice(name, 0, sizeof(z->name) - 1);
	pthread_mutex_lock(&all->lock);
	z = all->first;
	while (z && !str_eq_c(name, z->name))
		z = z->next;
	if (!z)
		z = add_zone(all, name);
	pthread_mutex_unlock(&all->lock);
	return z;
}
