/* banned.h — calls that do not compile in `make check`
 *
 * Force-included before everything else, where it makes each name below an error. What to use
 * instead:
 *
 *	strcpy strcat sprintf vsprintf gets	struct buf, arena_fmt, snprintf
 *	strtok					str_next
 *	atoi atol atof				str_to_int, str_to_double
 *	gmtime localtime ctime asctime		gmtime_r, strftime
 *	rand					secret_pick, secret_random
 *
 * The headers that declare them come first: a name may stand in what was read before the pragma.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>

/* Macros in some compilers' fortified headers. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf gets
#pragma GCC poison strtok
#pragma GCC poison atoi atol atof
#pragma GCC poison gmtime localtime ctime asctime

/* Also a parameter's name in OpenSSL and libscrypt, so the function goes and the name stays. */
int rand(void) __attribute__((unavailable("use secret_pick or secret_random")));

#endif
