/* rotate.h — fcgi-admin rotate-secret: everything sealed gets a new key, in one transaction
 *
 *	fcgi-admin rotate-secret                                   without SESSION_SECRET: a new secret.key
 *	NEW_SESSION_SECRET=… fcgi-admin rotate-secret              else: then put the new one in its place
 *
 * No other program may run meanwhile: each holds a lock in DATA_DIR (runtime.h) and this one wants it
 * alone. With several machines stop those of the others by hand. A rotation that broke off is
 * finished, or begun anew, by calling this again: the database tells which key it is sealed under.
 *
 * Nothing but a hash is kept of sessions, access tokens and recovery codes, so they are void
 * afterwards: everybody signs in again, and makes new ones.
 */
#ifndef ADMIN_ROTATE_H
#define ADMIN_ROTATE_H

struct runtime;

/* The program's exit status. */
int rotate_secret(struct runtime *rt);

#endif
