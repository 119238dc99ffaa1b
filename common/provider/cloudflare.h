/* cloudflare.h — the parts of the cloudflare dialect, one file each
 *
 *	cloudflare.c		the adaptor: URLs, headers, errors; chat, embeddings and responses, which
 *				are OpenAI's dialect with manners (openai_manners.c)
 *	cloudflare_run.c	completions, images and audio: models run by name, each in its own words
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_CLOUDFLARE_H
#define PROVIDER_CLOUDFLARE_H

#include "provider/adaptor.h"
#include "provider/sink.h"

/* Of a model that is run by name. */
struct cloudflare {
	struct sink sink;
	struct buf images; /* of the calls so far */
	int64_t made;
};

/* Body and its Content-Type for POST …/run/MODEL. */
MUST_USE bool cloudflare_add_run(struct call *c, struct upstream_req *out, struct err *err);
enum step cloudflare_ran(struct call *c, struct str body, struct buf *out, struct err *err);
/* One event of a completion; false with err set when it is an error. */
MUST_USE bool cloudflare_hear(struct call *c, struct str data, struct err *err);

#endif
