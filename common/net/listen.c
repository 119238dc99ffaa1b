/* listen.c — how the program is reached: the four ways of fcgi.h
 *
 * A socket that we make is bound under a name of its own and then renamed onto the path: a
 * successor takes over without a moment in which nobody listens. For the same reason the path is
 * unlinked at the end only while it still is our socket. FCGX_OpenSocket does neither, and exits on
 * errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "net/fcgi.h"

#define BACKLOG 4096
#define SYSTEMD_FIRST_FD 3
#define SOCKET_MODE 0660

static bool failed(struct err *err, int fd, const char *what, struct str name)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	return err_set(err, ERR_CONFIG, "cannot %s '%.*s': %s", what, STR_ARG(name),
	    strerror(saved));
}

/* ---- sockets we are given ------------------------------------------------------------- */

static bool is_listening(int fd)
{
	int yes = 0;
	socklen_t n = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

/* One socket from systemd, or -1 (sd_listen_fds(3)). */
static int from_systemd(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t n;

	if (!pid || !str_to_int(str_c(pid), 1, INT32_MAX, &n) || n != getpid())
		return -1;
	if (!fds || !str_to_int(str_c(fds), 1, 1, &n) || !is_listening(SYSTEMD_FIRST_FD))
		return -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return SYSTEMD_FIRST_FD;
}

/* Small replies must not wait for each other; accepted sockets inherit it. Unix sockets refuse. */
static void no_delay(int fd)
{
	int yes = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		errno = 0;
}

static bool adopt(int fd, struct fcgi_listener *out, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return failed(err, -1, "use", STR("inherited socket"));
	no_delay(fd);
	out->fd = fd;
	return true;
}

/* ---- sockets we make ------------------------------------------------------------------ */

/* The name under which the socket is bound before it is renamed onto the path. */
static bool temporary_address(struct sockaddr_un *address, struct str path)
{
	int n;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	n = snprintf(address->sun_path, sizeof(address->sun_path), "%.*s.%d", STR_ARG(path),
	    (int)getpid());
	return n > 0 && (size_t)n < sizeof(address->sun_path);
}

/* What already has the name must be a socket: anything else is somebody's file. */
static bool may_replace(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0 || S_ISSOCK(st.st_mode))
		return true;
	return err_set(err, ERR_CONFIG, "cannot listen on '%s': it is not a socket", path);
}

static bool publish(int fd, const struct sockaddr_un *temporary, const char *path,
    struct fcgi_listener *out)
{
	struct stat st;

	if (bind(fd, (const struct sockaddr *)temporary, sizeof(*temporary)) < 0)
		return false;
	if (chmod(temporary->sun_path, SOCKET_MODE) < 0 || listen(fd, BACKLOG) < 0 ||
	    stat(temporary->sun_path, &st) < 0 || rename(temporary->sun_path, path) < 0) {
		int saved = errno;

		unlink(temporary->sun_path);
		errno = saved;
		return false;
	}
	out->device = st.st_dev;
	out->inode = st.st_ino;
	return true;
}

static bool listen_path(struct str path, struct fcgi_listener *out, struct err *err)
{
	struct sockaddr_un temporary;
	int fd;

	if (path.n >= sizeof(out->path) || !temporary_address(&temporary, path))
		return err_set(err, ERR_CONFIG, "socket path '%.*s' is too long", STR_ARG(path));
	memcpy(out->path, path.p, path.n);
	out->path[path.n] = '\0';
	if (!may_replace(out->path, err)) {
		out->path[0] = '\0';
		return false;
	}

	unlink(temporary.sun_path); /* left by a process of the same number that was killed */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !publish(fd, &temporary, out->path, out)) {
		out->path[0] = '\0';
		return failed(err, fd, "listen on", path);
	}
	out->fd = fd;
	return true;
}

/* A successor binds the same port while we drain: hence SO_REUSEPORT. */
static int listen_address(const struct addrinfo *a)
{
	int yes = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0 &&
	    bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool split_host_port(struct str text, char host[256], char port[8])
{
	size_t colon = text.n;
	struct str h, p;
	int64_t n;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	h = str_slice(text, 0, colon - 1);
	p = str_slice(text, colon, text.n);
	if (h.n > 1 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_slice(h, 1, h.n - 1);
	if (h.n > 255 || !str_to_int(p, 1, 65535, &n))
		return false;
	snprintf(host, 256, "%.*s", STR_ARG(h));
	snprintf(port, 8, "%d", (int)n);
	return true;
}

static bool listen_tcp(struct str text, struct fcgi_listener *out, struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char host[256], port[8];
	int fd = -1;

	if (!split_host_port(text, host, port))
		return err_set(err, ERR_CONFIG, "'%.*s' is neither a path nor HOST:PORT",
		    STR_ARG(text));
	if (getaddrinfo(host[0] ? host : NULL, port, &hints, &list) != 0)
		return err_set(err, ERR_CONFIG, "cannot find address '%.*s'", STR_ARG(text));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = listen_address(a);
	freeaddrinfo(list);
	if (fd < 0)
		return failed(err, -1, "listen on", text);
	no_delay(fd);
	out->fd = fd;
	return true;
}

/* ---- which of them -------------------------------------------------------------------- */

bool fcgi_listen(const char *listen_text, struct fcgi_listener *out, struct err *err)
{
	struct str text = str_trim(str_c(listen_text));
	int given;

	*out = (struct fcgi_listener){ .how = FCGI_START_SOCKET, .fd = -1 };
	if (str_starts(text, STR("unix:")))
		return listen_path(str_slice(text, 5, text.n), out, err);
	if (text.n)
		return str_find(text, '/') < text.n ? listen_path(text, out, err)
		                                    : listen_tcp(text, out, err);

	given = from_systemd();
	if (given < 0 && is_listening(STDIN_FILENO))
		given = STDIN_FILENO;
	if (given >= 0)
		return adopt(given, out, err);

	if (getenv("GATEWAY_INTERFACE")) {
		out->how = FCGI_START_CGI;
		return true;
	}
	return err_set(err, ERR_CONFIG,
	    "no socket to listen on: give --listen PATH or HOST:PORT, or let a web server start "
	    "it");
}

void fcgi_unpublish(struct fcgi_listener *l)
{
	struct stat st;

	if (l->path[0] && stat(l->path, &st) == 0 && st.st_dev == l->device &&
	    st.st_ino == l->inode)
		unlink(l->path);
	l->path[0] = '\0';
}

void fcgi_unlisten(struct fcgi_listener *l)
{
	fcgi_unpublish(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
