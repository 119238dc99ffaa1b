/* smtp.h — gives a message to the site's mail server
 *
 * Port 465 is TLS from the start, any other one STARTTLS where it is offered. Certificates are
 * checked. Who signs in there (an account and a password) must have TLS, unless the server is this
 * machine. One deadline for all of it.
 *
 * Threads  blocks for up to SMTP_TIMEOUT_MS: the mailer's thread only.
 */
#ifndef ADMIN_SMTP_H
#define ADMIN_SMTP_H

#include "mail.h"

#define SMTP_TIMEOUT_MS 10000
#define SMTP_MESSAGE_MAX ((size_t)2 * 1024 * 1024)

struct options;

/* Says when to give up, asked about once a second; fn NULL: never. */
struct stop {
	bool (*fn)(const void *arg);
	const void *arg;
};

struct smtp {
	struct str host;
	int port;
	struct str account, token;
	struct str from, from_name;
	const char *ca_file; /* "" = the system's bundle */
	int timeout_ms;      /* 0: SMTP_TIMEOUT_MS */
	struct stop stop;
};

/* Borrows from the options. */
void smtp_from_options(const struct options *o, const char *ca_file, struct smtp *out);
/* A host name or an address? */
bool smtp_host_ok(struct str s);
/* Is a server named, and somebody to send from? */
bool smtp_is_set(const struct smtp *s);
/* ERR_UPSTREAM when it did not take the message; detail has its words. */
MUST_USE bool smtp_send(struct arena *a, const struct smtp *s, struct str to, struct str subject,
    struct str html, struct err *err);

#endif
