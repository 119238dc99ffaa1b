#include "rotate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "provider/runtime.h"
#include "store/reseal.h"

static bool uses_file(const struct runtime *rt)
{
	return *conf_text(rt->conf, "SESSION_SECRET") == '\0';
}

static bool open_new_box(const struct runtime *rt, struct secret_box **out, struct err *err)
{
	const char *secret = getenv("NEW_SESSION_SECRET");

	if (uses_file(rt))
		return secret_box_open_next(rt->data_dir, out, err);
	if (!secret || !*secret)
		return err_set(err, ERR_CONFIG,
		    "SESSION_SECRET is set: put its successor into the environment as "
		    "NEW_SESSION_SECRET");
	return secret_box_open(rt->data_dir, secret, out, err);
}

/* Under the lock of the database: is it still the old key's, or did an earlier call get that far? */
static bool reseal(struct db *db, const struct secret_box *from, const struct secret_box *to,
    struct resealed *done, bool *was_done, struct err *err)
{
	bool right = false;

	if (!reseal_check(db, from, &right, err))
		return false;
	if (!right) {
		if (!reseal_check(db, to, was_done, err))
			return false;
		return *was_done ||
		    err_set(err, ERR_CONFIG, "the database was sealed under a third secret");
	}
	if (!db_begin(db, err))
		return false;
	if (reseal_all(db, from, to, done, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

static void report(const struct runtime *rt, const struct resealed *done, bool was_done)
{
	if (was_done)
		printf("the database was sealed under the new secret already\n");
	else
		printf("sealed anew: %" PRId64 " texts\n"
		       "void now: %" PRId64 " sessions, %" PRId64 " access tokens, %" PRId64
		       " recovery codes\n",
		    done->texts, done->sessions, done->access_tokens, done->recovery_codes);
	if (done->unreadable)
		printf("left as they were, unreadable before: %" PRId64 "\n", done->unreadable);
	if (uses_file(rt))
		printf("the new key is in %s/secret.key\n", rt->data_dir);
	else
		printf("now set SESSION_SECRET to what NEW_SESSION_SECRET is\n");
}

static bool rotate(struct runtime *rt, struct secret_box *to, struct err *err)
{
	struct resealed done = { 0 };
	bool was_done = false, ok;
	struct db *db;

	if (!runtime_db(rt, &db, err))
		return false;
	ok = reseal(db, rt->box, to, &done, &was_done, err);
	db_close(db);
	if (!ok || (uses_file(rt) && !secret_adopt_next(rt->data_dir, err)))
		return false;
	report(rt, &done, was_done);
	return true;
}

int rotate_secret(struct runtime *rt)
{
	struct secret_box *to = NULL;
	struct err err = { 0 };
	bool ok = runtime_alone(rt, &err) && open_new_box(rt, &to, &err) && rotate(rt, to, &err);

	secret_box_free(to);
	if (ok)
		return 0;
	fprintf(stderr, "%s: %s%s%s\n", rt->program, err.msg, *err.detail ? ": " : "", err.detail);
	return 1;
}
