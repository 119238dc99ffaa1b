/* meter.h — what load.c measures with: a clock, histograms, the CPU time and memory of processes
 *
 * A header with functions, because every .c here is a program of its own.
 *
 * A histogram keeps values (µs) to within 1 %. A process counts with its children, so
 * nginx with its workers; its CPU time is the sum of /proc/PID/task/TID/schedstat, the steadiest
 * number on a busy machine.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FAMILY_MAX 64

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- histograms ----------------------------------------------------------------------- */

/* Values below 128 have a bucket each, then every power of two has 128 of them. */
#define FINE_BITS 7
#define FINE (1 << FINE_BITS)
#define BUCKETS (FINE * 40)

struct histogram {
	uint64_t count;
	int64_t max;
	uint64_t buckets[BUCKETS];
};

static size_t bucket_of(int64_t v)
{
	int shift = 0;

	if (v < 0)
		v = 0;
	while (v >> shift >= 2 * FINE)
		shift++;
	v = (v >> shift) + (int64_t)shift * FINE;
	return v < BUCKETS ? (size_t)v : BUCKETS - 1;
}

static int64_t bucket_value(size_t bucket)
{
	size_t shift = bucket < 2 * FINE ? 0 : bucket / FINE - 1;

	return (int64_t)((bucket - shift * FINE) << shift);
}

static void record(struct histogram *h, int64_t value)
{
	h->buckets[bucket_of(value)]++;
	h->count++;
	if (value > h->max)
		h->max = value;
}

static int64_t quantile(const struct histogram *h, double q)
{
	uint64_t wanted = (uint64_t)((double)h->count * q), seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > wanted)
			return bucket_value(i);
	}
	return h->max;
}

/* ---- processes ------------------------------------------------------------------------ */

/* The first number of a file, or that after `skip` words; -1 when there is none. */
static int64_t number_in(const char *path, int skip)
{
	char text[512], *p = text;
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	for (; skip > 0 && p; skip--)
		p = strchr(p + 1, ' ');
	return p ? strtoll(p, NULL, 10) : -1;
}

/* Calls fn with each number that names an entry of the folder. */
static void each_number(const char *folder, void (*fn)(long number, void *arg), void *arg)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name))
			fn(strtol(entry->d_name, NULL, 10), arg);
	if (dir)
		closedir(dir);
}

struct family {
	long parent, pids[FAMILY_MAX];
	size_t count;
};

static void add_child(long pid, void *arg)
{
	struct family *f = arg;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (f->count < FAMILY_MAX && number_in(path, 3) == f->parent)
		f->pids[f->count++] = pid;
}

static struct family family_of(long pid)
{
	struct family f = { .parent = pid, .pids = { pid }, .count = 1 };

	each_number("/proc", add_child, &f);
	return f;
}

struct tally {
	long pid;
	int64_t us;
};

static void add_thread(long tid, void *arg)
{
	struct tally *t = arg;
	char path[96];
	int64_t ns;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/schedstat", t->pid, tid);
	ns = number_in(path, 0);
	t->us += ns > 0 ? ns / 1000 : 0;
}

static int64_t cpu_us(long pid)
{
	struct family f = family_of(pid);
	struct tally sum = { 0 };
	char path[64];

	for (size_t i = 0; i < f.count; i++) {
		sum.pid = f.pids[i];
		snprintf(path, sizeof(path), "/proc/%ld/task", f.pids[i]);
		each_number(path, add_thread, &sum);
	}
	return sum.us;
}

static int64_t rss_kb(long pid)
{
	struct family f = family_of(pid);
	int64_t pages = 0, one;
	char path[64];

	for (size_t i = 0; i < f.count; i++) {
		snprintf(path, sizeof(path), "/proc/%ld/statm", f.pids[i]);
		one = number_in(path, 1);
		pages += one > 0 ? one : 0;
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* CPU time of the whole machine: everything but idle and waiting. */
static int64_t machine_us(void)
{
	unsigned long long user, nice, sys, idle, wait, irq, softirq, steal;
	FILE *f = fopen("/proc/stat", "r");
	int found = 0;

	if (f) {
		found = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys,
		    &idle, &wait, &irq, &softirq, &steal);
		fclose(f);
	}
	if (found != 8)
		return 0;
	return (int64_t)(user + nice + sys + irq + softirq + steal) * 1000000 /
	    sysconf(_SC_CLK_TCK);
}

static int64_t self_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

#endif
