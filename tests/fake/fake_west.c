/* fake_west.c — Cohere, DeepL, Replicate and Cloudflare's own surface of fake_upstream
 *
 *	POST /v2/chat				"fake reply", streamed or whole
 *	POST /v2/rerank				the second document is the best
 *	POST /v2/translate			"[TARGET] " and the text
 *	POST /v1/models/OWNER/NAME/predictions	begins; a stream for chat, or to be polled
 *	GET  /v1/predictions/poll		is done at the second look, or when its stream was read
 *	GET  /v1/files/stream			the words of it
 *	GET  /v1/predictions/lost		500: a prediction of a model named lost
 *	GET  /v1/models/prediction		what a script says: of a model named scripted
 *	POST /client/v4/accounts/ID/ai/run/…	"fake reply", or a picture
 */
#include <stdio.h>
#include <string.h>

#include "fake.h"

#define COHERE_USAGE                                                                               \
	"\"usage\":{\"billed_units\":{\"input_tokens\":3,\"output_tokens\":2},"                    \
	"\"tokens\":{\"input_tokens\":30,\"output_tokens\":5}}"

static void answer_text(struct conn *c, int status, const char *text)
{
	struct bytes b = { 0 };

	add_text(&b, text);
	answer_now(c, status, "", &b);
}

static void cohere_chat(struct conn *c, const struct request *r)
{
	struct bytes b = { 0 };

	if (!is_true(r->body, "stream")) {
		answer_text(c, 200,
		    "{\"id\":\"co\",\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":"
		    "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"fake "
		    "reply\"}]}," COHERE_USAGE "}");
		return;
	}
	add_text(&b,
	    "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"co\"}\n\n"
	    "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":"
	    "{\"message\":{\"content\":{\"text\":\"fake reply\"}}}}\n\n"
	    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":"
	    "\"COMPLETE\"," COHERE_USAGE "}}\n\n");
	answer_events(c, &b);
}

static void translate(struct conn *c, const struct request *r)
{
	char text[1024], target[32];
	struct bytes b = { 0 };
	const char *from = member(r->body, "text");

	from = from ? strchr(from, '"') : NULL;
	snprintf(text, sizeof(text), "%.*s", from ? (int)string_length(from) : 0,
	    from ? from + 1 : "");
	member_text(r->body, "target_lang", target, sizeof(target));
	addf(&b, "{\"translations\":[{\"text\":\"[%s] %s\",\"billed_characters\":%zu}]}", target,
	    text, strlen(text));
	answer_now(c, 200, "", &b);
}

static void predict(struct conn *c, const struct request *r)
{
	const char *host = strstr(r->head, "Host: ");
	const char *at = strstr(r->path, "/lost/") ? "predictions/lost"
	    : strstr(r->path, "/scripted/")        ? "models/prediction"
	                                           : "predictions/poll";
	int n = host ? (int)strcspn(host + 6, "\r\n") : 0;
	struct bytes b = { 0 };

	host = host ? host + 6 : "";
	addf(&b,
	    "{\"id\":\"p\",\"status\":\"starting\",\"output\":null,\"urls\":{"
	    "\"get\":\"http://%.*s/v1/%s\",\"stream\":\"http://%.*s/v1/files/"
	    "stream\","
	    "\"cancel\":\"http://%.*s/v1/predictions/poll/cancel\"}}",
	    n, host, at, n, host, n, host);
	answer_now(c, 201, "", &b);
}

static bool streamed;

static void poll(struct conn *c)
{
	static unsigned looks;

	if (streamed)
		looks |= 1;
	streamed = false;
	answer_text(c, 200,
	    ++looks % 2 ? "{\"id\":\"p\",\"status\":\"processing\"}"
	                : "{\"id\":\"p\",\"status\":\"succeeded\",\"output\":[\"fake \",\"reply\"],"
	                  "\"metrics\":{\"input_token_count\":18,\"output_token_count\":4}}");
}

static void stream(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "event: output\ndata: fake \n\nevent: output\ndata: reply\n\n"
	    "event: done\ndata: {}\n\n");
	streamed = true;
	answer_events(c, &b);
}

static void run(struct conn *c, const struct request *r)
{
	if (strstr(r->path, "flux"))
		answer_text(c, 200, "{\"result\":{\"image\":\"ZmFrZQ==\"},\"success\":true}");
	else
		answer_text(c, 200,
		    "{\"result\":{\"response\":\"fake reply\",\"usage\":{\"prompt_tokens\":12,"
		    "\"completion_tokens\":2,\"total_tokens\":14}},\"success\":true}");
}

bool fake_west(struct conn *c, const struct request *r)
{
	bool get = strcmp(r->method, "GET") == 0;

	if (get && ends_with(r->path, "/v1/predictions/poll"))
		poll(c);
	else if (get && ends_with(r->path, "/v1/predictions/lost"))
		answer_text(c, 500, "{\"detail\":\"lost\"}");
	else if (get && ends_with(r->path, "/v1/files/stream"))
		stream(c);
	else if (get)
		return false;
	else if (ends_with(r->path, "/v2/chat"))
		cohere_chat(c, r);
	else if (ends_with(r->path, "/v2/rerank"))
		answer_text(c, 200,
		    "{\"id\":\"r\",\"results\":[{\"index\":1,\"relevance_score\":0.9}],"
		    "\"meta\":{\"billed_units\":{\"search_units\":1}}}");
	else if (ends_with(r->path, "/v2/translate"))
		translate(c, r);
	else if (ends_with(r->path, "/predictions"))
		predict(c, r);
	else if (strstr(r->path, "/ai/run/"))
		run(c, r);
	else
		return false;
	return true;
}
