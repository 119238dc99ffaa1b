/* commands.h — what a person with a shell can do: fcgi-admin COMMAND …
 *
 * A command is a row of the table in commands.c: name, arguments, one sentence, its function.
 * `fcgi-admin COMMAND --help` says more, `fcgi-admin help` lists them. Options of the program
 * (--env FILE) stand before the command. Exit status: 0 done, 1 it did not work or something is
 * wrong, 2 a mistake on the command line. What a command changes is in the audit log, as by nobody.
 */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "base/conf.h"

struct admin;

/* Before anything is opened. True: it was one that needs nothing (help, routes) or must not have the
 * database open (restore), and *status is the program's. */
bool command_early(int argc, char **argv, const struct conf_key *keys, int *status);
/* admin->rt is open, and its argc > 0. The program's exit status. */
int command_run(struct admin *admin);

#endif
