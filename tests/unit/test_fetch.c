/* test_fetch.c — URLs that strangers name, against a small server on loopback addresses
 *
 * Loopback is what must not be reached, so most cases are about connections that never come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "net/cidr.h"
#include "net/fetch.h"
#include "net/upstream.h"
#include "net/wire.h"

#define MOST 1000

static struct server {
	int fd, port;
	pthread_t thread;
	atomic_int connections;
	atomic_bool saw_credentials;
} server;

/* What a path answers; PORT stands for the server's. */
static const struct page {
	const char *path, *reply;
} pages[] = {
	{ "/image ",
	    "HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 3\r\n\r\npng" },
	{ "/missing ", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" },
	{ "/one ", "HTTP/1.1 302 Found\r\nLocation: /image\r\nContent-Length: 0\r\n\r\n" },
	{ "/two ", "HTTP/1.1 301 Moved\r\nLocation: one\r\nContent-Length: 0\r\n\r\n" },
	{ "/three ", "HTTP/1.1 308 Moved\r\nLocation: /two\r\nContent-Length: 0\r\n\r\n" },
	{ "/nowhere ", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n" },
	{ "/aside ",
	    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:PORT/image\r\nContent-Length: "
	    "0\r\n\r\n" },
	{ "/file ",
	    "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n" },
	{ "/large ", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" },
	{ "/stall ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab" },
};

static void say(int fd, const char *text)
{
	char out[512];
	const char *mark = strstr(text, "PORT");

	if (mark)
		snprintf(out, sizeof out, "%.*s%d%s", (int)(mark - text), text, server.port,
		    mark + 4);
	else
		snprintf(out, sizeof out, "%s", text);
	(void)!send(fd, out, strlen(out), MSG_NOSIGNAL);
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char request[2048], filler[MOST + 1];
	ssize_t n = recv(fd, request, sizeof request - 1, 0);

	request[n > 0 ? n : 0] = '\0';
	if (strcasestr(request, "authorization:"))
		atomic_store(&server.saw_credentials, true);
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (strncmp(request + 4, pages[i].path, strlen(pages[i].path)) == 0)
			say(fd, pages[i].reply);
	}
	if (strncmp(request, "GET /large", 10) == 0) {
		memset(filler, 'x', sizeof filler);
		(void)!send(fd, filler, sizeof filler, MSG_NOSIGNAL);
	}
	(void)!recv(fd, request, sizeof request, 0); /* until the client leaves */
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	for (;;) {
		int fd = accept(server.fd, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			return NULL;
		atomic_fetch_add(&server.connections, 1);
		pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
}

static int start(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	struct err err = { 0 };

	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(server.fd, 16) != 0 ||
	    getsockname(server.fd, (struct sockaddr *)&at, &len) != 0)
		return -1;
	server.port = ntohs(at.sin_port);
	return upstream_setup(&(struct upstream_setup){ .max_idle_conns = 10 }, &err)
	    ? pthread_create(&server.thread, NULL, serve, NULL)
	    : -1;
}

static int stop(void **state)
{
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	return 0;
}

/* ---- one visit --------------------------------------------------------------------------- */

struct outcome {
	struct wire *wire;
	bool done;
	struct fetched got;
};

static void on_done(void *arg, const struct fetched *result)
{
	struct outcome *o = arg;

	o->done = true;
	o->got = *result;
	wire_stop(o->wire);
}

static struct outcome visit(struct arena *a, const char *url, const char *allowed, bool http)
{
	struct outcome o = { .wire = wire_new(0) };
	struct fetch_rules rules = { MOST, 10 * MOST, 300, str_c(allowed), http };
	struct fetch_room room = { .max_bytes = 10 * MOST };
	struct fetch_share share;
	const char *mark = strstr(url, "PORT");
	const char *at =
	    mark ? arena_fmt(a, "%.*s%d%s", (int)(mark - url), url, server.port, mark + 4) : url;

	fetch_share_init(&share, &room, &rules, 0);
	fetch_url(o.wire, a, str_c(at), &rules, &share, on_done, &o);
	assert_false(o.done);
	wire_run(o.wire);
	wire_free(o.wire);
	assert_true(o.done);
	assert_int_equal(share.used, atomic_load(&room.used));
	fetch_share_release(&share);
	assert_int_equal(atomic_load(&room.used), 0);
	return o;
}

/* A picture has three bytes. */
static void test_shares(void **state)
{
	static const struct {
		const char *name;
		size_t max_request, counted, room, used; /* used: by others */
		int asked, served;
		enum err_kind last;
	} cases[] = {
		{ "enough", 9, 0, 100, 91, 3, 3, ERR_NONE },
		{ "request's bound", 8, 0, 100, 0, 3, 2, ERR_TOO_LARGE },
		{ "with data URIs", 9, 4, 100, 0, 3, 1, ERR_TOO_LARGE },
		{ "data URIs alone", 9, 10, 100, 0, 1, 0, ERR_TOO_LARGE },
		{ "process's bound", 9, 0, 100, 92, 3, 2, ERR_BUSY },
		{ "process full", 9, 0, 100, 98, 1, 0, ERR_BUSY },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *a = arena_new(4096);
		struct fetch_rules rules = { MOST, cases[i].max_request, 3000, STR("127.0.0.1/32"),
			true };
		struct fetch_room room = { .max_bytes = cases[i].room };
		struct fetch_share share;
		enum err_kind last = ERR_NONE;
		int served = 0;

		atomic_store(&room.used, cases[i].used);
		fetch_share_init(&share, &room, &rules, cases[i].counted);
		for (int n = 0; n < cases[i].asked; n++) {
			struct outcome o = { .wire = wire_new(0) };

			fetch_url(o.wire, a,
			    str_c(arena_fmt(a, "http://127.0.0.1:%d/image", server.port)), &rules,
			    &share, on_done, &o);
			wire_run(o.wire);
			wire_free(o.wire);
			served += o.got.ok;
			last = o.got.err.kind;
			if (last == ERR_BUSY &&
			    (err_status(&o.got.err) != 503 || !o.got.err.retry_after_s))
				fail_msg("%s: not told to come again", cases[i].name);
		}
		if (served != cases[i].served || last != cases[i].last)
			fail_msg("%s: got %d and %s, want %d and %s", cases[i].name, served,
			    err_kind_name(last), cases[i].served, err_kind_name(cases[i].last));
		assert_int_equal(atomic_load(&room.used), cases[i].used + 3 * (size_t)served);
		fetch_share_release(&share);
		assert_int_equal(atomic_load(&room.used), cases[i].used);
		arena_free(a);
	}
}

static void test_visits(void **state)
{
	static const char here[] = "127.0.0.1/32";
	static const struct {
		const char *name, *url, *allowed;
		bool http, want;
		int connections; /* that the server saw */
	} cases[] = {
		{ "allowed", "http://127.0.0.1:PORT/image", here, true, true, 1 },
		{ "loopback", "http://127.0.0.1:PORT/image", "", true, false, 0 },
		{ "a name of loopback", "http://localhost:PORT/image", "", true, false, 0 },
		{ "a short form", "http://127.1:PORT/image", "", true, false, 0 },
		{ "one number", "http://2130706433:PORT/image", "", true, false, 0 },
		{ "octal", "http://0177.0.0.1:PORT/image", "", true, false, 0 },
		{ "IPv4 in IPv6", "http://[::ffff:127.0.0.1]:PORT/image", "", true, false, 0 },
		{ "any address", "http://0.0.0.0:PORT/image", "", true, false, 0 },
		{ "plain http", "http://127.0.0.1:PORT/image", here, false, false, 0 },
		{ "no scheme we know", "ftp://127.0.0.1:PORT/image", here, true, false, 0 },
		{ "a file", "file:///etc/hostname", here, true, false, 0 },
		{ "no URL", "nonsense", here, true, false, 0 },
		{ "with credentials", "http://u:p@127.0.0.1:PORT/image", here, true, true, 1 },
		{ "one redirect", "http://127.0.0.1:PORT/one", here, true, true, 2 },
		{ "two redirects", "http://127.0.0.1:PORT/two", here, true, true, 3 },
		{ "three redirects", "http://127.0.0.1:PORT/three", here, true, false, 3 },
		{ "a redirect without place", "http://127.0.0.1:PORT/nowhere", here, true, false,
		    1 },
		{ "a redirect into the network", "http://127.0.0.1:PORT/aside", here, true, false,
		    1 },
		{ "a redirect to a file", "http://127.0.0.1:PORT/file", here, true, false, 1 },
		{ "missing", "http://127.0.0.1:PORT/missing", here, true, false, 1 },
		{ "too large", "http://127.0.0.1:PORT/large", here, true, false, 1 },
		{ "too slow", "http://127.0.0.1:PORT/stall", here, true, false, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *a = arena_new(4096);
		int before = atomic_load(&server.connections), came;
		struct outcome o = visit(a, cases[i].url, cases[i].allowed, cases[i].http);

		came = atomic_load(&server.connections) - before;
		if (o.got.ok != cases[i].want)
			fail_msg("%s: got %d, want %d (%s)", cases[i].name, o.got.ok, cases[i].want,
			    o.got.err.detail);
		if (came != cases[i].connections)
			fail_msg("%s: got %d connections, want %d", cases[i].name, came,
			    cases[i].connections);
		if (o.got.ok &&
		    (!str_eq_c(o.got.body, "png") || !str_eq_c(o.got.content_type, "image/png")))
			fail_msg("%s: got '%.*s'", cases[i].name, STR_ARG(o.got.body));
		if (!o.got.ok && err_origin(&o.got.err) != ERR_BY_CLIENT)
			fail_msg("%s: not the client's fault", cases[i].name);
		arena_free(a);
	}
	assert_false(atomic_load(&server.saw_credentials));
}

static void test_public_addresses(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "8.8.8.8", true },
		{ "1.1.1.1", true },
		{ "223.255.255.255", true },
		{ "2606:4700:4700::1111", true },
		{ "0.0.0.0", false },
		{ "10.1.2.3", false },
		{ "100.64.0.1", false },
		{ "127.0.0.1", false },
		{ "169.254.169.254", false },
		{ "172.31.255.255", false },
		{ "172.32.0.0", true },
		{ "192.168.1.1", false },
		{ "198.19.0.1", false },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::", false },
		{ "::1", false },
		{ "::ffff:10.0.0.1", false },
		{ "::ffff:8.8.8.8", true },
		{ "64:ff9b::a00:1", false },
		{ "fe80::1", false },
		{ "fc00::1", false },
		{ "fd00:ec2::254", false },
		{ "ff02::1", false },
		{ "2001::1", false },
		{ "2001:db8::1", false },
		{ "2002:7f00:1::1", false },
		{ "nonsense", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (cidr_is_public(str_c(cases[i].address)) != cases[i].want)
			fail_msg("'%s': got %d, want %d", cases[i].address, !cases[i].want,
			    cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visits),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_public_addresses),
	};

	return cmocka_run_group_tests_name("fetch", tests, start, stop);
}
