/* second_factor.h — tables second_factors and recovery_codes
 *
 * A user begins with a secret that is not in force; it counts from the moment the first code proved
 * that the user's device has it. A code is used once: last_step only grows.
 *
 * Threads  as the connection.
 */
#ifndef STORE_SECOND_FACTOR_H
#define STORE_SECOND_FACTOR_H

#include "base/secret.h"
#include "store/db.h"

#define RECOVERY_CODES 10
#define RECOVERY_CODE_LEN 11 /* abcde-fghij */

struct second_factor {
	struct str secret; /* base32 */
	bool in_force;
	int64_t last_step;
	int64_t recovery_codes; /* that are left */
};

/* *found false: the user has none, not even a begun one. */
MUST_USE bool second_factor_get(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, struct second_factor *out, bool *found, struct err *err);
/* Is one in force? Cheap: asked at every sign-in. */
MUST_USE bool second_factor_in_force(struct db *db, int64_t user_id, bool *yes, struct err *err);
/* Replaces one that was begun only; ERR_BAD_REQUEST when one is in force. */
MUST_USE bool second_factor_begin(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, struct str secret, struct err *err);
MUST_USE bool second_factor_confirm(struct db *db, int64_t user_id, struct err *err);
/* *fresh false: this step, or a later one, was used before. */
MUST_USE bool second_factor_step(struct db *db, int64_t user_id, int64_t step, bool *fresh,
    struct err *err);
/* In the caller's transaction: new codes for the old ones. */
MUST_USE bool second_factor_new_codes(struct db *db, const struct secret_box *box, int64_t user_id,
    char codes[RECOVERY_CODES][RECOVERY_CODE_LEN + 1], struct err *err);
/* *right: it was one, and now it is gone. Blanks, case and hyphens do not matter. */
MUST_USE bool second_factor_recover(struct db *db, const struct secret_box *box, int64_t user_id,
    struct str code, bool *right, struct err *err);
/* In the caller's transaction. */
MUST_USE bool second_factor_drop(struct db *db, int64_t user_id, struct err *err);

#endif
