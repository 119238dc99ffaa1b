#include "base/clock.h"

#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Set by tests only, before threads start. */
static int64_t offset_ms;
static bool stopped;
static struct timespec stopped_real, stopped_mono;

static int64_t read_ns(clockid_t id)
{
	struct timespec now;

	/* Both clocks exist on every system we build for: this cannot fail. */
	if (!stopped)
		clock_gettime(id, &now);
	else
		now = id == CLOCK_REALTIME ? stopped_real : stopped_mono;
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec + offset_ms * NS_PER_MS;
}

int64_t clock_unix(void)
{
	return read_ns(CLOCK_REALTIME) / NS_PER_S;
}

int64_t clock_unix_ms(void)
{
	return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

void clock_test_advance(int64_t ms)
{
	offset_ms += ms;
}

void clock_test_stop(void)
{
	clock_gettime(CLOCK_REALTIME, &stopped_real);
	clock_gettime(CLOCK_MONOTONIC, &stopped_mono);
	stopped = true;
}
