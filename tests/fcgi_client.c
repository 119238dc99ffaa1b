#include "fcgi_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/record.h"

#define LIMIT ((size_t)256 * 1024 * 1024)

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- a request as bytes --------------------------------------------------------------- */

static bool overridden(const struct fcgi_ask *ask, const char *name)
{
	for (const struct fcgi_param *p = ask->params; p && p->name; p++) {
		if (strcmp(p->name, name) == 0)
			return true;
	}
	return false;
}

static void add_param(const struct fcgi_ask *ask, struct buf *out, const char *name,
    struct str value)
{
	if (value.p && !overridden(ask, name))
		record_add_pair(out, str_c(name), value);
}

static void add_stream(struct buf *out, enum record_type type, uint16_t id, struct str bytes)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < RECORD_FULL ? bytes.n : RECORD_FULL;

		record_add(out, type, id, str_slice(bytes, 0, n));
		bytes = str_slice(bytes, n, bytes.n);
	}
	record_add(out, type, id, STR(""));
}

void fcgi_ask_write(const struct fcgi_ask *ask, struct buf *out)
{
	uint16_t id = ask->id ? ask->id : 1;
	char begin[8] = { 0, (char)(ask->role ? ask->role : RECORD_RESPONDER),
		ask->keep ? RECORD_KEEP_CONN : 0 };
	const char *method = ask->method ? ask->method : ask->body.n ? "POST" : "GET";
	struct str uri = str_c(ask->uri);
	struct buf params = buf_init(LIMIT);
	size_t mark = str_find(uri, '?');
	char length[24];

	snprintf(length, sizeof(length), "%zu", ask->body.n);
	add_param(ask, &params, "REQUEST_METHOD", str_c(method));
	add_param(ask, &params, "REQUEST_URI", uri);
	add_param(ask, &params, "SCRIPT_NAME", str_slice(uri, 0, mark));
	add_param(ask, &params, "QUERY_STRING",
	    mark < uri.n ? str_slice(uri, mark + 1, uri.n) : STR(""));
	add_param(ask, &params, "SERVER_PROTOCOL", STR("HTTP/1.1"));
	add_param(ask, &params, "REMOTE_ADDR", STR("127.0.0.1"));
	add_param(ask, &params, "HTTP_HOST", STR("gateway.test"));
	add_param(ask, &params, "CONTENT_TYPE", str_c(ask->content_type));
	if (!ask->no_length)
		add_param(ask, &params, "CONTENT_LENGTH", str_c(length));
	for (const struct fcgi_param *p = ask->params; p && p->name; p++)
		record_add_pair(&params, str_c(p->name), str_c(p->value));

	record_add(out, RECORD_BEGIN, id, (struct str){ begin, sizeof(begin) });
	add_stream(out, RECORD_PARAMS, id, buf_str(&params));
	add_stream(out, RECORD_STDIN, id, ask->body);
	buf_release(&params);
}

/* ---- sockets and programs ------------------------------------------------------------- */

static bool unix_address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	return (size_t)snprintf(a->sun_path, sizeof(a->sun_path), "%s", path) < sizeof(a->sun_path);
}

static int dial_path(const char *path)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (unix_address(&a, path) && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int dial_tcp(const char *where)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	struct str text = str_c(where);
	size_t colon = str_find(text, ':');
	char host[256];
	int fd;

	snprintf(host, sizeof(host), "%.*s", STR_ARG(str_slice(text, 0, colon)));
	if (colon == text.n || getaddrinfo(host, where + colon + 1, &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

int fcgi_dial(const char *where)
{
	return strchr(where, '/') ? dial_path(where) : dial_tcp(where);
}

int fcgi_listen_at(const char *path)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	unlink(path);
	if (unix_address(&a, path) && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    listen(fd, 1024) == 0)
		return fd;
	close(fd);
	return -1;
}

pid_t fcgi_spawn(const char *const argv[], int listening_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (dup2(listening_fd, STDIN_FILENO) == STDIN_FILENO)
		execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int fcgi_stop(pid_t pid, int signal, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int status;

	kill(pid, signal);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() >= deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		sleep_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- sending -------------------------------------------------------------------------- */

void fcgi_client_open(struct fcgi_client *c, int fd)
{
	*c = (struct fcgi_client){ .fd = fd, .in = buf_init(LIMIT), .closed = fd < 0 };
}

void fcgi_client_close(struct fcgi_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->closed = true;
	buf_release(&c->in);
}

bool fcgi_client_send(struct fcgi_client *c, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return true;
}

bool fcgi_client_send_cut(struct fcgi_client *c, struct str bytes, size_t at)
{
	if (!fcgi_client_send(c, str_slice(bytes, 0, at)))
		return false;
	sleep_ms(1);
	return fcgi_client_send(c, str_slice(bytes, at, bytes.n));
}

bool fcgi_client_abort(struct fcgi_client *c, uint16_t id)
{
	struct buf out = buf_init(64);
	bool ok;

	record_add(&out, RECORD_ABORT, id, STR(""));
	ok = fcgi_client_send(c, buf_str(&out));
	buf_release(&out);
	return ok;
}

/* ---- reading -------------------------------------------------------------------------- */

void fcgi_answer_init(struct fcgi_answer *a)
{
	*a = (struct fcgi_answer){ .head = buf_init(LIMIT),
		.body = buf_init(LIMIT),
		.err = buf_init(LIMIT),
		.management = buf_init(LIMIT) };
}

void fcgi_answer_release(struct fcgi_answer *a)
{
	buf_release(&a->head);
	buf_release(&a->body);
	buf_release(&a->err);
	buf_release(&a->management);
}

struct str fcgi_answer_header(const struct fcgi_answer *a, const char *name)
{
	struct str rest = buf_str(&a->head), line;

	while (str_next(&rest, '\n', &line)) {
		size_t colon = str_find(line, ':');

		if (str_eq_nocase(str_slice(line, 0, colon), str_c(name)) && colon < line.n)
			return str_trim(str_slice(line, colon + 1, line.n));
	}
	return STR("");
}

/* More of stdout: up to the empty line it is the head. */
static void take_stdout(struct fcgi_answer *a, struct str bytes)
{
	struct str all;
	size_t end;
	int64_t status = 200;

	if (a->status) {
		buf_add(&a->body, bytes);
		return;
	}
	buf_add(&a->head, bytes);
	all = buf_str(&a->head);
	end = str_find_str(all, STR("\r\n\r\n"));
	if (end == all.n)
		return;
	buf_add(&a->body, str_slice(all, end + 4, all.n));
	buf_truncate(&a->head, end + 2);
	bytes = fcgi_answer_header(a, "Status");
	if (bytes.n && !str_to_int(str_slice(bytes, 0, 3), 100, 999, &status))
		status = -1;
	a->status = (int)status;
}

static void take_end(struct fcgi_answer *a, struct str content)
{
	const unsigned char *p = (const unsigned char *)content.p;

	if (content.n != 8)
		return;
	a->ended = true;
	a->app_status = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	a->protocol_status = p[4];
}

static void take_record(struct fcgi_answer *a, uint16_t id, const struct record *rec,
    struct str content)
{
	if (rec->id == 0) {
		a->last_management = rec->type;
		buf_clear(&a->management);
		buf_add(&a->management, content);
		return;
	}
	if (rec->id != id)
		return;
	a->records++;
	if (rec->type == RECORD_STDOUT && content.n == 0)
		a->stdout_end = true;
	else if (rec->type == RECORD_STDOUT)
		take_stdout(a, content);
	else if (rec->type == RECORD_STDERR)
		buf_add(&a->err, content);
	else if (rec->type == RECORD_END)
		take_end(a, content);
}

/* More bytes from the socket; false at its end or when time ran out. */
static bool receive(struct fcgi_client *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int64_t left = deadline - now_ms();
	char *to;
	ssize_t n;

	if (c->closed || poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
		return false;
	to = buf_reserve(&c->in, 65536);
	n = recv(c->fd, to, 65536, 0);
	if (n <= 0) {
		c->closed = true;
		return false;
	}
	buf_commit(&c->in, (size_t)n);
	return true;
}

static bool read_record_until(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a,
    int64_t deadline)
{
	struct record rec = { 0 };

	while (c->in.len < RECORD_HEADER || !record_read(c->in.data, &rec) ||
	    c->in.len < record_size(&rec)) {
		if (c->in.len >= RECORD_HEADER && c->in.data[0] != 1)
			return false;
		if (!receive(c, deadline))
			return false;
	}
	take_record(a, id, &rec, (struct str){ c->in.data + RECORD_HEADER, rec.content });
	buf_consume(&c->in, record_size(&rec));
	return true;
}

bool fcgi_client_read_record(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a,
    int timeout_ms)
{
	return read_record_until(c, id, a, now_ms() + timeout_ms);
}

bool fcgi_client_read(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	while (!a->ended) {
		if (!read_record_until(c, id, a, deadline))
			return false;
	}
	return true;
}

bool fcgi_client_read_body(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a, size_t bytes,
    int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	while (a->body.len < bytes) {
		if (!read_record_until(c, id, a, deadline))
			return false;
	}
	return true;
}

bool fcgi_client_wait_closed(struct fcgi_client *c, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;

	while (receive(c, deadline))
		buf_clear(&c->in);
	return c->closed;
}

bool fcgi_client_ask(struct fcgi_client *c, const struct fcgi_ask *ask, struct fcgi_answer *a,
    int timeout_ms)
{
	struct buf out = buf_init(LIMIT);
	bool ok;

	fcgi_ask_write(ask, &out);
	ok = fcgi_client_send(c, buf_str(&out)) &&
	    fcgi_client_read(c, ask->id ? ask->id : 1, a, timeout_ms);
	buf_release(&out);
	return ok;
}
