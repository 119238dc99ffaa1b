/* fake_resources.c — files, batches and the like of fake_upstream, kept for each account (key)
 *
 * POST …/FAMILY makes one, GET and POST …/FAMILY/ID give it back, DELETE removes it, GET …/FAMILY
 * lists all of the account: whoever forwards a list shows what others have. What another account
 * made is 404. Below an id: POST makes something unnamed, GET is an empty list, and
 *	…/files/ID/content			what was uploaded
 *	…/cancel, pause, resume, complete	the thing itself with that status; complete has a file
 *	…/threads/ID/runs, …/threads/runs	a run; streamed when asked; GET lists those of the thread
 *
 * How a batch, a training job or a run goes on is said by a member `play` of its metadata:
 *	(none)	a batch is completed at the first look, with an output file and a usage of 100 tokens,
 *		20 of them cached, and 50; a run at once, with 10 and 7; a job stays queued
 *	ends	at the first look; a job has trained 3000 tokens
 *	lines	a batch that is completed without a usage; its file has two lines of 10 and 5
 *	blank	the same, but its lines do not say what they used
 *	stays	in progress until it is cancelled; then it used 30 and 10, a job trained 1000
 *	fails	failed at the first look, without usage or output
 *	mute	is made, but the creation gets no answer
 *	lost	is made, but the creation is answered 500
 *	broken	is not made, and answered 500
 *	never	is not made, and the creation gets no answer
 *	refused	is not made: 400
 * A member `age` of it: made so many seconds ago, "-1000" is in the future.
 *
 * ANY …/echo…: 202, {"ok":true}, X-Up: 1, two cookies and a Connection header, for the proxy route;
 * …/echo/STATUS answers that status.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake.h"

static const struct family {
	const char *path, *prefix, *object;
} families[] = {
	{ "/vector_stores", "vs_fake", "vector_store" },
	{ "/containers", "cntr_fake", "container" },
	{ "/files", "file-fake", "file" },
	{ "/batches", "batch_fake", "batch" },
	{ "/fine_tuning/jobs", "ftjob-fake", "fine_tuning.job" },
	{ "/assistants", "asst_fake", "assistant" },
	{ "/threads", "thread_fake", "thread" },
	{ "/uploads", "upload_fake", "upload" },
	{ "/conversations", "conv_fake", "conversation" },
};

/* Not found by a path of its own: it lies below a thread, its ref. */
static const struct family run_family = { "/runs", "run_fake", "thread.run" };

struct thing {
	struct thing *next;
	const struct family *family;
	char id[64], account[256], ref[128], name[128], purpose[64], model[NAME_MAX_BYTES];
	char output[64]; /* of a batch: its file */
	char play[16];
	const char *status;
	int in, cached, out, trained; /* what it used; all 0: it does not say */
	long long created_at;
	struct bytes content;
};

static struct thing *things;

static const struct family *family_of(const char *path, const char **rest)
{
	const struct family *best = NULL;
	const char *first = NULL;

	for (size_t i = 0; i < COUNT_OF(families); i++) {
		const char *at = strstr(path, families[i].path);

		if (at && (!first || at < first)) {
			first = at;
			best = &families[i];
		}
	}
	if (best)
		*rest = first + strlen(best->path);
	return best && (**rest == '\0' || **rest == '/') ? best : NULL;
}

static struct thing *find(const char *account, const struct family *f, const char *id)
{
	size_t n = strcspn(id, "/");

	for (struct thing *t = things; t; t = t->next) {
		if (t->family == f && strlen(t->id) == n && strncmp(t->id, id, n) == 0 &&
		    strcmp(t->account, account) == 0)
			return t;
	}
	return NULL;
}

static struct thing *thing_new(const char *account, const struct family *f, unsigned long long n)
{
	struct thing *t = checked(calloc(1, sizeof(*t)));

	t->family = f;
	t->status = "queued";
	snprintf(t->id, sizeof(t->id), "%s%llu", f->prefix, n);
	snprintf(t->account, sizeof(t->account), "%s", account);
	t->created_at = time(NULL);
	t->next = things;
	things = t;
	return t;
}

static void add_thing(struct bytes *b, const struct thing *t)
{
	addf(b,
	    "{\"id\":\"%s\",\"object\":\"%s\",\"created_at\":%lld,\"status\":\"%s\",\"bytes\":%zu,"
	    "\"filename\":\"%s\",\"name\":\"%s\",\"purpose\":\"%s\",\"model\":\"%s\","
	    "\"input_file_id\":\"%s\",\"training_file\":\"%s\",\"thread_id\":\"%s\","
	    "\"metadata\":{},\"file_counts\":{\"in_progress\":0,"
	    "\"completed\":0,\"failed\":0,\"cancelled\":0,\"total\":0},\"tools\":[]",
	    t->id, t->family->object, t->created_at, t->status, t->content.n, t->name, t->name,
	    t->purpose, t->model, t->ref, t->ref, t->ref);
	if (t->in || t->out)
		addf(b,
		    ",\"usage\":{\"input_tokens\":%d,\"input_tokens_details\":{\"cached_tokens\":"
		    "%d},\"output_tokens\":%d,\"output_tokens_details\":{\"reasoning_tokens\":0},"
		    "\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}",
		    t->in, t->cached, t->out, t->in, t->out, t->in + t->out);
	if (t->trained)
		addf(b, ",\"trained_tokens\":%d", t->trained);
	if (*t->output)
		addf(b, ",\"output_file_id\":\"%s\"", t->output);
	add_text(b, "}");
}

static void answer_thing(struct conn *c, const struct thing *t)
{
	struct bytes b = { 0 };

	add_thing(&b, t);
	answer_now(c, 200, "", &b);
}

static void answer_text(struct conn *c, const char *json)
{
	struct bytes b = { 0 };

	add_text(&b, json);
	answer_now(c, 200, "", &b);
}

/* ---- creations ------------------------------------------------------------------------- */

/* First byte of a form's field, its length in *n; NULL when there is none. The boundary is the
 * body's first line. */
static const char *form_field(const struct request *r, const char *name, size_t *n)
{
	const char *end = r->body + r->body_bytes, *eol = memchr(r->body, '\r', r->body_bytes);
	char mark[64];
	const char *p, *stop;

	if (!eol || r->body[0] != '-')
		return NULL;
	snprintf(mark, sizeof(mark), "name=\"%s\"", name);
	p = memmem(r->body, r->body_bytes, mark, strlen(mark));
	p = p ? memmem(p, (size_t)(end - p), "\r\n\r\n", 4) : NULL;
	if (!p)
		return NULL;
	p += 4;
	stop = memmem(p, (size_t)(end - p), r->body, (size_t)(eol - r->body));
	*n = stop ? (size_t)(stop - p) - 2 : 0;
	return p;
}

static void fill_from_form(struct thing *t, const struct request *r)
{
	const char *name = strstr(r->body, "filename=\"");
	size_t n;
	const char *p = form_field(r, "purpose", &n);

	if (p)
		snprintf(t->purpose, sizeof(t->purpose), "%.*s", (int)n, p);
	if (name)
		snprintf(t->name, sizeof(t->name), "%.*s", (int)strcspn(name + 10, "\""),
		    name + 10);
	p = form_field(r, "file", &n);
	if (p)
		add(&t->content, p, n);
	t->status = "processed";
}

static struct thing *create(const struct request *r, const struct family *f)
{
	struct thing *t = thing_new(r->account, f, fake_serial());
	char age[16];

	if (r->body_bytes && r->body[0] == '-') {
		fill_from_form(t, r);
		return t;
	}
	member_text(r->body, "name", t->name, sizeof(t->name));
	member_text(r->body, "purpose", t->purpose, sizeof(t->purpose));
	member_text(r->body, "input_file_id", t->ref, sizeof(t->ref));
	if (!*t->ref)
		member_text(r->body, "training_file", t->ref, sizeof(t->ref));
	member_text(r->body, "play", t->play, sizeof(t->play));
	member_text(r->body, "age", age, sizeof(age));
	t->created_at -= strtoll(age, NULL, 10);
	snprintf(t->model, sizeof(t->model), "%s", r->model);
	return t;
}

/* ---- what lies below an id ------------------------------------------------------------- */

static void use(struct thing *t, int in, int cached, int out)
{
	t->in = in;
	t->cached = cached;
	t->out = out;
}

static bool plays(const struct thing *t, const char *play)
{
	return strcmp(t->play, play) == 0;
}

static void answer_run(struct conn *c, const struct request *r, const struct thing *thread)
{
	struct thing *run = thing_new(r->account, &run_family, fake_serial());
	struct bytes b = { 0 };

	snprintf(run->ref, sizeof(run->ref), "%s", thread->id);
	member_text(r->body, "play", run->play, sizeof(run->play));
	if (plays(run, "mute"))
		return;
	if (!*run->play) {
		run->status = "completed";
		use(run, 10, 0, 7);
	}
	if (!is_true(r->body, "stream")) {
		answer_thing(c, run);
		return;
	}
	add_text(&b, "event: thread.created\ndata: ");
	add_thing(&b, thread);
	add_text(&b, "\n\nevent: thread.run.completed\ndata: ");
	add_thing(&b, run);
	add_text(&b, "\n\nevent: done\ndata: [DONE]\n\n");
	answer_events(c, &b);
}

static void list_runs(struct conn *c, const struct thing *thread)
{
	struct bytes b = { 0 };
	bool any = false;

	add_text(&b, "{\"object\":\"list\",\"data\":[");
	for (const struct thing *t = things; t; t = t->next) {
		if (t->family != &run_family || strcmp(t->ref, thread->id) != 0)
			continue;
		add_text(&b, any ? "," : "");
		add_thing(&b, t);
		any = true;
	}
	add_text(&b, "],\"has_more\":false}");
	answer_now(c, 200, "", &b);
}

static void complete_upload(struct conn *c, struct thing *t)
{
	struct thing *file = thing_new(t->account, &families[2], fake_serial());
	struct bytes b = { 0 };

	file->status = "processed";
	addf(&b, "{\"id\":\"%s\",\"object\":\"upload\",\"status\":\"completed\",\"file\":", t->id);
	add_thing(&b, file);
	add_text(&b, "}");
	answer_now(c, 200, "", &b);
}

static const char two_lines[] =
    "{\"custom_id\":\"1\",\"response\":{\"status_code\":200,\"body\":{\"usage\":"
    "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}}}\n"
    "{\"custom_id\":\"2\",\"response\":{\"status_code\":200,\"body\":{\"usage\":"
    "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}}}\n";

static void cancel(struct thing *t)
{
	if (plays(t, "stays") && strcmp(t->family->object, "fine_tuning.job") == 0)
		t->trained = 1000;
	else if (plays(t, "stays"))
		use(t, 30, 0, 10);
}

static void end_batch(struct thing *t)
{
	struct thing *file = thing_new(t->account, &families[2], fake_serial());

	add_text(&file->content, plays(t, "lines") ? two_lines : "{\"custom_id\":\"1\"}\n");
	file->status = "processed";
	t->status = "completed";
	snprintf(t->output, sizeof(t->output), "%s", file->id);
	if (!plays(t, "lines") && !plays(t, "blank"))
		use(t, 100, 20, 50);
}

/* What goes on has ended by the first look. */
static void go_on(struct thing *t)
{
	bool batch = strcmp(t->family->object, "batch") == 0;
	bool job = strcmp(t->family->object, "fine_tuning.job") == 0;

	if (strcmp(t->status, "queued") != 0)
		return;
	if (plays(t, "stays"))
		t->status = "in_progress";
	else if (plays(t, "fails"))
		t->status = "failed";
	else if (batch)
		end_batch(t);
	else if (job && plays(t, "ends")) {
		t->status = "succeeded";
		t->trained = 3000;
	} else if (t->family == &run_family) {
		t->status = "completed";
		use(t, 10, 0, 7);
	}
}

static void look_at(struct conn *c, const struct request *r, struct thing *t)
{
	if (strcmp(r->method, "GET") == 0)
		go_on(t);
	answer_thing(c, t);
}

/* How a creation is answered that is to go wrong; false: like others. */
static bool go_wrong(struct conn *c, const struct request *r, const struct family *f)
{
	char play[16] = "";

	member_text(r->body, "play", play, sizeof(play));
	if (strcmp(play, "refused") == 0) {
		answer_error(c, 400, "no such model here", false);
		return true;
	}
	if (strcmp(play, "broken") == 0) {
		answer_error(c, 500, "something broke", false);
		return true;
	}
	if (strcmp(play, "never") == 0)
		return true;
	if (strcmp(play, "mute") != 0 && strcmp(play, "lost") != 0)
		return false;
	(void)create(r, f);
	if (strcmp(play, "lost") == 0)
		answer_error(c, 500, "something broke", false);
	return true;
}

static void answer_below(struct conn *c, const struct request *r, struct thing *t,
    const char *below)
{
	static const char *const words[][2] = { { "cancel", "cancelled" }, { "pause", "paused" },
		{ "resume", "running" } };
	struct bytes b = { 0 };
	struct thing *run;

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(below, words[i][0]) == 0) {
			t->status = words[i][1];
			if (i == 0)
				cancel(t);
			answer_thing(c, t);
			return;
		}
	}
	if (strcmp(below, "content") == 0) {
		answer_as(c, 200,
		    "Content-Type: application/octet-stream\r\n"
		    "Content-Disposition: attachment; filename=\"x\"\r\n",
		    t->content.p ? t->content.p : "", t->content.n);
	} else if (strcmp(below, "complete") == 0) {
		complete_upload(c, t);
	} else if (strcmp(below, "runs") == 0 && strcmp(r->method, "POST") == 0) {
		answer_run(c, r, t);
	} else if (strcmp(below, "runs") == 0) {
		list_runs(c, t);
	} else if (strncmp(below, "runs/", 5) == 0 &&
	    (run = find(r->account, &run_family, below + 5)) != NULL) {
		look_at(c, r, run);
	} else if (strcmp(r->method, "GET") == 0 && !strchr(below, '/')) {
		answer_text(c,
		    "{\"object\":\"list\",\"data\":[],\"first_id\":null,"
		    "\"last_id\":null,\"has_more\":false}");
	} else if (strcmp(r->method, "DELETE") == 0) {
		answer_text(c, "{\"id\":\"x\",\"object\":\"thing.deleted\",\"deleted\":true}");
	} else {
		addf(&b,
		    "{\"id\":\"sub_fake%llu\",\"object\":\"thing\",\"created_at\":%lld,"
		    "\"status\":\"completed\"}",
		    fake_serial(), (long long)time(NULL));
		answer_now(c, 200, "", &b);
	}
}

/* ---- one thing, all things -------------------------------------------------------------- */

static void answer_list(struct conn *c, const struct request *r, const struct family *f)
{
	struct bytes b = { 0 };
	bool any = false;

	add_text(&b, "{\"object\":\"list\",\"data\":[");
	for (const struct thing *t = things; t; t = t->next) {
		if (t->family != f || strcmp(t->account, r->account) != 0)
			continue;
		add_text(&b, any ? "," : "");
		add_thing(&b, t);
		any = true;
	}
	add_text(&b, "],\"has_more\":false}");
	answer_now(c, 200, "", &b);
}

static void answer_one(struct conn *c, const struct request *r, const struct family *f,
    const char *id)
{
	struct thing *t = find(r->account, f, id);
	const char *below = strchr(id, '/');
	struct bytes b = { 0 };

	if (!t) {
		answer_error(c, 404, "no such thing", false);
	} else if (below) {
		answer_below(c, r, t, below + 1);
	} else if (strcmp(r->method, "DELETE") == 0) {
		addf(&b, "{\"id\":\"%s\",\"object\":\"%s\",\"deleted\":true}", t->id, f->object);
		t->account[0] = '\0'; /* nobody finds it any more */
		answer_now(c, 200, "", &b);
	} else {
		look_at(c, r, t);
	}
}

static void answer_echo(struct conn *c, const struct request *r)
{
	static const char body[] = "{\"ok\":true}";
	const char *number = strstr(r->path, "/echo/");
	long status = number ? strtol(number + 6, NULL, 10) : 0;

	answer_as(c, status >= 200 && status < 600 ? (int)status : 202,
	    "Content-Type: application/json\r\nX-Up: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
	    "Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nLocation: /elsewhere\r\n",
	    body, strcmp(r->method, "HEAD") == 0 ? 0 : sizeof(body) - 1);
}

bool fake_resources(struct conn *c, const struct request *r)
{
	const char *rest = NULL;
	const struct family *f;

	if (strstr(r->path, "/echo")) {
		answer_echo(c, r);
		return true;
	}
	f = family_of(r->path, &rest);
	if (!f)
		return false;
	if (*rest == '\0' && strcmp(r->method, "POST") == 0) {
		if (!go_wrong(c, r, f))
			answer_thing(c, create(r, f));
	} else if (*rest == '\0')
		answer_list(c, r, f);
	else if (ends_with(r->path, "/threads/runs"))
		answer_run(c, r, create(r, f));
	else
		answer_one(c, r, f, rest + 1);
	return true;
}
