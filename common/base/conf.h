/* conf.h — configuration from the environment and a `.env` file, checked against a table
 *
 * Every setting is a row of a const table: name, type, default, bounds, one sentence. The same row
 * checks the value at start, prints `--help-config`, and is the documentation. The file never
 * overrides a variable that the environment already has (one-api does the same). A malformed value
 * is an error that names the setting and, when it came from the file, the line.
 *
 *	static const struct conf_key keys[] = {
 *		{ "PORT", CONF_INT, "3000", 1, 65535, "port that `make run` binds" },
 *		{ 0 },
 *	};
 *
 * Syntax of the file: NAME=value, one a line; blank lines and lines starting with # are skipped;
 * `export ` before the name is allowed; a value may stand in single quotes (taken literally) or
 * double quotes (\n \t \" \\ understood); unknown names are allowed (other programs share it).
 * A # after a blank starts a comment, except within quotes; of two lines with the same name the
 * later counts. An empty value, also in the environment, means the default, as in one-api.
 * Booleans are true, false, 1 or 0. Error messages never quote a value: it may be a secret.
 *
 * Owns     struct conf owns its strings. Threads  read-only after conf_load.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/attr.h"
#include "base/str.h"

struct err;
struct conf;

enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL, CONF_DOUBLE };

struct conf_key {
	const char *name;
	enum conf_type type;
	const char *fallback; /* as it would be written; "" is allowed for text */
	int64_t min, max;     /* CONF_INT and CONF_DOUBLE */
	const char *help;
};

/* path NULL or absent: no file, unless must_exist. tables: NULL-terminated list of tables, each
 * ending with an empty row. Returns owned. */
MUST_USE bool conf_load(const char *path, bool must_exist, const struct conf_key *const *tables,
    struct conf **out, struct err *err);
void conf_free(struct conf *c);

/* The name must be in a table with that type; anything else is our own bug (assert). */
const char *conf_text(const struct conf *c, const char *name);
int64_t conf_int(const struct conf *c, const char *name);
bool conf_bool(const struct conf *c, const char *name);
double conf_double(const struct conf *c, const char *name);
/* Was it set by the operator (environment or file)? */
bool conf_is_set(const struct conf *c, const char *name);

/* Prints every row of the tables: name, default, help. */
void conf_print_help(const struct conf_key *const *tables);

#endif
