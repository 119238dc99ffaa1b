/* fake_media.c — images, audio and moderations of fake_upstream
 *
 *	POST …/images/generations	n pictures; with "stream" one partial one before; token usage
 *					for models that begin with gpt-image
 *	POST …/images/edits, variations	one picture
 *	POST …/audio/speech		the bytes "ID3 fake speech", audio/mpeg
 *	POST …/audio/transcriptions, translations
 *					"fake transcript", 60 seconds long
 *	POST …/moderations		nothing is flagged
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define PICTURE "ZmFrZSBwaWN0dXJl" /* "fake picture" */
#define IMAGE_USAGE                                                                                \
	",\"usage\":{\"total_tokens\":150,\"input_tokens\":50,\"output_tokens\":100,"              \
	"\"input_tokens_details\":{\"text_tokens\":50,\"image_tokens\":0}}"

/* The value of a form's field, or "". */
static void field(const char *body, const char *name, char *out, size_t size)
{
	char mark[64];
	const char *p;

	snprintf(mark, sizeof(mark), "name=\"%s\"", name);
	p = strstr(body, mark);
	p = p ? strstr(p, "\r\n\r\n") : NULL;
	snprintf(out, size, "%.*s", p ? (int)strcspn(p + 4, "\r") : 0, p ? p + 4 : "");
}

static void stream_image(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "event: image_generation.partial_image\ndata: {\"type\":"
	    "\"image_generation.partial_image\",\"b64_json\":\"" PICTURE
	    "\",\"partial_image_index\":0,\"created_at\":1700000000}\n\n"
	    "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\","
	    "\"b64_json\":\"" PICTURE "\",\"created_at\":1700000000" IMAGE_USAGE "}\n\n");
	answer_events(c, &b);
}

static void answer_images(struct conn *c, const struct request *r)
{
	const char *n = member(r->body, "n");
	long count = n ? strtol(n, NULL, 10) : 1;
	bool url = strstr(r->body, "b64_json") == NULL && strncmp(r->model, "dall-e", 6) == 0;
	struct bytes b = { 0 };

	if (is_true(r->body, "stream")) {
		stream_image(c);
		return;
	}
	addf(&b, "{\"created\":%d,\"data\":[", CREATED);
	for (long i = 0; i < count; i++)
		addf(&b, "%s{\"%s\":\"%s\"}", i ? "," : "", url ? "url" : "b64_json",
		    url ? "https://example.com/fake.png" : PICTURE);
	addf(&b, "]%s}", strncmp(r->model, "gpt-image", 9) == 0 ? IMAGE_USAGE : "");
	answer_now(c, 200, "", &b);
}

static void answer_transcript(struct conn *c, const struct request *r)
{
	static const char text[] = "fake transcript\n";
	struct bytes b = { 0 };
	char format[32];

	field(r->body, "response_format", format, sizeof(format));
	if (strcmp(format, "text") == 0) {
		answer_as(c, 200, "Content-Type: text/plain\r\n", text, strlen(text));
		return;
	}
	add_text(&b, "{\"text\":\"fake transcript\"");
	if (strcmp(format, "verbose_json") == 0)
		add_text(&b,
		    ",\"task\":\"transcribe\",\"language\":\"english\",\"duration\":60.0,"
		    "\"segments\":[]");
	add_text(&b, ",\"usage\":{\"type\":\"duration\",\"seconds\":60}}");
	answer_now(c, 200, "", &b);
}

static void answer_moderation(struct conn *c, const struct request *r)
{
	struct bytes b = { 0 };

	addf(&b,
	    "{\"id\":\"modr-fake\",\"model\":\"%s\",\"results\":[{\"flagged\":false,"
	    "\"categories\":{\"hate\":false},\"category_scores\":{\"hate\":0.01}}]}",
	    r->model);
	answer_now(c, 200, "", &b);
}

bool fake_media(struct conn *c, const struct request *r)
{
	static const char speech[] = "ID3 fake speech";

	if (strcmp(r->method, "POST") != 0)
		return false;
	if (strstr(r->path, "/images/"))
		answer_images(c, r);
	else if (ends_with(r->path, "/audio/speech"))
		answer_as(c, 200, "Content-Type: audio/mpeg\r\n", speech, sizeof(speech) - 1);
	else if (strstr(r->path, "/audio/trans"))
		answer_transcript(c, r);
	else if (ends_with(r->path, "/moderations"))
		answer_moderation(c, r);
	else
		return false;
	return true;
}
