/* attr.h — every macro that the whole tree shares
 *
 * Attributes that gcc and clang both know, and three small expressions. A macro that only one
 * module needs lives in that module.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller must look at the result. */
#define MUST_USE __attribute__((warn_unused_result))
/* printf-like: fmt is the 1-based position of the format, args of the first argument. */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
/* Returns fresh memory that nothing else points to, never NULL. */
#define RETURNS_NEW __attribute__((malloc, returns_nonnull))
#define NO_RETURN __attribute__((noreturn))

/* Number of elements of an array (not of a pointer). */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* The struct that holds `member` at address `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* Marks a parameter that an interface demands and this function has no use for. */
#define UNUSED __attribute__((unused))

#endif
