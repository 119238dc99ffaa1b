#include "admin.h"

static void put(void *catalog)
{
	catalog_put(catalog);
}

const struct options *options_of(struct req *r)
{
	struct catalog *catalog = runtime_catalog(&admin_of(r)->rt);

	arena_defer(r->arena, put, catalog);
	return &catalog->options;
}
