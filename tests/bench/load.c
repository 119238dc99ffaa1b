/* load.c — the client of the bench: one thread, one epoll set, HTTP/1.1 over kept connections
 *
 *	load closed  PORT PATH BODY [options]	each connection sends again when it has its reply
 *	load open    PORT PATH BODY [options]	-r requests a second, with or without replies
 *	load streams PORT PATH BODY [options]	each connection opens one stream that does not end
 *	load start   SOCKET PROGRAM ARG…	runs it until it accepts, then stops it
 *
 *	-c N		connections (1); for `open` the most there may be
 *	-s SECONDS	how long it is measured (3)
 *	-w SECONDS	how long it runs before that (0.5); streams: after all of them came up
 *	-r RATE		of `open`, requests a second (1000)
 *	-k FILE		API keys, one a line; the connections take turns
 *	-u PORT		streams: when measured, all clients leave; how long until the upstream
 *			behind this port (fake_upstream) has no request left
 *	-p NAME=PID	a process whose CPU time and memory are of interest, with its children; many
 *
 * BODY is a file. The result is a line of key=value on stdout:
 *	requests errors seconds rate p50_us p99_us max_us	whole replies
 *	events event_rate age_p50_us age_p99_us age_max_us	SSE events that say when they were sent
 *	up left_ms						streams open; -u
 *	NAME_cpu_us NAME_rss_kb NAME_rss_before_kb		-p: CPU time while it was measured
 *	self_cpu_us foreign					our own; CPU of others, in cores
 *
 * A latency of `open` counts from when the request was due, so that a stall is not left out. The
 * age of an event counts from the "t=MICROSECONDS " that fake_upstream's bench models put in it, by
 * the same clock. Histograms keep values to within 1 %.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meter.h"

#define BATCH 256
#define READ_BYTES (64 * 1024)
#define HEAD_MAX 2048
#define WATCHED_MAX 8
#define KEYS_MAX 4096
#define RAMP_PER_S 2000 /* streams opened in a second */
#define RAMP_PATIENCE_US (INT64_C(20) * 1000000)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *checked(void *p)
{
	if (!p)
		die("memory");
	return p;
}

/* ---- the client ----------------------------------------------------------------------- */

struct watched {
	const char *name;
	long pid;
	int64_t cpu_us, rss_before_kb;
};

enum mode { CLOSED, OPEN, STREAMS };

/* Where a connection is in its reply. */
enum part { HEAD, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

struct conn {
	int fd; /* -1: not connected */
	bool waits, close_after, chunked, line_empty;
	bool lively; /* an event of its stream was seen */
	enum part part;
	int status;
	uint64_t left; /* of the body or chunk */
	int64_t due_us;
	int mark; /* how much of "t=123 is seen */
	int64_t sent_us;
	size_t number, head_n;
	char head[HEAD_MAX];
	struct conn *next_idle;
};

static struct {
	enum mode mode;
	uint16_t port, upstream_port;
	size_t connections;
	double seconds, warm_s, rate;
	const char *path;
	char *keys[KEYS_MAX];
	size_t key_count;
	char **requests; /* one a key */
	size_t *request_bytes;
	struct watched watched[WATCHED_MAX];
	size_t watched_count;

	int epoll;
	struct conn *conns, *idle;
	size_t up;
	bool measuring;
	uint64_t errors, events;
	struct histogram latency, age;
	int64_t begun_us, machine_us, self_us;
	char scratch[READ_BYTES];
} load = { .connections = 1, .seconds = 3, .warm_s = 0.5, .rate = 1000 };

static void fail_reply(struct conn *c, const char *why)
{
	static int shown;

	load.errors++;
	if (shown++ < 3)
		fprintf(stderr, "load: connection %zu: %s, status %d\n", c->number, why, c->status);
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void conn_open(struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->fd = connect_to(load.port);
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("epoll_ctl");
}

static void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* A kept connection may have been closed by the other side meanwhile: once more on a new one. */
static void send_request(struct conn *c, int64_t due_us)
{
	size_t key = c->number % (load.key_count ? load.key_count : 1);
	size_t n = load.request_bytes[key];

	c->part = HEAD;
	c->head_n = 0;
	c->status = 0;
	c->waits = true;
	c->due_us = due_us;
	for (int tries = 0; tries < 2; tries++) {
		if (c->fd < 0)
			conn_open(c);
		if (send(c->fd, load.requests[key], n, MSG_NOSIGNAL) == (ssize_t)n)
			return;
		conn_close(c);
	}
	die("a request does not fit the socket");
}

static void finish(struct conn *c)
{
	int64_t now = now_us();

	c->waits = false;
	if (c->status != 200)
		fail_reply(c, "refused");
	else if (load.mode == STREAMS)
		fail_reply(c, "the stream ended");
	if (load.measuring)
		record(&load.latency, now - c->due_us);
	if (c->close_after)
		conn_close(c);
	if (load.mode == CLOSED) {
		send_request(c, now);
	} else if (load.mode == OPEN) {
		c->next_idle = load.idle;
		load.idle = c;
	}
}

/* ---- replies -------------------------------------------------------------------------- */

static void on_time(struct conn *c)
{
	if (!c->lively) {
		c->lively = true;
		load.up++;
	}
	if (!load.measuring)
		return;
	load.events++;
	record(&load.age, now_us() - c->sent_us);
}

/* Looks for "t=DIGITS, which may be cut anywhere. */
static void scan(struct conn *c, const char *p, const char *end)
{
	while (p < end) {
		if (c->mark == 0) {
			p = memchr(p, '"', (size_t)(end - p));
			if (!p)
				return;
			c->mark = 1;
		} else if (c->mark < 3) {
			c->mark = *p == "\"t="[c->mark] ? c->mark + 1 : *p == '"';
			c->sent_us = 0;
		} else if (isdigit((unsigned char)*p)) {
			c->sent_us = c->sent_us * 10 + (*p - '0');
		} else {
			if (c->sent_us > 0)
				on_time(c);
			c->mark = *p == '"';
		}
		p++;
	}
}

static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = head; (p = strchr(p, '\n'));) {
		p++;
		if (!strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

/* The head is complete; false when it is none that we know. */
static bool read_head(struct conn *c)
{
	const char *length, *value;

	c->head[c->head_n] = '\0';
	if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1)
		return false;
	value = header(c->head, "connection");
	c->close_after = value && !strncasecmp(value, "close", 5);
	length = header(c->head, "content-length");
	value = header(c->head, "transfer-encoding");
	c->chunked = value && !strncasecmp(value, "chunked", 7);
	c->left = length ? strtoull(length, NULL, 10) : 0;
	c->part = c->chunked ? CHUNK_SIZE : SIZED;
	c->mark = 0;
	return length || c->chunked;
}

static const char *feed_head(struct conn *c, const char *p, const char *end)
{
	while (p < end && c->head_n < HEAD_MAX - 1) {
		c->head[c->head_n++] = *p++;
		if (c->head_n >= 4 && !memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4))
			return read_head(c) ? p : NULL;
	}
	return p < end ? NULL : p;
}

static const char *feed_bytes(struct conn *c, const char *p, const char *end)
{
	size_t n = (size_t)(end - p) < c->left ? (size_t)(end - p) : (size_t)c->left;

	scan(c, p, p + n);
	c->left -= n;
	if (c->left == 0 && c->chunked)
		c->part = CHUNK_END;
	return p + n;
}

static int hex(char ch)
{
	if (isdigit((unsigned char)ch))
		return ch - '0';
	return isxdigit((unsigned char)ch) ? (ch | 0x20) - 'a' + 10 : -1;
}

/* The lines around chunks, byte by byte. */
static bool feed_line(struct conn *c, char ch)
{
	if (c->part == CHUNK_SIZE && hex(ch) >= 0) {
		c->left = c->left * 16 + (uint64_t)hex(ch);
	} else if (c->part == CHUNK_SIZE && ch == '\n') {
		c->part = c->left ? CHUNK : TRAILER;
		c->line_empty = true;
	} else if (c->part == CHUNK_END && ch == '\n') {
		c->part = CHUNK_SIZE;
	} else if (c->part == TRAILER && ch == '\n') {
		if (c->line_empty)
			return true;
		c->line_empty = true;
	} else if (c->part == TRAILER && ch != '\r') {
		c->line_empty = false;
	}
	return false;
}

/* False when the connection must go. */
static bool feed(struct conn *c, const char *p, const char *end)
{
	while (p && p < end && c->waits) {
		bool complete = false;

		if (c->part == HEAD)
			p = feed_head(c, p, end);
		else if (c->part == SIZED || c->part == CHUNK)
			p = feed_bytes(c, p, end);
		else
			complete = feed_line(c, *p++);
		if (p && (complete || (c->part == SIZED && c->left == 0)))
			finish(c);
	}
	return p != NULL;
}

static void on_readable(struct conn *c)
{
	ssize_t n = recv(c->fd, load.scratch, sizeof(load.scratch), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && feed(c, load.scratch, load.scratch + n))
		return;
	conn_close(c);
	if (!c->waits)
		return; /* the web server keeps connections only so long */
	fail_reply(c, "the connection broke");
	c->waits = false;
	if (load.mode == CLOSED)
		send_request(c, now_us());
}

/* ---- the loop ------------------------------------------------------------------------- */

static void turn(int64_t until_us)
{
	struct epoll_event batch[BATCH];
	int64_t wait_us = until_us - now_us();
	struct timespec wait = { .tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000 };
	int n;

	if (wait_us < 0)
		wait = (struct timespec){ 0 };
	n = epoll_pwait2(load.epoll, batch, BATCH, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct conn *c = batch[i].data.ptr;

		if (c->fd >= 0)
			on_readable(c);
	}
}

/* The k-th request of `open` is due at start + k / rate; when all connections are busy, it waits.
 */
static void run_open(int64_t start_us, int64_t end_us, uint64_t *sent)
{
	for (int64_t now = now_us(); now < end_us; now = now_us()) {
		int64_t due = start_us + (int64_t)((double)*sent * 1e6 / load.rate);

		if (due <= now && load.idle) {
			struct conn *c = load.idle;

			load.idle = c->next_idle;
			send_request(c, due);
			++*sent;
		} else {
			turn(due <= now || due > end_us ? end_us : due);
		}
	}
}

static void run(int64_t end_us)
{
	while (now_us() < end_us)
		turn(end_us);
}

static void open_streams(void)
{
	int64_t start = now_us(), give_up;

	for (size_t i = 0; i < load.connections; i++) {
		int64_t due = start + (int64_t)i * 1000000 / RAMP_PER_S;

		do
			turn(due);
		while (now_us() < due);
		send_request(&load.conns[i], now_us());
	}
	give_up = now_us() + RAMP_PATIENCE_US;
	while (load.up + load.errors < load.connections && now_us() < give_up)
		turn(now_us() + 10000);
}

static void begin_measuring(void)
{
	for (size_t i = 0; i < load.watched_count; i++)
		load.watched[i].cpu_us = cpu_us(load.watched[i].pid);
	memset(&load.latency, 0, sizeof(load.latency));
	load.machine_us = machine_us();
	load.self_us = self_us();
	load.begun_us = now_us();
	load.measuring = true;
}

/* Asks fake_upstream how many requests it has, until it has none. */
static int64_t wait_until_left(void)
{
	static const char question[] = "GET /_stats HTTP/1.1\r\nConnection: close\r\n\r\n";
	int64_t start = now_us();

	while (now_us() - start < RAMP_PATIENCE_US) {
		int fd = connect_to(load.upstream_port);
		char reply[1024];
		ssize_t n;

		if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
			die("upstream");
		n = recv(fd, reply, sizeof(reply) - 1, 0);
		close(fd);
		reply[n > 0 ? n : 0] = '\0';
		if (strstr(reply, "\"in_flight\":0,"))
			return (now_us() - start) / 1000;
		usleep(1000);
	}
	return -1;
}

static void print_processes(double seconds)
{
	int64_t self = self_us() - load.self_us, known = self;

	for (size_t i = 0; i < load.watched_count; i++) {
		struct watched *w = &load.watched[i];
		int64_t used = cpu_us(w->pid) - w->cpu_us;

		known += used;
		printf(" %s_cpu_us=%lld %s_rss_kb=%lld %s_rss_before_kb=%lld", w->name,
		    (long long)used, w->name, (long long)rss_kb(w->pid), w->name,
		    (long long)w->rss_before_kb);
	}
	printf(" self_cpu_us=%lld foreign=%.2f", (long long)self,
	    (double)(machine_us() - load.machine_us - known) / seconds / 1e6);
}

static void print_result(void)
{
	double seconds = (double)(now_us() - load.begun_us) / 1e6;
	const struct histogram *l = &load.latency, *a = &load.age;

	load.measuring = false;
	printf(
	    "requests=%llu errors=%llu seconds=%.3f rate=%.1f p50_us=%lld p99_us=%lld max_us=%lld",
	    (unsigned long long)l->count, (unsigned long long)load.errors, seconds,
	    (double)l->count / seconds, (long long)quantile(l, 0.5), (long long)quantile(l, 0.99),
	    (long long)l->max);
	printf(
	    " events=%llu event_rate=%.1f age_p50_us=%lld age_p99_us=%lld age_max_us=%lld up=%zu",
	    (unsigned long long)load.events, (double)load.events / seconds,
	    (long long)quantile(a, 0.5), (long long)quantile(a, 0.99), (long long)a->max, load.up);
	print_processes(seconds);
}

static void measure(void)
{
	int64_t begin, warm_us = (int64_t)(load.warm_s * 1e6);
	int64_t seconds_us = (int64_t)(load.seconds * 1e6);
	uint64_t sent = 0;

	if (load.mode == STREAMS)
		open_streams();
	for (size_t i = 0; i < load.connections && load.mode == CLOSED; i++)
		send_request(&load.conns[i], now_us());
	begin = now_us();
	if (load.mode == OPEN) {
		run_open(begin, begin + warm_us, &sent);
		begin_measuring();
		run_open(begin, begin + warm_us + seconds_us, &sent);
	} else {
		run(begin + warm_us);
		begin_measuring();
		run(load.begun_us + seconds_us);
	}
	print_result();
	if (load.upstream_port) {
		for (size_t i = 0; i < load.connections; i++)
			conn_close(&load.conns[i]);
		printf(" left_ms=%lld", (long long)wait_until_left());
	}
	putchar('\n');
}

/* ---- start ---------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	char *text = checked(malloc(1024 * 1024));

	if (!f)
		die(path);
	*n = fread(text, 1, 1024 * 1024 - 1, f);
	fclose(f);
	text[*n] = '\0';
	return text;
}

static void read_keys(const char *path)
{
	size_t n;
	char *text = read_file(path, &n);

	for (char *p = text; *p && load.key_count < KEYS_MAX;) {
		size_t line = strcspn(p, "\n");

		if (line)
			load.keys[load.key_count++] = checked(strndup(p, line));
		p += line + (p[line] == '\n');
	}
	free(text);
}

static void make_requests(const char *body_path)
{
	size_t count = load.key_count ? load.key_count : 1, body_n;
	char *body = read_file(body_path, &body_n);

	load.requests = checked(calloc(count, sizeof(load.requests[0])));
	load.request_bytes = checked(calloc(count, sizeof(load.request_bytes[0])));
	for (size_t i = 0; i < count; i++) {
		int n = asprintf(&load.requests[i],
		    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: load\r\n"
		    "Accept: application/json\r\nContent-Type: application/json\r\n"
		    "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
		    load.path, load.port, load.key_count ? load.keys[i] : "sk-none", body_n, body);

		if (n < 0)
			die("memory");
		load.request_bytes[i] = (size_t)n;
	}
	free(body);
}

static void make_connections(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll < 0)
		die("epoll_create1");
	load.conns = checked(calloc(load.connections, sizeof(load.conns[0])));
	for (size_t i = load.connections; i-- > 0;) {
		struct conn *c = &load.conns[i];

		c->fd = -1;
		c->number = i;
		c->next_idle = load.idle;
		load.idle = c;
	}
}

_Noreturn static void usage(void)
{
	fputs("usage: load closed|open|streams PORT PATH BODY [-c N] [-s SECONDS] [-w SECONDS]\n"
	      "            [-r RATE] [-k KEYS] [-u PORT] [-p NAME=PID]…\n"
	      "       load start SOCKET PROGRAM [ARG]…\n",
	    stderr);
	exit(2);
}

static void watch_process(char *text)
{
	char *equals = strchr(text, '=');
	struct watched *w;

	if (!equals || load.watched_count == WATCHED_MAX)
		usage();
	*equals = '\0';
	w = &load.watched[load.watched_count++];
	w->name = text;
	w->pid = strtol(equals + 1, NULL, 10);
	w->rss_before_kb = rss_kb(w->pid);
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:s:w:r:k:u:p:")) != -1) {
		if (option == 'c')
			load.connections = strtoul(optarg, NULL, 10);
		else if (option == 's')
			load.seconds = strtod(optarg, NULL);
		else if (option == 'w')
			load.warm_s = strtod(optarg, NULL);
		else if (option == 'r')
			load.rate = strtod(optarg, NULL);
		else if (option == 'k')
			read_keys(optarg);
		else if (option == 'u')
			load.upstream_port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (option == 'p')
			watch_process(optarg);
		else
			usage();
	}
	if (optind != argc || load.connections < 1 || load.rate <= 0)
		usage();
}

/* How long a program needs until it accepts on its unix socket. */
static int measure_start(const char *socket_path, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int64_t start = now_us(), took_us = -1;
	pid_t child;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", socket_path);
	unlink(socket_path);
	child = fork();
	if (child == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	while (child > 0 && took_us < 0 && now_us() - start < 10 * 1000000) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			took_us = now_us() - start;
		close(fd);
		usleep(500);
	}
	if (child > 0) {
		kill(child, SIGTERM);
		waitpid(child, NULL, 0);
	}
	printf("start_us=%lld\n", (long long)took_us);
	return took_us < 0;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = { "closed", "open", "streams" };
	size_t mode = 0;

	if (argc >= 4 && !strcmp(argv[1], "start"))
		return measure_start(argv[2], argv + 3);
	while (argc >= 5 && mode < COUNT_OF(modes) && strcmp(argv[1], modes[mode]) != 0)
		mode++;
	if (argc < 5 || mode == COUNT_OF(modes))
		usage();
	load.mode = (enum mode)mode;
	load.port = (uint16_t)strtoul(argv[2], NULL, 10);
	load.path = argv[3];
	read_options(argc - 4, argv + 4);
	make_requests(argv[4]);
	make_connections();
	prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: requests of `open` leave when they are due */
	measure();
	return 0;
}
