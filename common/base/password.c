#include "base/password.h"

#include <crypt.h>

#include "base/mem.h"
#include "base/secret.h"

/* "$2a$10$", 22 characters of salt, 31 of hash. */
#define BCRYPT_LEN 60
/* What bcrypt reads of a password; longer ones were cut there by whoever made the hash. */
#define BCRYPT_PASSWORD_MAX 72

bool password_is_current(struct str hash)
{
	return str_starts(hash, STR("$s1$"));
}

static bool is_bcrypt(struct str hash)
{
	int64_t cost;

	return hash.n == BCRYPT_LEN && str_starts(hash, STR("$2")) &&
	    (hash.p[2] == 'a' || hash.p[2] == 'b' || hash.p[2] == 'y') && hash.p[3] == '$' &&
	    hash.p[6] == '$' &&
	    str_to_int(str_slice(hash, 4, 6), 4, PASSWORD_BCRYPT_COST_MAX, &cost);
}

/* crypt(3) takes NUL-terminated text, and so what follows a NUL would count for nothing. */
static bool bcrypt_check(struct str password, struct str hash)
{
	char setting[BCRYPT_LEN + 1], text[BCRYPT_PASSWORD_MAX + 1];
	size_t n = password.n < BCRYPT_PASSWORD_MAX ? password.n : BCRYPT_PASSWORD_MAX;
	struct crypt_data *data;
	const char *made;
	bool right;

	if (str_find(password, '\0') < password.n)
		return false;
	memcpy(setting, hash.p, BCRYPT_LEN);
	setting[BCRYPT_LEN] = '\0';
	memcpy(text, n ? password.p : "", n);
	text[n] = '\0';
	data = MEM_NEW(struct crypt_data);
	made = crypt_r(text, setting, data);
	right = made && secret_equal(str_c(made), hash);
	mem_wipe(text, sizeof(text));
	mem_wipe(data, sizeof(*data));
	mem_free(data);
	return right;
}

bool password_check(struct str password, struct str hash)
{
	return is_bcrypt(hash) ? bcrypt_check(password, hash)
	                       : secret_password_check(password, hash);
}
