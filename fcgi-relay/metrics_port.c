#include "metrics_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include "metrics_page.h"
#include "relay.h"

#define BACKLOG 16
#define REQUEST_MAX ((size_t)8192)
#define READ_MS 1000
#define WRITE_MS 3000

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
};

struct metrics_port {
	const struct watching *w;
	union address address;
	socklen_t length;
	int fd;
	struct db *db; /* NULL: not opened yet */
};

static bool is_path(const struct metrics_port *p)
{
	return p->address.any.sa_family == AF_UNIX;
}

/* ---- the address -------------------------------------------------------------------------------- */

static bool is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	if (a->any.sa_family != AF_INET6)
		return true;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr) ||
	    (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr) && a->v6.sin6_addr.s6_addr[12] == 127);
}

static bool read_path(struct str where, struct metrics_port *p, struct err *err)
{
	if (where.n >= sizeof p->address.path.sun_path)
		return err_set(err, ERR_CONFIG, "METRICS_LISTEN: the path is too long");
	p->address.path.sun_family = AF_UNIX;
	memcpy(p->address.path.sun_path, where.p, where.n);
	p->length = sizeof p->address.path;
	return true;
}

static bool wrong(struct err *err)
{
	return err_set(err, ERR_CONFIG, "METRICS_LISTEN must be HOST:PORT or /PATH");
}

static bool read_host(struct str where, struct metrics_port *p, struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char host[256], port[8];
	size_t colon = where.n;
	int64_t n;

	while (colon > 0 && where.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || colon > sizeof host ||
	    !str_to_int(str_slice(where, colon, where.n), 1, 65535, &n))
		return wrong(err);
	where = str_slice(where, 0, colon - 1);
	if (where.n > 2 && where.p[0] == '[' && where.p[where.n - 1] == ']')
		where = str_slice(where, 1, where.n - 1);
	snprintf(host, sizeof host, "%.*s", STR_ARG(where));
	snprintf(port, sizeof port, "%d", (int)n);
	if (getaddrinfo(host, port, &hints, &list) != 0 || list->ai_addrlen > sizeof p->address)
		return wrong(err);
	memcpy(&p->address, list->ai_addr, list->ai_addrlen);
	p->length = list->ai_addrlen;
	freeaddrinfo(list);
	return true;
}

static bool check_reach(const struct metrics_port *p, struct err *err)
{
	if (is_loopback(&p->address) || p->w->token.n || p->w->allowed.n)
		return true;
	return err_set(err, ERR_CONFIG,
	    "METRICS_LISTEN is not loopback: METRICS_ALLOW or METRICS_TOKEN must say who may read");
}

/* ---- listening ---------------------------------------------------------------------------------- */

/* Nobody answers there: its owner died. */
static bool is_stale(const struct metrics_port *p)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale =
	    fd >= 0 && connect(fd, &p->address.any, p->length) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static bool bind_to(const struct metrics_port *p, int fd)
{
	if (bind(fd, &p->address.any, p->length) == 0)
		return true;
	if (errno != EADDRINUSE || !is_path(p))
		return false;
	if (!is_stale(p)) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(p->address.path.sun_path) == 0 && bind(fd, &p->address.any, p->length) == 0;
}

/* -1 with errno. */
static int start_listening(const struct metrics_port *p)
{
	int fd = socket(p->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1;

	if (fd < 0)
		return -1;
	if ((is_path(p) || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0) &&
	    bind_to(p, fd) && (!is_path(p) || chmod(p->address.path.sun_path, 0660) == 0) &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	yes = errno;
	close(fd);
	errno = yes;
	return -1;
}

bool metrics_port_open(const struct watching *w, const char *where, struct metrics_port **out,
    struct err *err)
{
	struct metrics_port *p = MEM_NEW(struct metrics_port);

	p->w = w;
	p->fd = -1;
	*out = p; /* its owner closes it, also after a failure */
	if (!(*where == '/' ? read_path(str_c(where), p, err) : read_host(str_c(where), p, err)) ||
	    !check_reach(p, err))
		return false;
	p->fd = start_listening(p);
	if (p->fd >= 0)
		return true;
	if (errno != EADDRINUSE)
		return err_set(err, ERR_CONFIG, "cannot listen on METRICS_LISTEN '%s': %s", where,
		    strerror(errno));
	log_info(NULL, "metrics.in_use", LOG_TEXT("listen", where));
	return true;
}

void metrics_port_close(struct metrics_port *p)
{
	if (!p)
		return;
	if (p->fd >= 0) {
		close(p->fd);
		if (is_path(p))
			unlink(p->address.path.sun_path);
	}
	db_close(p->db);
	mem_free(p);
}

int metrics_port_fd(struct metrics_port *p)
{
	if (!p)
		return -1;
	if (p->fd < 0)
		p->fd = start_listening(p);
	return p->fd;
}

/* ---- one connection ----------------------------------------------------------------------------- */

static bool wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = until_ms - clock_mono_ms();

	return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* Up to the blank line. */
static bool read_head(int fd, struct buf *in)
{
	int64_t until_ms = clock_mono_ms() + READ_MS;

	while (!str_has(buf_str(in), STR("\r\n\r\n"))) {
		size_t room = in->limit - in->len;
		char *to = room ? buf_reserve(in, room) : NULL;
		ssize_t n;

		if (!to || !wait_for(fd, POLLIN, until_ms))
			return false;
		n = recv(fd, to, room, MSG_DONTWAIT);
		if (n <= 0)
			return false;
		buf_commit(in, (size_t)n);
	}
	return true;
}

static void write_all(int fd, struct str bytes)
{
	int64_t until_ms = clock_mono_ms() + WRITE_MS;

	while (bytes.n > 0 && wait_for(fd, POLLOUT, until_ms)) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0)
			bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
}

static struct str header(struct str head, struct str name)
{
	struct str line;

	while (str_next(&head, '\n', &line)) {
		size_t colon = str_find(line, ':');

		if (colon < line.n && str_eq_nocase(str_slice(line, 0, colon), name))
			return str_trim(str_slice(line, colon + 1, line.n));
	}
	return STR("");
}

static bool may_read(const struct metrics_port *p, const union address *from, struct str head)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (is_loopback(from))
		return true;
	if (from->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &from->v4.sin_addr, text, sizeof text);
	else
		inet_ntop(AF_INET6, &from->v6.sin6_addr, text, sizeof text);
	return metrics_page_allows(p->w, str_c(text), header(head, STR("authorization")));
}

static void refuse(int fd, const char *status)
{
	struct buf out = buf_init(512);

	buf_addf(&out,
	    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s\n",
	    status, strlen(status) + 1, status);
	write_all(fd, buf_str(&out));
	buf_release(&out);
}

static struct db *database(struct metrics_port *p)
{
	struct err err = { 0 };

	if (!p->db && !runtime_db(&p->w->relay->rt, &p->db, &err))
		log_warn(NULL, "metrics.database", LOG_ERR(&err));
	return p->db;
}

static void send_page(struct metrics_port *p, int fd, struct str method)
{
	struct buf page = buf_init(METRICS_PAGE_MAX), head = buf_init(512);

	metrics_page(p->w, database(p), &page);
	buf_addf(&head,
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
	    "close\r\n\r\n",
	    METRICS_CONTENT_TYPE, page.len);
	write_all(fd, buf_str(&head));
	if (!str_eq_c(method, "HEAD"))
		write_all(fd, buf_str(&page));
	buf_release(&head);
	buf_release(&page);
}

static void answer(struct metrics_port *p, int fd, const union address *from, struct str head)
{
	struct str method, target, line;

	if (!str_next(&head, '\n', &line) || !str_next(&line, ' ', &method) ||
	    !str_next(&line, ' ', &target) || !str_starts(line, STR("HTTP/1."))) {
		refuse(fd, "400 Bad Request");
		return;
	}
	target = str_slice(target, 0, str_find(target, '?'));
	if (!str_eq_c(target, "/metrics"))
		refuse(fd, "404 Not Found");
	else if (!str_eq_c(method, "GET") && !str_eq_c(method, "HEAD"))
		refuse(fd, "405 Method Not Allowed");
	else if (!may_read(p, from, head))
		refuse(fd, "403 Forbidden");
	else
		send_page(p, fd, method);
}

void metrics_port_serve(struct metrics_port *p)
{
	struct buf in = buf_init(REQUEST_MAX);
	union address from = { 0 };
	socklen_t length = sizeof from;
	int fd = accept4(p->fd, &from.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (read_head(fd, &in))
		answer(p, fd, &from, buf_str(&in));
	else
		refuse(fd, "400 Bad Request");
	buf_release(&in);
	close(fd);
}
