/* secret.h — random ids, password hashes, keyed hashes, sealed text, constant-time compare
 *
 * Client keys are found by HMAC-SHA-256 under the data key and kept sealed (AES-256-GCM, random
 * 96-bit nonce, version byte in front) so that their owner can copy them. Passwords are scrypt
 * (libscrypt, RFC 7914) with N, r, p and salt inside the stored text (libscrypt's "$s1$…" form).
 *
 * struct secret_box holds the data key: from SESSION_SECRET when that is set (HKDF-SHA-256), else
 * from DATA_DIR/secret.key, 32 random bytes made with mode 0600 at first start; programs that start
 * at the same moment agree on one. A file of another length or that others may read is ERR_CONFIG,
 * and so is a SESSION_SECRET under 16 bytes or equal to one-api's sample value. Hash and seal use
 * keys derived from it with different labels, so that one never stands for the other.
 *
 * Owns     struct secret_box its keys. Opened text is in the arena, and wiped when that goes.
 * Errors   false when a sealed text is not ours or was changed; out of randomness ends the process.
 * Threads  a secret_box is read-only after it is opened.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct secret_box;

#define SECRET_HASH_LEN 32

/* session_secret "" uses the file; data_dir must exist. Returns owned. */
MUST_USE bool secret_box_open(const char *data_dir, const char *session_secret,
    struct secret_box **out, struct err *err);
void secret_box_free(struct secret_box *box);

/* A new data key takes two steps, with everything sealed anew in between: the file secret.key.next,
 * made when there is none, is opened; later it becomes secret.key. What breaks off in between leaves
 * both files. */
bool secret_next_exists(const char *data_dir);
MUST_USE bool secret_box_open_next(const char *data_dir, struct secret_box **out, struct err *err);
MUST_USE bool secret_adopt_next(const char *data_dir, struct err *err);

/* Keyed hash by which a client key, access token or session id is looked up. label keeps the
 * kinds apart: "token", "access", "session", "channel_key" cost about 0.3 µs, any other some 10. */
void secret_hash(const struct secret_box *box, const char *label, struct str text,
    uint8_t out[SECRET_HASH_LEN]);

/* Sealed text is base64 and so fits a TEXT column; "" seals to "". aad binds it to its place, for
 * example "channel.key"; opening needs the same. */
struct str secret_seal(const struct secret_box *box, struct arena *a, const char *aad,
    struct str plain);
MUST_USE bool secret_open(const struct secret_box *box, struct arena *a, const char *aad,
    struct str sealed, struct str *plain);

/* About 50 ms and 16 MiB each, on purpose: workers only. */
char *secret_password_hash(struct arena *a, struct str password);
/* False for a wrong password and for anything that is not a hash. */
MUST_USE bool secret_password_check(struct str password, struct str hash);

void secret_random(void *out, size_t n);
/* n random characters of [A-Za-z0-9], NUL-terminated: out has n + 1 bytes. */
void secret_random_alnum(char *out, size_t n);
/* n random lower-case hex digits, NUL-terminated. */
void secret_random_hex(char *out, size_t n);
uint64_t secret_random_u64(void);
/* Uniform below bound, for spreading load, not for secrets; cheap, per thread. */
uint32_t secret_pick(uint32_t bound);

bool secret_equal(struct str a, struct str b);

#endif
