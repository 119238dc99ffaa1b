#include "billing/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/mem.h"

#define PREFIX "settlements-"
#define SUFFIX ".journal"
#define LINE_MAX_BYTES (256 * 1024)
#define ADDED_MAX_BYTES ((size_t)64 * 1024 * 1024)
/* Eight hex digits and a blank. */
#define SUM_CHARS 9

struct journal {
	char *dir;
	char *path; /* of our own file */
	int fd;     /* -1: there is none */
	off_t size; /* of what is safe */
	struct buf added;
};

static const struct field entry_fields[] = {
	FIELD(struct journal_entry, release, 0),
	FIELD(struct journal_entry, write_log, 0),
	FIELD_AS(struct journal_entry, row.user_id, "user_id", 0),
	FIELD_AS(struct journal_entry, row.created_at, "created_at", 0),
	FIELD_AS(struct journal_entry, row.type, "type", 0),
	FIELD_AS(struct journal_entry, row.content, "content", 0),
	FIELD_AS(struct journal_entry, row.username, "username", 0),
	FIELD_AS(struct journal_entry, row.token_name, "token_name", 0),
	FIELD_AS(struct journal_entry, row.model_name, "model_name", 0),
	FIELD_AS(struct journal_entry, row.quota, "quota", 0),
	FIELD_AS(struct journal_entry, row.prompt_tokens, "prompt_tokens", 0),
	FIELD_AS(struct journal_entry, row.completion_tokens, "completion_tokens", 0),
	FIELD_AS(struct journal_entry, row.channel, "channel", 0),
	FIELD_AS(struct journal_entry, row.request_id, "request_id", FIELD_REQUIRED),
	FIELD_AS(struct journal_entry, row.elapsed_time, "elapsed_time", 0),
	FIELD_AS(struct journal_entry, row.is_stream, "is_stream", 0),
	FIELD_AS(struct journal_entry, row.system_prompt_reset, "system_prompt_reset", 0),
	FIELD_AS(struct journal_entry, row.token_id, "token_id", 0),
	FIELD_AS(struct journal_entry, row.origin_model, "origin_model", 0),
	FIELD_AS(struct journal_entry, row.cached_tokens, "cached_tokens", 0),
	FIELD_AS(struct journal_entry, row.attempts, "attempts", 0),
	FIELD_AS(struct journal_entry, row.first_byte_ms, "first_byte_ms", 0),
	FIELD_AS(struct journal_entry, row.upstream_status, "upstream_status", 0),
	FIELD_AS(struct journal_entry, row.finish, "finish", 0),
	FIELD_AS(struct journal_entry, row.model_ratio, "model_ratio", 0),
	FIELD_AS(struct journal_entry, row.completion_ratio, "completion_ratio", 0),
	FIELD_AS(struct journal_entry, row.group_ratio, "group_ratio", 0),
	{ 0 },
};

/* ---- records --------------------------------------------------------------------------------- */

/* CRC-32 as in zip and PNG (polynomial 0xEDB88320). */
static uint32_t checksum(struct str s)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & (0 - (crc & 1)));
	}
	return ~crc;
}

void journal_add(struct journal *j, const struct journal_entry *e)
{
	struct buf line = buf_init(LINE_MAX_BYTES);

	field_write(entry_fields, e, &line);
	buf_addf(&j->added, "%08" PRIx32 " ", checksum(buf_str(&line)));
	buf_add(&j->added, buf_str(&line));
	buf_add_char(&j->added, '\n');
	buf_release(&line);
}

static bool read_entry(struct arena *a, struct str line, struct journal_entry *e)
{
	struct str text = str_slice(line, SUM_CHARS, line.n);
	struct err err = { 0 };
	char sum[SUM_CHARS + 1];
	cJSON *tree;

	snprintf(sum, sizeof sum, "%08" PRIx32 " ", checksum(text));
	*e = (struct journal_entry){ 0 };
	return str_eq_c(str_slice(line, 0, SUM_CHARS), sum) && json_parse(a, text, &tree, &err) &&
	    field_read(entry_fields, tree, a, e, NULL, &err);
}

/* ---- our own file ---------------------------------------------------------------------------- */

static char *path_in(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc(n);

	snprintf(path, n, "%s/%s", dir, name);
	return path;
}

struct journal *journal_new(const char *dir, const char *node)
{
	struct journal *j = MEM_NEW(struct journal);
	char name[160];

	snprintf(name, sizeof name, PREFIX "%.100s" SUFFIX, node);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	j->dir = mem_strdup(dir);
	j->path = path_in(dir, name);
	j->fd = -1;
	j->added = buf_init(ADDED_MAX_BYTES);
	return j;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	buf_release(&j->added);
	mem_free(j->dir);
	mem_free(j->path);
	mem_free(j);
}

/* A name is safe only when its folder is. */
static bool sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool open_own(struct journal *j)
{
	struct stat st;

	if (j->fd >= 0)
		return true;
	j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return false;
	if (flock(j->fd, LOCK_EX | LOCK_NB) == 0 && fstat(j->fd, &st) == 0 && sync_dir(j->dir)) {
		j->size = st.st_size;
		return true;
	}
	close(j->fd);
	j->fd = -1;
	return false;
}

static bool write_all(int fd, struct str s, off_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_slice(s, (size_t)n, s.n);
		at += n;
	}
	return true;
}

bool journal_sync(struct journal *j, struct err *err)
{
	struct str bytes = buf_str(&j->added);
	bool ok = buf_ok(&j->added) && open_own(j) && write_all(j->fd, bytes, j->size) &&
	    fdatasync(j->fd) == 0;

	if (ok) {
		j->size += (off_t)bytes.n;
	} else {
		err_set(err, ERR_STORE, "the journal of settlements cannot be written");
		err_detail(err, "'%s': %s", j->path, strerror(errno));
		if (j->fd >= 0 && ftruncate(j->fd, j->size) != 0)
			log_error(NULL, "journal.torn", LOG_TEXT("file", j->path));
	}
	buf_release(&j->added);
	j->added = buf_init(ADDED_MAX_BYTES);
	return ok;
}

bool journal_has_records(const struct journal *j)
{
	return j->fd >= 0;
}

/* ---- replay ---------------------------------------------------------------------------------- */

struct replay {
	const char *path;
	struct arena *arena; /* of one batch */
	struct journal_entry entries[JOURNAL_BATCH];
	size_t n, total, torn;
	journal_fn *fn;
	void *arg;
};

static bool hand_out(struct replay *r)
{
	bool ok = r->n == 0 || r->fn(r->arg, r->entries, r->n);

	r->total += r->n;
	r->n = 0;
	arena_free(r->arena);
	r->arena = arena_new(16 * 1024);
	return ok;
}

static bool replay_line(struct replay *r, struct str line)
{
	if (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	else
		line.n = 0; /* its end never came */
	if (line.n <= SUM_CHARS || !read_entry(r->arena, line, &r->entries[r->n])) {
		r->torn++;
		return true;
	}
	return ++r->n < JOURNAL_BATCH || hand_out(r);
}

static bool replay_stream(struct replay *r, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool ok = true;

	r->arena = arena_new(16 * 1024);
	while (ok && (n = getline(&line, &cap, in)) >= 0)
		ok = replay_line(r, (struct str){ line, (size_t)n });
	free(line);
	ok = ok && !ferror(in) && hand_out(r);
	arena_free(r->arena);
	return ok;
}

/* What was torn stays for somebody to look at, under a name that is no journal's. */
static bool remove_file(const char *path, bool torn)
{
	char *aside;
	bool ok;

	if (!torn)
		return unlink(path) == 0;
	aside = mem_alloc(strlen(path) + sizeof ".torn");
	snprintf(aside, strlen(path) + sizeof ".torn", "%s.torn", path);
	ok = rename(path, aside) == 0;
	mem_free(aside);
	return ok;
}

/* fd is locked. */
static bool replay_file(const char *path, int fd, journal_fn *fn, void *arg)
{
	struct replay *r = MEM_NEW(struct replay);
	int copy = dup(fd);
	FILE *in = copy >= 0 ? fdopen(copy, "r") : NULL;
	bool ok = in != NULL;

	*r = (struct replay){ .path = path, .fn = fn, .arg = arg };
	if (in) {
		rewind(in);
		ok = replay_stream(r, in);
		fclose(in);
	} else if (copy >= 0) {
		close(copy);
	}
	if (r->torn > 0)
		log_warn(NULL, "journal.torn", LOG_TEXT("file", path),
		    LOG_INT("lines", (int64_t)r->torn));
	if (ok && remove_file(path, r->torn > 0))
		log_info(NULL, "journal.replayed", LOG_TEXT("file", path),
		    LOG_INT("settlements", (int64_t)r->total));
	mem_free(r);
	return ok;
}

/* A file whose process lives is locked by it; one that was removed since we opened it is done. */
static bool replay_orphan(const char *path, journal_fn *fn, void *arg)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	bool ok = true;

	if (fd < 0)
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
		ok = replay_file(path, fd, fn, arg);
	close(fd);
	return ok;
}

static bool is_journal(const char *name)
{
	struct str s = str_c(name);

	return str_starts(s, STR(PREFIX)) && str_ends(s, STR(SUFFIX));
}

static bool replay_own(struct journal *j, journal_fn *fn, void *arg)
{
	if (j->fd < 0)
		return true;
	if (!replay_file(j->path, j->fd, fn, arg))
		return false;
	close(j->fd);
	j->fd = -1;
	j->size = 0;
	return true;
}

bool journal_replay(struct journal *j, journal_fn *fn, void *arg)
{
	DIR *dir = opendir(j->dir);
	bool ok = replay_own(j, fn, arg);
	struct dirent *entry;

	while (ok && dir && (entry = readdir(dir))) {
		char *path;

		if (!is_journal(entry->d_name))
			continue;
		path = path_in(j->dir, entry->d_name);
		ok = replay_orphan(path, fn, arg);
		mem_free(path);
	}
	if (dir)
		closedir(dir);
	return ok;
}
