/* pins.h — remembers which channel keeps what, for a whole process
 *
 * DESIGN. Pins are written by the ledger's thread, in the commit that also settles, so that a
 * request costs no commit of its own. Until the commit is through a pin is found in a list in
 * memory: a client that got an id may use it at once. What the database does not take is tried
 * again like a settlement.
 *
 * A crash between an upstream's answer and the commit of its pin. Answers to creations are held
 * back until then (pins_flush): who gets none knows that something went wrong. A stored response
 * that was paid for when it was answered is not worth that wait; what it cost stands in the log,
 * and losing its pin within the milliseconds before the commit makes its id unknown. Where tokens
 * are used after the answer (a work, store/resource.h) the row is written before the upstream is
 * asked, as pending, and with it what the crash of the process charges: from then on the request
 * costs the bound, whatever happens, and the row says so. Its id is filled in when it is known; if
 * that never happens the settler (settler.h) asks the upstream's list.
 *
 *	pins_open	before the call: pending and due; a sweep charges all that is reserved
 *	pins_adopt	the upstream made it: it has its own id now
 *	pins_refuse	the upstream refused: all is given back, in one step
 *	pins_end	the request's end: settled at the bound, or by the final usage
 *	pins_charge	later: the difference, once
 *
 * Each write removes a few pins that have expired.
 *
 * Threads  from anywhere.
 */
#ifndef FCGI_RELAY_PINS_H
#define FCGI_RELAY_PINS_H

#include "billing/ledger.h"
#include "billing/price.h"
#include "store/resource.h"

struct arena;
struct pins;

/* A pin lives for life_s seconds after it was last used. */
RETURNS_NEW struct pins *pins_new(struct ledger *ledger, int64_t life_s);
/* After ledger_stop. */
void pins_free(struct pins *p);

/* ERR_NOT_FOUND: unknown, expired or another user's. */
MUST_USE bool pins_find(struct pins *p, struct db *db, struct arena *a, int64_t user_id,
    struct str kind, struct str id, struct resource *out, struct err *err);

/* Texts are copied; times are filled in. */
void pins_put(struct pins *p, const struct resource *r);
void pins_learn(struct pins *p, const struct resource *r);
/* It was used; object "" is no news. Writes only when there is something to write. */
void pins_seen(struct pins *p, const struct resource *r, struct str object);
void pins_delete(struct pins *p, const struct resource *r);
/* On the ledger's thread, once what was sent before is committed (ok), or never will be: only hands
 * on. */
typedef void pins_fn(void *arg, bool ok);
void pins_flush(struct pins *p, pins_fn *fn, void *arg);

/* ---- works ---- */

/* r is due and says what it was charged; cost is all that the request has reserved. Not ok: there is
 * no such reservation, and nothing was written. fn NULL: nobody waits. */
void pins_open(struct pins *p, const struct resource *r, struct str request_id, int64_t cost,
    pins_fn *fn, void *arg);
void pins_adopt(struct pins *p, struct str pending_id, const struct resource *r);
void pins_refuse(struct pins *p, const struct resource *r, struct str request_id);
/* The settler looked; next at look_at. */
void pins_looked(struct pins *p, const struct resource *r, int64_t look_at);
/* It stays at what it was charged. */
void pins_give_up(struct pins *p, const struct resource *r);

/* What else there is to do when a work is settled with its final usage, by whoever does that: once.
 * Both run on the ledger's thread. */
struct pins_watcher {
	/* In the transaction, which may yet fail. tokens were used beyond what the creating request
	 * knew of. NULL: nothing. */
	void *(*prepare)(void *arg, struct db *db, const struct resource *r, int64_t tokens);
	/* It is committed, or (not ok) was not; frees. */
	void (*settled)(void *prepared, bool ok);
	void *arg;
};
/* Before the first work is settled. Copied. */
void pins_watch(struct pins *p, const struct pins_watcher *w);

/* How the request that made a work ends. */
enum pins_end {
	PINS_BOUND, /* it goes on, or nobody knows: row.quota is charged and it stays due */
	PINS_FINAL, /* its final usage is known: `final` is charged, unless somebody settled it
	             * before; then row.quota, which that was the difference to */
	PINS_UNDO,  /* it is out of reach for everybody: row.quota, and no work is left */
};
struct pins_ending {
	enum pins_end how;
	struct logrow row; /* of the settlement, as LEDGER_SETTLE takes it */
	int64_t final;
	struct usage usage; /* of FINAL: what the request does not count by itself */
	bool write_log;
};
void pins_end(struct pins *p, const struct resource *r, const struct pins_ending *end);

/* What a work has used. */
struct pins_bill {
	struct rate rate;
	struct usage usage;
	struct logrow row; /* its request_id must be new; quota, tokens and the key are filled in */
	bool write_log;
};
/* Settles the difference to what was charged so far, in either direction, with the key that made it;
 * nothing when r is not due any more. */
void pins_charge(struct pins *p, const struct resource *r, const struct pins_bill *bill);
/* So many tokens of its output were read, but not its end (bill->usage.completion_tokens): charges
 * them if they are more than what was charged so far. Those of another part (add) come on top of
 * those seen before; else they began at the beginning, as before. */
void pins_charge_part(struct pins *p, const struct resource *r, const struct pins_bill *bill,
    bool add);

#endif
