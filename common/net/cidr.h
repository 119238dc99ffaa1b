/* cidr.h — is an address in a list of networks?
 *
 * The list is text as operators write it: "10.0.0.0/8, 2001:db8::/32, 192.0.2.7". An entry that
 * does not parse never matches. An IPv4 address also matches written as ::ffff:a.b.c.d.
 *
 * Threads  pure.
 */
#ifndef NET_CIDR_H
#define NET_CIDR_H

#include "base/str.h"

struct arena;

bool cidr_list_has(struct str list, struct str address);
/* An address of the public internet: not private, loopback, link-local, multicast, reserved,
 * documentation, nor an IPv6 form that hides an IPv4 address (the IANA special-purpose address
 * registries). */
bool cidr_is_public(struct str address);
/* Who an address stands for when something is counted per address: an IPv6 network of 64 bits, since
 * everybody is given a whole one, as "2001:db8:1:2::"; an IPv4 address as it is, also where it was
 * written as ::ffff:a.b.c.d. What is no address stays as it is. Both programs count by this. */
struct str cidr_client(struct arena *a, struct str address);
/* One entry: an address, or an address, `/` and a prefix length. */
bool cidr_valid(struct str entry);

#endif
