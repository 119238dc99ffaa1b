/* lines.h — the lines of a file that is uploaded for a batch or for training, while it is at hand
 *
 * A batch is paid for by what its lines may use, so these are read when the file passes by; later
 * it lies at an upstream. What was found is kept with the file's pin (resource.summary), and only
 * a file that has it may be made into a batch or be trained on.
 *
 * For a batch each line must be a JSON object with a custom_id of its own, method POST, the url of
 * a route that is paid by tokens (the same in all lines), and a body that this route would take,
 * all for one model and none streamed. A line is what the gateway would check in a single request,
 * but it reaches the upstream as it is: neither a mapping of the model nor a forced prompt applies
 * to it.
 *
 * For training each line must be a JSON object; tokens are estimated from bytes.
 *
 * Bounds: LINES_MAX lines, LINES_BYTES_MAX in all, LINE_BYTES_MAX in one. Prompts of the first
 * EXACT_BYTES are counted as those of requests are, the rest from bytes, too high rather than too
 * low.
 *
 * Errors   ERR_BAD_REQUEST that names the line, counted from 1; or what fn says of a reference.
 * Threads  pure, but for fn.
 */
#ifndef FCGI_RELAY_LINES_H
#define FCGI_RELAY_LINES_H

#include "base/arena.h"

#include "families.h"

#define LINES_MAX 50000
#define LINES_BYTES_MAX (200 * 1000 * 1000)
#define LINE_BYTES_MAX (16 * 1024 * 1024)
#define EXACT_BYTES (32 * 1024 * 1024)

enum lines_kind { LINES_NONE, LINES_BATCH, LINES_TRAINING };

struct lines {
	enum lines_kind kind;
	struct str endpoint, model; /* "/v1/chat/completions"; as the lines name it */
	int64_t requests;           /* lines that are not blank */
	int64_t prompt, completion; /* tokens of all at most; training: prompt is one epoch */
	int64_t longest;            /* prompt of one line */
	bool bounded;               /* each of them named the most that it may write */
};

struct lines_rules {
	int64_t unsaid; /* tokens of an answer where its line names no most */
	/* May a batch be for this model? Asked behind the first line; NULL: it may. */
	bool (*model)(void *arg, struct str model, struct err *err);
	reference_fn *fn;
	void *arg;
};

/* By the purpose that the upload names. */
enum lines_kind lines_kind_of(struct str purpose);
MUST_USE bool lines_check(struct arena *a, enum lines_kind kind, struct str content,
    const struct lines_rules *rules, struct lines *out, struct err *err);

/* To text for the pin, and back; what is no such text has LINES_NONE. */
struct str lines_write(struct arena *a, const struct lines *l);
void lines_read(struct arena *a, struct str summary, struct lines *out);

/* How often training goes through so many lines where nobody says: OpenAI's rule for "auto". */
int64_t lines_epochs(int64_t requests);

#endif
