/* resource_call.h — what the files about resources share of one request */
#ifndef FCGI_RELAY_RESOURCE_CALL_H
#define FCGI_RELAY_RESOURCE_CALL_H

#include "billing/text_tokens.h"
#include "net/frame.h"
#include "store/resource.h"

#include "exchange.h"
#include "families.h"
#include "works.h"

/* What an answer turned out to be, as far as we read it on the side. */
enum seen_kind { SEEN_NOTHING_YET, SEEN_OTHER, SEEN_JSON, SEEN_EVENTS };

struct resource_call {
	struct family_call path;
	struct resource pin;               /* of path.id; of what was made, once noted */
	struct resource run;               /* of the run that the path names; due: it is one */
	struct work work;                  /* what it sets going */
	struct str summary;                /* of the file that it uploads */
	char made_id[RESOURCE_ID_MAX + 1]; /* pin.id of what was made: streams rewind the arena */
	bool pinned;
	bool background; /* a response that runs when its creation was answered */
	bool settled;    /* its final usage was seen and handed on */
	bool noted;      /* what came of it is in the pins */

	enum seen_kind seen_kind;
	int64_t length; /* of the answer, -1: not said */
	struct buf seen;
	bool holds;       /* the answer waits for the commit of what it made: it is kept in seen */
	struct buf reply; /* … or here, a whole one */
	struct token_meter part; /* output seen of a response that is due: pieces, or bytes */
	int64_t part_whole;      /* the same of what holds all so far */
	struct frame_reader frames;
};

/* How much of an answer is read on the side; what is longer is no object that we know. */
#define SEEN_MAX_BYTES (4 * 1024 * 1024)

/* A resource of the caller's own; resource_unknown where there is none. */
MUST_USE bool resource_find_pin(struct exchange *x, struct str kind, struct str id,
    struct resource *out, struct err *err);
/* 404: not there, or not the caller's, which is the same to the caller. Returns false. */
bool resource_unknown(struct str kind, struct str id, struct err *err);

/* ---- keepers.c: which channels keep things, and for whom ---- */

/* Is the family switched on anywhere for this caller? */
bool keeper_exists(const struct exchange *x, const struct family *f);
/* The channel that lets everybody refer to that id; NULL: none does. */
const struct catalog_channel *keeper_sharing(const struct exchange *x, struct str id);
/* Sets x->pin where nothing has pinned it yet, and checks that the channel is still there, still
 * the caller's to use, and offers that model ("" = any). Fills in the price. */
MUST_USE bool keeper_find(struct exchange *x, const struct family *f, struct str model,
    struct err *err);

/* x->pin came of what a body refers to, if it came: may that channel serve this model, too? */
MUST_USE bool keeper_check(struct exchange *x, struct str model, struct err *err);

#endif
