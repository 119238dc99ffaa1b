/* test_zone.c — offsets and the beginnings of periods, against the C library's own opinion and
 * against dates that the almanac knows */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/zone.h"

static const char *const names[] = { "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
	"Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Auckland", "Africa/Cairo",
	"America/Santiago", "Asia/Shanghai" };

static bool have_zoneinfo(void)
{
	return access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0;
}

static struct zone *read_or_fail(const char *name)
{
	struct zone *z;
	struct err err = { 0 };

	if (!zone_read(str_c(name), &z, &err))
		fail_msg("%s: got %s", name, err.msg);
	return z;
}

static void test_offsets_as_libc(void **state)
{
	if (!have_zoneinfo())
		skip();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct zone *z = read_or_fail(names[i]);

		setenv("TZ", names[i], 1);
		tzset();
		/* 1972 to 2099, a step that meets all hours and seasons */
		for (time_t at = 63072000; at < 4070908800; at += 1234567) {
			struct tm tm;
			int got = zone_offset(z, at);

			localtime_r(&at, &tm);
			if (got != tm.tm_gmtoff)
				fail_msg("%s at %lld: got %d, want %ld", names[i], (long long)at,
				    got, tm.tm_gmtoff);
		}
		zone_free(z);
	}
	unsetenv("TZ");
	tzset();
}

static void test_periods(void **state)
{
	static const struct {
		const char *name, *zone;
		enum zone_period period;
		int64_t at, start, next;
	} cases[] = {
		/* date -u -d '2026-11-23 03:00' and so on */
		{ "day", "UTC", ZONE_DAY, 1795402800, 1795392000, 1795478400 },
		{ "Monday is the first", "UTC", ZONE_WEEK, 1795402800, 1795392000, 1795996800 },
		{ "Sunday is the last", "UTC", ZONE_WEEK, 1795391999, 1794787200, 1795392000 },
		{ "month", "UTC", ZONE_MONTH, 1795402800, 1793491200, 1796083200 },
		{ "December to January", "UTC", ZONE_MONTH, 1798761599, 1796083200, 1798761600 },
		{ "before 1970", "UTC", ZONE_DAY, -1, -86400, 0 },
		{ "east", "+05:30", ZONE_DAY, 1795402800, 1795372200, 1795458600 },
		{ "west: still the day before", "-08:00", ZONE_DAY, 1795402800, 1795334400,
		    1795420800 },
		/* 2026-03-29, 23 hours long; 2026-10-25, 25 hours long */
		{ "short day", "Europe/Berlin", ZONE_DAY, 1774785600, 1774738800, 1774821600 },
		{ "long day", "Europe/Berlin", ZONE_DAY, 1792929600, 1792879200, 1792969200 },
		/* 2018-11-04 began at 01:00 in Sao Paulo */
		{ "no midnight", "America/Sao_Paulo", ZONE_DAY, 1541340000, 1541300400,
		    1541383200 },
	};

	if (!have_zoneinfo())
		skip();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct zone *z = read_or_fail(cases[i].zone);
		int64_t start = zone_start(z, cases[i].period, cases[i].at);
		int64_t next = zone_next(z, cases[i].period, cases[i].at);

		if (start != cases[i].start || next != cases[i].next)
			fail_msg("%s: got %lld to %lld, want %lld to %lld", cases[i].name,
			    (long long)start, (long long)next, (long long)cases[i].start,
			    (long long)cases[i].next);
		zone_free(z);
	}
}

/* Every day of two centuries: periods follow one another without gap. */
static void test_periods_join(void **state)
{
	if (!have_zoneinfo())
		skip();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct zone *z = read_or_fail(names[i]);

		for (int p = ZONE_DAY; p <= ZONE_MONTH; p++) {
			int64_t at = 0;

			for (int n = 0; n < 40000 / (p == ZONE_DAY ? 1 : 7); n++) {
				int64_t next = zone_next(z, (enum zone_period)p, at);

				if (zone_start(z, (enum zone_period)p, next) != next ||
				    next <= at || zone_start(z, (enum zone_period)p, next - 1) > at)
					fail_msg("%s, period %d: broken at %lld", names[i], p,
					    (long long)next);
				at = next;
			}
		}
		zone_free(z);
	}
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = { "Europe/Nowhere", "../../etc/passwd", "/etc/localtime",
		"Europe//Berlin", "Europe/", "Europe", "+25:00", "+5:30", "zone.tab", "a\nb",
		"tzdata.zi" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct zone *z;
		struct err err = { 0 };

		if (zone_read(str_c(bad[i]), &z, &err))
			fail_msg("%s: got a zone, want an error", bad[i]);
		if (err.kind != ERR_BAD_REQUEST)
			fail_msg("%s: got kind %d", bad[i], (int)err.kind);
	}
}

static void test_found_once(void **state)
{
	struct zones *all = zones_new();
	const struct zone *utc = zones_find(all, STR(""));

	assert_ptr_equal(zones_find(all, STR("")), utc);
	assert_ptr_not_equal(zones_find(all, STR("+01:00")), utc);
	assert_int_equal(zone_offset(zones_find(all, STR("+01:00")), 0), 3600);
	assert_int_equal(zone_offset(zones_find(all, STR("No/Where")), 0), 0);
	zones_free(all);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_as_libc),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_periods_join),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_found_once),
	};

	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
