/* multi.c — curl's sockets and timer in the wire's epoll, and the handles that wait
 *
 * curl says which sockets it wants watched (on_socket) and when it wants to be called at the latest
 * (on_timer); drive is the only way in, and tells the owner what is done.
 *
 * Settings that decide (libcurl 7.88, measured):
 *   CAPATH NULL, CAINFO a file   Any CA path switches the shared certificate store off: 27 ms of
 *                                CPU and 900 KB per TLS connection instead of 0.5 ms and 85 KB.
 *   MAXCONNECTS large            The default throws idle connections away when few calls run.
 *   PROXY, NOPROXY, CURLU        No look-ups in the environment, no second parsing of the URL.
 *   Expect: empty                A large body would wait for 100-continue.
 *   HTTP/1.1                     On a shared HTTP/2 connection each readable event runs all of its
 *                                streams.
 *   UPLOAD_BUFFERSIZE small      Every TLS call allocates it; 64 KB by default.
 *   a share of TLS sessions      curl keeps them per easy handle otherwise.
 * (CURLU and Expect are upstream.c's.)
 *
 * The process's settings (struct global) are written once, by multi_setup, before any thread. */
#include "net/multi.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/cidr.h"
#include "net/upstream.h"

/* More would hardly be taken again, and each keeps a page or two from being given back. */
#define IDLE_EASIES_MAX 48
/* Of those that wait, as many go as were not needed for so long. */
#define REST_MS 5000
#define UPLOAD_BUFFER_BYTES (16 * 1024L)

/* ---- once per process ----------------------------------------------------------------- */

static struct global {
	bool ready;
	char *proxy, *ca_file, *user_agent;
	long max_idle_conns;
} global;

static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Alpine */
	"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
	"/etc/ssl/ca-bundle.pem",             /* SUSE */
	"/etc/ssl/cert.pem",                  /* BSDs, Alpine */
};

/* "" when there is none: plain HTTP still works, and HTTPS says what is wrong. */
static const char *system_bundle(void)
{
	for (size_t i = 0; i < COUNT_OF(system_bundles); i++)
		if (access(system_bundles[i], R_OK) == 0)
			return system_bundles[i];
	return "";
}

static void replace(char **slot, const char *text)
{
	mem_free(*slot);
	*slot = mem_strdup(text ? text : "");
}

bool multi_setup(const struct upstream_setup *setup, struct err *err)
{
	const char *ca = setup->ca_file ? setup->ca_file : "";

	if (*ca && access(ca, R_OK) != 0)
		return err_set(err, ERR_CONFIG, "cannot read the certificates in '%s'", ca);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_CONFIG, "cannot initialise libcurl");
	/* OpenSSL writes without MSG_NOSIGNAL, and NOSIGNAL keeps curl from shielding it. */
	signal(SIGPIPE, SIG_IGN);

	replace(&global.proxy, setup->proxy);
	replace(&global.ca_file, *ca ? ca : system_bundle());
	replace(&global.user_agent, setup->user_agent);
	global.max_idle_conns = setup->max_idle_conns > 0 ? setup->max_idle_conns : 2048;
	global.ready = true;
	return true;
}

/* ---- what curl asks of the wire ------------------------------------------------------- */

struct multi {
	struct wire *wire;
	struct multi_owner owner;
	CURLM *curl;
	CURLSH *share;
	struct timer tick;   /* when curl wants to be called */
	bool inside;         /* curl is at work: it must not be entered again */
	curl_socket_t ready; /* why it is: this socket, or CURL_SOCKET_BAD */
	CURL *easies[IDLE_EASIES_MAX];
	size_t easy_count;
	size_t easy_least; /* that ever waited since rest was set */
	struct timer rest;
};

static bool enter(struct multi *m)
{
	bool before = m->inside;

	m->inside = true;
	return before;
}

static void collect(struct multi *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left))) {
		CURLcode code = msg->data.result;
		void *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		assert(call);
		m->owner.done(call, code);
	}
}

static void drive(struct multi *m, curl_socket_t fd, int mask)
{
	int running;

	assert(!m->inside);
	m->inside = true;
	m->ready = fd;
	curl_multi_socket_action(m->curl, fd, mask, &running);
	m->ready = CURL_SOCKET_BAD;
	m->inside = false;
	collect(m);
	m->owner.left(m->owner.arg);
}

struct sock {
	struct watch watch;
	struct multi *multi;
};

static void on_ready(struct watch *watch, uint32_t events)
{
	struct sock *s = CONTAINER_OF(watch, struct sock, watch);
	int mask = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	drive(s->multi, watch->fd, mask);
}

static uint32_t wanted_events(int what)
{
	uint32_t events = 0;

	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	return events;
}

/* Returns 0 in any case: curl would abandon every call of the wire. A socket that cannot be watched
 * runs into its call's deadline. */
static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *multi, void *sock)
{
	struct multi *m = multi;
	struct sock *s = sock;

	if (what == CURL_POLL_REMOVE) {
		if (s) {
			wire_unwatch(&s->watch);
			wire_free_later(m->wire, mem_free, s);
		}
		return 0;
	}
	if (s) {
		wire_rearm(&s->watch, wanted_events(what));
		return 0;
	}
	s = MEM_NEW(struct sock);
	s->multi = m;
	s->watch.fd = fd;
	s->watch.fn = on_ready;
	if (wire_watch(m->wire, &s->watch, wanted_events(what), false))
		curl_multi_assign(m->curl, fd, s);
	else
		mem_free(s);
	return 0;
}

static int on_timer(CURLM *curl UNUSED, long in_ms, void *multi)
{
	struct multi *m = multi;

	if (in_ms < 0)
		timer_clear(m->wire, &m->tick);
	else
		timer_set(m->wire, &m->tick, in_ms);
	return 0;
}

static void on_tick(struct timer *t)
{
	drive(CONTAINER_OF(t, struct multi, tick), CURL_SOCKET_TIMEOUT, 0);
}

static void on_rest(struct timer *t)
{
	struct multi *m = CONTAINER_OF(t, struct multi, rest);

	while (m->easy_least > 0) {
		m->easy_least--;
		curl_easy_cleanup(m->easies[--m->easy_count]);
	}
	m->easy_least = m->easy_count;
	if (m->easy_count)
		timer_set(m->wire, t, REST_MS);
}

/* ---- the multi handle ----------------------------------------------------------------- */

struct multi *multi_new(struct wire *w, const struct multi_owner *owner)
{
	struct multi *m = MEM_NEW(struct multi);

	assert(global.ready);
	m->wire = w;
	m->owner = *owner;
	m->tick.fn = on_tick;
	m->rest.fn = on_rest;
	m->ready = CURL_SOCKET_BAD;
	m->curl = curl_multi_init();
	m->share = curl_share_init();
	assert(m->curl && m->share);
	curl_share_setopt(m->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, global.max_idle_conns);
	curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return m;
}

void multi_free(struct multi *m)
{
	while (m->easy_count)
		curl_easy_cleanup(m->easies[--m->easy_count]);
	curl_multi_cleanup(m->curl);
	curl_share_cleanup(m->share);
	timer_clear(m->wire, &m->tick);
	timer_clear(m->wire, &m->rest);
	mem_free(m);
}

bool multi_is_inside(const struct multi *m)
{
	return m->inside;
}

void multi_add(struct multi *m, CURL *easy)
{
	curl_multi_add_handle(m->curl, easy);
}

void multi_remove(struct multi *m, CURL *easy)
{
	bool before = enter(m);

	curl_multi_remove_handle(m->curl, easy);
	m->inside = before;
}

CURLcode multi_unpause(struct multi *m, CURL *easy)
{
	bool before = enter(m);
	CURLcode code = curl_easy_pause(easy, CURLPAUSE_CONT);

	m->inside = before;
	return code;
}

void multi_acknowledge_less(struct multi *m)
{
	int at_once = 0;

	/* Where the kernel does not do it, it only costs more. */
	if (m->ready != CURL_SOCKET_BAD)
		(void)setsockopt(m->ready, IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof(at_once));
}

/* ---- easy handles --------------------------------------------------------------------- */

static CURL *easy_new(const struct multi *m)
{
	CURL *e = curl_easy_init();

	assert(e);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_SHARE, m->share);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_PROXY, global.proxy);
	curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
	if (*global.ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, global.ca_file);
		curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, global.ca_file);
	}
	if (*global.user_agent)
		curl_easy_setopt(e, CURLOPT_USERAGENT, global.user_agent);
	return e;
}

CURL *multi_take(struct multi *m)
{
	if (!m->easy_count)
		return easy_new(m);
	m->easy_count--;
	if (m->easy_least > m->easy_count)
		m->easy_least = m->easy_count;
	return m->easies[m->easy_count];
}

/* CURLOPT_OPENSOCKETFUNCTION: the address is the one that a name was resolved to. */
static curl_socket_t open_public(void *allowed, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct str *networks = allowed;
	char text[INET6_ADDRSTRLEN] = "";
	const void *address = NULL;

	if (to->family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)&to->addr)->sin_addr;
	else if (to->family == AF_INET6)
		address = &((const struct sockaddr_in6 *)(const void *)&to->addr)->sin6_addr;
	if (!address || !inet_ntop(to->family, address, text, sizeof text))
		return CURL_SOCKET_BAD;
	if (!cidr_is_public(str_c(text)) && !cidr_list_has(*networks, str_c(text)))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

CURL *multi_take_public(struct multi *m, const struct str *allowed)
{
	CURL *e = easy_new(m);

	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_public);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, (void *)(uintptr_t)allowed);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	return e;
}

void multi_drop(CURL *easy)
{
	curl_easy_cleanup(easy);
}

void multi_put(struct multi *m, CURL *easy)
{
	if (m->easy_count == IDLE_EASIES_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	/* Nothing of the last call may be reachable from an idle handle. */
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(easy, CURLOPT_CURLU, NULL);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	m->easies[m->easy_count++] = easy;
	if (!timer_is_set(&m->rest))
		timer_set(m->wire, &m->rest, REST_MS);
}
