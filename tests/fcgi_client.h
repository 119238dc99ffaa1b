/* fcgi_client.h — speaks FastCGI to a program or a socket as a web server does, for tests
 *
 *	struct fcgi_client c;
 *	struct fcgi_answer a;
 *
 *	fcgi_client_open(&c, fcgi_dial("/tmp/x/relay.sock"));
 *	fcgi_answer_init(&a);
 *	if (fcgi_client_ask(&c, &(struct fcgi_ask){ .uri = "/v1/models" }, &a, 1000))
 *		… a.status, fcgi_answer_header(&a, "Content-Type"), buf_str(&a.body)
 *	fcgi_answer_release(&a);
 *	fcgi_client_close(&c);
 *
 * A request can be had as bytes (fcgi_ask_write) and sent cut anywhere, or only begun. Reading goes
 * on where it stopped: an answer can be waited for piece by piece.
 */
#ifndef TESTS_FCGI_CLIENT_H
#define TESTS_FCGI_CLIENT_H

#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct fcgi_param {
	const char *name, *value;
};

/* One request; what is zero has its usual value. */
struct fcgi_ask {
	const char *method; /* GET, or POST when there is a body */
	const char *uri;
	const char *content_type;
	struct str body;
	const struct fcgi_param *params; /* further ones, up to a NULL name; they win */
	uint16_t id;                     /* 1 */
	bool keep;                       /* FCGI_KEEP_CONN */
	bool no_length;                  /* no CONTENT_LENGTH, as with a chunked upload */
	int role;                        /* 1, responder */
};

/* Appends the request as records: BEGIN, PARAMS, STDIN. */
void fcgi_ask_write(const struct fcgi_ask *ask, struct buf *out);

/* A connection to HOST:PORT or the path of a socket; -1 with errno. */
int fcgi_dial(const char *where);
/* A listening socket at a path, replacing what is there; -1 with errno. */
int fcgi_listen_at(const char *path);
/* Starts a program with such a socket as its descriptor 0, as spawn-fcgi does. -1 with errno. */
pid_t fcgi_spawn(const char *const argv[], int listening_fd);
/* Sends the signal and waits; the exit status, 128 + n when a signal n ended it, -1 when it still
 * runs after timeout_ms and was killed. */
int fcgi_stop(pid_t pid, int signal, int timeout_ms);

struct fcgi_client {
	int fd;
	struct buf in; /* records not read yet */
	bool closed;   /* the other side has closed */
};

/* Takes fd. */
void fcgi_client_open(struct fcgi_client *c, int fd);
void fcgi_client_close(struct fcgi_client *c);
/* All of it, blocking; false when the other side is gone. */
bool fcgi_client_send(struct fcgi_client *c, struct str bytes);
/* The same in two pieces with a moment between them. */
bool fcgi_client_send_cut(struct fcgi_client *c, struct str bytes, size_t at);
bool fcgi_client_abort(struct fcgi_client *c, uint16_t id);

struct fcgi_answer {
	int status;      /* of the Status header, 200 without one; 0: no head yet */
	struct buf head; /* its lines */
	struct buf body;
	struct buf err;  /* FCGI_STDERR */
	bool stdout_end; /* the empty FCGI_STDOUT came */
	bool ended;      /* END_REQUEST came */
	int protocol_status;
	uint32_t app_status;
	size_t records;          /* of this request */
	uint8_t last_management; /* type of the last record with id 0, its content in management */
	struct buf management;
};

void fcgi_answer_init(struct fcgi_answer *a);
void fcgi_answer_release(struct fcgi_answer *a);
/* As sent, without the name; empty when absent. */
struct str fcgi_answer_header(const struct fcgi_answer *a, const char *name);

/* Reads records of that request until it ended; false when the connection closed before or time ran
 * out. */
bool fcgi_client_read(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a, int timeout_ms);
/* Until the body has that many bytes. */
bool fcgi_client_read_body(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a, size_t bytes,
    int timeout_ms);
/* One more record of any request; false as above. */
bool fcgi_client_read_record(struct fcgi_client *c, uint16_t id, struct fcgi_answer *a,
    int timeout_ms);
/* Waits for the other side to close, dropping what comes. */
bool fcgi_client_wait_closed(struct fcgi_client *c, int timeout_ms);
/* Sends and reads to the end. */
bool fcgi_client_ask(struct fcgi_client *c, const struct fcgi_ask *ask, struct fcgi_answer *a,
    int timeout_ms);

#endif
