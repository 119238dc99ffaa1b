/* fake_responses.c — the Responses API of fake_upstream
 *
 *	POST …/responses		"Hello from fake", 11 tokens in and 7 out; streamed when asked.
 *					With "background" it is queued, and done when it is read for
 *					the second time; a member "play":"mute" of its metadata
 *					leaves the creation without an answer
 *	POST …/responses/input_tokens	11
 *	POST …/responses/compact	one message, 11 and 7 tokens
 *	GET, DELETE …/responses/ID, POST …/cancel, GET …/input_items
 *					of the account that made it, else 404; ?stream=true is the
 *					stream again, from ?starting_after on; with &half=1 2000 words
 *					of a stream that breaks off
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define USAGE                                                                                      \
	"{\"input_tokens\":11,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":7," \
	"\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":18}"
#define MESSAGE                                                                                    \
	"{\"id\":\"msg_fake\",\"type\":\"message\",\"status\":\"completed\",\"role\":"             \
	"\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello from fake\","       \
	"\"annotations\":[]}]}"

struct response {
	struct response *next;
	char id[64], account[256], model[NAME_MAX_BYTES];
	bool background;
	int reads;
	const char *status;
};

static struct response *responses;

static struct response *find(const struct request *r, const char *id)
{
	size_t n = strcspn(id, "/");

	for (struct response *x = responses; x; x = x->next) {
		if (strlen(x->id) == n && strncmp(x->id, id, n) == 0 &&
		    strcmp(x->account, r->account) == 0)
			return x;
	}
	return NULL;
}

static struct response *response_new(const struct request *r)
{
	struct response *x = checked(calloc(1, sizeof(*x)));

	snprintf(x->id, sizeof(x->id), "resp_fake%llu", fake_serial());
	snprintf(x->account, sizeof(x->account), "%s", r->account);
	snprintf(x->model, sizeof(x->model), "%s", r->model);
	x->background = is_true(r->body, "background");
	x->status = x->background ? "queued" : "completed";
	if (!strstr(r->body, "\"store\":false")) {
		x->next = responses;
		responses = x;
	}
	return x;
}

static void add_response(struct bytes *b, const struct response *x, const char *status)
{
	bool done = strcmp(status, "completed") == 0;

	addf(b,
	    "{\"id\":\"%s\",\"object\":\"response\",\"created_at\":%d,\"status\":\"%s\","
	    "\"background\":%s,\"error\":null,\"incomplete_details\":null,\"instructions\":null,"
	    "\"model\":\"%s\",\"output\":[%s],\"parallel_tool_calls\":true,"
	    "\"previous_response_id\":null,\"store\":true,\"temperature\":1,\"tool_choice\":"
	    "\"auto\",\"tools\":[],\"top_p\":1,\"metadata\":{},\"usage\":%s}",
	    x->id, CREATED, status, x->background ? "true" : "false", x->model, done ? MESSAGE : "",
	    done ? USAGE : "null");
}

static void add_event(struct bytes *b, long *number, long after, const char *type,
    const char *members)
{
	if (*number > after)
		addf(b, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%ld,%s}\n\n", type,
		    type, *number, members);
	++*number;
}

static void stream(struct conn *c, const struct response *x, long after)
{
	struct bytes b = { 0 }, whole = { 0 };
	long n = 0;

	add_text(&whole, "\"response\":");
	add_response(&whole, x, "in_progress");
	add_event(&b, &n, after, "response.created", whole.p);
	add_event(&b, &n, after, "response.output_item.added",
	    "\"output_index\":0,\"item\":{\"id\":\"msg_fake\",\"type\":\"message\",\"status\":"
	    "\"in_progress\",\"role\":\"assistant\",\"content\":[]}");
	add_event(&b, &n, after, "response.content_part.added",
	    "\"item_id\":\"msg_fake\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":"
	    "\"output_text\",\"text\":\"\",\"annotations\":[]}");
	add_event(&b, &n, after, "response.output_text.delta",
	    "\"item_id\":\"msg_fake\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hello \"");
	add_event(&b, &n, after, "response.output_text.delta",
	    "\"item_id\":\"msg_fake\",\"output_index\":0,\"content_index\":0,\"delta\":"
	    "\"from fake\"");
	add_event(&b, &n, after, "response.output_text.done",
	    "\"item_id\":\"msg_fake\",\"output_index\":0,\"content_index\":0,\"text\":"
	    "\"Hello from fake\"");
	add_event(&b, &n, after, "response.output_item.done",
	    "\"output_index\":0,\"item\":" MESSAGE);
	whole.n = 0;
	add_text(&whole, "\"response\":");
	add_response(&whole, x, "completed");
	add_event(&b, &n, after, "response.completed", whole.p);
	bytes_free(&whole);
	answer_events(c, &b);
}

static void half_stream(struct conn *c)
{
	struct bytes b = { 0 };
	long n = 3;

	for (int i = 0; i < 2000; i++)
		add_event(&b, &n, 0, "response.output_text.delta",
		    "\"item_id\":\"msg_fake\",\"output_index\":0,\"content_index\":0,"
		    "\"delta\":\" hello\"");
	answer_events(c, &b);
}

static void create(struct conn *c, const struct request *r)
{
	struct response *x = response_new(r);
	struct bytes b = { 0 };
	char play[16] = "";

	member_text(r->body, "play", play, sizeof(play));
	if (strcmp(play, "mute") == 0)
		return;
	if (is_true(r->body, "stream")) {
		stream(c, x, -1);
		return;
	}
	add_response(&b, x, x->status);
	answer_now(c, 200, "", &b);
}

static void answer_text(struct conn *c, const char *json)
{
	struct bytes b = { 0 };

	add_text(&b, json);
	answer_now(c, 200, "", &b);
}

static void read_it(struct conn *c, const struct request *r, struct response *x)
{
	const char *after = strstr(r->query, "starting_after=");
	struct bytes b = { 0 };

	if (strstr(r->query, "half=1")) {
		half_stream(c);
		return;
	}
	if (strstr(r->query, "stream=true")) {
		stream(c, x, after ? strtol(after + 15, NULL, 10) : -1);
		return;
	}
	if (x->background && strcmp(x->status, "cancelled") != 0)
		x->status = ++x->reads > 1 ? "completed" : "in_progress";
	add_response(&b, x, x->status);
	answer_now(c, 200, "", &b);
}

static void use(struct conn *c, const struct request *r, struct response *x)
{
	struct bytes b = { 0 };

	if (ends_with(r->path, "/cancel")) {
		x->status = "cancelled";
		add_response(&b, x, x->status);
		answer_now(c, 200, "", &b);
	} else if (ends_with(r->path, "/input_items")) {
		answer_text(c,
		    "{\"object\":\"list\",\"data\":[{\"id\":\"msg_in\",\"type\":"
		    "\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
		    "\"text\":\"Hello\"}]}],\"first_id\":\"msg_in\",\"last_id\":"
		    "\"msg_in\",\"has_more\":false}");
	} else if (strcmp(r->method, "DELETE") == 0) {
		addf(&b, "{\"id\":\"%s\",\"object\":\"response\",\"deleted\":true}", x->id);
		x->account[0] = '\0'; /* nobody finds it any more */
		answer_now(c, 200, "", &b);
	} else {
		read_it(c, r, x);
	}
}

bool fake_responses(struct conn *c, const struct request *r)
{
	const char *rest = strstr(r->path, "/responses");
	struct response *x;

	if (!rest)
		return false;
	rest += strlen("/responses");
	if (*rest == '\0' && strcmp(r->method, "POST") == 0) {
		create(c, r);
	} else if (strcmp(rest, "/input_tokens") == 0) {
		answer_text(c, "{\"object\":\"response.input_tokens\",\"input_tokens\":11}");
	} else if (strcmp(rest, "/compact") == 0) {
		answer_text(c,
		    "{\"id\":\"resp_compact\",\"object\":\"response.compaction\","
		    "\"created_at\":1700000000,\"output\":[" MESSAGE "],\"usage\":" USAGE "}");
	} else {
		x = *rest == '/' ? find(r, rest + 1) : NULL;
		if (x)
			use(c, r, x);
		else
			answer_error(c, 404, "no such response", false);
	}
	return true;
}
