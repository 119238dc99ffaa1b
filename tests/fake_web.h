/* fake_web.h — a small HTTP server for tests: one canned reply, and what was asked
 *
 *	struct fake_web *w = fake_web_start(0);
 *	fake_web_reply(w, 200, "{\"success\":true}");
 *	… something calls http://127.0.0.1:PORT/any …
 *	fake_web_last(w, &asked);
 *
 * One request a connection, one connection at a time. Header only; one thread of its own.
 */
#ifndef TESTS_FAKE_WEB_H
#define TESTS_FAKE_WEB_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct fake_web_asked {
	char head[4096]; /* with the blank line's CRLF */
	char body[8192];
};

struct fake_web {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	int status;
	char reply[2048];
	int requests;
	struct fake_web_asked last;
	bool stop;
};

static inline size_t fake_web_length(const char *head)
{
	const char *at = strcasestr(head, "\r\ncontent-length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

static inline void fake_web_serve(struct fake_web *w, int fd)
{
	struct timeval limit = { 3, 0 };
	struct fake_web_asked now = { .head = "" };
	char raw[12288], out[2300];
	size_t n = 0, head_n = 0, want = 0;
	char *end = NULL;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (n < sizeof(raw) - 1 && (!end || n < head_n + want)) {
		ssize_t got = recv(fd, raw + n, sizeof(raw) - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		raw[n] = '\0';
		if (!end && (end = strstr(raw, "\r\n\r\n"))) {
			head_n = (size_t)(end - raw) + 4;
			snprintf(now.head, sizeof(now.head), "%.*s", (int)head_n, raw);
			want = fake_web_length(now.head);
		}
	}
	snprintf(now.body, sizeof(now.body), "%.*s", (int)want, raw + head_n);
	pthread_mutex_lock(&w->lock);
	w->last = now;
	w->requests++;
	snprintf(out, sizeof(out),
	    "HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    w->status, strlen(w->reply), w->reply);
	pthread_mutex_unlock(&w->lock);
	if (send(fd, out, strlen(out), MSG_NOSIGNAL) < 0)
		perror("fake_web");
}

static inline void *fake_web_run(void *arg)
{
	struct fake_web *w = arg;

	for (;;) {
		int fd = accept(w->fd, NULL, NULL);
		bool stop;

		pthread_mutex_lock(&w->lock);
		stop = w->stop;
		pthread_mutex_unlock(&w->lock);
		if (!stop && fd >= 0)
			fake_web_serve(w, fd);
		if (fd >= 0)
			close(fd);
		if (stop || fd < 0)
			return NULL;
	}
}

static inline struct fake_web *fake_web_start(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct fake_web *w = calloc(1, sizeof(*w));
	socklen_t len = sizeof(at);
	int one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&w->lock, NULL);
	w->status = 200;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(w->fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(w->fd, 16) != 0 ||
	    getsockname(w->fd, (struct sockaddr *)&at, &len) != 0) {
		perror("fake_web");
		abort();
	}
	w->port = ntohs(at.sin_port);
	pthread_create(&w->thread, NULL, fake_web_run, w);
	return w;
}

static inline void fake_web_stop(struct fake_web *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	close(w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static inline void fake_web_reply(struct fake_web *w, int status, const char *json)
{
	pthread_mutex_lock(&w->lock);
	w->status = status;
	snprintf(w->reply, sizeof(w->reply), "%s", json);
	pthread_mutex_unlock(&w->lock);
}

/* How many requests came so far. */
static inline int fake_web_last(struct fake_web *w, struct fake_web_asked *out)
{
	int n;

	pthread_mutex_lock(&w->lock);
	n = w->requests;
	if (out)
		*out = w->last;
	pthread_mutex_unlock(&w->lock);
	return n;
}

#endif
