#include "net/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"

/* Every address as 16 bytes; IPv4 in its ::ffff:0:0/96 form (RFC 4291, 2.5.5.2). */
struct network {
	uint8_t bytes[16];
	int bits;
};

static bool parse_address(struct str text, struct network *out)
{
	char buf[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.n == 0 || text.n >= sizeof buf)
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';

	if (inet_pton(AF_INET, buf, &v4) == 1) {
		memset(out->bytes, 0, 10);
		out->bytes[10] = out->bytes[11] = 0xff;
		memcpy(out->bytes + 12, &v4, 4);
		out->bits = 96;
		return true;
	}
	out->bits = 0;
	return inet_pton(AF_INET6, buf, out->bytes) == 1;
}

static bool parse_network(struct str entry, struct network *out)
{
	size_t slash = str_find(entry, '/');
	int64_t prefix;

	if (!parse_address(str_slice(entry, 0, slash), out))
		return false;
	if (slash == entry.n) {
		out->bits = 128;
		return true;
	}
	if (!str_to_int(str_slice(entry, slash + 1, entry.n), 0, 128 - out->bits, &prefix))
		return false;
	out->bits += (int)prefix;
	return true;
}

static bool contains(const struct network *net, const struct network *address)
{
	size_t whole = (size_t)net->bits / 8;
	unsigned rest = (unsigned)net->bits % 8;

	if (memcmp(net->bytes, address->bytes, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	return ((net->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

bool cidr_list_has(struct str list, struct str address)
{
	struct network net, from;
	struct str entry;

	if (!parse_address(str_trim(address), &from))
		return false;
	while (str_next(&list, ',', &entry)) {
		if (parse_network(str_trim(entry), &net) && contains(&net, &from))
			return true;
	}
	return false;
}

/* IPv4; IPv6 is turned round: only 2000::/3 is handed out, less what follows there. */
static const struct str not_public = STR_INIT("0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,"
                                              "169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,"
                                              "192.0.2.0/24,192.88.99.0/24,192.168.0.0/16,"
                                              "198.18.0.0/15,198.51.100.0/24,203.0.113.0/24,"
                                              "224.0.0.0/3,2001::/23,2001:db8::/32,2002::/16,"
                                              "3fff::/20");

bool cidr_is_public(struct str address)
{
	return cidr_list_has(STR("0.0.0.0/0,2000::/3"), address) &&
	    !cidr_list_has(not_public, address);
}

struct str cidr_client(struct arena *a, struct str address)
{
	char text[INET6_ADDRSTRLEN];
	struct network n;
	bool is_v4;

	if (!parse_address(str_trim(address), &n))
		return address;
	is_v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)n.bytes);
	if (!is_v4)
		memset(n.bytes + 8, 0, 8);
	if (!inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? n.bytes + 12 : n.bytes, text,
	        sizeof text))
		return address;
	return arena_str(a, str_c(text));
}

bool cidr_valid(struct str entry)
{
	struct network net;

	return parse_network(str_trim(entry), &net);
}
