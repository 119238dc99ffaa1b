/* pins.h — remembers which channel keeps what, for a whole process
 *
 * DESIGN. Pins are written by the ledger's thread, in the commit that also settles, so that a
 * request costs no commit of its own. Until the commit is through a pin is found in a list in
 * memory: a client that got an id may use it at once. What the database does not take is tried
 * again like a settlement.
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
/* What its creation charged: billed_*, bounded and due as in store/resource.h. */
void pins_billed(struct pins *p, const struct resource *r);

/* The final usage of a background response. */
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
