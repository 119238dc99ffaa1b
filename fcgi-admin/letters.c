#include "letters.h"

#include "admin.h"
#include "audit.h"
#include "mail.h"
#include "message.h"

static const struct str nothing;

static struct letter letter_to(struct req *r, struct str address, enum message subject)
{
	struct str name = option_text(options_of(r), OPT_SYSTEM_NAME);

	return (struct letter){
		.kind = LETTER_MAIL,
		.recipient = address,
		.subject = message_filled(r, subject, name, nothing),
	};
}

static struct str safe(struct req *r, struct str text)
{
	return mail_escape(r->arena, text);
}

/* A sentence of the catalogue; what fills its holes is escaped. */
static struct str sentence(struct req *r, enum message id, struct str first, struct str second)
{
	return message_filled(r, id, safe(r, first), safe(r, second));
}

static struct str minutes(struct req *r)
{
	return str_c(arena_fmt(r->arena, "%d", LETTER_CODE_LIFE_S / 60));
}

struct letter letter_code(struct req *r, struct str address, struct str code)
{
	struct letter l = letter_to(r, address, MSG_M01);
	struct str valid = sentence(r, MSG_M04, minutes(r), nothing), shown = safe(r, code);

	l.life_s = LETTER_CODE_LIFE_S;
	l.html = str_c(arena_fmt(r->arena,
	    "<p>%s</p>\n<p "
	    "style=\"font-size:28px;letter-spacing:4px\"><b>%.*s</b></p>\n<p>%.*s</p>",
	    message_text(r, MSG_M03), STR_ARG(shown), STR_ARG(valid)));
	return l;
}

struct letter letter_known(struct req *r, struct str address)
{
	struct letter l = letter_to(r, address, MSG_M01);

	l.life_s = LETTER_CODE_LIFE_S;
	l.html = str_c(arena_fmt(r->arena, "<p>%s</p>", message_text(r, MSG_M08)));
	return l;
}

struct letter letter_reset(struct req *r, struct str address, struct str username, struct str link)
{
	struct letter l = letter_to(r, address, MSG_M02);
	struct str asked = sentence(r, MSG_M05, username, nothing), href = safe(r, link);
	struct str valid = sentence(r, MSG_M04, minutes(r), nothing);

	l.life_s = LETTER_CODE_LIFE_S;
	l.html = str_c(arena_fmt(r->arena,
	    "<p>%.*s</p>\n<p><a href=\"%.*s\" style=\"display:inline-block;padding:10px 20px;"
	    "background:#2563eb;color:#fff;border-radius:6px;text-decoration:none\">%s</a></p>\n"
	    "<p>%s<br><a href=\"%.*s\">%.*s</a></p>\n<p>%.*s</p>",
	    STR_ARG(asked), STR_ARG(href), message_text(r, MSG_M06), message_text(r, MSG_M07),
	    STR_ARG(href), STR_ARG(href), STR_ARG(valid)));
	return l;
}

struct letter letter_moved(struct req *r, struct str old_address, struct str username,
    struct str new_address)
{
	struct letter l = letter_to(r, old_address, MSG_M09);
	struct str said = sentence(r, MSG_M10, username, new_address);

	l.html = str_c(arena_fmt(r->arena, "<p>%.*s</p>", STR_ARG(said)));
	return l;
}

struct letter letter_test(struct req *r, struct str address)
{
	struct letter l = letter_to(r, address, MSG_M11);

	l.html = str_c(arena_fmt(r->arena, "<p>%s</p>", message_text(r, MSG_M12)));
	return l;
}

struct letter letter_quota(struct arena *a, const struct options *o, const struct reminder *to)
{
	enum language in = message_language_named(to->language);
	struct str left = mail_escape(a, str_c(audit_amount_in(a, o, to->left)));
	struct str said = message_filled_in(a, in, to->left > 0 ? MSG_M14 : MSG_M15,
	    mail_escape(a, to->username), left);
	struct str site = mail_escape(a, site_address(o));

	return (struct letter){
		.kind = LETTER_MAIL,
		.recipient = to->email,
		.subject =
		    message_filled_in(a, in, MSG_M13, option_text(o, OPT_SYSTEM_NAME), nothing),
		.html = str_c(arena_fmt(a, "<p>%.*s</p>\n<p><a href=\"%.*s/topup\">%s</a></p>",
		    STR_ARG(said), STR_ARG(site), message_in(in, MSG_M16))),
	};
}
