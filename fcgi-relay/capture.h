/* capture.h — keeps what a key's requests and replies said, when its owner asks for it
 *
 * A key whose capture_until lies ahead has the bodies of its requests and of their replies kept in
 * table captures (store/capture.h), up to CAPTURE_MAX_BYTES of each, for CAPTURE_DAYS, and no more
 * than CAPTURE_ROWS_MAX of them. The wire only copies; a worker redacts, cuts and compresses; the
 * ledger writes. When too many are under way, or no worker is free, a capture is dropped and
 * counted, the request never waits. For all other keys it costs one comparison.
 *
 * Redacted are: what looks like a key, bearer tokens, members whose name says that they are secret,
 * and base64 (data URIs, audio, images). A body that is not text is kept as its length. In what a
 * model streams, a secret is also found that it spreads over several events (redact.h).
 *
 * Threads  capture_begin to capture_end: whichever room owns the exchange. capture_redact: pure.
 */
#ifndef FCGI_RELAY_CAPTURE_H
#define FCGI_RELAY_CAPTURE_H

#include "base/buf.h"

/* Under way in one process at the same time. */
#define CAPTURES_MAX 256

struct exchange;
struct kept;
struct relay;

/* Sets x->watched.kept when the key asks for it. */
void capture_begin(struct exchange *x);
/* Bytes that go to the client. */
void capture_reply(struct exchange *x, struct str bytes);
/* Hands what is there to a worker; false: it was dropped. */
bool capture_end(struct exchange *x);
/* Removes some of what is too old, by the ledger. */
void capture_tidy(const struct relay *relay);

/* Appends at most `most` bytes of body, redacted. total: of the whole body, of which body may be
 * the beginning. */
void capture_redact(struct str body, size_t total, size_t most, struct buf *out);

#endif
