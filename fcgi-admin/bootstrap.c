#include "bootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "person.h"
#include "store/token.h"

struct first {
	const struct admin *admin;
	struct db *db;
	struct arena *arena;
	struct user root;
	struct str key;
	char random[BOOTSTRAP_PASSWORD_LEN + 1]; /* "" when the operator chose the password */
	const char *path;
};

/* ---- settings -------------------------------------------------------------------------------- */

static bool has_blanks(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

static bool read_settings(struct first *f, struct err *err)
{
	const struct admin *admin = f->admin;
	struct str password = admin->root_password;

	f->key = admin->root_token;
	if (str_starts(f->key, STR("sk-")))
		f->key = str_slice(f->key, 3, f->key.n);
	if (f->key.n > TOKEN_KEY_MAX || has_blanks(f->key))
		return err_set(err, ERR_CONFIG,
		    "INITIAL_ROOT_TOKEN must have at most %d characters and no blanks",
		    TOKEN_KEY_MAX);
	if (has_blanks(admin->root_access_token))
		return err_set(err, ERR_CONFIG, "INITIAL_ROOT_ACCESS_TOKEN must have no blanks");
	if (password.n && (password.n < PERSON_PASSWORD_MIN || password.n > PERSON_PASSWORD_MAX))
		return err_set(err, ERR_CONFIG,
		    "INITIAL_ROOT_PASSWORD must have %d to %d characters", PERSON_PASSWORD_MIN,
		    PERSON_PASSWORD_MAX);
	if (password.n == 0) {
		secret_random_alnum(f->random, BOOTSTRAP_PASSWORD_LEN);
		password = str_c(f->random);
	}
	f->root = (struct user){
		.username = STR("root"),
		.display_name = STR("Root User"),
		.password = str_c(secret_password_hash(f->arena, password)),
		.role = ROLE_ROOT,
		.status = USER_ENABLED,
		.group = STR("default"),
		.quota = BOOTSTRAP_QUOTA,
		.created_at = clock_unix(),
	};
	return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Before the commit: a password that nobody can read would be worse than no account. */
static bool write_password(struct first *f, struct err *err)
{
	char line[BOOTSTRAP_PASSWORD_LEN + 1];
	bool ok;
	int fd;

	if (!*f->random)
		return true;
	fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, ERR_CONFIG, "cannot write '%s': %s", f->path, strerror(errno));
	memcpy(line, f->random, BOOTSTRAP_PASSWORD_LEN);
	line[BOOTSTRAP_PASSWORD_LEN] = '\n';
	ok = fchmod(fd, 0600) == 0 && write_all(fd, line, sizeof line) && fsync(fd) == 0;
	mem_wipe(line, sizeof line);
	if (!ok)
		err_set(err, ERR_CONFIG, "cannot write '%s': %s", f->path, strerror(errno));
	close(fd);
	return ok;
}

static bool insert_access_token(struct first *f, struct err *err)
{
	struct str text = f->admin->root_access_token;
	uint8_t hash[SECRET_HASH_LEN];

	if (text.n == 0)
		return true;
	secret_hash(f->admin->rt.box, ACCESS_TOKEN_LABEL, text, hash);
	return user_set_access_token(f->db, f->root.id, hash, err);
}

static bool insert_key(struct first *f, struct err *err)
{
	struct token key = {
		.user_id = f->root.id,
		.key = f->key,
		.status = TOKEN_ENABLED,
		.name = STR("Initial Root Token"),
		.created_time = clock_unix(),
		.expired_time = TOKEN_NEVER_EXPIRES,
		.remain_quota = BOOTSTRAP_QUOTA,
		.unlimited_quota = true,
	};

	return f->key.n == 0 || token_insert(f->db, f->admin->rt.box, f->arena, &key, err);
}

/* *made is false when another process was faster. */
static bool insert_all(struct first *f, bool *made, struct err *err)
{
	int64_t users;

	if (!user_count(f->db, &users, err))
		return false;
	if (users > 0)
		return true;
	*made = true;
	return user_insert(f->db, &f->root, err) && insert_access_token(f, err) &&
	    insert_key(f, err) && write_password(f, err);
}

static bool make_root(struct first *f, struct err *err)
{
	bool made = false;

	if (!read_settings(f, err) || !db_begin(f->db, err))
		return false;
	if (!insert_all(f, &made, err)) {
		db_rollback(f->db);
		return false;
	}
	if (!db_commit(f->db, err))
		return false;
	if (made && *f->random && isatty(STDERR_FILENO))
		fprintf(stderr, "Sign in as 'root' with the password %s\n", f->random);
	if (made && *f->random)
		log_warn(NULL, "root.created", LOG_TEXT("password_in", f->path));
	else if (made)
		log_warn(NULL, "root.created", LOG_TEXT("password_in", "INITIAL_ROOT_PASSWORD"));
	return true;
}

bool bootstrap(const struct admin *admin, struct db *db, struct err *err)
{
	struct first f = { .admin = admin, .db = db };
	int64_t users;
	bool ok;

	if (!user_count(db, &users, err))
		return false;
	if (users > 0)
		return true;
	f.arena = arena_new(4096);
	f.path = arena_fmt(f.arena, "%s/root-password", admin->rt.data_dir);
	ok = make_root(&f, err);
	mem_wipe(f.random, sizeof f.random);
	arena_free(f.arena);
	return ok;
}
