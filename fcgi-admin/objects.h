/* objects.h — how users, keys, channels, codes and log rows look on the wire
 *
 * Every member is always there, with these names; scripts and web pages rely on it. Reading is
 * each handler's own, since each takes other members.
 */
#ifndef ADMIN_OBJECTS_H
#define ADMIN_OBJECTS_H

#include "base/field.h"

extern const struct field user_wire[];       /* struct user */
extern const struct field token_wire[];      /* struct token */
extern const struct field channel_wire[];    /* struct channel */
extern const struct field redemption_wire[]; /* struct redemption */
extern const struct field log_wire[];        /* struct logrow */

#endif
