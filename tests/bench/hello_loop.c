/* hello_loop.c — floor c3 of the bench: one event loop, libfcgi only as the decoder
 *
 *	hello_loop SOCKET
 *
 * What a gateway that does nothing would cost: records are collected without waiting, libfcgi reads
 * the complete request from a memory file, and the reply is framed here, one send for each. No
 * limits and no patience: a request that does not fit, or a reply that does not go out in one
 * piece, ends its connection.
 */
#include <errno.h>
#include <fcgiapp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hello.h"

#define BACKLOG 4096
#define BATCH 256
#define HEADER 8
#define STDIN 5
#define STDOUT 6
#define END_REQUEST 3
#define REQUEST_MAX (64 * 1024)

struct conn {
	int fd;
	bool keep;
	size_t have, walked;
	char in[REQUEST_MAX];
};

static int epoll, listener, memory_file;

static void put_header(char *to, int type, const char *begin, size_t content, size_t padding)
{
	const char header[HEADER] = { 1, (char)type, begin[2], begin[3], (char)(content >> 8),
		(char)content, (char)padding, 0 };

	memcpy(to, header, HEADER);
}

/* STDOUT with the reply, the empty STDOUT, END_REQUEST; begin is the request's first record. */
static bool reply(const struct conn *c, const char *begin)
{
	static char out[sizeof(HELLO_REPLY) + 64];
	size_t content = sizeof(HELLO_REPLY) - 1, padding = (HEADER - content % HEADER) % HEADER;
	char *p = out;

	put_header(p, STDOUT, begin, content, padding);
	memcpy(p + HEADER, HELLO_REPLY, content);
	p += HEADER + content + padding;
	put_header(p, STDOUT, begin, 0, 0);
	put_header(p + HEADER, END_REQUEST, begin, HEADER, 0);
	memset(p + 2 * HEADER, 0, HEADER);
	p += 3 * HEADER;
	return send(c->fd, out, (size_t)(p - out), MSG_DONTWAIT | MSG_NOSIGNAL) == p - out;
}

/* libfcgi reads from the file what was collected: every byte is there, so it never waits. */
static bool decode(const char *records, size_t n)
{
	FCGX_Request r;
	char body[4096];

	if (pwrite(memory_file, records, n, 0) != (ssize_t)n || ftruncate(memory_file, (off_t)n) ||
	    lseek(memory_file, 0, SEEK_SET) != 0)
		return false;
	FCGX_InitRequest(&r, -1, 0);
	r.ipcFd = memory_file;
	r.keepConnection = 1;
	r.detached = 1;
	if (FCGX_Accept_r(&r) < 0)
		return false;
	while (FCGX_GetStr(body, sizeof(body), r.in) > 0)
		continue;
	FCGX_Free(&r, 0);
	return true;
}

static size_t record_size(const char *p)
{
	const unsigned char *h = (const unsigned char *)p;

	return HEADER + (size_t)(h[4] << 8 | h[5]) + h[6];
}

static bool is_last(const char *p)
{
	return p[1] == STDIN && p[4] == 0 && p[5] == 0;
}

/* Answers every request that is complete; false when the connection is over. */
static bool serve(struct conn *c)
{
	while (c->have - c->walked >= HEADER) {
		const char *record = c->in + c->walked;
		size_t size = record_size(record);

		if (c->have - c->walked < size)
			break;
		c->walked += size;
		if (!is_last(record))
			continue;
		c->keep = c->in[HEADER + 2] & 1;
		if (!decode(c->in, c->walked) || !reply(c, c->in) || !c->keep)
			return false;
		c->have -= c->walked;
		memmove(c->in, c->in + c->walked, c->have);
		c->walked = 0;
	}
	return c->have < sizeof(c->in);
}

static void on_readable(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->have += (size_t)n;
		if (serve(c))
			return;
	}
	close(c->fd);
	free(c);
}

static void accept_one(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : malloc(sizeof(*c));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (!c)
		return;
	c->fd = fd;
	c->have = c->walked = 0;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return;
	close(fd);
	free(c);
}

int main(int argc, char **argv)
{
	struct epoll_event batch[BATCH], ev = { .events = EPOLLIN };

	if (argc != 2 || FCGX_Init() != 0) {
		fputs("usage: hello_loop SOCKET\n", stderr);
		return 2;
	}
	listener = FCGX_OpenSocket(argv[1], BACKLOG);
	memory_file = memfd_create("request", MFD_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (listener < 0 || memory_file < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev)) {
		perror("hello_loop");
		return 1;
	}
	for (;;) {
		int n = epoll_wait(epoll, batch, BATCH, -1);

		for (int i = 0; i < n; i++) {
			if (batch[i].data.ptr)
				on_readable(batch[i].data.ptr);
			else
				accept_one();
		}
	}
}
