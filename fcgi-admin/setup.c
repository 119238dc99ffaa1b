/* setup.c — GET /api/setup: how far the first run has come, for the wizard
 *
 * data is { "default_root_password": bool, "channels": n, "keys": n, "server_address_set": bool,
 * "first_request": ts }: whether root's password is still the one that an old database began with or
 * that the first start wrote to DATA_DIR/root-password; how many channels there are and how many
 * keys root has; whether ServerAddress was saved; when root's first request was charged, 0 for not
 * yet. */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/password.h"
#include "reply.h"
#include "routes.h"
#include "store/token.h"

#define FACTORY_PASSWORD "123456"

/* The one of the first start, while its file lies there. */
static bool is_initial(struct req *r, struct str hash)
{
	const char *path = arena_fmt(r->arena, "%s/root-password", admin_of(r)->rt.data_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[128];
	bool same = false;
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text);
	close(fd);
	if (n > 0)
		same = password_check(str_trim((struct str){ text, (size_t)n }), hash);
	mem_wipe(text, sizeof text);
	return same;
}

static bool get_setup(struct req *r, struct resp *out, struct err *err)
{
	static const char channels_sql[] = "SELECT COUNT(*) FROM channels";
	static const char first_sql[] = "SELECT created_at FROM logs WHERE user_id = ? AND "
	                                "type = 2 ORDER BY id LIMIT 1";
	const struct user *root = &access_actor(r)->user;
	int64_t channels, keys, first;
	struct buf *b;

	if (!db_number(db_of(r), channels_sql, BIND_NONE, &channels, err) ||
	    !token_count(db_of(r), root->id, &keys, err) ||
	    !db_number(db_of(r), first_sql, BIND(v_int(root->id)), &first, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '{');
	json_add_name(b, "default_root_password");
	json_add_bool(b,
	    root->password.n &&
	        (password_check(STR(FACTORY_PASSWORD), root->password) ||
	            is_initial(r, root->password)));
	json_add_name(b, "server_address_set");
	json_add_bool(b, options_of(r)->v[OPT_SERVER_ADDRESS].is_set);
	buf_addf(b, ",\"channels\":%" PRId64 ",\"keys\":%" PRId64 ",\"first_request\":%" PRId64 "}",
	    channels, keys, first);
	return reply_close(out);
}

const struct route setup_routes[] = {
	{ "GET", "/api/setup", ROLE_ROOT, 0, get_setup, NULL },
	{ 0 },
};
