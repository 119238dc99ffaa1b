#include "store/redis_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define PIECE 16384
#define OUT_MAX ((size_t)16 * 1024 * 1024)

struct redis_link {
	int fd;
	int connect_ms; /* for each step until it is open */
	SSL *tls;       /* NULL: plain */
	redisReader *reader;
	struct buf out;
	char error[128];
};

/* ---- addresses -------------------------------------------------------------------------------- */

/* With its escapes undone; a percent sign that begins none stands for itself. */
static bool unescape(char *out, size_t size, struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		bool escape = text.p[i] == '%' && i + 2 < text.n;
		int high = escape ? str_hex_digit(text.p[i + 1]) : -1;
		int low = escape ? str_hex_digit(text.p[i + 2]) : -1;
		char c = text.p[i];

		if (high >= 0 && low >= 0) {
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (n + 1 >= size || c == '\0')
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* user:password@, up to the last @: a password may hold others. */
static bool take_login(struct str *rest, struct redis_address *at)
{
	size_t end = rest->n, colon;
	struct str login;

	while (end > 0 && rest->p[end - 1] != '@')
		end--;
	if (end == 0)
		return true;
	login = str_slice(*rest, 0, end - 1);
	*rest = str_slice(*rest, end, rest->n);
	colon = str_find(login, ':');
	if (colon == login.n)
		return unescape(at->password, sizeof(at->password), login);
	return unescape(at->user, sizeof(at->user), str_slice(login, 0, colon)) &&
	    unescape(at->password, sizeof(at->password), str_slice(login, colon + 1, login.n));
}

static bool read_database(struct str text, struct redis_address *at)
{
	int64_t number = 0;

	if (text.n && !str_to_int(text, 0, 100000, &number))
		return false;
	at->database = (int)number;
	return true;
}

static bool read_host(struct str host, struct redis_address *at)
{
	struct str name, port = STR("6379");
	size_t end = str_find(host, ':');
	int64_t number;

	if (host.n && host.p[0] == '[') { /* [2001:db8::1]:6379 */
		end = str_find(host, ']');
		if (end == host.n)
			return false;
		name = str_slice(host, 1, end);
		end++;
	} else {
		name = str_slice(host, 0, end);
	}
	if (end < host.n) {
		if (host.p[end] != ':')
			return false;
		port = str_slice(host, end + 1, host.n);
	}
	return name.n > 0 && str_to_int(port, 1, 65535, &number) && port.n < sizeof(at->port) &&
	    unescape(at->port, sizeof(at->port), port) &&
	    unescape(at->host, sizeof(at->host), name);
}

static bool read_tcp(struct str rest, struct redis_address *at)
{
	size_t slash;

	if (!take_login(&rest, at))
		return false;
	slash = str_find(rest, '/');
	return read_host(str_slice(rest, 0, slash), at) &&
	    read_database(str_slice(rest, slash + (slash < rest.n), rest.n), at);
}

static bool read_unix(struct str rest, struct redis_address *at)
{
	size_t query;

	if (str_starts(rest, STR("//"))) {
		rest = str_slice(rest, 2, rest.n);
		if (!take_login(&rest, at))
			return false;
	}
	query = str_find(rest, '?');
	if (query < rest.n) {
		struct str db = str_slice(rest, query + 1, rest.n);

		if (!str_starts(db, STR("db=")) || !read_database(str_slice(db, 3, db.n), at))
			return false;
	}
	rest = str_slice(rest, 0, query);
	return rest.n > 0 && rest.n < sizeof(((struct sockaddr_un *)0)->sun_path) &&
	    unescape(at->host, sizeof(at->host), rest);
}

static bool make_tls(struct redis_address *at, const char *ca_file, struct err *err)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	bool ok = c && SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1;

	if (ok)
		ok = *ca_file ? SSL_CTX_load_verify_locations(c, ca_file, NULL) == 1
		              : SSL_CTX_set_default_verify_paths(c) == 1;
	ERR_clear_error();
	if (!ok) {
		SSL_CTX_free(c);
		return err_set(err, ERR_CONFIG, "cannot read the certificates in '%s'", ca_file);
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c, SSL_MODE_AUTO_RETRY);
	at->tls = c;
	return true;
}

bool redis_address_read(struct redis_address *at, struct str url, const char *ca_file,
    struct err *err)
{
	bool secure = str_starts(url, STR("rediss://")), ok = false;

	*at = (struct redis_address){ .timeout_ms = REDIS_TIMEOUT_MS };
	if (str_starts(url, STR("unix:")))
		ok = read_unix(str_slice(url, 5, url.n), at);
	else if (secure || str_starts(url, STR("redis://")))
		ok = read_tcp(str_slice(url, secure ? 9 : 8, url.n), at);
	if (!ok)
		return err_set(err, ERR_CONFIG,
		    "REDIS_CONN_STRING must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], "
		    "rediss://… for TLS, or unix:/PATH");
	return !secure || make_tls(at, ca_file, err);
}

void redis_address_wipe(struct redis_address *at)
{
	SSL_CTX_free(at->tls);
	mem_wipe(at, sizeof(*at));
}

/* ---- the socket ------------------------------------------------------------------------------- */

static bool fail(struct redis_link *l, const char *what, const char *why)
{
	snprintf(l->error, sizeof(l->error), "%.20s: %.100s", what, why);
	return false;
}

static bool set_patience(int fd, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0;
}

/* SO_SNDTIMEO bounds connect as well, here and on Linux's Unix sockets. */
static bool connect_to(struct redis_link *l, int family, const struct sockaddr *to, socklen_t size)
{
	l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd >= 0 && set_patience(l->fd, l->connect_ms) && connect(l->fd, to, size) == 0)
		return true;
	fail(l, "connect", errno == EINPROGRESS ? "timed out" : strerror(errno));
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	return false;
}

static bool connect_unix(struct redis_link *l, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path, path, strlen(path));
	return connect_to(l, AF_UNIX, (const struct sockaddr *)&to, sizeof(to));
}

static bool connect_tcp(struct redis_link *l, const struct redis_address *at)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	int code = getaddrinfo(at->host, at->port, &hints, &list), one = 1;
	bool ok = false;

	if (code != 0)
		return fail(l, "resolve", gai_strerror(code));
	for (const struct addrinfo *i = list; i && !ok; i = i->ai_next)
		ok = connect_to(l, i->ai_family, i->ai_addr, i->ai_addrlen);
	freeaddrinfo(list);
	if (ok)
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return ok;
}

/* ---- TLS -------------------------------------------------------------------------------------- */

/* The certificate must be for what the operator wrote. */
static bool expect_name(SSL *tls, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
	return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static const char *tls_reason(const SSL *tls)
{
	long verdict = SSL_get_verify_result(tls);
	const char *said = ERR_reason_error_string(ERR_peek_error());

	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return said ? said : "no answer in time";
}

static bool begin_tls(struct redis_link *l, const struct redis_address *at)
{
	bool ok;

	ERR_clear_error();
	l->tls = SSL_new(at->tls);
	ok = l->tls && expect_name(l->tls, at->host) && SSL_set_fd(l->tls, l->fd) == 1 &&
	    SSL_connect(l->tls) == 1;
	if (!ok)
		fail(l, "TLS", l->tls ? tls_reason(l->tls) : "no memory");
	ERR_clear_error();
	return ok;
}

/* ---- bytes ------------------------------------------------------------------------------------ */

static const char *io_reason(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? "no answer in time" : strerror(errno);
}

static bool write_some(struct redis_link *l, struct str *rest)
{
	ssize_t n;

	if (l->tls) {
		ERR_clear_error();
		n = SSL_write(l->tls, rest->p, rest->n > PIECE ? PIECE : (int)rest->n);
		if (n <= 0)
			return fail(l, "write", tls_reason(l->tls));
	} else {
		do {
			n = send(l->fd, rest->p, rest->n, MSG_NOSIGNAL);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return fail(l, "write", io_reason());
	}
	*rest = str_slice(*rest, (size_t)n, rest->n);
	return true;
}

static bool flush(struct redis_link *l)
{
	struct str rest = buf_str(&l->out);

	if (!buf_ok(&l->out))
		return fail(l, "write", "too much at once");
	while (rest.n > 0) {
		if (!write_some(l, &rest))
			return false;
	}
	buf_clear(&l->out);
	return true;
}

static bool read_some(struct redis_link *l)
{
	char piece[PIECE];
	ssize_t n;

	if (l->tls) {
		ERR_clear_error();
		n = SSL_read(l->tls, piece, sizeof(piece));
		if (n <= 0)
			return fail(l, "read", tls_reason(l->tls));
	} else {
		do {
			n = recv(l->fd, piece, sizeof(piece), 0);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return fail(l, "read", n == 0 ? "closed by the server" : io_reason());
	}
	return redisReaderFeed(l->reader, piece, (size_t)n) == REDIS_OK ||
	    fail(l, "read", l->reader->errstr);
}

static bool parse(struct redis_link *l, redisReply **reply)
{
	void *found = NULL;

	*reply = NULL;
	if (redisReaderGetReply(l->reader, &found) != REDIS_OK)
		return fail(l, "read", l->reader->errstr);
	*reply = found;
	return true;
}

/* ---- commands --------------------------------------------------------------------------------- */

void redis_link_add(struct redis_link *l, int argc, const char **argv, const size_t *lengths)
{
	char *text = NULL;
	int n = redisFormatCommandArgv(&text, argc, argv, lengths);

	if (n > 0)
		buf_add(&l->out, (struct str){ text, (size_t)n });
	redisFreeCommand(text);
}

redisReply *redis_link_reply(struct redis_link *l)
{
	redisReply *reply;

	if (!flush(l))
		return NULL;
	for (;;) {
		if (!parse(l, &reply) || (!reply && !read_some(l)))
			return NULL;
		if (reply)
			return reply;
	}
}

redisReply *redis_link_ask(struct redis_link *l, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = redisvFormatCommand(&text, format, args);
	va_end(args);
	if (n <= 0)
		return NULL;
	buf_add(&l->out, (struct str){ text, (size_t)n });
	mem_wipe(text, (size_t)n); /* it may be a password */
	redisFreeCommand(text);
	return redis_link_reply(l);
}

bool redis_link_hear(struct redis_link *l, int wait_ms, redisReply **reply)
{
	struct pollfd fd = { .fd = l->fd, .events = POLLIN };

	if (!parse(l, reply))
		return false;
	if (*reply)
		return true;
	if (!(l->tls && SSL_pending(l->tls)) && poll(&fd, 1, wait_ms) <= 0)
		return true;
	return read_some(l) && parse(l, reply);
}

const char *redis_link_error(const struct redis_link *l)
{
	return l->error;
}

/* ---- begin and end ---------------------------------------------------------------------------- */

static bool passed(struct redis_link *l, const char *what, redisReply *reply)
{
	bool ok = reply && reply->type != REDIS_REPLY_ERROR;

	if (reply && !ok)
		fail(l, what, reply->str);
	if (reply)
		freeReplyObject(reply);
	return ok;
}

static bool sign_in(struct redis_link *l, const struct redis_address *at)
{
	if (*at->user &&
	    !passed(l, "AUTH", redis_link_ask(l, "AUTH %s %s", at->user, at->password)))
		return false;
	if (!*at->user && *at->password &&
	    !passed(l, "AUTH", redis_link_ask(l, "AUTH %s", at->password)))
		return false;
	return at->database == 0 ||
	    passed(l, "SELECT", redis_link_ask(l, "SELECT %d", at->database));
}

struct redis_link *redis_link_open(const struct redis_address *at, char why[128])
{
	struct redis_link *l = MEM_NEW(struct redis_link);

	l->fd = -1;
	l->connect_ms = at->timeout_ms > REDIS_CONNECT_MS ? at->timeout_ms : REDIS_CONNECT_MS;
	l->out = buf_init(OUT_MAX);
	l->reader = redisReaderCreate();
	if ((*at->port ? connect_tcp(l, at) : connect_unix(l, at->host)) &&
	    (!at->tls || begin_tls(l, at)) && sign_in(l, at) && set_patience(l->fd, at->timeout_ms))
		return l;
	snprintf(why, 128, "%s", l->error);
	redis_link_free(l);
	return NULL;
}

void redis_link_free(struct redis_link *l)
{
	if (!l)
		return;
	SSL_free(l->tls);
	if (l->fd >= 0)
		close(l->fd);
	redisReaderFree(l->reader);
	buf_release(&l->out);
	mem_free(l);
}
