/* replicate.h — the parts of the replicate dialect, one file each
 *
 *	replicate.c		the adaptor: predictions made, polled, streamed, given up
 *	replicate_url.c		where things lie, and whose URLs are followed
 *	replicate_schema.c	which members a model's input has
 *	replicate_input.c	a chat as the input of a model
 *	replicate_image.c	an image or the edit of one as the input of a model
 *	replicate_pictures.c	the images that came of it, as URLs or as bytes
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_REPLICATE_H
#define PROVIDER_REPLICATE_H

#include "provider/adaptor.h"
#include "provider/replicate_schema.h"
#include "provider/sink.h"

#define REPLICATE_IMAGES_MAX 16

/* What the next call is for. */
enum replicate_phase {
	REPLICATE_DEPLOYMENT,
	REPLICATE_SCHEMA,
	REPLICATE_CREATE,
	REPLICATE_POLL,
	REPLICATE_STREAM,
	REPLICATE_COUNTS,
	REPLICATE_DOWNLOAD,
	REPLICATE_CANCEL
};

/* What outlives one call. */
struct replicate {
	struct sink sink;
	enum replicate_phase phase;
	struct replicate_schema schema;
	struct str model; /* whose schema it is: of a deployment, what it runs */
	uint8_t schema_key[REPLICATE_KEY_BYTES];
	struct str get, stream, cancel; /* of the prediction */
	int polls;
	struct str images[REPLICATE_IMAGES_MAX]; /* URLs or data URIs */
	size_t image_count, downloaded;
	struct buf data; /* what the client gets of them */
	bool wants_bytes;
};

/* STEP_FAILED, with a reply that was no error by its status. */
enum step replicate_give_up(struct err *err, enum err_kind kind, const char *why);

/* ---- replicate_pictures.c ----------------------------------------------------------------- */

/* A prediction of images that succeeded: another one, the first download, or the reply. */
enum step replicate_painted(struct call *c, struct replicate *s, struct jval root, struct buf *out,
    struct err *err);
enum step replicate_downloaded(struct call *c, struct replicate *s, struct str body,
    struct buf *out, struct err *err);

/* ---- replicate_url.c ---------------------------------------------------------------------- */

/* owner/name, owner/name:version, a version alone, or deployments/owner/name. */
MUST_USE bool replicate_check_model(struct str model, struct err *err);
bool replicate_is_versioned(struct str model);
void replicate_add_create_url(const struct call *c, struct buf *url);
/* Does the model's name lead to where the schema of its input is told? If so, there; a deployment
 * says first which model it runs. */
bool replicate_tells_schema(struct str model);
void replicate_add_schema_url(const struct call *c, struct str model, struct buf *url);
bool replicate_is_deployment(struct str model);
void replicate_add_deployment_url(const struct call *c, struct buf *url);
/* owner/name:version of what the deployment runs, from its description; "" when that is no name. */
struct str replicate_deployed(struct arena *a, struct str body);
/* Replicate's own, or the channel's? delivery: also of those who deliver its files. */
bool replicate_is_theirs(const struct call *c, struct str url, bool delivery);

/* ---- replicate_input.c, replicate_image.c ------------------------------------------------ */

/* What no model's schema can mend, before anything is sent. */
MUST_USE bool replicate_check(struct call *c, struct err *err);
MUST_USE bool replicate_check_image(struct call *c, struct err *err);
/* `"input":{…}` for the mode of the call; an image's is for as many of them as are left. */
MUST_USE bool replicate_add_input(struct call *c, const struct replicate_schema *schema,
    int64_t left, struct buf *out, struct err *err);
MUST_USE bool replicate_add_image(struct call *c, const struct replicate_schema *schema,
    int64_t left, struct buf *out, struct err *err);

/* Those of the names that the client said; one that the model does not take is dropped, or refused
 * by a strict channel. */
MUST_USE bool replicate_add_same(const struct call *c, const struct replicate_schema *schema,
    const char *const *names, size_t n, struct buf *out, struct err *err);
/* Texts in list (JSON strings with commas between them) under the name. */
void replicate_add_list(const struct replicate_schema *schema, const char *name, struct str list,
    struct buf *out);

#endif
