/* reply.h — the JSON envelope {"success", "message", "data"}, lists and their pages
 *
 * A handler ends with one of these:
 *
 *	return reply_ok(out);                                   no data
 *	return reply_text(out, code);                           data is a string
 *	return reply_object(out, user_wire, &user);             data is an object
 *	return reply_list(out, log_wire, rows, n, sizeof *rows);
 *
 * or writes its data itself between reply_open and reply_close. A refusal is HTTP 200 with success
 * false and a sentence; the exceptions (401, 404, 413, 429, 5xx) are made by reply_error alone.
 *
 * Threads  each reply by the thread that has its request.
 */
#ifndef ADMIN_REPLY_H
#define ADMIN_REPLY_H

#include "base/field.h"
#include "net/http.h"

#define PAGE_SIZE 10
#define PAGE_SIZE_MAX 100
/* Rows that a search gives at most. */
#define SEARCH_MAX 1000

struct page {
	int64_t offset, limit;
};

/* ?p= counts from 0; ?page_size= is ours. What does not parse is page 0 of 10. */
struct page reply_page(const struct req *r);

bool reply_ok(struct resp *out);
bool reply_text(struct resp *out, struct str text);
bool reply_int(struct resp *out, int64_t n);
bool reply_object(struct resp *out, const struct field *fields, const void *object);
/* items: count objects of size bytes each. */
bool reply_list(struct resp *out, const struct field *fields, const void *items, size_t count,
    size_t size);
/* A page of a list, with `total` beside the data: how many there are on all pages. */
bool reply_page_of(struct resp *out, const struct field *fields, const void *items, size_t count,
    size_t size, int64_t total);
bool reply_names(struct resp *out, const struct str *names, size_t count);

/* The head of a reply whose body the handler writes itself. */
void reply_json(struct resp *out, int status);
/* `{"success":true,"message":"","data":` … `}` */
struct buf *reply_open(struct resp *out);
bool reply_close(struct resp *out);

/* An err becomes the reply: this program's one place for that (server_config.refuse). */
void reply_error(const struct req *r, const struct err *err, struct resp *out);

#endif
