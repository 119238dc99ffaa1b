#include "person.h"

#include <string.h>

#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "mail.h"
#include "message.h"
#include "store/token.h"
#include "store/user_name.h"

/* Well-formed, without control characters, at most max code points. */
static bool is_line(struct str s, size_t max)
{
	if (!str_is_utf8(s) || str_code_points(s) > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static bool pass(const struct req *r, bool ok, struct err *err)
{
	return ok || message_fail(r, err, MSG_E02);
}

/* What cannot be seen, or turns around what follows: a name of it looks like none, or like another.
 * From and to in UTF-8, whose order is that of the code points. */
static const char *const invisible[][2] = {
	{ "\xc2\x80", "\xc2\xa0" },                 /* controls, no-break space */
	{ "\xc2\xad", "\xc2\xad" },                 /* soft hyphen */
	{ "\xcd\x8f", "\xcd\x8f" },                 /* grapheme joiner */
	{ "\xd8\x9c", "\xd8\x9c" },                 /* Arabic letter mark */
	{ "\xe1\x85\x9f", "\xe1\x85\xa0" },         /* Hangul fillers */
	{ "\xe1\x9a\x80", "\xe1\x9a\x80" },         /* Ogham space */
	{ "\xe1\x9e\xb4", "\xe1\x9e\xb5" },         /* Khmer vowels that are not written */
	{ "\xe1\xa0\x8b", "\xe1\xa0\x8f" },         /* Mongolian selectors and separator */
	{ "\xe2\x80\x80", "\xe2\x80\x8f" },         /* spaces, zero width, direction marks */
	{ "\xe2\x80\xa8", "\xe2\x80\xaf" },         /* separators, direction overrides */
	{ "\xe2\x81\x9f", "\xe2\x81\xaf" },         /* joiners, direction isolates */
	{ "\xe2\xa0\x80", "\xe2\xa0\x80" },         /* Braille without dots */
	{ "\xe3\x80\x80", "\xe3\x80\x80" },         /* ideographic space */
	{ "\xe3\x85\xa4", "\xe3\x85\xa4" },         /* Hangul filler */
	{ "\xef\xb8\x80", "\xef\xb8\x8f" },         /* variation selectors */
	{ "\xef\xbb\xbf", "\xef\xbb\xbf" },         /* byte order mark */
	{ "\xef\xbe\xa0", "\xef\xbe\xa0" },         /* Hangul filler */
	{ "\xef\xbf\xb0", "\xef\xbf\xbd" },         /* annotation marks, what stands for others */
	{ "\xf0\x9d\x85\xb3", "\xf0\x9d\x85\xba" }, /* beams and slurs of music */
	{ "\xf3\xa0\x80\x80", "\xf3\xa0\xbf\xbf" }, /* tags, more variation selectors */
};

static bool is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		for (size_t k = 0; k < COUNT_OF(invisible); k++) {
			size_t n = strlen(invisible[k][0]);

			if (s.n - i >= n && memcmp(s.p + i, invisible[k][0], n) >= 0 &&
			    memcmp(s.p + i, invisible[k][1], n) <= 0)
				return false;
		}
	}
	return true;
}

static bool is_name(struct str name, struct str address)
{
	return name.n > 0 && is_visible(name) && is_line(name, PERSON_NAME_MAX) &&
	    str_trim(name).n == name.n &&
	    (str_find(name, '@') == name.n || str_eq_nocase(name, address));
}

bool person_check_name(const struct req *r, struct str name, struct str address, struct err *err)
{
	return pass(r, is_name(name, address), err);
}

bool person_check_display_name(const struct req *r, struct str name, struct err *err)
{
	return pass(r, is_line(name, PERSON_DISPLAY_NAME_MAX), err);
}

bool person_check_password(const struct req *r, struct str password, struct err *err)
{
	return pass(r, password.n >= PERSON_PASSWORD_MIN && password.n <= PERSON_PASSWORD_MAX, err);
}

bool person_check_group(const struct req *r, struct str group, struct err *err)
{
	return pass(r,
	    group.n > 0 && group.n <= PERSON_GROUP_MAX && is_line(group, PERSON_GROUP_MAX) &&
	        str_trim(group).n == group.n && str_find(group, ',') == group.n,
	    err);
}

bool person_check_email(const struct req *r, struct str email, struct err *err)
{
	return pass(r, email.n == 0 || (email.n <= PERSON_EMAIL_MAX && mail_address_ok(email)),
	    err);
}

struct str person_mail_address(const struct req *r, struct str text)
{
	char *copy = str_dup(r->arena, str_trim(text));
	struct str address = str_c(copy);

	for (size_t i = 0; i < address.n && copy[i] != '@'; i++) {
		if (copy[i] == ' ')
			copy[i] = '+';
	}
	if (address.n > PERSON_EMAIL_MAX || !mail_address_ok(address))
		return (struct str){ 0 };
	return address;
}

bool person_find(struct req *r, int64_t id, struct user *out, struct err *err)
{
	if (!user_by_id(db_of(r), r->arena, id, out, err))
		return false;
	if (out->status == USER_DELETED)
		return err_set(err, ERR_NOT_FOUND, "user %lld is deleted", (long long)id);
	return true;
}

static bool name_taken(const struct req *r, struct err *err)
{
	if (err->kind == ERR_STORE && str_eq_c(str_c(err->code), "duplicate")) {
		err_clear(err);
		return message_fail(r, err, MSG_U26);
	}
	return false;
}

static bool name_is_free(struct req *r, const struct user *u, struct err *err)
{
	bool taken;

	if (!user_name_like(db_of(r), u->username, u->id, &taken, err))
		return false;
	return !taken || message_fail(r, err, MSG_U26);
}

bool person_save(struct req *r, const struct user *u, bool bump_session, struct err *err)
{
	return name_is_free(r, u, err) &&
	    (user_update(db_of(r), u, bump_session, err) || name_taken(r, err));
}

bool person_create(struct req *r, struct user *u, struct err *err)
{
	struct token key = {
		.status = TOKEN_ENABLED,
		.name = STR("default"),
		.created_time = clock_unix(),
		.expired_time = TOKEN_NEVER_EXPIRES,
		.remain_quota = -1,
		.unlimited_quota = true,
	};
	const char *bonus;

	if (!name_is_free(r, u, err))
		return false;
	if (!user_insert(db_of(r), u, err))
		return name_taken(r, err);
	key.user_id = u->id;
	if (!token_insert(db_of(r), box_of(r), r->arena, &key, err))
		return false;
	if (u->quota <= 0)
		return true;
	bonus = arena_fmt(r->arena, "new user bonus %s", audit_amount(r, u->quota));
	return audit_row(r, LOG_TYPE_SYSTEM, u->id, u->username, u->quota, bonus, err);
}
