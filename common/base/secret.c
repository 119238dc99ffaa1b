#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libscrypt.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jtext.h"
#include "base/log.h"
#include "base/mem.h"

#define KEY_LEN 32
#define SHA256_BLOCK 64
#define KEY_FILE "secret.key"
#define NEXT_FILE KEY_FILE ".next"
#define SESSION_SECRET_MIN 16

/* Sealed text before base64: version, nonce, ciphertext, tag. */
#define SEAL_VERSION 1
#define NONCE_LEN 12
#define TAG_LEN 16
#define SEAL_HEAD (1 + NONCE_LEN)

/* scrypt at 16 MiB; p = 1 keeps it near 50 ms. */
#define SCRYPT_COST_N (1U << 14)
#define SCRYPT_COST_R 8
#define SCRYPT_COST_P 1

/* DESIGN secret_hash runs for every request, several threads at once. An HMAC is two SHA-256 runs,
 * each of which starts with one block made of the key; the states after that block are kept, one
 * pair per label, and a hash copies them into a context of its own. Nothing in the box is written
 * after secret_box_open. */
struct hmac {
	EVP_MD_CTX *inner, *outer;
};

static const char *const prepared_labels[] = { "token", "access", "session", "channel_key" };

struct secret_box {
	EVP_MD *sha256;
	EVP_CIPHER *cipher;
	uint8_t data_key[KEY_LEN];
	uint8_t seal_key[KEY_LEN];
	struct hmac prepared[COUNT_OF(prepared_labels)];
};

/* What fails only when memory or libcrypto itself is broken. */
static void must(int ok, const char *what)
{
	if (ok == 1)
		return;
	log_error(NULL, "secret.broken", LOG_TEXT("call", what));
	abort();
}

/* --- Randomness --- */

void secret_random(void *out, size_t n)
{
	char *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		must(got > 0, "getrandom");
		p += got;
		n -= (size_t)got;
	}
}

void secret_random_alnum(char *out, size_t n)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned letters = sizeof(alphabet) - 1;
	uint8_t bytes[64];
	size_t done = 0;

	while (done < n) {
		secret_random(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes) && done < n; i++) {
			/* The rest above the last multiple would favour the first letters. */
			if (bytes[i] < 256 / letters * letters)
				out[done++] = alphabet[bytes[i] % letters];
		}
	}
	out[n] = '\0';
	mem_wipe(bytes, sizeof(bytes));
}

void secret_random_hex(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[32];

	for (size_t i = 0; i < n; i++) {
		size_t at = i % (2 * sizeof(bytes));

		if (at == 0)
			secret_random(bytes, sizeof(bytes));
		out[i] = digits[at % 2 ? bytes[at / 2] & 15 : bytes[at / 2] >> 4];
	}
	out[n] = '\0';
	mem_wipe(bytes, sizeof(bytes));
}

uint64_t secret_random_u64(void)
{
	uint64_t n;

	secret_random(&n, sizeof(n));
	return n;
}

/* splitmix64: one addition and a mix. */
static uint32_t pick_bits(void)
{
	static _Thread_local uint64_t state;
	uint64_t z;

	if (state == 0)
		state = secret_random_u64();
	z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 32);
}

uint32_t secret_pick(uint32_t bound)
{
	uint32_t unfair;
	uint64_t scaled;

	assert(bound > 0);
	/* The upper half of bits * bound is below bound; the few lower halves that would make some
	 * numbers more frequent are drawn again. */
	unfair = -bound % bound;
	do
		scaled = (uint64_t)pick_bits() * bound;
	while ((uint32_t)scaled < unfair);
	return (uint32_t)(scaled >> 32);
}

bool secret_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

/* --- Keys --- */

/* HKDF-SHA-256: another key for every use. */
static void derive(struct str from, const char *use, uint8_t out[KEY_LEN])
{
	static const char salt[] = "oneapi-fcgi";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256";
	/* libcrypto's parameters are not const, but only read. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt,
		    sizeof(salt) - 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)from.p,
		    from.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)use,
		    strlen(use)),
		OSSL_PARAM_construct_end(),
	};

	must(ctx && EVP_KDF_derive(ctx, out, KEY_LEN, params) == 1, "HKDF");
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static struct str key_str(const uint8_t key[KEY_LEN])
{
	return (struct str){ (const char *)key, KEY_LEN };
}

/* The state of SHA-256 after one block: the key, each byte with pad's bits turned (RFC 2104). */
static EVP_MD_CTX *after_key(const EVP_MD *sha256, const uint8_t key[KEY_LEN], uint8_t pad)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t block[SHA256_BLOCK];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = i < KEY_LEN ? key[i] ^ pad : pad;
	must(ctx && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 &&
	        EVP_DigestUpdate(ctx, block, sizeof(block)) == 1,
	    "SHA256");
	mem_wipe(block, sizeof(block));
	return ctx;
}

static struct hmac hmac_for(const struct secret_box *box, const char *label)
{
	uint8_t key[KEY_LEN];
	struct hmac h;
	char use[64];
	int n = snprintf(use, sizeof(use), "hash:%s", label);

	assert(n > 0 && (size_t)n < sizeof(use));
	derive(key_str(box->data_key), use, key);
	h = (struct hmac){ after_key(box->sha256, key, 0x36), after_key(box->sha256, key, 0x5c) };
	mem_wipe(key, sizeof(key));
	return h;
}

/* NULL inside is allowed. */
static void hmac_release(struct hmac *h)
{
	EVP_MD_CTX_free(h->inner);
	EVP_MD_CTX_free(h->outer);
}

static void hmac_run(const struct hmac *h, struct str text, uint8_t out[SECRET_HASH_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx && EVP_MD_CTX_copy_ex(ctx, h->inner) == 1 &&
	        EVP_DigestUpdate(ctx, text.p, text.n) == 1 &&
	        EVP_DigestFinal_ex(ctx, out, NULL) == 1 && EVP_MD_CTX_copy_ex(ctx, h->outer) == 1 &&
	        EVP_DigestUpdate(ctx, out, SECRET_HASH_LEN) == 1 &&
	        EVP_DigestFinal_ex(ctx, out, NULL) == 1,
	    "HMAC");
	EVP_MD_CTX_free(ctx);
}

void secret_hash(const struct secret_box *box, const char *label, struct str text,
    uint8_t out[SECRET_HASH_LEN])
{
	struct hmac other;

	for (size_t i = 0; i < COUNT_OF(prepared_labels); i++) {
		if (strcmp(label, prepared_labels[i]) == 0) {
			hmac_run(&box->prepared[i], text, out);
			return;
		}
	}
	other = hmac_for(box, label);
	hmac_run(&other, text, out);
	hmac_release(&other);
}

/* --- The key file --- */

static bool config_err(struct err *err, const char *what, const char *path)
{
	return err_set(err, ERR_CONFIG, "cannot %s '%s': %s", what, path, strerror(errno));
}

/* A file that others may read is no secret any more: better no start than a false one. */
static bool read_key(int fd, const char *path, uint8_t key[KEY_LEN], struct err *err)
{
	uint8_t bytes[KEY_LEN + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return config_err(err, "look at", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "'%s' is not a file", path);
	if (st.st_mode & 077)
		return err_set(err, ERR_CONFIG,
		    "'%s' must be for its owner only, but has mode %04o: chmod 600", path,
		    (unsigned)(st.st_mode & 07777));
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		return config_err(err, "read", path);
	if (n != KEY_LEN)
		return err_set(err, ERR_CONFIG, "'%s' must hold exactly %d bytes", path, KEY_LEN);
	memcpy(key, bytes, KEY_LEN);
	mem_wipe(bytes, sizeof(bytes));
	return true;
}

static bool write_key(int fd)
{
	uint8_t key[KEY_LEN];
	bool written;

	secret_random(key, sizeof(key));
	written = write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(fd) == 0;
	mem_wipe(key, sizeof(key));
	return written;
}

/* The name stays after a power cut only when the directory is written too. */
static bool sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return synced;
}

/* Of programs that start at the same moment one links its file first; all then read that one. */
static bool create_key(const char *dir, const char *path, struct err *err)
{
	char temp[PATH_MAX + 32], suffix[17];
	bool made;
	int fd;

	secret_random_hex(suffix, sizeof(suffix) - 1);
	snprintf(temp, sizeof(temp), "%s.%s", path, suffix);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return config_err(err, "create", temp);
	made = write_key(fd);
	if (!made)
		config_err(err, "write", temp);
	close(fd);
	if (made && link(temp, path) < 0 && errno != EEXIST)
		made = config_err(err, "create", path);
	if (unlink(temp) < 0 && made)
		made = config_err(err, "remove", temp);
	if (made && !sync_dir(dir))
		made = config_err(err, "write", dir);
	return made;
}

static bool path_of(const char *dir, const char *name, char path[PATH_MAX], struct err *err)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return (n > 0 && n < PATH_MAX) ||
	    err_set(err, ERR_CONFIG, "the path of '%s' is too long", name);
}

static bool key_from_file(const char *dir, const char *name, uint8_t key[KEY_LEN], struct err *err)
{
	char path[PATH_MAX];
	bool got;
	int fd;

	if (!path_of(dir, name, path, err))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (!create_key(dir, path, err))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return config_err(err, "open", path);
	got = read_key(fd, path, key, err);
	close(fd);
	return got;
}

static bool key_from_session_secret(struct str secret, uint8_t key[KEY_LEN], struct err *err)
{
	/* The value that stands in one-api's sample file. */
	if (str_eq(secret, STR("random_string")))
		return err_set(err, ERR_CONFIG,
		    "SESSION_SECRET is the sample value 'random_string': set a secret of your own");
	if (secret.n < SESSION_SECRET_MIN)
		return err_set(err, ERR_CONFIG, "SESSION_SECRET is shorter than %d characters",
		    SESSION_SECRET_MIN);
	derive(secret, "data key", key);
	return true;
}

/* Fills in what follows from the data key. */
static struct secret_box *prepare(struct secret_box *box)
{
	box->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	box->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	must(box->sha256 && box->cipher, "fetch");
	derive(key_str(box->data_key), "seal", box->seal_key);
	for (size_t i = 0; i < COUNT_OF(prepared_labels); i++)
		box->prepared[i] = hmac_for(box, prepared_labels[i]);
	return box;
}

bool secret_box_open(const char *data_dir, const char *session_secret, struct secret_box **out,
    struct err *err)
{
	struct str session = str_c(session_secret);
	struct secret_box *box = MEM_NEW(struct secret_box);

	if (session.n ? !key_from_session_secret(session, box->data_key, err)
	              : !key_from_file(data_dir, KEY_FILE, box->data_key, err)) {
		secret_box_free(box);
		return false;
	}
	*out = prepare(box);
	return true;
}

bool secret_next_exists(const char *data_dir)
{
	struct err ignored = { 0 };
	char path[PATH_MAX];

	return path_of(data_dir, NEXT_FILE, path, &ignored) && access(path, F_OK) == 0;
}

bool secret_box_open_next(const char *data_dir, struct secret_box **out, struct err *err)
{
	struct secret_box *box = MEM_NEW(struct secret_box);

	if (!key_from_file(data_dir, NEXT_FILE, box->data_key, err)) {
		secret_box_free(box);
		return false;
	}
	*out = prepare(box);
	return true;
}

bool secret_adopt_next(const char *data_dir, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (!path_of(data_dir, NEXT_FILE, from, err) || !path_of(data_dir, KEY_FILE, to, err))
		return false;
	if (rename(from, to) < 0)
		return config_err(err, "rename", from);
	return sync_dir(data_dir) || config_err(err, "write", data_dir);
}

void secret_box_free(struct secret_box *box)
{
	if (!box)
		return;
	for (size_t i = 0; i < COUNT_OF(box->prepared); i++)
		hmac_release(&box->prepared[i]);
	EVP_MD_free(box->sha256);
	EVP_CIPHER_free(box->cipher);
	mem_wipe(box, sizeof(*box));
	mem_free(box);
}

/* --- Sealed text --- */

/* Longer than any key or option, and what libcrypto's int lengths hold. */
#define SEAL_MAX ((size_t)64 * 1024 * 1024)

static const uint8_t *bytes_of(struct str s)
{
	return (const uint8_t *)(s.n ? s.p : "");
}

struct str secret_seal(const struct secret_box *box, struct arena *a, const char *aad,
    struct str plain)
{
	size_t sealed_n = SEAL_HEAD + plain.n + TAG_LEN;
	uint8_t *sealed, *text;
	EVP_CIPHER_CTX *ctx;
	int n;

	if (plain.n == 0)
		return STR("");
	assert(plain.n <= SEAL_MAX);
	ctx = EVP_CIPHER_CTX_new();
	sealed = arena_alloc(a, sealed_n);
	sealed[0] = SEAL_VERSION;
	secret_random(sealed + 1, NONCE_LEN);
	must(ctx && EVP_EncryptInit_ex2(ctx, box->cipher, box->seal_key, sealed + 1, NULL) == 1 &&
	        EVP_EncryptUpdate(ctx, NULL, &n, bytes_of(str_c(aad)), (int)strlen(aad)) == 1 &&
	        EVP_EncryptUpdate(ctx, sealed + SEAL_HEAD, &n, bytes_of(plain), (int)plain.n) ==
	            1 &&
	        EVP_EncryptFinal_ex(ctx, sealed + SEAL_HEAD + n, &n) == 1 &&
	        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
	            sealed + SEAL_HEAD + plain.n) == 1,
	    "AES-256-GCM");
	EVP_CIPHER_CTX_free(ctx);
	text = arena_alloc(a, (sealed_n + 2) / 3 * 4 + 1);
	n = EVP_EncodeBlock(text, sealed, (int)sealed_n);
	return (struct str){ (const char *)text, (size_t)n };
}

/* The bytes of base64 text; NULL when it is none. */
static uint8_t *decode(struct arena *a, struct str text, size_t *n)
{
	size_t padding = 0;
	uint8_t *bytes;
	int decoded;

	if (text.n == 0 || text.n % 4 != 0 || text.n > SEAL_MAX * 2)
		return NULL;
	while (padding < 2 && text.p[text.n - 1 - padding] == '=')
		padding++;
	bytes = arena_alloc(a, text.n / 4 * 3);
	decoded = EVP_DecodeBlock(bytes, bytes_of(text), (int)text.n);
	/* Shorter: there were blanks at an end, which we never write. */
	if (decoded < 0 || (size_t)decoded != text.n / 4 * 3)
		return NULL;
	*n = (size_t)decoded - padding;
	return bytes;
}

/* Opens n bytes of sealed text into plain, which has room for all of them. */
static bool unseal(const struct secret_box *box, const char *aad, uint8_t *sealed, size_t n,
    uint8_t *plain)
{
	size_t plain_n = n - SEAL_HEAD - TAG_LEN;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done;
	bool ours;

	must(ctx && EVP_DecryptInit_ex2(ctx, box->cipher, box->seal_key, sealed + 1, NULL) == 1 &&
	        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
	            sealed + SEAL_HEAD + plain_n) == 1,
	    "AES-256-GCM");
	ours = EVP_DecryptUpdate(ctx, NULL, &done, bytes_of(str_c(aad)), (int)strlen(aad)) == 1 &&
	    EVP_DecryptUpdate(ctx, plain, &done, sealed + SEAL_HEAD, (int)plain_n) == 1 &&
	    EVP_DecryptFinal_ex(ctx, plain + done, &done) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ours;
}

/* Opened text is wiped when its arena goes. */
struct opened {
	uint8_t *p;
	size_t n;
};

static void wipe_opened(void *object)
{
	struct opened *o = object;

	mem_wipe(o->p, o->n);
}

bool secret_open(const struct secret_box *box, struct arena *a, const char *aad, struct str sealed,
    struct str *plain)
{
	struct opened *o;
	uint8_t *bytes;
	size_t n;

	if (sealed.n == 0) {
		*plain = STR("");
		return true;
	}
	bytes = decode(a, sealed, &n);
	if (!bytes || n <= SEAL_HEAD + TAG_LEN || bytes[0] != SEAL_VERSION)
		return false;
	o = ARENA_NEW(a, struct opened);
	o->n = n - SEAL_HEAD - TAG_LEN;
	o->p = arena_zalloc(a, o->n + 1);
	arena_defer(a, wipe_opened, o);
	if (!unseal(box, aad, bytes, n, o->p)) {
		mem_wipe(o->p, o->n);
		return false;
	}
	*plain = (struct str){ (const char *)o->p, o->n };
	return true;
}

/* --- Passwords --- */

/* libscrypt takes NUL-terminated text: a NUL inside becomes a byte that no UTF-8 has, so that what
 * follows it counts too. To be wiped and freed. */
static char *password_text(struct str password)
{
	char *text = mem_alloc(password.n + 1);

	for (size_t i = 0; i < password.n; i++)
		text[i] = password.p[i] ? password.p[i] : '\xff';
	text[password.n] = '\0';
	return text;
}

static void password_text_free(char *text, size_t n)
{
	mem_wipe(text, n);
	mem_free(text);
}

char *secret_password_hash(struct arena *a, struct str password)
{
	char *text = password_text(password);
	char hash[SCRYPT_MCF_LEN];

	must(libscrypt_hash(hash, text, SCRYPT_COST_N, SCRYPT_COST_R, SCRYPT_COST_P) > 0, "scrypt");
	password_text_free(text, password.n);
	return arena_strdup(a, hash);
}

static bool in_range(unsigned n, unsigned min, unsigned max)
{
	return n >= min && n <= max;
}

/* $s1$, log2 N, r and p as two hex digits each, $, 16 bytes of salt and 64 of hash in base64. A
 * cost beyond what we would ever choose is refused: it would stop the worker. */
static bool is_hash(struct str hash)
{
	const size_t salt_at = 11, hash_at = salt_at + 24 + 1;
	const char *p = hash.p, *end = p + hash.n;
	unsigned n_and_r, r_and_p;

	if (hash.n != hash_at + 88 || !str_starts(hash, STR("$s1$")) || p[salt_at - 1] != '$' ||
	    p[hash_at - 1] != '$')
		return false;
	if (str_has(str_slice(hash, salt_at, hash_at - 1), STR("$")) ||
	    str_has(str_slice(hash, hash_at, hash.n), STR("$")))
		return false;
	if (!jtext_hex(p + 4, end, &n_and_r) || !jtext_hex(p + 6, end, &r_and_p))
		return false;
	return in_range(n_and_r >> 8, 1, 17) && in_range(r_and_p >> 8, 1, 8) &&
	    in_range(r_and_p & 0xff, 1, 16);
}

bool secret_password_check(struct str password, struct str hash)
{
	char stored[SCRYPT_MCF_LEN];
	char *text;
	bool right;

	if (!is_hash(hash))
		return false;
	memcpy(stored, hash.p, hash.n);
	stored[hash.n] = '\0';
	text = password_text(password);
	/* Takes stored apart. */
	right = libscrypt_check(stored, text) > 0;
	password_text_free(text, password.n);
	return right;
}
