#include "reminders.h"

#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "letters.h"
#include "smtp.h"
#include "store/reminder.h"

#define AT_ONCE 100

static bool has_mail_server(const struct admin *admin, const struct options *o)
{
	struct smtp smtp;

	smtp_from_options(o, admin->ca_file, &smtp);
	return smtp_is_set(&smtp);
}

static bool write_letters(const struct admin *admin, struct db *db, const struct options *o,
    struct arena *a, struct err *err)
{
	bool mail = has_mail_server(admin, o);
	struct reminder_list list;

	if (!reminder_take(db, a, option_int(o, OPT_QUOTA_REMIND_THRESHOLD), AT_ONCE, &list, err))
		return false;
	for (size_t i = 0; mail && i < list.count; i++) {
		struct letter l = letter_quota(a, o, &list.items[i]);

		if (!outbox_put(db, admin->rt.box, a, &l, err))
			return false;
		log_info(NULL, "quota.reminded", LOG_INT("user", list.items[i].user_id),
		    LOG_INT("left", list.items[i].left));
	}
	return true;
}

static bool tell_some(const struct admin *admin, struct db *db, struct arena *a, struct err *err)
{
	struct catalog *catalog = runtime_catalog(&admin->rt);
	bool ok = db_begin(db, err);

	if (ok && write_letters(admin, db, &catalog->options, a, err))
		ok = db_commit(db, err);
	else if (ok) {
		db_rollback(db);
		ok = false;
	}
	catalog_put(catalog);
	return ok;
}

/* Looks without the write lock first: nearly always there is nobody to tell. */
bool reminders_tell(const struct admin *admin, struct db *db, struct err *err)
{
	struct arena *a;
	bool any, ok;

	if (!reminder_any(db, &any, err))
		return false;
	if (!any)
		return true;
	a = arena_new(4096);
	ok = tell_some(admin, db, a, err);
	arena_free(a);
	return ok;
}
