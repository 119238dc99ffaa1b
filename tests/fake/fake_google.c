/* fake_google.c — Gemini and Vertex of fake_upstream
 *
 *	POST /token			a token, "google-N"; the first one of an account whose claim is
 *					asked for is refused by the models below, once
 *	POST …:generateContent		"Hello from Google." or, with functionDeclarations and no
 *					functionResponse, a call with a thought signature
 *	POST …:streamGenerateContent	the same as events
 *	POST …:batchEmbedContents	one vector
 *	POST …:rawPredict, …:streamRawPredict
 *					a Claude's "Hello from Claude."
 */
#include <stdio.h>
#include <string.h>

#include "fake.h"

#define STALE "Bearer google-1"

static void answer_token(struct conn *c)
{
	static int tokens;
	struct bytes b = { 0 };

	addf(&b, "{\"access_token\":\"google-%d\",\"expires_in\":3599,\"token_type\":\"Bearer\"}",
	    ++tokens);
	answer_now(c, 200, "", &b);
}

static void refuse_token(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "{\"error\":{\"code\":401,\"message\":\"Request had invalid authentication "
	    "credentials.\",\"status\":\"UNAUTHENTICATED\"}}");
	answer_now(c, 401, "", &b);
}

#define USAGE                                                                                      \
	"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":4,"                   \
	"\"thoughtsTokenCount\":6,\"totalTokenCount\":20},\"responseId\":\"fake\""
#define CALL                                                                                       \
	"{\"functionCall\":{\"id\":\"c1\",\"name\":\"now\",\"args\":{\"zone\":\"UTC\"}},"          \
	"\"thoughtSignature\":\"c2lnbmVk\"}"

static void answer_generate(struct conn *c, const struct request *r)
{
	bool calls =
	    strstr(r->body, "functionDeclarations") && !strstr(r->body, "functionResponse");
	struct bytes b = { 0 };

	addf(&b,
	    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[%s]},\"finishReason\":"
	    "\"STOP\",\"index\":0}]," USAGE "}",
	    calls ? CALL : "{\"text\":\"Hello from Google.\"}");
	answer_now(c, 200, "", &b);
}

static void stream_generate(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello \"}]}}]," USAGE
	    "}\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"from "
	    "Google.\"}]},"
	    "\"finishReason\":\"STOP\"}]," USAGE "}\r\n\r\n");
	answer_events(c, &b);
}

static void answer_claude(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{"
	    "\"type\":\"text\",\"text\":\"Hello from Claude.\"}],\"stop_reason\":"
	    "\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":4}}");
	answer_now(c, 200, "", &b);
}

static void answer_vector(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b, "{\"embeddings\":[{\"values\":[0.5,1]}]}");
	answer_now(c, 200, "", &b);
}

bool fake_google(struct conn *c, const struct request *r)
{
	bool whole = ends_with(r->path, ":generateContent");
	bool streamed = ends_with(r->path, ":streamGenerateContent");
	bool claude = ends_with(r->path, ":rawPredict");

	if (strcmp(r->path, "/token") == 0)
		answer_token(c);
	else if ((whole || streamed || claude) && strcmp(r->account, STALE) == 0)
		refuse_token(c);
	else if (whole)
		answer_generate(c, r);
	else if (streamed)
		stream_generate(c);
	else if (claude)
		answer_claude(c);
	else if (ends_with(r->path, ":batchEmbedContents"))
		answer_vector(c);
	else
		return false;
	return true;
}
