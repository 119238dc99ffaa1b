/* capture.c — table captures */
#include "store/capture.h"

#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

void capture_pack(struct str body, struct buf *out)
{
	uLongf room = compressBound(body.n);
	char *to = buf_reserve(out, room);

	if (to &&
	    compress2((Bytef *)to, &room, (const Bytef *)body.p, body.n, Z_BEST_SPEED) == Z_OK)
		buf_commit(out, room);
}

static bool unpack(struct arena *a, int64_t bytes, struct str *body, struct err *err)
{
	uLongf n = (uLongf)bytes;
	char *to;

	if (bytes < 0 || (size_t)bytes > CAPTURE_BODY_MAX)
		return err_set(err, ERR_STORE, "a kept body is damaged");
	to = arena_alloc(a, n + 1);
	if (uncompress((Bytef *)to, &n, (const Bytef *)body->p, body->n) != Z_OK ||
	    n != (uLongf)bytes)
		return err_set(err, ERR_STORE, "a kept body is damaged");
	to[n] = '\0';
	*body = (struct str){ to, n };
	return true;
}

bool capture_put(struct db *db, const struct capture *c, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO captures (request_id, user_id, token_id, created_at, request, "
	    "request_bytes, request_total, response, response_bytes, response_total) "
	    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
	    "WHERE NOT EXISTS (SELECT 1 FROM captures WHERE request_id = ?) "
	    "AND COALESCE((SELECT MAX(id) FROM captures) - (SELECT MIN(id) FROM captures), 0) < ?";

	return db_run(db, sql,
	    BIND(v_text(c->request_id), v_int(c->user_id), v_int(c->token_id), v_int(c->created_at),
	        v_blob(c->request.p, c->request.n), v_int(c->request_bytes),
	        v_int(c->request_total), v_blob(c->response.p, c->response.n),
	        v_int(c->response_bytes), v_int(c->response_total), v_text(c->request_id),
	        v_int(CAPTURE_ROWS_MAX - 1)),
	    NULL, err);
}

static bool read_row(struct rows *rows, struct arena *a, struct capture *out, struct err *err)
{
	struct str request = rows_blob(rows, 4), response = rows_blob(rows, 7);

	out->request_id = arena_str(a, rows_text(rows, 0));
	out->user_id = rows_int(rows, 1);
	out->token_id = rows_int(rows, 2);
	out->created_at = rows_int(rows, 3);
	out->request_bytes = rows_int(rows, 5);
	out->request_total = rows_int(rows, 6);
	out->response_bytes = rows_int(rows, 8);
	out->response_total = rows_int(rows, 9);
	out->request = request;
	out->response = response;
	return unpack(a, out->request_bytes, &out->request, err) &&
	    unpack(a, out->response_bytes, &out->response, err);
}

bool capture_find(struct db *db, struct arena *a, int64_t user_id, struct str request_id,
    struct capture *out, struct err *err)
{
	static const char sql[] =
	    "SELECT request_id, user_id, token_id, created_at, request, request_bytes, "
	    "request_total, response, response_bytes, response_total "
	    "FROM captures WHERE request_id = ? AND (user_id = ? OR ? = 0)";
	struct err none = { 0 };
	struct rows rows;
	bool found, whole = true;

	if (!db_query(db, sql, BIND(v_text(request_id), v_int(user_id), v_int(user_id)), &rows,
	        err))
		return false;
	found = rows_next(&rows);
	if (found)
		whole = read_row(&rows, a, out, err);
	if (!rows_close(&rows, whole ? err : &none) || !whole)
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "nothing was kept of this request");
}

bool capture_sweep(struct db *db, int64_t before, int64_t limit, int64_t *count, struct err *err)
{
	static const char sql[] = "DELETE FROM captures WHERE id IN "
	                          "(SELECT id FROM captures WHERE created_at < ? LIMIT ?)";

	return db_run(db, sql, BIND(v_int(before), v_int(limit)), count, err);
}
