#include "errand.h"

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "message.h"
#include "net/fcgi.h"
#include "net/server.h"
#include "phrases.h"
#include "store/channel_key.h"
#include "witness.h"

struct errand *errand_new(struct req *r, const struct errand_kind *kind)
{
	struct errand *e = ARENA_NEW(r->arena, struct errand);

	e->r = r;
	e->kind = kind;
	e->action = "";
	e->began_ms = clock_mono_ms();
	return e;
}

/* ---- the channel ------------------------------------------------------------------------------ */

static bool is_parked(const struct errand *e, const struct catalog_key *key,
    const struct parked_key_list *parked)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1];

	(void)channel_key_hash(box_of(e->r), key->text, hash);
	for (size_t i = 0; i < parked->count; i++) {
		if (str_eq_c(parked->items[i].key_hash, hash))
			return true;
	}
	return false;
}

/* The catalog knows which keys are parked; a row that was just read does not. */
static bool choose_key(struct errand *e, struct err *err)
{
	struct catalog_channel *c = &e->channel;
	struct parked_key_list parked = { 0 };

	if (c->key_count > 1 &&
	    !channel_keys_parked(db_of(e->r), e->r->arena, c->row.id, &parked, err))
		return false;
	for (size_t i = 0; parked.count && i < c->key_count; i++) {
		if (is_parked(e, &c->keys[i], &parked))
			c->keys[i].parked_at = 1;
	}
	e->key = catalog_first_key(c);
	return true;
}

bool errand_use(struct errand *e, const struct channel *row, struct err *err)
{
	struct err unknown = { 0 };

	if (!catalog_channel_make(e->r->arena, row, &e->channel, &unknown))
		return message_fail(e->r, err, MSG_C09);
	return choose_key(e, err) && e->kind->prepare(e, err);
}

bool errand_load(struct errand *e, int64_t channel_id, struct err *err)
{
	struct channel row;

	return channel_by_id(db_of(e->r), box_of(e->r), e->r->arena, channel_id, &row, err) &&
	    errand_use(e, &row, err);
}

/* ---- one call --------------------------------------------------------------------------------- */

bool errand_encode(struct errand *e, struct err *err)
{
	int64_t left = e->began_ms + e->kind->timeout_ms - clock_mono_ms();
	struct upstream_limits *limits = &e->upstream.limits;

	if (left <= 0)
		return err_set(err, ERR_UPSTREAM_TIMEOUT, "no answer within %d s",
		    e->kind->timeout_ms / 1000);
	upstream_req_init(&e->upstream, e->r->arena);
	if (!e->kind->encode(e, err)) {
		upstream_req_release(&e->upstream);
		return false;
	}
	limits->total_ms = (int)left;
	limits->first_byte_ms = (int)left;
	limits->idle_ms = (int)left;
	return true;
}

static void free_arena(void *arena)
{
	arena_free(arena);
}

/* On the wire: keep the answer, let others go on. */
static void answered(void *arg, struct upstream_reply *reply)
{
	struct errand *e = arg;

	e->answered_ms = clock_mono_ms();
	e->reply = *reply;
	e->call_arena = NULL;
	arena_defer(e->r->arena, free_arena, reply->arena);
	e->ready(e);
}

void errand_send(struct errand *e, struct wire *w)
{
	e->call_arena = arena_new(4096);
	upstream_fetch(w, e->call_arena, &e->upstream, e->kind->body_max, answered, e);
}

enum step errand_take(struct errand *e, struct err *err)
{
	enum step step;

	if (!e->reply.result.ok) {
		*err = e->reply.result.err;
		return STEP_FAILED;
	}
	if (e->reply.status < 200 || e->reply.status > 299) {
		if (e->kind->mend && e->kind->mend(e)) {
			e->step++;
			return STEP_NEXT;
		}
		(void)e->kind->refused(e, err);
		return STEP_FAILED;
	}
	step = e->kind->read(e, err);
	if (step == STEP_NEXT)
		e->step++;
	return step;
}

void errand_finish(struct errand *e, bool ok, const struct err *err)
{
	e->ok = ok;
	e->elapsed_ms = (e->answered_ms ? e->answered_ms : clock_mono_ms()) - e->began_ms;
	if (!ok)
		e->text = arena_str(e->r->arena, phrase_for(e->r, str_c(err->msg)));
	e->kind->note(e);
}

/* ---- for a request ---------------------------------------------------------------------------- */

static bool proceed(struct req *r, struct resp *out, struct err *err);

/* On a worker: the second half of the request. */
static void resume(struct task *task, void *room)
{
	struct req *r = CONTAINER_OF(task, struct req, task);

	server_finish(r, proceed, worker_local(room));
}

static void hand_to_worker(struct errand *e)
{
	struct req *r = e->r;

	r->task.run = resume;
	server_defer(r->server, &r->task);
}

static bool end(struct errand *e, bool ok, const struct err *why, struct resp *out)
{
	errand_finish(e, ok, why);
	return e->kind->send(e, out);
}

static bool go(struct errand *e, struct resp *out)
{
	struct err why = { 0 };

	if (!errand_encode(e, &why))
		return end(e, false, &why, out);
	req_defer(e->r);
	errand_send(e, reply_wire(e->r));
	return true;
}

static bool proceed(struct req *r, struct resp *out, struct err *err)
{
	struct errand *e = access_actor(r)->job;
	struct err why = { 0 };
	enum step step = errand_take(e, &why);

	if (step == STEP_NEXT)
		return go(e, out);
	return end(e, step == STEP_DONE, &why, out);
}

bool errand_serve(struct errand *e, struct resp *out, struct err *err)
{
	access_actor(e->r)->job = e;
	e->ready = hand_to_worker;
	return witness_asked(e->r, err) && go(e, out);
}
