/* test_tls.c — upstreams over TLS: whose certificates are believed, what a client hears of the others
 *
 * nginx stands in front of the fake upstream with certificates of an authority that this test makes;
 * the relay is told of it by CA_FILE. Skipped aloud without nginx's TLS.
 */
#include "../certs.h"
#include "../stack.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUOTA 100000000
#define BODY(model)                                                                                \
	"{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

enum site { GOOD, UNKNOWN, OTHER_NAME, EXPIRED, PLAIN, SITES };

static char folder[] = "/tmp/test_tls.XXXXXX";
static char ca_setting[64];
static int ports[SITES];
static pid_t web;

/* clang-format off */
static const struct {
	const char *name;   /* of its files */
	const char *names;  /* in its certificate; NULL: it speaks no TLS */
	bool ours;          /* signed by the authority in CA_FILE */
	int days;
} sites[SITES] = {
	[GOOD]       = { "good",    "IP:127.0.0.1",                     true,   1 },
	[UNKNOWN]    = { "unknown", "IP:127.0.0.1",                     false,  1 },
	[OTHER_NAME] = { "other",   "DNS:api.example,IP:192.0.2.1",     true,   1 },
	[EXPIRED]    = { "expired", "IP:127.0.0.1",                     true,  -1 },
	[PLAIN]      = { "plain",   NULL,                               true,   0 },
};
/* clang-format on */

static void make_certificates(void)
{
	struct certs_ca ours = certs_ca("ours"), theirs = certs_ca("theirs");
	char path[128];

	snprintf(path, sizeof(path), "%s/ca.pem", folder);
	certs_write_ca(&ours, path);
	for (int i = 0; i < SITES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, sites[i].name);
		if (sites[i].names)
			certs_issue(sites[i].ours ? &ours : &theirs, path, sites[i].names,
			    sites[i].days);
	}
	certs_free_ca(&ours);
	certs_free_ca(&theirs);
}

static void write_site(FILE *f, int i, const struct stack *s)
{
	fprintf(f, "server { listen 127.0.0.1:%d%s;", ports[i], sites[i].names ? " ssl" : "");
	if (sites[i].names)
		fprintf(f, " ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key;", folder,
		    sites[i].name, folder, sites[i].name);
	fprintf(f,
	    " location / { proxy_pass %s; proxy_buffering off; proxy_http_version 1.1; } }\n",
	    s->upstream);
}

static void start_web(struct stack *s)
{
	char path[128];
	FILE *f;

	if (web)
		return;
	snprintf(path, sizeof(path), "%s/nginx.conf", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	    "daemon off; worker_processes 1; pid %s/pid; error_log %s/error.log;\n"
	    "events { }\nhttp { access_log off; client_body_temp_path %s/body; proxy_temp_path "
	    "%s/proxy; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n",
	    folder, folder, folder, folder, folder, folder, folder);
	for (int i = 0; i < SITES; i++) {
		ports[i] = stack_free_port();
		write_site(f, i, s);
	}
	fprintf(f, "}\n");
	fclose(f);
	web = fork();
	if (web == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execlp("nginx", "nginx", "-p", folder, "-e", "stderr", "-c", path, (char *)NULL);
		_exit(127);
	}
	assert_true(web > 0);
}

static bool answers(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return ok;
}

static void set_up(struct stack *s)
{
	start_web(s);
	for (int64_t until = stack_now_ms() + 60000; !answers(ports[PLAIN]); stack_sleep_ms(30)) {
		if (stack_now_ms() > until)
			fail_msg("nginx does not start");
	}
}

static int64_t channel(struct stack *s, enum site site, const char *scheme, int64_t priority)
{
	char url[64];

	snprintf(url, sizeof(url), "%s://127.0.0.1:%d", scheme, ports[site]);
	return stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o,stream-20-5",
	        .base_url = url,
	        .priority = priority });
}

static struct stack_user person(struct stack *s)
{
	return stack_user(s, &(struct stack_person){ .quota = QUOTA });
}

/* ---- the tests -------------------------------------------------------------------------------- */

static void test_trusted(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct stack_stream st;
	int64_t id;

	set_up(s);
	id = channel(s, GOOD, "https", 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
	stack_option(s, "UnpricedModel", "free");
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .body = "{\"model\":\"stream-20-5\",\"stream\":true,\"messages\":[{\"role\":"
	                "\"user\",\"content\":\"hi\"}]}" },
	    &st));
	assert_int_equal(st.reply.status, 200);
	assert_true(stack_stream_drain(&st, 60000) >= 20);
	stack_stream_close(&st, false);
	assert_true(stack_wait_settled(s, 2000));
	stack_option(s, "UnpricedModel", "refuse");
	stack_channel_delete(s, id);
}

/* The client learns that it is the upstream and what kind of thing is wrong, and no more: neither
 * where the upstream is nor what the certificate says. */
static void test_refused(void **state)
{
	static const struct {
		const char *name;
		enum site site;
		const char *scheme, *text, *detail;
	} cases[] = {
		{ "an unknown authority", UNKNOWN, "https",
		    "the upstream's certificate is not trusted", "unable to get local issuer" },
		{ "another name", OTHER_NAME, "https", "the upstream's certificate is not trusted",
		    "no alternative certificate subject name" },
		{ "expired", EXPIRED, "https", "the upstream's certificate is not trusted",
		    "certificate has expired" },
		{ "no TLS at all", PLAIN, "https", "no secure connection to the upstream", "host" },
	};
	struct stack *s = *state;
	struct stack_user u = person(s);

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t id = channel(s, cases[i].site, cases[i].scheme, 0);
		int64_t asked = stack_stats(s).requests;
		struct stack_reply *r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
		static const char *const secrets[] = { "127.0.0.1", "api.example", "issuer",
			"expired", "curl", "SSL" };

		stack_check_error(cases[i].name, r, 502, NULL, "upstream_unreachable",
		    cases[i].text);
		for (size_t n = 0; n < COUNT_OF(secrets); n++) {
			if (strstr(stack_text(r->json, "error.message"), secrets[n]))
				fail_msg("%s: the client is told '%s'", cases[i].name,
				    stack_text(r->json, "error.message"));
		}
		if (!stack_log_has(s, cases[i].detail))
			fail_msg("%s: the log does not say '%s'", cases[i].name, cases[i].detail);
		if (stack_stats(s).requests != asked)
			fail_msg("%s: the request went out all the same", cases[i].name);
		stack_channel_delete(s, id);
	}
	assert_true(stack_wait_settled(s, 2000));
	assert_int_equal(stack_sums(s, u.id).quota, QUOTA);
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
}

/* One bad certificate costs a retry, not the request. */
static void test_next_channel(void **state)
{
	static const enum site bad[] = { UNKNOWN, OTHER_NAME, EXPIRED };
	struct stack *s = *state;
	struct stack_user u = person(s);
	int64_t good, ids[COUNT_OF(bad)];
	struct stack_reply *r;

	set_up(s);
	stack_option(s, "RetryTimes", "3");
	good = channel(s, GOOD, "https", 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ids[i] = channel(s, bad[i], "https", 1 + (int64_t)i);
	r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
	assert_int_equal(r->status, 200);
	assert_true(stack_wait_settled(s, 2000));
	assert_int_equal(stack_sums(s, u.id).charges, 1);
	/* A good connection is not lent to a bad one: the same again, over what is open. */
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
	stack_option(s, "RetryTimes", "0");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		stack_channel_delete(s, ids[i]);
	stack_channel_delete(s, good);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trusted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_next_channel),
	};
	const char *const env[] = { ca_setting, NULL };
	char command[64];
	int failed;

	if (system("nginx -V 2>&1 | grep -q http_ssl") != 0) {
		printf("no nginx with TLS here: SKIPPED\n");
		return 0;
	}
	if (!mkdtemp(folder))
		return 1;
	snprintf(ca_setting, sizeof(ca_setting), "CA_FILE=%s/ca.pem", folder);
	make_certificates();
	failed = stack_run("tls", tests, COUNT_OF(tests), env);
	if (web > 0) {
		kill(web, SIGTERM);
		waitpid(web, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? failed : 1;
}
