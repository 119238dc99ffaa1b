/* fake_mail.h — a mail server for tests: takes one message after the other and tells what came
 *
 *	m = fake_mail_start(&(struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS });
 *	… something sends to 127.0.0.1, port m->port …
 *	assert_true(fake_mail_wait(m, 1, 5000));
 *	fake_mail_get(m, 0, &got);
 *
 * Knows EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, RSET, NOOP and QUIT, as far as libcurl uses
 * them. Its certificate is self-signed for "localhost" and 127.0.0.1, and lies in a file that a
 * client can be told to trust.
 *
 * Header only: a test is one file, whichever way it is linked. One thread of its own.
 */
#ifndef TESTS_FAKE_MAIL_H
#define TESTS_FAKE_MAIL_H

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum fake_mail_tls { FAKE_MAIL_PLAIN, FAKE_MAIL_STARTTLS, FAKE_MAIL_TLS };

struct fake_mail_setup {
	enum fake_mail_tls tls;
	int port;           /* 0: any */
	bool refuse;        /* 550 to every RCPT */
	bool silent;        /* accepts and says nothing */
	const char *ca_out; /* the certificate is written here */
};

#define FAKE_MAIL_MAX 16

struct fake_mail_got {
	bool tls;
	char auth[256];           /* the three parts of AUTH PLAIN with | between them */
	char from[256], to[1024]; /* to: each with its <> */
	char data[16384];         /* as it came, without the final dot */
};

struct fake_mail {
	struct fake_mail_setup setup;
	int fd, port;
	pthread_t thread;
	SSL_CTX *ctx;
	pthread_mutex_t lock; /* guards got and count */
	struct fake_mail_got got[FAKE_MAIL_MAX];
	int count;
	bool stop;
};

struct fake_mail_conn {
	struct fake_mail *m;
	int fd;
	SSL *ssl;
	char line[2048];
	struct fake_mail_got now;
};

/* ---- bytes ----------------------------------------------------------------------------------- */

static inline bool fake_mail_say(struct fake_mail_conn *c, const char *text)
{
	int n = (int)strlen(text);

	return c->ssl ? SSL_write(c->ssl, text, n) == n
	              : send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

/* One line without its CRLF. */
static inline bool fake_mail_read(struct fake_mail_conn *c)
{
	size_t n = 0;

	while (n < sizeof(c->line) - 1) {
		char one;
		int got = c->ssl ? SSL_read(c->ssl, &one, 1) : (int)recv(c->fd, &one, 1, 0);

		if (got != 1)
			return false;
		if (one == '\n')
			break;
		c->line[n++] = one;
	}
	while (n > 0 && c->line[n - 1] == '\r')
		n--;
	c->line[n] = '\0';
	return true;
}

static inline bool fake_mail_encrypt(struct fake_mail_conn *c)
{
	c->ssl = SSL_new(c->m->ctx);
	SSL_set_fd(c->ssl, c->fd);
	c->now.tls = SSL_accept(c->ssl) == 1;
	return c->now.tls;
}

/* ---- the conversation ------------------------------------------------------------------------ */

static inline void fake_mail_note_auth(struct fake_mail_conn *c, const char *base64)
{
	unsigned char raw[256];
	size_t len = strlen(base64);
	int n;

	if (len > 300)
		return;
	n = EVP_DecodeBlock(raw, (const unsigned char *)base64, (int)len);
	while (n > 0 && len > 0 && base64[len - 1] == '=') {
		n--;
		len--;
	}
	for (int i = 0; i < n && i < 255; i++)
		c->now.auth[i] = raw[i] ? (char)raw[i] : '|';
}

static inline bool fake_mail_take_data(struct fake_mail_conn *c)
{
	size_t n = 0;

	if (!fake_mail_say(c, "354 go on\r\n"))
		return false;
	for (;;) {
		size_t len;

		if (!fake_mail_read(c))
			return false;
		if (strcmp(c->line, ".") == 0)
			break;
		len = strlen(c->line);
		if (n + len + 2 < sizeof(c->now.data)) {
			memcpy(c->now.data + n, c->line, len);
			memcpy(c->now.data + n + len, "\r\n", 3);
			n += len + 2;
		}
	}
	pthread_mutex_lock(&c->m->lock);
	if (c->m->count < FAKE_MAIL_MAX)
		c->m->got[c->m->count++] = c->now;
	pthread_mutex_unlock(&c->m->lock);
	return fake_mail_say(c, "250 taken\r\n");
}

static inline bool fake_mail_auth(struct fake_mail_conn *c)
{
	const char *given = c->line[10] ? c->line + 11 : "";

	if (!*given) {
		if (!fake_mail_say(c, "334 \r\n") || !fake_mail_read(c))
			return false;
		given = c->line;
	}
	fake_mail_note_auth(c, given);
	return fake_mail_say(c, "235 welcome\r\n");
}

static inline bool fake_mail_answer(struct fake_mail_conn *c)
{
	bool can_encrypt = c->m->setup.tls == FAKE_MAIL_STARTTLS && !c->ssl;

	if (strncmp(c->line, "EHLO", 4) == 0)
		return fake_mail_say(c,
		    can_encrypt ? "250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
		                : "250-fake\r\n250 AUTH PLAIN\r\n");
	if (strcmp(c->line, "STARTTLS") == 0 && can_encrypt)
		return fake_mail_say(c, "220 now\r\n") && fake_mail_encrypt(c);
	if (strncmp(c->line, "AUTH PLAIN", 10) == 0)
		return fake_mail_auth(c);
	if (strncmp(c->line, "MAIL FROM:", 10) == 0) {
		snprintf(c->now.from, sizeof(c->now.from), "%.250s", c->line + 10);
		return fake_mail_say(c, "250 fine\r\n");
	}
	if (strncmp(c->line, "RCPT TO:", 8) == 0) {
		size_t n = strlen(c->now.to);
		bool refuse;

		snprintf(c->now.to + n, sizeof(c->now.to) - n, "%.250s", c->line + 8);
		pthread_mutex_lock(&c->m->lock);
		refuse = c->m->setup.refuse;
		pthread_mutex_unlock(&c->m->lock);
		return fake_mail_say(c, refuse ? "550 nobody here\r\n" : "250 fine\r\n");
	}
	if (strcmp(c->line, "DATA") == 0)
		return fake_mail_take_data(c);
	if (strcmp(c->line, "QUIT") == 0) {
		fake_mail_say(c, "221 bye\r\n");
		return false;
	}
	return fake_mail_say(c, "250 fine\r\n");
}

static inline void fake_mail_serve(struct fake_mail *m, int fd)
{
	struct timeval limit = { 3, 0 };
	struct fake_mail_conn *c = calloc(1, sizeof(*c));

	c->m = m;
	c->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (m->setup.silent) {
		while (fake_mail_read(c))
			;
	} else if ((m->setup.tls != FAKE_MAIL_TLS || fake_mail_encrypt(c)) &&
	    fake_mail_say(c, "220 fake\r\n")) {
		while (fake_mail_read(c) && fake_mail_answer(c))
			;
	}
	SSL_free(c->ssl);
	close(fd);
	free(c);
}

static inline void *fake_mail_run(void *arg)
{
	struct fake_mail *m = arg;

	for (;;) {
		int fd = accept(m->fd, NULL, NULL);

		pthread_mutex_lock(&m->lock);
		if (m->stop || fd < 0) {
			pthread_mutex_unlock(&m->lock);
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		pthread_mutex_unlock(&m->lock);
		fake_mail_serve(m, fd);
	}
}

/* ---- begin and end --------------------------------------------------------------------------- */

static inline void fake_mail_certify(struct fake_mail *m)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *alt =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	FILE *f;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
	    -1, 0);
	X509_set_issuer_name(cert, name);
	X509_add_ext(cert, alt, -1);
	X509_sign(cert, key, EVP_sha256());
	m->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(m->ctx, cert);
	SSL_CTX_use_PrivateKey(m->ctx, key);
	if (m->setup.ca_out && (f = fopen(m->setup.ca_out, "w"))) {
		PEM_write_X509(f, cert);
		fclose(f);
	}
	X509_EXTENSION_free(alt);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline struct fake_mail *fake_mail_start(const struct fake_mail_setup *setup)
{
	struct fake_mail *m = calloc(1, sizeof(*m));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)setup->port) };
	socklen_t len = sizeof(at);
	int one = 1;

	m->setup = *setup;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake_mail_certify(m);
	pthread_mutex_init(&m->lock, NULL);
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(m->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(m->fd, 8) != 0 ||
	    getsockname(m->fd, (struct sockaddr *)&at, &len) != 0) {
		perror("fake_mail");
		abort();
	}
	m->port = ntohs(at.sin_port);
	pthread_create(&m->thread, NULL, fake_mail_run, m);
	return m;
}

static inline void fake_mail_stop(struct fake_mail *m)
{
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_mutex_unlock(&m->lock);
	shutdown(m->fd, SHUT_RDWR);
	pthread_join(m->thread, NULL);
	close(m->fd);
	SSL_CTX_free(m->ctx);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* From now on every receiver is refused, or not any more. */
static inline void fake_mail_refuse(struct fake_mail *m, bool refuse)
{
	pthread_mutex_lock(&m->lock);
	m->setup.refuse = refuse;
	pthread_mutex_unlock(&m->lock);
}

static inline int fake_mail_count(struct fake_mail *m)
{
	int n;

	pthread_mutex_lock(&m->lock);
	n = m->count;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* Until there are that many; false when the time is over. */
static inline bool fake_mail_wait(struct fake_mail *m, int count, int timeout_ms)
{
	const struct timespec pause = { 0, 20000000 };

	for (int i = 0; i < timeout_ms / 20 && fake_mail_count(m) < count; i++)
		nanosleep(&pause, NULL);
	return fake_mail_count(m) >= count;
}

static inline void fake_mail_get(struct fake_mail *m, int i, struct fake_mail_got *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->got[i];
	pthread_mutex_unlock(&m->lock);
}

/* The body of a message, decoded from base64; NUL-terminated. */
static inline void fake_mail_body(const struct fake_mail_got *got, char *out, size_t size)
{
	const char *at = strstr(got->data, "\r\n\r\n");
	char compact[16384];
	size_t n = 0;
	int m;

	for (at = at ? at + 4 : ""; *at; at++) {
		if (*at != '\r' && *at != '\n')
			compact[n++] = *at;
	}
	out[0] = '\0';
	if (n / 4 * 3 + 1 > size)
		return;
	m = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)compact, (int)n);
	out[m > 0 ? m : 0] = '\0';
}

#endif
