#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* A line is written whole or not at all: what a pipe takes in one piece (PIPE_BUF on Linux). */
#define LINE_MAX_BYTES 4096
/* `}` and the newline. */
#define LINE_END 2
/* One long value does not push the others off the line. */
#define VALUE_MAX_BYTES 1024
#define KEY_TAIL 4
/* Of a shorter key the tail would be too large a part. */
#define KEY_TAIL_MIN_BYTES 16

static const char *const level_names[] = { "debug", "info", "warn", "error" };

/* Set by log_open before threads start, only read afterwards. */
static struct {
	char program[32];
	enum log_level least;
	int fd;
	enum log_format format;
} sink = { "oneapi", LOG_INFO, STDERR_FILENO, LOG_LOGFMT };

struct line {
	size_t n;
	char p[LINE_MAX_BYTES];
};

bool log_open(const char *program, enum log_level least, const char *path)
{
	int fd = STDERR_FILENO;

	if (path) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		if (fd < 0)
			return false;
	}
	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	snprintf(sink.program, sizeof(sink.program), "%s", program);
	sink.least = least;
	sink.fd = fd;
	return true;
}

void log_set_format(enum log_format format)
{
	sink.format = format;
}

bool log_wants(enum log_level level)
{
	return level >= sink.least;
}

/* All of the bytes or none; the end of the line always has its place. */
static bool put(struct line *l, const char *p, size_t n)
{
	if (n > sizeof(l->p) - LINE_END - l->n)
		return false;
	memcpy(l->p + l->n, p, n);
	l->n += n;
	return true;
}

/* Length of the character at s, 0 when it is not well-formed. */
static size_t character(struct str s)
{
	unsigned char lead = (unsigned char)s.p[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	return n <= s.n && str_is_utf8((struct str){ s.p, n }) ? n : 0;
}

/* C0, DEL and C1: what could move a reader's cursor. n is the character's length. */
static bool is_control(const unsigned char *p, size_t n)
{
	return n == 1 ? p[0] < 0x20 || p[0] == 0x7f : n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

/* Stands for itself without quotes. */
static bool is_bare(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

static bool needs_quotes(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t n;

		if (is_bare(s.p[i])) {
			i++;
			continue;
		}
		n = character(str_slice(s, i, s.n));
		if (n == 0 || is_control((const unsigned char *)s.p + i, n))
			return true;
		if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
			return true;
		i += n;
	}
	return s.n == 0;
}

/* Writes one character of a quoted value to out (at most 6 bytes) and returns what it took. */
static size_t escape(struct str s, char out[8], size_t *taken)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = character(s);

	*taken = n ? n : 1;
	if (n == 0)
		return (size_t)snprintf(out, 8, "\\ufffd");
	if (is_control(p, n)) {
		const char *at = strchr("\nn\rr\tt", p[0]);

		if (at && p[0])
			return (size_t)snprintf(out, 8, "\\%c", at[1]);
		return (size_t)snprintf(out, 8, "\\u%04x", p[n - 1]);
	}
	if (p[0] == '"' || p[0] == '\\')
		return (size_t)snprintf(out, 8, "\\%c", p[0]);
	memcpy(out, p, n);
	return n;
}

static void put_quoted(struct line *l, struct str s)
{
	/* The closing quote has its place too. */
	const size_t room = sizeof(l->p) - LINE_END - 1;
	const size_t stop = l->n + VALUE_MAX_BYTES;

	if (!put(l, "\"", 1))
		return;
	for (size_t i = 0, taken; i < s.n && l->n < stop; i += taken) {
		char piece[8];
		size_t n = escape(str_slice(s, i, s.n), piece, &taken);

		if (l->n + n > room || !put(l, piece, n))
			break;
	}
	put(l, "\"", 1);
}

/* ` name=` or `,"name":`, but not when no value would fit behind it. */
static bool put_name(struct line *l, const char *name)
{
	size_t n = strlen(name);

	if (n + 7 + LINE_END > sizeof(l->p) - l->n)
		return false;
	if (sink.format == LOG_JSON)
		return put(l, ",\"", 2) && put(l, name, n) && put(l, "\":", 2);
	return put(l, " ", 1) && put(l, name, n) && put(l, "=", 1);
}

static void put_str(struct line *l, const char *name, struct str s)
{
	if (!put_name(l, name))
		return;
	if (sink.format == LOG_JSON || s.n > VALUE_MAX_BYTES || needs_quotes(s) ||
	    !put(l, s.p, s.n))
		put_quoted(l, s);
}

static void put_int(struct line *l, const char *name, int64_t n)
{
	char digits[24];
	size_t before = l->n, at = sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (n < 0)
		digits[--at] = '-';
	/* Half a number would be a wrong number. */
	if (!put_name(l, name) || !put(l, digits + at, sizeof(digits) - at))
		l->n = before;
}

/* The last second that this thread wrote, for the lines that follow within it. */
static _Thread_local struct {
	time_t second;
	char text[32];
	size_t n;
} stamp;

static void put_time(struct line *l)
{
	int64_t ms = clock_unix_ms();
	time_t second = (time_t)(ms / 1000);
	int part = (int)(ms % 1000);
	const char tail[] = { '.', (char)('0' + part / 100), (char)('0' + part / 10 % 10),
		(char)('0' + part % 10), 'Z' };
	struct tm utc;

	if (second != stamp.second || !stamp.n) {
		if (!gmtime_r(&second, &utc))
			return;
		stamp.n = strftime(stamp.text, sizeof(stamp.text), "%Y-%m-%dT%H:%M:%S", &utc);
		stamp.second = second;
	}
	put(l, stamp.text, stamp.n);
	put(l, tail, sizeof(tail));
}

/* The first field of every line. */
static void begin_line(struct line *l)
{
	bool json = sink.format == LOG_JSON;

	l->n = 0;
	put(l, json ? "{\"ts\":\"" : "ts=", json ? 7 : 3);
	put_time(l);
	if (json)
		put(l, "\"", 1);
}

static void end_line(struct line *l)
{
	if (sink.format == LOG_JSON)
		l->p[l->n++] = '}';
	l->p[l->n++] = '\n';
}

/* ---- sending ---------------------------------------------------------------------------------- */

/* Lines of this thread that wait for log_flush: as many as go out in one piece. */
static _Thread_local struct {
	bool on;
	size_t n;
	char p[LINE_MAX_BYTES];
} gathered;

static void send_bytes(const char *p, size_t size)
{
	ssize_t n;

	/* A log that cannot be written must not stop what it tells of. */
	do
		n = write(sink.fd, p, size);
	while (n < 0 && errno == EINTR);
}

void log_flush(void)
{
	if (gathered.n > 0)
		send_bytes(gathered.p, gathered.n);
	gathered.n = 0;
}

void log_gather(bool on)
{
	log_flush();
	gathered.on = on;
}

/* In the order they came, and what is wrong at once. */
static void send_line(enum log_level level, const struct line *l)
{
	bool waits = gathered.on && level < LOG_WARN;

	if (!waits || gathered.n + l->n > sizeof(gathered.p))
		log_flush();
	if (!waits) {
		send_bytes(l->p, l->n);
		return;
	}
	memcpy(gathered.p + gathered.n, l->p, l->n);
	gathered.n += l->n;
}

void log_write(enum log_level level, const struct log *l, const char *event,
    const struct log_field *fields)
{
	struct line line;

	if (!log_wants(level))
		return;
	begin_line(&line);
	put_str(&line, "level", str_c(level_names[level]));
	put_str(&line, "prog", str_c(sink.program));
	if (l && l->req)
		put_str(&line, "req", str_c(l->req));
	put_str(&line, "event", str_c(event));
	if (l && l->user)
		put_int(&line, "user", l->user);
	if (l && l->channel)
		put_int(&line, "channel", l->channel);
	for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
		if (f->kind == LOG_KIND_INT)
			put_int(&line, f->name, f->n);
		else
			put_str(&line, f->name, f->s);
	}
	end_line(&line);
	send_line(level, &line);
}

const char *log_key_tail(struct str key, char out[12])
{
	struct str tail = STR("");

	if (key.n >= KEY_TAIL_MIN_BYTES)
		tail = str_slice(key, key.n - KEY_TAIL, key.n);
	snprintf(out, 12, "…%.*s", STR_ARG(tail));
	return out;
}
