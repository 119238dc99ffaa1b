/* token_cache.c — see token_cache.h */
#include "provider/token_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

#define SLOTS 256
/* No token is handed out so shortly before its end; and so long before that the next is fetched. */
#define MARGIN_S 60
#define EARLY_S 300
/* So long the one who fetches may take before another tries. */
#define FETCH_S 30

struct slot {
	uint8_t key[TOKEN_KEY_BYTES];
	char *token; /* NULL: free */
	size_t n;
	int64_t expires_at, fetch_at; /* fetch_at: from then on the next one is wanted */
};

static struct {
	pthread_mutex_t lock; /* guards the slots */
	struct slot slots[SLOTS];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

void token_cache_key(const struct str *parts, size_t n, uint8_t key[TOKEN_KEY_BYTES])
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool ok = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(hash, &parts[i].n, sizeof(parts[i].n)) &&
		    EVP_DigestUpdate(hash, parts[i].p, parts[i].n);
	if (!ok || !EVP_DigestFinal_ex(hash, key, NULL))
		abort();
	EVP_MD_CTX_free(hash);
}

static void forget(struct slot *s)
{
	if (s->token)
		OPENSSL_cleanse(s->token, s->n);
	mem_free(s->token);
	*s = (struct slot){ 0 };
}

static struct slot *find(const uint8_t key[TOKEN_KEY_BYTES])
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &table.slots[i];

		if (s->token && memcmp(s->key, key, TOKEN_KEY_BYTES) == 0)
			return s;
	}
	return NULL;
}

/* A free one, or the one whose token ends first. */
static struct slot *make_room(void)
{
	struct slot *first = &table.slots[0];

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &table.slots[i];

		if (!s->token)
			return s;
		if (s->expires_at < first->expires_at)
			first = s;
	}
	forget(first);
	return first;
}

bool token_cache_get(const uint8_t key[TOKEN_KEY_BYTES], struct arena *a, struct str *token)
{
	int64_t now = clock_unix();
	bool found = false;
	struct slot *s;

	pthread_mutex_lock(&table.lock);
	s = find(key);
	if (s && s->expires_at - MARGIN_S <= now) {
		forget(s);
	} else if (s && s->fetch_at <= now) {
		s->fetch_at = now + FETCH_S;
	} else if (s) {
		*token = arena_str(a, (struct str){ s->token, s->n });
		found = true;
	}
	pthread_mutex_unlock(&table.lock);
	return found;
}

void token_cache_put(const uint8_t key[TOKEN_KEY_BYTES], struct str token, int64_t expires_in_s)
{
	int64_t now = clock_unix();
	struct slot *s;

	if (token.n == 0 || token.n > TOKEN_MAX_BYTES || expires_in_s <= MARGIN_S)
		return;
	pthread_mutex_lock(&table.lock);
	s = find(key);
	if (s)
		forget(s);
	else
		s = make_room();
	memcpy(s->key, key, TOKEN_KEY_BYTES);
	s->token = mem_alloc(token.n);
	memcpy(s->token, token.p, token.n);
	s->n = token.n;
	s->expires_at = now + expires_in_s;
	s->fetch_at = s->expires_at - EARLY_S;
	if (s->fetch_at <= now)
		s->fetch_at = now + expires_in_s / 2;
	pthread_mutex_unlock(&table.lock);
}

void token_cache_drop(const uint8_t key[TOKEN_KEY_BYTES], struct str token)
{
	struct slot *s;

	pthread_mutex_lock(&table.lock);
	s = find(key);
	if (s && str_eq((struct str){ s->token, s->n }, token))
		forget(s);
	pthread_mutex_unlock(&table.lock);
}
