/* multi.h — libcurl's multi interface inside a wire's epoll
 *
 * One per wire: the connections, TLS sessions and names that its calls share, the easy handles that
 * wait for their next call, and the way into curl. upstream.c is its only user and adds what a call
 * is: request, callbacks, deadlines.
 *
 * curl must not be entered from its own callbacks. While multi_is_inside says yes, its owner puts
 * off what it wants to do until the next call of `left`.
 *
 * Errors   none: curl's reach the owner with `done`.
 * Threads  all on the wire's thread; multi_setup once before any.
 */
#ifndef NET_MULTI_H
#define NET_MULTI_H

#include <curl/curl.h>

#include "net/wire.h"

struct err;
struct multi;
struct str;
struct upstream_setup;

/* As upstream_setup, which is this. */
MUST_USE bool multi_setup(const struct upstream_setup *setup, struct err *err);

struct multi_owner {
	/* A transfer is over; call is its CURLOPT_PRIVATE. Takes it out with multi_remove. */
	void (*done)(void *call, CURLcode code);
	/* curl has been left: time for what was put off. */
	void (*left)(void *arg);
	void *arg;
};

RETURNS_NEW struct multi *multi_new(struct wire *w, const struct multi_owner *owner);
/* All transfers must have been taken out. */
void multi_free(struct multi *m);
bool multi_is_inside(const struct multi *m);

/* An easy handle with every setting that is the same for all calls. Returns owned. */
CURL *multi_take(struct multi *m);
/* One for URLs that strangers name: it connects to public addresses only (cidr_is_public), looked at
 * on the address it is about to connect to, or to those in `allowed` (a comma list of networks,
 * borrowed); it shares no connection with other calls. A proxy set in multi_setup is not used, for
 * behind one nothing could be checked. Ends with multi_drop. */
CURL *multi_take_public(struct multi *m, const struct str *allowed);
void multi_drop(CURL *easy);
/* Takes it back, for the next call. What is not needed for some seconds goes. */
void multi_put(struct multi *m, CURL *easy);

/* Starts a transfer in the wire's next turn. */
void multi_add(struct multi *m, CURL *easy);
/* Ends it, finished or not; no callback comes any more. */
void multi_remove(struct multi *m, CURL *easy);
/* The transfer whose bytes are being handed on comes in many pieces, each read by itself: from here
 * on every second one is acknowledged. An upstream that waits for an acknowledgement before it goes
 * on waits once, for 40 ms, whereupon the kernel acknowledges at once again. */
void multi_acknowledge_less(struct multi *m);
/* Lets a paused transfer go on: its callbacks run at once with what curl kept. */
CURLcode multi_unpause(struct multi *m, CURL *easy);

#endif
