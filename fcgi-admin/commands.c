#include "commands.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bootstrap.h"
#include "import.h"
#include "person.h"
#include "reconcile.h"
#include "restore.h"
#include "rotate.h"
#include "routes.h"
#include "store/auditlog.h"
#include "store/second_factor.h"
#include "store/user.h"

/* What a command has at hand. */
struct shell {
	struct admin *admin;
	struct db *db;
	struct arena *arena;
	const char *argument; /* NULL: none was given */
	bool fix, drop_factor, without_log;
};

struct command {
	const char *name, *arguments;
	int least, most; /* arguments, without options */
	/* The exit status. */
	int (*run)(struct shell *sh, struct err *err);
	const char *summary, *help;
};

static int failed(const struct err *err)
{
	fprintf(stderr, "fcgi-admin: %s%s%s\n", err->msg, *err->detail ? ": " : "", err->detail);
	return 1;
}

/* In the transaction of the change. */
static bool note(struct shell *sh, const char *action, const struct user *u, const char *after,
    struct err *err)
{
	struct audit_entry e = {
		.username = STR("command line"),
		.action = str_c(action),
		.subject = STR("user"),
		.subject_id = str_c(arena_fmt(sh->arena, "%" PRId64, u->id)),
		.after = str_c(after),
	};

	return audit_insert(sh->db, &e, err);
}

/* ---- accounts ---------------------------------------------------------------------------------*/

/* *name "": nobody alive is root. */
static bool find_root(struct shell *sh, struct str *name, struct err *err)
{
	static const char sql[] = "SELECT username FROM users WHERE role >= 100 AND status <> 3 "
	                          "ORDER BY id LIMIT 1";
	struct rows rows;

	*name = STR("");
	if (!db_query(sh->db, sql, BIND_NONE, &rows, err))
		return false;
	if (rows_next(&rows))
		*name = arena_str(sh->arena, rows_text(&rows, 0));
	return rows_close(&rows, err);
}

static bool insert_root(struct shell *sh, struct user *u, struct err *err)
{
	if (!db_begin(sh->db, err))
		return false;
	if (!user_insert(sh->db, u, err) ||
	    !note(sh, "create-root", u, "{\"role\":\"100\"}", err)) {
		db_rollback(sh->db);
		return false;
	}
	return db_commit(sh->db, err);
}

static int create_root(struct shell *sh, struct err *err)
{
	char password[BOOTSTRAP_PASSWORD_LEN + 1];
	struct user u = {
		.username = str_c(sh->argument ? sh->argument : "root"),
		.display_name = STR("Root User"),
		.role = ROLE_ROOT,
		.status = USER_ENABLED,
		.group = STR("default"),
		.quota = BOOTSTRAP_QUOTA,
		.created_at = clock_unix(),
	};
	struct str root;

	if (!find_root(sh, &root, err))
		return failed(err);
	if (root.n) {
		fprintf(stderr, "fcgi-admin: there is a root already: '%.*s'; see reset-password\n",
		    STR_ARG(root));
		return 1;
	}
	if (u.username.n == 0 || !str_is_utf8(u.username) ||
	    str_code_points(u.username) > PERSON_NAME_MAX ||
	    str_find(u.username, '@') < u.username.n) {
		fprintf(stderr, "fcgi-admin: a name has 1 to %d characters and no @\n",
		    PERSON_NAME_MAX);
		return 2;
	}
	secret_random_alnum(password, BOOTSTRAP_PASSWORD_LEN);
	u.password = str_c(secret_password_hash(sh->arena, str_c(password)));
	if (!insert_root(sh, &u, err)) {
		if (str_eq_c(str_c(err->code), "duplicate"))
			fprintf(stderr, "fcgi-admin: the name '%.*s' is taken\n",
			    STR_ARG(u.username));
		else
			failed(err);
		return 1;
	}
	printf("user: %.*s\npassword: %s\n", STR_ARG(u.username), password);
	mem_wipe(password, sizeof password);
	return 0;
}

static bool set_password(struct shell *sh, const struct user *u, const char *password,
    struct err *err)
{
	struct str hash = str_c(secret_password_hash(sh->arena, str_c(password)));

	if (!db_begin(sh->db, err))
		return false;
	if (!user_set_password(sh->db, u->id, hash, err) ||
	    (sh->drop_factor && !second_factor_drop(sh->db, u->id, err)) ||
	    !note(sh, "reset-password", u, "{\"password\":\"***\"}", err)) {
		db_rollback(sh->db);
		return false;
	}
	return db_commit(sh->db, err);
}

static int reset_password(struct shell *sh, struct err *err)
{
	char password[BOOTSTRAP_PASSWORD_LEN + 1];
	bool has_factor = false;
	struct user u;

	if (!user_by_name(sh->db, sh->arena, str_c(sh->argument), &u, err)) {
		if (err->kind != ERR_NOT_FOUND)
			return failed(err);
		fprintf(stderr, "fcgi-admin: there is no user '%s'\n", sh->argument);
		return 1;
	}
	secret_random_alnum(password, BOOTSTRAP_PASSWORD_LEN);
	if (!set_password(sh, &u, password, err) ||
	    !second_factor_in_force(sh->db, u.id, &has_factor, err))
		return failed(err);
	printf("user: %.*s\npassword: %s\n", STR_ARG(u.username), password);
	mem_wipe(password, sizeof password);
	if (u.status != USER_ENABLED)
		fprintf(stderr, "note: this account is disabled\n");
	if (has_factor)
		fprintf(stderr,
		    "note: a second factor is still asked for; "
		    "--drop-second-factor takes it away\n");
	return 0;
}

/* ---- settings ---------------------------------------------------------------------------------*/

static int check_config(struct shell *sh, struct err *err)
{
	const struct runtime *rt = &sh->admin->rt;
	struct stat st;

	/* That it was opened says that settings, folder, secret and database are right. */
	printf("settings, DATA_DIR, data key and database are fine\n");
	if (stat(rt->data_dir, &st) == 0 && st.st_mode & 077)
		printf("warning: others can look into DATA_DIR '%s'; chmod 700 it\n", rt->data_dir);
	if (!*conf_text(rt->conf, "TRUSTED_PROXIES"))
		printf("note: TRUSTED_PROXIES is empty; behind a proxy all clients have its "
		       "address\n");
	return 0;
}

/* ---- backup -----------------------------------------------------------------------------------*/

static int backup(struct shell *sh, struct err *err)
{
	struct stat st;

	if (!db_backup(sh->db, sh->argument, err))
		return failed(err);
	if (stat(sh->argument, &st) == 0)
		printf("%s: %lld bytes\n", sh->argument, (long long)st.st_size);
	if (!*conf_text(sh->admin->rt.conf, "SESSION_SECRET"))
		printf("keys in it are sealed: keep %s/secret.key as well, elsewhere\n",
		    sh->admin->rt.data_dir);
	return 0;
}

/* ---- books ------------------------------------------------------------------------------------*/

static void print_line(const char *text, void *arg)
{
	printf("%s\n", text);
}

static int reconcile_books(struct shell *sh, struct err *err)
{
	struct reconcile_report r;

	if (!reconcile(sh->db, print_line, NULL, &r, err))
		return failed(err);
	if (r.wrong_hours && sh->fix) {
		if (!reconcile_rebuild(sh->db, err))
			return failed(err);
		printf("sums by the hour were made anew; looking again\n");
		if (!reconcile(sh->db, print_line, NULL, &r, err))
			return failed(err);
	}
	printf("%" PRId64 " users, %" PRId64 " keys, %" PRId64 " channels: %" PRId64
	       " differences\n",
	    r.users, r.keys, r.channels, r.wrong);
	if (r.wrong_hours && !sh->fix)
		printf("--fix makes the sums by the hour anew from the log\n");
	return r.wrong ? 1 : 0;
}

/* ---- from one-api ------------------------------------------------------------------------------*/

static void print_note(const char *text, void *arg)
{
	printf("note: %s\n", text);
}

static int import_file(struct shell *sh, struct err *err)
{
	struct import_report r;

	if (!import_database(sh->db, sh->admin->rt.box, sh->argument, !sh->without_log, print_note,
	        NULL, &r, err))
		return failed(err);
	printf("imported: %" PRId64 " users, %" PRId64 " keys, %" PRId64 " channels, %" PRId64
	       " redemption codes, %" PRId64 " options, %" PRId64 " log rows; %" PRId64 " notes\n",
	    r.users, r.keys, r.channels, r.codes, r.options, r.log_rows, r.notes);
	printf("a model without a price costs the ratio 30, as it did: option UnpricedModel\n");
	return 0;
}

static int rotate(struct shell *sh, struct err *err)
{
	return rotate_secret(&sh->admin->rt);
}

/* ---- the table --------------------------------------------------------------------------------*/

/* clang-format off */
static const struct command commands[] = {
	{ "create-root", "[NAME]", 0, 1, create_root,
	  "makes a root account when there is none, and prints its password",
	  "NAME is root unless said otherwise. Refused while a root account exists: see\n"
	  "reset-password." },
	{ "reset-password", "NAME [--drop-second-factor]", 1, 1, reset_password,
	  "gives an account a random password and prints it",
	  "Ends all its sessions and its access token. --drop-second-factor takes away its\n"
	  "second factor too, for somebody who lost both." },
	{ "routes", "", 0, 0, NULL,
	  "lists every route: method, least role, path", "" },
	{ "check-config", "", 0, 0, check_config,
	  "checks settings, folder, data key and database as a start would",
	  "Brings the database to this build's schema, as every start does." },
	{ "backup", "FILE", 1, 1, backup,
	  "copies the database to FILE while everything runs",
	  "One moment of the database, one file. FILE is replaced at the very end. Keys in it\n"
	  "are sealed with DATA_DIR/secret.key or SESSION_SECRET: keep that as well." },
	{ "restore", "FILE", 1, 1, NULL,
	  "makes FILE, a backup, the database; nothing may run meanwhile",
	  "What was the database stays as DATA_DIR/oneapi.db.before-restore. What a crash left in\n"
	  "settle-*.journal in DATA_DIR belongs to the old one: look there first." },
	{ "import", "FILE [--without-log]", 1, 1, import_file,
	  "takes over the SQLite database of one-api: users, keys, channels, options, log",
	  "Stop one-api first; FILE is only read. Everybody signs in and calls as before: ids,\n"
	  "passwords, keys, codes and balances stay. Into a new DATA_DIR only, before the first\n"
	  "start. All or nothing; what could not stay as it was is told in a note each." },
	{ "reconcile", "[--fix]", 0, 0, reconcile_books,
	  "proves the books: granted - left - reserved = charged = log",
	  "For each user, key and channel; prints each difference and ends with status 1 when\n"
	  "there is one. May run while everything runs. --fix makes the sums by the hour anew\n"
	  "from the log when these differ; balances are never changed." },
	{ "rotate-secret", "", 0, 0, rotate,
	  "seals everything under a new data key; nothing may run meanwhile",
	  "Without SESSION_SECRET a new DATA_DIR/secret.key is made; with it, the new one is\n"
	  "taken from NEW_SESSION_SECRET and has to be put in its place afterwards." },
};
/* clang-format on */

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void print_help(const struct command *c)
{
	printf("usage: fcgi-admin [--env FILE] %s%s%s\n%s.\n%s%s", c->name,
	    *c->arguments ? " " : "", c->arguments, c->summary, c->help, *c->help ? "\n" : "");
}

static void print_list(void)
{
	printf("usage: fcgi-admin [--env FILE] COMMAND …, or without a command to serve "
	       "(--help)\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		printf("  %-14s %s\n", commands[i].name, commands[i].summary);
	printf("fcgi-admin COMMAND --help says more.\n");
}

static int usage(const struct command *c)
{
	fprintf(stderr, "usage: fcgi-admin [--env FILE] %s %s\n", c->name, c->arguments);
	return 2;
}

/* Options are few and belong to one command each; another's is a mistake. */
static bool read_arguments(const struct command *c, int argc, char **argv, struct shell *sh)
{
	int count = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--fix") == 0 && c->run == reconcile_books)
			sh->fix = true;
		else if (strcmp(argv[i], "--drop-second-factor") == 0 && c->run == reset_password)
			sh->drop_factor = true;
		else if (strcmp(argv[i], "--without-log") == 0 && c->run == import_file)
			sh->without_log = true;
		else if (argv[i][0] == '-' || ++count > c->most)
			return false;
		else
			sh->argument = argv[i];
	}
	return count >= c->least;
}

/* ---- running them -----------------------------------------------------------------------------*/

static int run_restore(int argc, char **argv, const struct conf_key *keys)
{
	struct runtime rt;
	struct err err = { 0 };
	int status;

	if (!runtime_open_alone(&rt, argc, argv, "fcgi-admin", keys, &status))
		return status;
	if (restore(&rt, rt.argv[1], &err)) {
		printf("restored; the database before is %s/oneapi.db.before-restore\n",
		    rt.data_dir);
		status = 0;
	} else {
		status = failed(&err);
	}
	runtime_close(&rt);
	return status;
}

/* Where the command stands, behind the program's options; argc when there is none. */
static int command_at(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += strcmp(argv[i], "--env") == 0 || strcmp(argv[i], "--listen") == 0 ? 2 : 1;
	return i < argc ? i : argc;
}

bool command_early(int argc, char **argv, const struct conf_key *keys, int *status)
{
	int at = command_at(argc, argv), left = argc - at - 1;
	const struct command *c;
	struct shell sh = { 0 };

	*status = 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		print_list(); /* the program's own follows */
	if (at == argc)
		return false;
	if (strcmp(argv[at], "help") == 0) {
		print_list();
		return true;
	}
	c = find(argv[at]);
	if (!c) {
		fprintf(stderr, "fcgi-admin: unknown command '%s', see fcgi-admin help\n",
		    argv[at]);
		*status = 2;
		return true;
	}
	if (left > 0 && strcmp(argv[at + 1], "--help") == 0) {
		print_help(c);
		return true;
	}
	if (!read_arguments(c, left, argv + at + 1, &sh)) {
		*status = usage(c);
		return true;
	}
	if (c->run)
		return false;
	if (strcmp(c->name, "routes") == 0)
		routes_print();
	else
		*status = run_restore(argc, argv, keys);
	return true;
}

int command_run(struct admin *admin)
{
	const struct command *c = find(admin->rt.argv[0]);
	struct shell sh = { .admin = admin, .arena = arena_new(4096) };
	struct err err = { 0 };
	sigset_t none;
	int status = 1;

	/* Blocked for servers; a person may end this. */
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (!c || !c->run || !read_arguments(c, admin->rt.argc - 1, admin->rt.argv + 1, &sh))
		status = 2; /* command_early has said so */
	else if (!runtime_db(&admin->rt, &sh.db, &err))
		failed(&err);
	else
		status = c->run(&sh, &err);
	db_close(sh.db);
	arena_free(sh.arena);
	return status;
}
