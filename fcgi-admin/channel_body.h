/* channel_body.h — what administrators send of a channel: members, checks, secrets
 *
 * Secrets  A key never leaves. Secret members of config are shown as CHANNEL_MASK; the mask, or
 *          nothing, sent back means unchanged.
 * Update   A member counts when it is there. Empty means unchanged for key, name, type and status.
 *          A switch (id and status, or priority, or weight) says nothing about the rest. A form says
 *          all of it, as it was when it was loaded: it does not bring a channel back that was
 *          disabled automatically since.
 * Moving   A change of type or base_url that makes requests go to another host needs the key again,
 *          and the secrets of config: else an administrator could send the stored ones to a host of
 *          his own. Root may.
 * Keys     In create one line is one channel, unless `multi_key` or a key_mode in config says that
 *          they are the keys of one. In update a key with lines needs the latter.
 *
 * Threads  the request's.
 */
#ifndef ADMIN_CHANNEL_BODY_H
#define ADMIN_CHANNEL_BODY_H

#include "base/field.h"
#include "net/http.h"
#include "store/channel.h"

#define CHANNEL_MASK "********"
#define CHANNEL_KEYS_MAX 1000

/* The members that may be set, and id. */
extern const struct field channel_body[];

/* Masked, for a reply. */
struct str channel_mask_config(struct arena *a, struct str config);

/* "", null or a JSON object (of texts), as we store it: "" or the object. Else false. */
MUST_USE bool channel_normal_object(struct arena *a, struct str *text, bool of_strings);

/* Without blanks around it and slashes at its end. */
struct str channel_normal_url(struct str url);

/* A whole channel that is to be made: read, checked, in the form that we store. */
MUST_USE bool channel_body_read_whole(struct req *r, struct channel *c, struct err *err);
/* A body about a channel that may be saved (id) or not: the stored row with what was sent applied
 * and all rules kept; nothing is written. */
MUST_USE bool channel_body_read_draft(struct req *r, struct channel *c, struct err *err);

/* What was sent (seen: field_read's) goes into c, which was read from the database; then all of it
 * is checked. c->key stays "" when no new one was sent. */
MUST_USE bool channel_body_apply(struct req *r, struct channel *in, uint64_t seen,
    struct channel *c, struct err *err);

/* The keys that a new channel's text stands for, one channel each. */
MUST_USE bool channel_body_split_keys(struct req *r, const struct channel *c, struct str *keys,
    size_t *count, struct err *err);
/* Rows of abilities that it takes. */
size_t channel_abilities(const struct channel *c);

#endif
