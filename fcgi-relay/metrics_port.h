/* metrics_port.h — GET /metrics on a listener of its own, for a scraper on this machine
 *
 * A few lines of HTTP/1.1, one connection at a time, each bounded in bytes and time: enough for
 * Prometheus, nothing for strangers. An address that is not loopback is refused at start unless
 * METRICS_ALLOW or METRICS_TOKEN says who may read there; who comes over loopback or a socket in the
 * file system always may.
 *
 * All processes of a machine show the same numbers, so one of them has the address; the others look
 * now and then whether it has become free.
 *
 * Threads  metrics_port_open and _close: main. The others: the watching thread.
 */
#ifndef FCGI_RELAY_METRICS_PORT_H
#define FCGI_RELAY_METRICS_PORT_H

#include "base/attr.h"

struct err;
struct metrics_port;
struct watching;

/* where: HOST:PORT or /PATH. An address that is in use is no error. Returns owned. */
MUST_USE bool metrics_port_open(const struct watching *w, const char *where,
    struct metrics_port **out, struct err *err);
/* NULL is allowed here and below. */
void metrics_port_close(struct metrics_port *p);
/* What to wait for, -1: another process has the address; asked again it tries again. */
int metrics_port_fd(struct metrics_port *p);
/* Somebody came. Takes at most a few seconds. */
void metrics_port_serve(struct metrics_port *p);

#endif
