#include "stack.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT ((size_t)256 * 1024 * 1024)
/* Against hanging only: nothing is slow because a machine is. */
#define READY_MS 120000
#define STOP_MS 60000
#define PATIENCE_MS 60000
#define POLL_MS 10
#define ASK_MS 60000

/* A thing that lives until stack_stop. */
struct stack_kept {
	struct stack_kept *next;
	struct stack_reply *reply; /* or */
	char *text;
};

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER; /* the lists `kept` */

static void keep(struct stack *s, struct stack_reply *reply, char *text)
{
	struct stack_kept *k = calloc(1, sizeof(*k));

	*k = (struct stack_kept){ .reply = reply, .text = text };
	pthread_mutex_lock(&kept_lock);
	k->next = s->kept;
	s->kept = k;
	pthread_mutex_unlock(&kept_lock);
}

static void free_kept(struct stack *s)
{
	for (struct stack_kept *k = s->kept, *next; k; k = next) {
		next = k->next;
		if (k->reply) {
			buf_release(&k->reply->head);
			buf_release(&k->reply->body);
			cJSON_Delete(k->reply->json);
			free(k->reply);
		}
		free(k->text);
		free(k);
	}
	s->kept = NULL;
}

const char *stack_fmt(const char *format, ...)
{
	static _Thread_local char text[16][4096];
	static _Thread_local int at;
	va_list args;

	at = (at + 1) % 16;
	va_start(args, format);
	vsnprintf(text[at], sizeof(text[at]), format, args);
	va_end(args);
	return text[at];
}

int64_t stack_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void stack_sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- files ---------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf b = buf_init(LIMIT);
	char piece[8192], *text;
	size_t n;

	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&b, (struct str){ piece, n });
	if (f)
		fclose(f);
	text = strdup(b.data);
	buf_release(&b);
	return text;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void remove_folder(const char *path)
{
	if (getenv("KEEP"))
		print_message("kept: %s\n", path);
	else
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A request's line goes out with the turn of the loop that ended it, just behind its reply. Who looks
 * for one uses stack_log_has; here it only makes what must not be there likelier to be found. */
#define LOG_LATE_MS 50

const char *stack_log(struct stack *s)
{
	char *text;

	stack_sleep_ms(LOG_LATE_MS);
	text = read_text(s->log);

	keep(s, NULL, text);
	return text;
}

bool stack_log_has(struct stack *s, const char *text)
{
	int64_t until = stack_now_ms() + PATIENCE_MS;
	bool found;

	do {
		char *log = read_text(s->log);

		found = strstr(log, text) != NULL;
		free(log);
		if (!found)
			stack_sleep_ms(POLL_MS);
	} while (!found && stack_now_ms() < until);
	return found;
}

/* The last lines, for whoever reads why a test failed. */
static void show_log(const struct stack *s)
{
	char *text = read_text(s->log);
	size_t n = strlen(text);

	print_error("---- end of %s\n%s----\n", s->log, n > 6000 ? text + n - 6000 : text);
	free(text);
}

/* The test binary lies in ROOT/build/MODE/tests/flow/. */
static void find_folders(struct stack *s)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		fail_msg("cannot find out where this test lies");
	path[n] = '\0';
	for (int up = 0; up < 5; up++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			fail_msg("this test does not lie in build/MODE/tests/flow");
		*slash = '\0';
		if (up == 2)
			snprintf(s->build, sizeof(s->build), "%.*s", (int)sizeof(s->build) - 1,
			    path);
	}
	snprintf(s->root, sizeof(s->root), "%.*s", (int)sizeof(s->root) - 1, path);
}

const char *stack_mode(const struct stack *s)
{
	return strrchr(s->build, '/') + 1;
}

static void make_folder(struct stack *s)
{
	const char *base = getenv("TMPDIR");

	snprintf(s->dir, sizeof(s->dir), "%s/oneapi-flow.XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(s->dir))
		fail_msg("cannot make a folder '%s': %s", s->dir, strerror(errno));
	snprintf(s->data_dir, sizeof(s->data_dir), "%s/data", s->dir);
	snprintf(s->scripts, sizeof(s->scripts), "%s/scripts", s->dir);
	snprintf(s->log, sizeof(s->log), "%s/log", s->dir);
	if (mkdir(s->scripts, 0700) != 0)
		fail_msg("cannot make '%s'", s->scripts);
}

int stack_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		fail_msg("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(a.sin_port);
}

/* ---- programs -------------------------------------------------------------------------- */

/* In the child: its output to a file, and it ends with us. */
static void become(const char *output, int death_signal)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, death_signal);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(127);
}

#define COMMAND_WORDS 3

static void become_command(const char *program, const struct stack_command *c, int out)
{
	char *words[COMMAND_WORDS + 2] = { strdup(program) };

	dup2(out, 1);
	dup2(out, 2);
	if (chdir(c->dir) != 0)
		_exit(99);
	for (const char *const *e = c->env; *e; e++)
		putenv(strdup(*e));
	for (int i = 0; i < COMMAND_WORDS && c->words[i]; i++)
		words[i + 1] = strdup(c->words[i]);
	execv(program, words);
	_exit(98);
}

int stack_command(const struct stack_command *c, char *said, size_t said_bytes)
{
	char program[600];
	struct stack here;
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	find_folders(&here);
	snprintf(program, sizeof(program), "%s/bin/fcgi-admin", here.build);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		become_command(program, c, fds[1]);
	close(fds[1]);
	while ((got = read(fds[0], said + n, said_bytes - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool answers(const struct stack *s, const char *url, const char *header)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *lines = header ? curl_slist_append(NULL, header) : NULL;
	FILE *nowhere = fopen("/dev/null", "we");
	long status = 0;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 20000L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, nowhere);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(lines);
	fclose(nowhere);
	return status == 200;
}

const char *stack_root_key(const struct stack *s)
{
	static const char name[] = "INITIAL_ROOT_TOKEN=";

	for (const char *const *e = s->env; e && *e; e++) {
		if (strncmp(*e, name, sizeof(name) - 1) == 0)
			return *e + sizeof(name) - 1;
	}
	return STACK_ROOT_KEY;
}

static bool all_answer(const struct stack *s)
{
	char url[128], header[256];

	snprintf(url, sizeof(url), "%s/api/status", s->base);
	if (!answers(s, url, NULL))
		return false;
	snprintf(url, sizeof(url), "%s/v1/models", s->base);
	snprintf(header, sizeof(header), "Authorization: Bearer sk-%s", stack_root_key(s));
	return answers(s, url, header);
}

/* False when run.sh ended before, or time ran out. */
static bool wait_ready(struct stack *s)
{
	int64_t until = stack_now_ms() + READY_MS;

	while (stack_now_ms() < until) {
		if (all_answer(s))
			return true;
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			return false;
		}
		stack_sleep_ms(POLL_MS);
	}
	return false;
}

void stack_wait_ready(struct stack *s)
{
	if (wait_ready(s))
		return;
	show_log(s);
	fail_msg("the stack at %s does not answer", s->base);
}

static void start_upstream(struct stack *s, const char *output)
{
	char program[600], port[16], log[300];

	snprintf(program, sizeof(program), "%s/tests/fake_upstream", s->build);
	snprintf(port, sizeof(port), "%d", s->upstream_port);
	snprintf(log, sizeof(log), "%s/upstream.log", s->dir);
	unlink(output);
	s->upstream_pid = fork();
	if (s->upstream_pid == 0) {
		become(output, SIGKILL);
		execl(program, program, "--port", port, "--scripts", s->scripts, "--log", log,
		    (char *)NULL);
		_exit(127);
	}
}

/* The port that it says it listens at, 0: it says nothing yet. */
static int upstream_said(const char *output)
{
	static const char mark[] = "listening ";
	char *text = read_text(output), *at = strstr(text, mark);
	long port = at && strchr(at, '\n') ? strtol(at + sizeof(mark) - 1, NULL, 10) : 0;

	free(text);
	return (int)port;
}

/* At any port the first time, later at the same, even if somebody's connection has it for a moment. */
void stack_upstream_start(struct stack *s)
{
	int64_t until = stack_now_ms() + READY_MS;
	char output[300];
	int port;

	snprintf(output, sizeof(output), "%s/upstream.out", s->dir);
	start_upstream(s, output);
	while ((port = upstream_said(output)) == 0) {
		if (stack_now_ms() > until)
			fail_msg("the fake upstream does not start");
		stack_sleep_ms(POLL_MS);
		if (waitpid(s->upstream_pid, NULL, WNOHANG) == s->upstream_pid)
			start_upstream(s, output);
	}
	s->upstream_port = port;
	snprintf(s->upstream, sizeof(s->upstream), "http://127.0.0.1:%d", port);
}

void stack_upstream_stop(struct stack *s)
{
	if (s->upstream_pid <= 0)
		return;
	kill(s->upstream_pid, SIGTERM);
	waitpid(s->upstream_pid, NULL, 0);
	s->upstream_pid = 0;
}

static void set_env(const struct stack *s)
{
	char port[16], bin[600], link[300];

	snprintf(port, sizeof(port), "%d", s->port);
	snprintf(bin, sizeof(bin), "%s/bin", s->build);
	snprintf(link, sizeof(link), "%s/run", s->dir);
	setenv("PORT", port, 1);
	setenv("DATA_DIR", s->data_dir, 1);
	setenv("BIN_DIR", bin, 1);
	setenv("RUN_DIR_LINK", link, 1);
	setenv("INITIAL_ROOT_TOKEN", STACK_ROOT_KEY, 1);
	setenv("INITIAL_ROOT_ACCESS_TOKEN", STACK_ROOT_ACCESS, 1);
	setenv("CATALOG_POLL_MS", "50", 1);
	setenv("GLOBAL_API_RATE_LIMIT", "0", 1);
	setenv("TRUSTED_PROXIES", "127.0.0.1", 1);
	if (strlen(s->dir) < 50)
		setenv("RUN_DIR_BASE", s->dir, 1);
	for (const char *const *e = s->env; e && *e; e++)
		putenv((char *)(uintptr_t)*e);
}

/* In the folder of the stack: a developer's .env must not change what is tested. */
static void start_programs(struct stack *s)
{
	char script[600];

	s->port = stack_free_port();
	snprintf(s->base, sizeof(s->base), "http://127.0.0.1:%d", s->port);
	snprintf(script, sizeof(script), "%s/conf/run.sh", s->root);
	s->pid = fork();
	if (s->pid == 0) {
		become(s->log, SIGTERM);
		set_env(s);
		if (chdir(s->dir) == 0)
			execl("/bin/bash", "bash", script, (char *)NULL);
		_exit(127);
	}
}

/* A crowd of clients needs more descriptors than a login shell allows at first. */
static void allow_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			perror("setrlimit");
	}
}

struct stack *stack_start(const char *const *env)
{
	struct stack *s = calloc(1, sizeof(*s));

	allow_descriptors();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	s->env = env;
	find_folders(s);
	make_folder(s);
	stack_upstream_start(s);
	/* Somebody may have taken the port meanwhile: run.sh says so and ends. */
	for (int tries = 0; tries < 3; tries++) {
		start_programs(s);
		if (wait_ready(s))
			return s;
		if (s->pid)
			break;
	}
	show_log(s);
	if (s->pid) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, NULL, 0);
	}
	stack_upstream_stop(s);
	fail_msg("the stack does not start, see above");
	return s;
}

pid_t stack_pid(const struct stack *s, const char *name)
{
	char path[400], *text;
	long pid;

	snprintf(path, sizeof(path), "%s/run/%s.pid", s->dir, name);
	text = read_text(path);
	pid = strtol(text, NULL, 10);
	free(text);
	return (pid_t)pid;
}

void stack_kill(struct stack *s, const char *name, int signal)
{
	pid_t pid = stack_pid(s, name);

	if (pid <= 0 || kill(pid, signal) != 0)
		fail_msg("cannot kill '%s', process %d", name, (int)pid);
}

void stack_wait_restarted(struct stack *s, const char *name, pid_t old)
{
	int64_t until = stack_now_ms() + READY_MS;

	while (stack_pid(s, name) == old || stack_pid(s, name) <= 0) {
		if (stack_now_ms() > until)
			fail_msg("run.sh did not start the %s again", name);
		stack_sleep_ms(POLL_MS);
	}
	stack_wait_ready(s);
}

/* The exit status of run.sh, -1 when it did not end in time. */
static int stop_programs(struct stack *s)
{
	int64_t until = stack_now_ms() + STOP_MS;
	int status;

	kill(s->pid, SIGTERM);
	while (stack_now_ms() < until) {
		if (waitpid(s->pid, &status, WNOHANG) == s->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		stack_sleep_ms(POLL_MS);
	}
	return -1;
}

static const char *sanitizer_finding(const char *log)
{
	static const char *const words[] = { "ERROR: AddressSanitizer",
		"runtime error:", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer" };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strstr(log, words[i]))
			return strstr(log, words[i]);
	}
	return NULL;
}

void stack_stop(struct stack *s)
{
	int status = stop_programs(s);
	char *log = read_text(s->log), found[4000] = "";

	stack_upstream_stop(s);
	if (status != 0)
		show_log(s);
	if (sanitizer_finding(log))
		snprintf(found, sizeof(found), "%s", sanitizer_finding(log));
	free(log);
	remove_folder(s->dir);
	free_kept(s);
	free(s);
	if (status != 0)
		fail_msg("run.sh ended with status %d (-1: not at all)", status);
	if (*found)
		fail_msg("a sanitizer said: %s", found);
}

static struct stack *running;
static const char *const *running_env;

static int start_running(void **state)
{
	*state = running = stack_start(running_env);
	return 0;
}

static void test_ends_well(void **state)
{
	struct stack *s = running;

	running = NULL;
	stack_stop(s);
}

/* cmocka does not count what a group's teardown says, hence a test of its own. */
int stack_run(const char *name, const struct CMUnitTest *tests, size_t count,
    const char *const *env)
{
	const struct CMUnitTest end[] = { cmocka_unit_test(test_ends_well) };
	int failed;

	running_env = env;
	failed = _cmocka_run_group_tests(name, tests, count, start_running, NULL);
	if (running)
		failed += _cmocka_run_group_tests(name, end, 1, NULL, NULL);
	return failed;
}

/* ---- HTTP ------------------------------------------------------------------------------ */

static size_t add_body(char *p, size_t size, size_t n, void *to)
{
	buf_add(to, (struct str){ p, size * n });
	return size * n;
}

/* Without the status line, and without what a 100 Continue said. */
static size_t add_head(char *p, size_t size, size_t n, void *to)
{
	struct str line = { p, size * n };
	struct buf *head = to;

	if (str_starts(line, STR("HTTP/")))
		buf_clear(head);
	else if (line.n > 2)
		buf_add(head, line);
	return size * n;
}

static bool is_set(const struct stack_ask *ask, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *h = ask->headers; h && *h; h++) {
		if (strncasecmp(*h, name, n) == 0 && ((*h)[n] == ':' || (*h)[n] == ';'))
			return true;
	}
	return false;
}

/* All lines that the ask wants, each "Name: value". */
static struct curl_slist *ask_headers(const struct stack_ask *ask)
{
	const struct {
		const char *name, *prefix, *value;
	} usual[] = {
		{ "Authorization", "Bearer sk-", ask->key },
		{ "Cookie", "", ask->cookie },
		{ "X-Forwarded-For", "", ask->from },
		{ "Content-Type", "", ask->body ? "application/json" : NULL },
	};
	struct curl_slist *lines = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; i < COUNT_OF(usual); i++) {
		char line[512];

		if (!usual[i].value || is_set(ask, usual[i].name))
			continue;
		snprintf(line, sizeof(line), "%s: %s%s", usual[i].name, usual[i].prefix,
		    usual[i].value);
		lines = curl_slist_append(lines, line);
	}
	for (const char *const *h = ask->headers; h && *h; h++)
		lines = curl_slist_append(lines, *h);
	return lines;
}

static const char *method_of(const struct stack_ask *ask)
{
	return ask->method ? ask->method : ask->body ? "POST" : "GET";
}

static size_t body_bytes(const struct stack_ask *ask)
{
	return ask->body_bytes ? ask->body_bytes : ask->body ? strlen(ask->body) : 0;
}

static void set_up(CURL *curl, const struct stack_ask *ask, const char *url, struct stack_reply *r)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
	    ask->timeout_ms ? (long)ask->timeout_ms : (long)ASK_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, add_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r->body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, add_head);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &r->head);
	if (ask->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes(ask));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body);
	}
	if (strcmp(method_of(ask), "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method_of(ask));
}

static struct stack_reply *ask_url(struct stack *s, const struct stack_ask *ask, const char *url)
{
	struct stack_reply *r = calloc(1, sizeof(*r));
	struct curl_slist *lines = ask_headers(ask);
	CURL *curl = curl_easy_init();
	long status = 0;

	r->head = buf_init(LIMIT);
	r->body = buf_init(LIMIT);
	set_up(curl, ask, url, r);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	r->status = (int)status;
	r->json = cJSON_ParseWithLength(r->body.data, r->body.len);
	curl_easy_cleanup(curl);
	curl_slist_free_all(lines);
	keep(s, r, NULL);
	return r;
}

struct stack_reply *stack_http(struct stack *s, const struct stack_ask *ask)
{
	char url[4096];

	snprintf(url, sizeof(url), "%s%s", s->base, ask->path);
	return ask_url(s, ask, url);
}

struct stack_reply *stack_post(struct stack *s, const char *path, const char *key, const char *body)
{
	return stack_http(s, &(struct stack_ask){ .path = path, .key = key, .body = body });
}

struct stack_reply *stack_as(struct stack *s, const struct stack_user *u, const char *method,
    const char *path, const char *body)
{
	return stack_http(s,
	    &(struct stack_ask){ .method = method,
	        .path = path,
	        .cookie = u->cookie,
	        .body = body });
}

/* In place: the line's end becomes a NUL the first time it is asked for, so that the value is
 * text; later searches step over NULs as over line ends. */
const char *stack_header_n(const struct stack_reply *r, const char *name, int n)
{
	size_t length = strlen(name);

	for (char *p = r->head.data, *end = p + r->head.len; p < end;) {
		size_t line = 0;

		while (p + line < end && p[line] != '\r' && p[line] != '\n' && p[line])
			line++;
		if (line > length && strncasecmp(p, name, length) == 0 && p[length] == ':' &&
		    n-- == 0) {
			p[line] = '\0';
			return p + length + 1 + strspn(p + length + 1, " ");
		}
		for (p += line; p < end && (*p == '\r' || *p == '\n' || !*p);)
			p++;
	}
	return NULL;
}

const char *stack_header(const struct stack_reply *r, const char *name)
{
	return stack_header_n(r, name, 0);
}

const cJSON *stack_at(const cJSON *tree, const char *path)
{
	struct str rest = str_c(path), name;
	int64_t index;
	char key[128];

	while (tree && str_next(&rest, '.', &name)) {
		snprintf(key, sizeof(key), "%.*s", STR_ARG(name));
		if (cJSON_IsArray(tree) && str_to_int(name, 0, INT_MAX, &index))
			tree = cJSON_GetArrayItem(tree, (int)index);
		else
			tree = cJSON_GetObjectItemCaseSensitive(tree, key);
	}
	return tree;
}

const char *stack_text(const cJSON *tree, const char *path)
{
	const cJSON *item = stack_at(tree, path);

	return cJSON_IsString(item) ? item->valuestring : "";
}

int64_t stack_int(const cJSON *tree, const char *path)
{
	const cJSON *item = stack_at(tree, path);

	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : INT64_MIN;
}

static bool is_nullable_text(const cJSON *item)
{
	return cJSON_IsString(item) || cJSON_IsNull(item);
}

void stack_check_error(const char *name, const struct stack_reply *r, int status, const char *type,
    const char *code, const char *text)
{
	const cJSON *e = stack_at(r->json, "error");
	const char *id = stack_header(r, "X-Oneapi-Request-Id"),
	           *message = stack_text(e, "message");

	if (r->status != status)
		fail_msg("%s: status %d, want %d: %s", name, r->status, status, r->body.data);
	if (!*message || !cJSON_IsString(stack_at(e, "type")) ||
	    !is_nullable_text(stack_at(e, "param")) || !is_nullable_text(stack_at(e, "code")))
		fail_msg("%s: not an error object: %s", name, r->body.data);
	if (type && strcmp(stack_text(e, "type"), type) != 0)
		fail_msg("%s: type '%s', want '%s'", name, stack_text(e, "type"), type);
	if (code && strcmp(stack_text(e, "code"), code) != 0)
		fail_msg("%s: code '%s', want '%s'", name, stack_text(e, "code"), code);
	if (text && !strstr(message, text))
		fail_msg("%s: message '%s', want '%s'", name, message, text);
	if (!id || !strstr(message, id))
		fail_msg("%s: no request id '%s' in '%s'", name, id ? id : "", message);
}

/* ---- administration ------------------------------------------------------------------- */

struct stack_reply *stack_root(struct stack *s, const char *method, const char *path,
    const char *body)
{
	static const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS, NULL };

	return stack_http(s,
	    &(struct stack_ask){ .method = method,
	        .path = path,
	        .headers = headers,
	        .body = body });
}

const cJSON *stack_api(struct stack *s, const char *method, const char *path, const char *body, ...)
{
	struct buf text = buf_init(LIMIT);
	struct stack_reply *r;
	va_list args;

	va_start(args, body);
	if (body)
		buf_vaddf(&text, body, args);
	va_end(args);
	r = stack_root(s, method, path, body ? text.data : NULL);
	buf_release(&text);
	if (r->status != 200 || !cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("%s %s: status %d, %s", method, path, r->status, r->body.data);
	return stack_at(r->json, "data");
}

/* What stands behind the last mark in the log, or that other place if it is further on. */
static const char *behind_last(const char *log, const char *mark, const char *last)
{
	for (const char *p = log; (p = strstr(p, mark));) {
		p += strlen(mark);
		if (!last || p > last)
			last = p;
	}
	return last;
}

/* The version that a program said it has, of its last line about it; 0: it said nothing. Lines are
 * text or, where a test wants that, JSON. */
static int64_t version_said(const char *log, const char *program)
{
	static const char *const events[] = { "read", "changed" };
	const char *last = NULL;
	char mark[96];

	for (size_t i = 0; i < COUNT_OF(events); i++) {
		snprintf(mark, sizeof(mark), "prog=%s event=catalog.%s version=", program,
		    events[i]);
		last = behind_last(log, mark, last);
		snprintf(mark, sizeof(mark),
		    "\"prog\":\"%s\",\"event\":\"catalog.%s\",\"version\":", program, events[i]);
		last = behind_last(log, mark, last);
	}
	return last ? strtoll(last, NULL, 10) : 0;
}

static bool both_have(const struct stack *s, int64_t version)
{
	char *log = read_text(s->log);
	bool have = version_said(log, "fcgi-relay") >= version &&
	    version_said(log, "fcgi-admin") >= version;

	free(log);
	return have;
}

/* A test may have stopped one of them: hence no failure in the end. */
void stack_wait_catalog(struct stack *s)
{
	int64_t want = stack_sql_int(s, "SELECT version FROM catalog_version");
	int64_t until = stack_now_ms() + PATIENCE_MS;

	while (!both_have(s, want) && stack_now_ms() < until)
		stack_sleep_ms(POLL_MS);
}

/* Text as a JSON string; NULL as "". Lives until stack_stop. */
static const char *quoted(struct stack *s, const char *text)
{
	cJSON *item = cJSON_CreateString(text ? text : "");
	char *printed = cJSON_PrintUnformatted(item);

	cJSON_Delete(item);
	keep(s, NULL, printed);
	return printed;
}

void stack_option(struct stack *s, const char *name, const char *value)
{
	stack_api(s, "PUT", "/api/option/", "{\"key\":%s,\"value\":%s}", quoted(s, name),
	    quoted(s, value));
	stack_wait_catalog(s);
}

int64_t stack_channel(struct stack *s, const struct stack_channel *c)
{
	int number = ++s->channels;
	char name[32], key[32];

	snprintf(name, sizeof(name), "channel%d", number);
	snprintf(key, sizeof(key), "sk-upstream-%d", number);
	stack_api(s, "POST", "/api/channel/",
	    "{\"type\":%d,\"name\":%s,\"key\":%s,\"base_url\":%s,\"models\":%s,\"group\":%s,"
	    "\"model_mapping\":%s,\"config\":%s,\"system_prompt\":%s,\"priority\":%" PRId64
	    ",\"weight\":%" PRId64 "}",
	    c->type ? c->type : 1, quoted(s, c->name ? c->name : name),
	    quoted(s, c->key ? c->key : key), quoted(s, c->base_url ? c->base_url : s->upstream),
	    quoted(s, c->models), quoted(s, c->group ? c->group : "default"), quoted(s, c->mapping),
	    quoted(s, c->config), quoted(s, c->system_prompt), c->priority, c->weight);
	stack_wait_catalog(s);
	return stack_sql_int(s, "SELECT max(id) FROM channels");
}

void stack_channel_delete(struct stack *s, int64_t id)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/channel/%" PRId64, id);
	stack_api(s, "DELETE", path, NULL);
	stack_wait_catalog(s);
}

/* Each login comes from an address of its own: the limit per address is another test's matter. */
struct stack_reply *stack_login(struct stack *s, const char *name, const char *password,
    char cookie[128])
{
	static int serial;
	char body[256], from[32];
	struct stack_reply *r;
	const char *set;

	serial++;
	snprintf(from, sizeof(from), "198.18.%d.%d", serial / 250 % 250, serial % 250 + 1);
	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/user/login", .body = body, .from = from });
	set = stack_header(r, "Set-Cookie");
	snprintf(cookie, 128, "%.*s", set ? (int)strcspn(set, ";") : 0, set ? set : "");
	return r;
}

int64_t stack_key(struct stack *s, const struct stack_user *u, const char *key_json, char key[64])
{
	char body[4096];
	struct stack_reply *r;

	snprintf(body, sizeof(body), "{\"name\":\"key of %s\",%s}", u->name,
	    key_json ? key_json : "\"unlimited_quota\":true");
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/token/", .body = body, .cookie = u->cookie });
	if (!cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("POST /api/token/ %s: status %d, %s", body, r->status, r->body.data);
	snprintf(key, 64, "%s", stack_text(r->json, "data.key"));
	return stack_int(r->json, "data.id");
}

struct stack_user stack_user(struct stack *s, const struct stack_person *p)
{
	struct stack_user u = { 0 };
	char path[128];

	snprintf(u.password, sizeof(u.password), "password of %d", ++s->users);
	if (p->name)
		snprintf(u.name, sizeof(u.name), "%s", p->name);
	else
		snprintf(u.name, sizeof(u.name), "user%d", s->users);
	stack_api(s, "POST", "/api/user/", "{\"username\":\"%s\",\"password\":\"%s\"}", u.name,
	    u.password);
	snprintf(path, sizeof(path), "/api/user/search?keyword=%s", u.name);
	u.id = stack_int(stack_api(s, "GET", path, NULL), "0.id");
	stack_api(s, "PUT", "/api/user/",
	    "{\"id\":%" PRId64 ",\"quota\":%" PRId64 ",\"group\":\"%s\",\"role\":%d}", u.id,
	    p->quota, p->group ? p->group : "default", p->role);
	stack_login(s, u.name, u.password, u.cookie);
	if (!*u.cookie)
		fail_msg("user '%s' cannot sign in", u.name);
	u.key_id = stack_key(s, &u, p->key_json, u.key);
	return u;
}

/* ---- what the database says -------------------------------------------------------------- */

static sqlite3 *open_database(const struct stack *s, int flags)
{
	sqlite3 *db = NULL;
	char path[400];

	snprintf(path, sizeof(path), "%s/oneapi.db", s->data_dir);
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, PATIENCE_MS);
		return db;
	}
	sqlite3_close(db);
	return NULL;
}

/* The first row's columns as numbers; false when there is no such row. */
static bool first_row(const struct stack *s, const char *sql, int64_t argument, int64_t *out,
    int columns)
{
	sqlite3 *db = open_database(s, SQLITE_OPEN_READONLY);
	sqlite3_stmt *st = NULL;
	bool ok = false;

	if (db && sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
		if (sqlite3_bind_parameter_count(st) > 0)
			sqlite3_bind_int64(st, 1, argument);
		ok = sqlite3_step(st) == SQLITE_ROW;
		for (int i = 0; ok && i < columns; i++)
			out[i] = sqlite3_column_int64(st, i);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return ok;
}

int64_t stack_sql_int(struct stack *s, const char *sql)
{
	int64_t n = INT64_MIN;

	first_row(s, sql, 0, &n, 1);
	return n;
}

void stack_sql(struct stack *s, const char *sql)
{
	sqlite3 *db = open_database(s, SQLITE_OPEN_READWRITE);
	char *wrong = NULL;

	if (db && sqlite3_exec(db, sql, NULL, NULL, &wrong) == SQLITE_OK) {
		sqlite3_close(db);
		return;
	}
	fail_msg("%s: %s", sql, wrong ? wrong : "cannot open the database");
}

/* One statement, so that all numbers are of one moment. */
struct stack_sums stack_sums(struct stack *s, int64_t user_id)
{
	static const char sql[] =
	    "SELECT u.quota, u.used, u.requests, t.remain, t.used, r.n, r.amount, l.n, l.quota "
	    "FROM (SELECT sum(quota) AS quota, sum(used_quota) AS used, sum(request_count) AS "
	    "requests FROM users WHERE ?1 IN (0, id)) u, "
	    "(SELECT sum(remain_quota) AS remain, sum(used_quota) AS used FROM tokens "
	    "WHERE ?1 IN (0, user_id)) t, "
	    "(SELECT count(*) AS n, sum(amount) AS amount FROM reservations "
	    "WHERE ?1 IN (0, user_id)) r, "
	    "(SELECT count(*) AS n, sum(quota) AS quota FROM logs WHERE type = 2 "
	    "AND ?1 IN (0, user_id)) l";
	int64_t n[9] = { 0 };

	if (!first_row(s, sql, user_id, n, 9))
		fail_msg("the database cannot be read");
	return (struct stack_sums){
		.quota = n[0],
		.used_quota = n[1],
		.request_count = n[2],
		.key_remain = n[3],
		.key_used = n[4],
		.reservations = n[5],
		.reserved = n[6],
		.charges = n[7],
		.charged = n[8],
	};
}

bool stack_wait_settled(struct stack *s, int timeout_ms)
{
	int64_t until = stack_now_ms() + (timeout_ms > PATIENCE_MS ? timeout_ms : PATIENCE_MS);

	do {
		if (stack_sql_int(s, "SELECT count(*) FROM reservations") == 0)
			return true;
		stack_sleep_ms(POLL_MS);
	} while (stack_now_ms() < until);
	return false;
}

/* ---- the fake upstream ------------------------------------------------------------------ */

void stack_script(struct stack *s, const char *model, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.script", s->scripts, model);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		fail_msg("cannot write '%s'", path);
}

static const cJSON *ask_upstream(struct stack *s, const char *path)
{
	char url[128];
	struct stack_reply *r;

	snprintf(url, sizeof(url), "%s%s", s->upstream, path);
	r = ask_url(s, &(struct stack_ask){ .path = path }, url);
	if (!r->json)
		fail_msg("the fake upstream does not answer %s: %d '%s'", path, r->status,
		    r->body.data);
	return r->json;
}

struct stack_stats stack_stats(struct stack *s)
{
	const cJSON *j = ask_upstream(s, "/_stats");

	return (struct stack_stats){
		.requests = stack_int(j, "requests"),
		.in_flight = stack_int(j, "in_flight"),
		.cancelled = stack_int(j, "cancelled"),
		.connections = stack_int(j, "connections"),
	};
}

const cJSON *stack_last(struct stack *s)
{
	return ask_upstream(s, "/_last");
}

void stack_reset(struct stack *s)
{
	ask_upstream(s, "/_reset");
}

/* ---- streams ------------------------------------------------------------------------------ */

static int dial(const struct stack *s, int receive_buffer)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)s->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void write_request(const struct stack *s, const struct stack_ask *ask, struct buf *out)
{
	struct curl_slist *lines = ask_headers(ask);

	buf_addf(out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", method_of(ask), ask->path,
	    s->port);
	for (struct curl_slist *l = lines; l; l = l->next) {
		if (l->data[strcspn(l->data, ":") + 1])
			buf_addf(out, "%s\r\n", l->data);
	}
	buf_addf(out, "Content-Length: %zu\r\n\r\n", body_bytes(ask));
	buf_add(out, (struct str){ ask->body, body_bytes(ask) });
	curl_slist_free_all(lines);
}

void stack_stream_send(struct stack *s, const struct stack_ask *ask, int receive_buffer,
    struct stack_stream *st)
{
	struct buf out = buf_init(LIMIT);

	*st = (struct stack_stream){
		.fd = dial(s, receive_buffer),
		.reply = { .head = buf_init(LIMIT), .body = buf_init(LIMIT) },
		.raw = buf_init(LIMIT),
		.event = buf_init(LIMIT),
	};
	write_request(s, ask, &out);
	for (size_t sent = 0; st->fd >= 0 && sent < out.len;) {
		ssize_t n = send(st->fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	buf_release(&out);
}

/* More bytes into raw; false at the end of the connection and when time ran out (*late). */
static bool receive(struct stack_stream *st, int64_t until, bool *late)
{
	int64_t left = until - stack_now_ms();
	struct pollfd p = { .fd = st->fd, .events = POLLIN };
	ssize_t n;

	*late = false;
	if (st->fd < 0)
		return false;
	if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0) {
		*late = true;
		return false;
	}
	n = recv(st->fd, buf_reserve(&st->raw, 16384), 16384, 0);
	if (n <= 0)
		return false;
	buf_commit(&st->raw, (size_t)n);
	return true;
}

bool stack_stream_head(struct stack_stream *st, int timeout_ms)
{
	int64_t until = stack_now_ms() + timeout_ms;
	size_t end, line;
	bool late;

	while ((end = str_find_str(buf_str(&st->raw), STR("\r\n\r\n"))) == st->raw.len) {
		if (!receive(st, until, &late))
			return false;
	}
	st->reply.status = (int)strtol(st->raw.data + strcspn(st->raw.data, " "), NULL, 10);
	line = str_find(buf_str(&st->raw), '\n') + 1;
	buf_add(&st->reply.head, str_slice(buf_str(&st->raw), line, end + 2));
	buf_consume(&st->raw, end + 4);
	st->chunked = stack_header(&st->reply, "Transfer-Encoding") != NULL;
	return true;
}

bool stack_stream_open(struct stack *s, const struct stack_ask *ask, struct stack_stream *st)
{
	stack_stream_send(s, ask, 0, st);
	return stack_stream_head(st, ask->timeout_ms ? ask->timeout_ms : ASK_MS);
}

/* Moves whole chunks from raw to body. */
static void decode(struct stack_stream *st)
{
	while (st->chunked && !st->complete) {
		size_t eol = str_find_str(buf_str(&st->raw), STR("\r\n"));
		size_t n = strtoul(st->raw.data, NULL, 16);

		if (eol == st->raw.len || st->raw.len < eol + 2 + n + 2)
			return;
		buf_add(&st->reply.body, str_slice(buf_str(&st->raw), eol + 2, eol + 2 + n));
		buf_consume(&st->raw, eol + 2 + n + 2);
		st->complete = n == 0;
	}
	if (!st->chunked) {
		buf_add(&st->reply.body, buf_str(&st->raw));
		buf_clear(&st->raw);
	}
}

/* Of one event: its data lines joined by line feeds, or else its text as it is. */
static void take_event(struct stack_stream *st, size_t length)
{
	struct str rest = str_slice(buf_str(&st->reply.body), 0, length), line;

	buf_clear(&st->event);
	while (str_next(&rest, '\n', &line)) {
		if (st->event.len)
			buf_add_char(&st->event, '\n');
		if (str_starts(line, STR("data: ")))
			line = str_slice(line, 6, line.n);
		buf_add(&st->event, line);
	}
	buf_consume(&st->reply.body, length + 2);
}

enum stack_next stack_stream_next(struct stack_stream *st, int timeout_ms)
{
	int64_t until = stack_now_ms() + timeout_ms;
	bool late;

	for (;;) {
		size_t end;

		decode(st);
		end = str_find_str(buf_str(&st->reply.body), STR("\n\n"));
		if (end < st->reply.body.len) {
			take_event(st, end);
			return STACK_EVENT;
		}
		if (st->complete)
			return st->reply.body.len ? STACK_CUT : STACK_END;
		if (!receive(st, until, &late))
			return late ? STACK_TIMEOUT : STACK_CUT;
	}
}

int stack_stream_drain(struct stack_stream *st, int timeout_ms)
{
	int64_t until = stack_now_ms() + timeout_ms;
	enum stack_next next = STACK_TIMEOUT;
	int count = 0;

	while (stack_now_ms() < until) {
		next = stack_stream_next(st, (int)(until - stack_now_ms()));
		if (next != STACK_EVENT)
			break;
		count++;
	}
	return next == STACK_END ? count : -1;
}

void stack_stream_close(struct stack_stream *st, bool abruptly)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (st->fd >= 0 && abruptly)
		setsockopt(st->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (st->fd >= 0)
		close(st->fd);
	st->fd = -1;
	buf_release(&st->reply.head);
	buf_release(&st->reply.body);
	buf_release(&st->raw);
	buf_release(&st->event);
}
