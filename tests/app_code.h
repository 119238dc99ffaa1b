/* app_code.h — the code of an authenticator app, from the secret as a person types it */
#ifndef TESTS_APP_CODE_H
#define TESTS_APP_CODE_H

#include <string.h>

#include "base/clock.h"
#include "base/totp.h"

/* Of a base32 secret, `steps` from now. */
static inline void app_code(const char *secret, int steps, char out[9])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char key[TOTP_SECRET_BYTES];
	unsigned bits = 0, held = 0, n = 0;

	for (int i = 0; i < TOTP_SECRET_LEN; i++) {
		bits = bits << 5 | (unsigned)(strchr(letters, secret[i]) - letters);
		held += 5;
		if (held >= 8)
			key[n++] = (unsigned char)(bits >> (held -= 8));
	}
	totp_code(key, sizeof(key), clock_unix() / TOTP_STEP_S + steps, TOTP_DIGITS, out);
}

#endif
