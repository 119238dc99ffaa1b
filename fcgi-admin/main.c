/* main.c — fcgi-admin: accounts, keys, channels and settings over /api */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "body.h"
#include "bootstrap.h"
#include "reply.h"
#include "routes.h"

#define RATE_CELLS 65536

/* clang-format off */
static const struct conf_key admin_keys[] = {
	{ "GLOBAL_API_RATE_LIMIT", CONF_INT, "480", 0, 1000000000, "requests to /api per client address and 180 s; 0: no limit" },
	{ "GLOBAL_WEB_RATE_LIMIT", CONF_INT, "240", 0, 1000000000, "accepted, not used: pages are served, and limited, by the web server" },
	{ "NODE_TYPE", CONF_TEXT, "master", 0, 0, "slave: this node does not make the root account" },
	{ "INITIAL_ROOT_TOKEN", CONF_TEXT, "", 0, 0, "first start: API key of root, with or without sk-" },
	{ "INITIAL_ROOT_ACCESS_TOKEN", CONF_TEXT, "", 0, 0, "first start: root's token for /api" },
	{ "INITIAL_ROOT_PASSWORD", CONF_TEXT, "", 0, 0, "first start: password of root, 8 to 72 characters; empty: random, in DATA_DIR/root-password" },
	{ "TEST_PROMPT", CONF_TEXT, "Answer with the name of the model that you are and nothing else.", 0, 0, "what a channel test asks" },
	{ 0 },
};
/* clang-format on */

static bool open_local(const void *settings, void **local, struct err *err)
{
	const struct admin *admin = settings;
	struct db *db;

	if (!runtime_db(&admin->rt, &db, err))
		return false;
	*local = db;
	return true;
}

static void close_local(void *local)
{
	db_close(local);
}

static void read_conf(struct admin *admin)
{
	const struct conf *conf = admin->rt.conf;

	admin->api_limit = conf_int(conf, "GLOBAL_API_RATE_LIMIT");
	admin->test_prompt = str_c(conf_text(conf, "TEST_PROMPT"));
	admin->root_token = str_c(conf_text(conf, "INITIAL_ROOT_TOKEN"));
	admin->root_access_token = str_c(conf_text(conf, "INITIAL_ROOT_ACCESS_TOKEN"));
	admin->root_password = str_c(conf_text(conf, "INITIAL_ROOT_PASSWORD"));
}

/* What is to be done once, before the first request. */
static bool prepare_store(const struct admin *admin, struct err *err)
{
	bool master = strcmp(conf_text(admin->rt.conf, "NODE_TYPE"), "slave") != 0;
	struct db *db;
	bool ok;

	if (!runtime_db(&admin->rt, &db, err))
		return false;
	ok = !master || bootstrap(admin, db, err);
	db_close(db);
	return ok;
}

static int serve(const struct admin *admin)
{
	struct route_table *routes = routes_table();
	struct server_config config = {
		.routes = routes,
		.admit = access_admit,
		.refuse = reply_error,
		.local_open = open_local,
		.local_close = close_local,
		.settings = admin,
	};
	int status;

	runtime_server_config(&admin->rt, &config);
	config.fcgi.refuse = reply_error;
	if (config.fcgi.max_body_bytes > BODY_MAX_LARGE)
		config.fcgi.max_body_bytes = BODY_MAX_LARGE;
	status = server_run(&config);
	route_table_free(routes);
	return status;
}

int main(int argc, char **argv)
{
	static struct admin admin;
	struct err err = { 0 };
	int status;

	if (argc == 2 && strcmp(argv[1], "routes") == 0) {
		routes_print();
		return 0;
	}
	if (!runtime_open(&admin.rt, argc, argv, "fcgi-admin", admin_keys, &status))
		return status;
	if (admin.rt.argc > 0) {
		fprintf(stderr, "fcgi-admin: unknown command '%s', see --help\n", admin.rt.argv[0]);
		runtime_close(&admin.rt);
		return 2;
	}
	read_conf(&admin);
	admin.rates = rate_table_new(RATE_CELLS);
	if (prepare_store(&admin, &err)) {
		status = serve(&admin);
	} else {
		fprintf(stderr, "fcgi-admin: %s%s%s\n", err.msg, *err.detail ? ": " : "",
		    err.detail);
		status = 1;
	}
	rate_table_free(admin.rates);
	runtime_close(&admin.rt);
	return status;
}
