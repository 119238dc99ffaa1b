#include "capture.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/server.h"
#include "store/capture.h"

#include "exchange.h"
#include "redact.h"
#include "watching.h"

/* So much more than is kept is copied, since base64 is taken out of it before it is cut. */
#define RAW_FACTOR 4
/* A replacement that begins at the end of what is kept. */
#define REPLACEMENT_MAX 256
#define TIDY_MAX 200
#define SECONDS_PER_DAY (24 * 60 * 60)

/* Goes from the wire to a worker to the ledger. */
struct kept {
	struct task task;
	struct ledger_op op;
	struct relay *relay;
	char request_id[REQ_ID_MAX];
	struct buf request, response; /* raw, then packed */
	size_t max_bytes;
	struct capture row;
};

/* Of this process. */
static _Atomic(int) under_way;

static void kept_free(struct kept *k)
{
	buf_release(&k->request);
	buf_release(&k->response);
	mem_free(k);
	atomic_fetch_sub(&under_way, 1);
}

static void forget(void *exchange)
{
	struct exchange *x = exchange;

	if (x->watched.kept)
		kept_free(x->watched.kept);
	x->watched.kept = NULL;
}

void capture_begin(struct exchange *x)
{
	const struct token *key = &x->caller->owner.token;
	struct kept *k;

	if (key->capture_until == 0 || key->capture_until <= clock_unix())
		return;
	if (atomic_fetch_add(&under_way, 1) >= CAPTURES_MAX) {
		atomic_fetch_sub(&under_way, 1);
		watching_count(x->relay->watching, METRIC_CAPTURES_DROPPED, NULL, 1);
		return;
	}
	k = MEM_NEW(struct kept);
	k->relay = x->relay;
	k->max_bytes = x->relay->watching->capture_max_bytes;
	k->request = buf_init(k->max_bytes * RAW_FACTOR);
	k->response = buf_init(k->max_bytes * RAW_FACTOR);
	memcpy(k->request_id, x->req->id, sizeof k->request_id);
	k->row = (struct capture){
		.user_id = key->user_id,
		.token_id = key->id,
		.created_at = clock_unix(),
	};
	x->watched.kept = k;
	arena_defer(x->req->arena, forget, x);
}

static void add_upto(struct buf *to, struct str bytes)
{
	buf_add(to, str_slice(bytes, 0, to->limit - to->len));
}

void capture_reply(struct exchange *x, struct str bytes)
{
	struct kept *k = x->watched.kept;

	if (!k)
		return;
	k->row.response_total += (int64_t)bytes.n;
	add_upto(&k->response, bytes);
}

/* ---- on the ledger's thread --------------------------------------------------------------------- */

static bool write_row(struct db *db, struct ledger_op *op, struct err *err)
{
	struct kept *k = CONTAINER_OF(op, struct kept, op);

	return capture_put(db, &k->row, err);
}

static void written(struct ledger_op *op)
{
	struct kept *k = CONTAINER_OF(op, struct kept, op);

	if (!op->ok)
		log_warn(NULL, "capture.lost", LOG_TEXT("req", k->request_id), LOG_ERR(&op->err));
	kept_free(k);
}

/* ---- on a worker -------------------------------------------------------------------------------- */

/* What is in b becomes redacted, cut and packed. */
static int64_t pack(struct buf *b, int64_t total, size_t most)
{
	struct buf clean = buf_init(most + REPLACEMENT_MAX), packed = buf_init(2 * most + 1024);
	struct buf joined = buf_init(2 * b->len + 1024);
	int64_t bytes;

	redact_stream(buf_str(b), &joined);
	capture_redact(buf_str(&joined), (size_t)total, most, &clean);
	buf_release(&joined);
	bytes = (int64_t)clean.len;
	capture_pack(buf_str(&clean), &packed);
	buf_release(&clean);
	buf_release(b);
	*b = packed;
	return bytes;
}

static void run_pack(struct task *task, void *room)
{
	struct kept *k = CONTAINER_OF(task, struct kept, task);
	struct capture *row = &k->row;

	row->request_bytes = pack(&k->request, row->request_total, k->max_bytes);
	row->response_bytes = pack(&k->response, row->response_total, k->max_bytes);
	row->request_id = str_c(k->request_id);
	row->request = buf_str(&k->request);
	row->response = buf_str(&k->response);
	k->op = (struct ledger_op){
		.kind = LEDGER_WRITE,
		.hold.request_id = row->request_id,
		.write = write_row,
		.done = written,
	};
	ledger_send(k->relay->ledger, &k->op);
}

/* ---- the end ------------------------------------------------------------------------------------ */

bool capture_end(struct exchange *x)
{
	struct kept *k = x->watched.kept;

	if (!k)
		return true;
	x->watched.kept = NULL;
	k->row.request_total = (int64_t)x->req->body.n;
	add_upto(&k->request, x->req->body);
	k->task.run = run_pack;
	if (server_try_defer(x->req->server, &k->task))
		return true;
	kept_free(k);
	return false;
}

/* ---- what is too old ---------------------------------------------------------------------------- */

struct tidy {
	struct ledger_op op;
	int64_t before;
};

static bool write_tidy(struct db *db, struct ledger_op *op, struct err *err)
{
	const struct tidy *t = CONTAINER_OF(op, struct tidy, op);

	return capture_sweep(db, t->before, TIDY_MAX, NULL, err);
}

static void tidied(struct ledger_op *op)
{
	mem_free(CONTAINER_OF(op, struct tidy, op));
}

void capture_tidy(const struct relay *relay)
{
	struct tidy *t = MEM_NEW(struct tidy);

	t->before = clock_unix() - relay->watching->capture_days * SECONDS_PER_DAY;
	t->op = (struct ledger_op){ .kind = LEDGER_WRITE, .write = write_tidy, .done = tidied };
	ledger_send(relay->ledger, &t->op);
}
