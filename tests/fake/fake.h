/* fake.h — what the families of fake_upstream's replies share: bytes, a request, ways to answer
 *
 * Each file of tests/fake answers some paths; fake_upstream.c has the sockets, the scripts and the
 * clock. It shares no code with the programs it tests.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_BYTES 128
#define CREATED 1700000000
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct bytes {
	char *p; /* NUL-terminated once anything was added */
	size_t n, cap;
};

void *checked(void *p);
void bytes_reserve(struct bytes *b, size_t more);
void add(struct bytes *b, const char *p, size_t n);
void add_text(struct bytes *b, const char *text);
void addf(struct bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void bytes_free(struct bytes *b);
/* As a JSON string, with its quotes. */
void add_json_string(struct bytes *b, const char *text, size_t n);

struct conn;

struct request {
	char method[16];
	char path[1024]; /* without the query */
	char query[512];
	char account[256]; /* the value of Authorization */
	char model[NAME_MAX_BYTES];
	const char *head, *body; /* body is NUL-terminated */
	size_t head_bytes, body_bytes;
};

/* ---- looking into JSON: what is needed, not a parser ---- */

/* The value of the first member of that name at or after p, or NULL. */
const char *member(const char *p, const char *name);
/* Length of the string whose opening quote is at p, without its quotes, escapes as they are. */
size_t string_length(const char *p);
/* The text of that member into out; "" when there is none. */
void member_text(const char *json, const char *name, char *out, size_t size);
bool is_true(const char *json, const char *name);
/* A number that rises with every request. */
unsigned long long fake_serial(void);

bool ends_with(const char *path, const char *suffix);

/* ---- answering: exactly one of these per request ---- */

/* JSON; more_headers are lines with CRLF. Takes body. */
void answer_now(struct conn *c, int status, const char *more_headers, struct bytes *body);
/* Anything; the headers name its type. */
void answer_as(struct conn *c, int status, const char *headers, const char *p, size_t n);
void answer_error(struct conn *c, int status, const char *message, bool ollama);
/* A whole stream of server-sent events, which body is already. Takes it. */
void answer_events(struct conn *c, struct bytes *body);

/* ---- families: true when the request was answered ---- */

/* fake_media.c: images, audio, moderations */
bool fake_media(struct conn *c, const struct request *r);
/* fake_balance.c: what accounts have left */
bool fake_balance(struct conn *c, const struct request *r);
/* fake_google.c: Gemini, Vertex and the tokens of its accounts */
bool fake_google(struct conn *c, const struct request *r);
/* fake_claude.c: Anthropic's Messages API, Bedrock */
bool fake_claude(struct conn *c, const struct request *r);
/* fake_west.c: Cohere, DeepL, Replicate, Cloudflare */
bool fake_west(struct conn *c, const struct request *r);
/* fake_responses.c */
bool fake_responses(struct conn *c, const struct request *r);
/* fake_resources.c: files, batches, fine_tuning, vector_stores, assistants, threads, uploads,
 * containers, conversations; and /echo for the proxy route. Each account (key) has its own. */
bool fake_resources(struct conn *c, const struct request *r);

#endif
