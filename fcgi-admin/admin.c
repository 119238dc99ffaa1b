#include "admin.h"

static void put(void *catalog)
{
	catalog_put(catalog);
}

const struct catalog *catalog_of(struct req *r)
{
	struct catalog *catalog = runtime_catalog(&admin_of(r)->rt);

	arena_defer(r->arena, put, catalog);
	return catalog;
}

const struct options *options_of(struct req *r)
{
	return &catalog_of(r)->options;
}

struct str site_address(const struct options *o)
{
	return str_without_slashes(str_trim(option_text(o, OPT_SERVER_ADDRESS)));
}
