#include "outcall.h"

#include "net/server.h"

struct outcall {
	struct task task;
	struct req *r;
	struct upstream_reply *reply;
	handler_fn *then;
};

static void free_arena(void *arena)
{
	arena_free(arena);
}

/* On a worker. */
static void resume(struct task *task, void *room)
{
	struct outcall *c = CONTAINER_OF(task, struct outcall, task);

	server_finish(c->r, c->then, worker_local(room));
}

/* On the wire: keeps the answer, gives the request to a worker. */
static void answered(void *arg, struct upstream_reply *reply)
{
	struct outcall *c = arg;

	*c->reply = *reply;
	arena_defer(c->r->arena, free_arena, reply->arena);
	server_defer(c->r->server, &c->task);
}

void outcall_send(struct req *r, const struct upstream_req *u, size_t max_body,
    struct upstream_reply *reply, handler_fn *then)
{
	struct outcall *c = ARENA_NEW(r->arena, struct outcall);

	c->task.run = resume;
	c->r = r;
	c->reply = reply;
	c->then = then;
	req_defer(r);
	upstream_fetch(reply_wire(r), arena_new(4096), u, max_body, answered, c);
}
