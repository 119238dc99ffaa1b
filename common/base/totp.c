#include "base/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/secret.h"

#define SHA1_LEN 20

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void totp_secret(char out[TOTP_SECRET_LEN + 1])
{
	uint8_t bytes[TOTP_SECRET_LEN];

	/* Each letter is five bits, and 32 letters are 160 of them: drawing letters is as good. */
	secret_random(bytes, sizeof(bytes));
	for (int i = 0; i < TOTP_SECRET_LEN; i++)
		out[i] = alphabet[bytes[i] & 31];
	out[TOTP_SECRET_LEN] = '\0';
	mem_wipe(bytes, sizeof(bytes));
}

static bool decode(struct str secret, uint8_t out[TOTP_SECRET_BYTES])
{
	uint32_t bits = 0;
	size_t at = 0;
	int held = 0;

	if (secret.n != TOTP_SECRET_LEN)
		return false;
	for (size_t i = 0; i < secret.n; i++) {
		size_t value = str_find(str_c(alphabet), secret.p[i]);

		if (value > 31)
			return false;
		bits = bits << 5 | (uint32_t)value;
		held += 5;
		if (held >= 8) {
			held -= 8;
			out[at++] = (uint8_t)(bits >> held);
		}
	}
	return true;
}

/* RFC 4226, 5.3: four bytes of the hash from where its last four bits say. */
void totp_code(const uint8_t *key, size_t key_n, int64_t step, int digits, char out[9])
{
	static const uint32_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000 };
	uint8_t counter[8], hash[SHA1_LEN];
	unsigned hash_n = 0, at;
	uint32_t number;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	if (!HMAC(EVP_sha1(), key, (int)key_n, counter, sizeof(counter), hash, &hash_n))
		hash_n = 0;
	at = hash_n == SHA1_LEN ? hash[SHA1_LEN - 1] & 15 : 0;
	number = hash_n == SHA1_LEN ? ((uint32_t)hash[at] & 0x7f) << 24 |
	        (uint32_t)hash[at + 1] << 16 | (uint32_t)hash[at + 2] << 8 | hash[at + 3]
	                            : 0;
	/* Without SHA-1 in this libcrypto there are no codes, not guessable ones. */
	if (hash_n == SHA1_LEN)
		(void)snprintf(out, 9, "%0*u", digits, (unsigned)(number % powers[digits]));
	else
		out[0] = '\0';
}

int64_t totp_match(struct str secret, struct str code, int64_t now)
{
	uint8_t key[TOTP_SECRET_BYTES];
	char given[TOTP_DIGITS], right[9];
	int64_t step = now / TOTP_STEP_S, found = 0;
	size_t n = 0;

	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] == ' ')
			continue;
		if (n == sizeof(given))
			return 0;
		given[n++] = code.p[i];
	}
	if (n != sizeof(given) || !decode(secret, key))
		return 0;
	for (int64_t s = step - 1; s <= step + 1; s++) {
		totp_code(key, sizeof(key), s, TOTP_DIGITS, right);
		if (secret_equal(str_c(right), (struct str){ given, n }))
			found = s;
	}
	mem_wipe(key, sizeof(key));
	return found;
}
