/* certs.h — certificates of an authority that a test makes for itself
 *
 *	struct certs_ca ca = certs_ca("first");
 *	certs_write_ca(&ca, "…/ca.pem");
 *	certs_issue(&ca, "…/good", "IP:127.0.0.1,DNS:localhost", 1);    good.pem and good.key
 *
 * Everything lies on disk as PEM, for a server of any kind. Needs libcrypto.
 */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct certs_ca {
	EVP_PKEY *key;
	X509 *cert;
};

/* Valid from a day ago for so many days; -1 ended an hour ago. */
static inline X509 *certs_new(EVP_PKEY *key, const char *name, int days)
{
	static long serial = 1000;
	X509 *c = X509_new();
	X509_NAME *subject = X509_get_subject_name(c);

	assert_non_null(c);
	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c), -86400);
	X509_gmtime_adj(X509_getm_notAfter(c), days < 0 ? -3600 : days * 86400L);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
	    -1, 0);
	assert_int_equal(X509_set_pubkey(c, key), 1);
	return c;
}

static inline void certs_extend(X509 *c, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
}

static inline struct certs_ca certs_ca(const char *name)
{
	struct certs_ca ca = { .key = EVP_EC_gen("P-256") };

	ca.cert = certs_new(ca.key, name, 30);
	X509_set_issuer_name(ca.cert, X509_get_subject_name(ca.cert));
	certs_extend(ca.cert, ca.cert, NID_basic_constraints, "critical,CA:TRUE");
	certs_extend(ca.cert, ca.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	certs_extend(ca.cert, ca.cert, NID_subject_key_identifier, "hash");
	assert_true(X509_sign(ca.cert, ca.key, EVP_sha256()) > 0);
	return ca;
}

static inline void certs_free_ca(struct certs_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
}

static inline void certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(cert ? PEM_write_X509(f, cert)
	                      : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
	    1);
	fclose(f);
}

static inline void certs_write_ca(const struct certs_ca *ca, const char *path)
{
	certs_write(path, ca->cert, NULL);
}

/* names: "DNS:a.example,IP:127.0.0.1". Writes PATH.pem and PATH.key. */
static inline void certs_issue(const struct certs_ca *ca, const char *path, const char *names,
    int days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c = certs_new(key, "server", days);
	char file[512];

	X509_set_issuer_name(c, X509_get_subject_name(ca->cert));
	certs_extend(c, ca->cert, NID_subject_alt_name, names);
	certs_extend(c, ca->cert, NID_ext_key_usage, "serverAuth");
	assert_true(X509_sign(c, ca->key, EVP_sha256()) > 0);
	snprintf(file, sizeof(file), "%s.pem", path);
	certs_write(file, c, NULL);
	snprintf(file, sizeof(file), "%s.key", path);
	certs_write(file, NULL, key);
	X509_free(c);
	EVP_PKEY_free(key);
}

#endif
