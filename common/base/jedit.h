/* jedit.h — JSON edited as text: edits are collected, then applied in one copy
 *
 *	struct jedit e = jedit_new(arena, root);
 *	jedit_set(&e, root, STR("model"), STR("\"gpt-4o\""));
 *	jedit_drop(&e, root, STR("user"));
 *	jedit_apply(&e, &out);
 *
 * Edits may come in any order and lie in nested objects; they are applied in the order of the text.
 * Blanks and everything else that no edit names stay byte for byte. Of equal names all are set or
 * dropped. Editing a value and something inside it, and setting or dropping one member twice, is
 * our own bug (assert).
 *
 * What a stranger's text can cause is no assert: an object or array that is none, or more than
 * JEDIT_MAX edits (a body full of equal names), spoils the edit, and jedit_apply then marks its
 * output as overflowed, so that buf_ok tells.
 *
 * Owns     nothing: edits are in the arena. Raw text is borrowed until jedit_apply.
 * Threads  pure.
 */
#ifndef BASE_JEDIT_H
#define BASE_JEDIT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/jscan.h"
#include "base/str.h"

#define JEDIT_MAX 4096

struct jedit_cut;

struct jedit {
	struct arena *arena;
	struct str source;
	struct jedit_cut *cuts;
	size_t n, cap;
	bool spoilt;
};

struct jedit jedit_new(struct arena *a, struct jval root);
/* Puts raw JSON text in place of a value. */
void jedit_replace(struct jedit *e, struct jval old, struct str raw);
/* Replaces the member of that name or appends one. object must lie in the source. */
void jedit_set(struct jedit *e, struct jval object, struct str name, struct str raw);
/* Removes the member with its comma. */
void jedit_drop(struct jedit *e, struct jval object, struct str name);
/* Puts raw in front of the first item of an array; several stand in the order of the calls. */
void jedit_prepend(struct jedit *e, struct jval array, struct str raw);
/* Writes the edited text to out. */
void jedit_apply(const struct jedit *e, struct buf *out);

#endif
