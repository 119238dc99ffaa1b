/* collector.h — plays an OpenTelemetry collector: keeps what is posted to it, answers as told
 *
 * One thread, one connection at a time, each answered and closed.
 */
#ifndef TESTS_COLLECTOR_H
#define TESTS_COLLECTOR_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define COLLECTOR_POSTS 64

struct collector {
	int fd, port;
	pthread_t thread;
	_Atomic(int) count;    /* posts seen */
	_Atomic(int) refusals; /* so many are answered with `status` first */
	int status;
	_Atomic(int) delay_ms;
	_Atomic(bool) stopping; /* no delay any more */
	char *heads[COLLECTOR_POSTS], *bodies[COLLECTOR_POSTS];
};

static inline bool collector_read(int fd, char **head, char **body)
{
	size_t cap = (size_t)4 << 20, n = 0, want = 0;
	char *in = malloc(cap), *end = NULL, *length;

	while (!end || n < want) {
		ssize_t got = read(fd, in + n, cap - 1 - n);

		if (got <= 0) {
			free(in);
			return false;
		}
		n += (size_t)got;
		in[n] = '\0';
		if (end || !(end = strstr(in, "\r\n\r\n")))
			continue;
		length = strcasestr(in, "\r\ncontent-length:");
		want = (size_t)(end + 4 - in) + (length ? strtoul(length + 17, NULL, 10) : 0);
	}
	*body = strdup(end + 4);
	*end = '\0';
	*head = in;
	return true;
}

static inline void *collector_run(void *arg)
{
	struct collector *c = arg;
	char answer[128];
	int fd;

	while ((fd = accept(c->fd, NULL, NULL)) >= 0) {
		char *head, *body;
		int i = atomic_load(&c->count), status = 200;

		if (i < COLLECTOR_POSTS && collector_read(fd, &head, &body)) {
			c->heads[i] = head;
			c->bodies[i] = body;
			if (atomic_load(&c->refusals) > 0) {
				atomic_fetch_sub(&c->refusals, 1);
				status = c->status;
			}
			for (int ms = 0; ms < atomic_load(&c->delay_ms); ms += 10)
				if (!atomic_load(&c->stopping))
					usleep(10000);
			snprintf(answer, sizeof answer,
			    "HTTP/1.1 %d x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
			    status);
			/* Before the answer: who has read it may ask for the count at once. */
			atomic_fetch_add(&c->count, 1);
			if (write(fd, answer, strlen(answer)) < 0)
				perror("collector");
		}
		close(fd);
	}
	return NULL;
}

/* port 0: any. */
static inline void collector_start(struct collector *c, int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int yes = 1;

	memset(c, 0, sizeof *c);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(c->fd, (struct sockaddr *)&at, sizeof at) || listen(c->fd, 16) ||
	    getsockname(c->fd, (struct sockaddr *)&at, &n)) {
		perror("collector");
		abort();
	}
	c->port = ntohs(at.sin_port);
	pthread_create(&c->thread, NULL, collector_run, c);
}

static inline void collector_stop(struct collector *c)
{
	atomic_store(&c->stopping, true);
	shutdown(c->fd, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->fd);
	for (int i = 0; i < COLLECTOR_POSTS; i++) {
		free(c->heads[i]);
		free(c->bodies[i]);
	}
}

static inline bool collector_wait(struct collector *c, int posts, int timeout_ms)
{
	for (int i = 0; i < timeout_ms / 10 && atomic_load(&c->count) < posts; i++)
		usleep(10000);
	return atomic_load(&c->count) >= posts;
}

/* The text or number of a span's attribute; "" when it has none. */
static inline const char *collector_attr(const cJSON *span, const char *key)
{
	const cJSON *a;

	cJSON_ArrayForEach(a, cJSON_GetObjectItem(span, "attributes"))
	{
		const cJSON *value = cJSON_GetObjectItem(a, "value");

		if (strcmp(cJSON_GetObjectItem(a, "key")->valuestring, key) == 0)
			return value->child->valuestring;
	}
	return "";
}

#endif
