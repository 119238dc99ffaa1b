#include "checks.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#define MIB (INT64_C(1024) * 1024)
#define DISK_LOW_MIB 1024
#define DISK_FULL_MIB 100
#define CLOCK_OFF_S 30
#define BEHIND_MANY 100000
#define SLOW_MS 100

/* ---- questions --------------------------------------------------------------------------------*/

static bool is_local(struct str host)
{
	return str_starts(host, STR("127.")) || str_starts(host, STR("localhost")) ||
	    str_starts(host, STR("[::1]"));
}

static enum check_state look_https(struct req *r, int64_t *n)
{
	return r->https || is_local(r->host) ? CHECK_GREEN : CHECK_AMBER;
}

static struct str host_of(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));

	if (scheme < url.n)
		url = str_slice(url, scheme + 3, url.n);
	return str_slice(url, 0, str_find(url, '/'));
}

static enum check_state look_address(struct req *r, int64_t *n)
{
	struct str set = option_text(options_of(r), OPT_SERVER_ADDRESS);

	if (r->host.n == 0)
		return CHECK_UNKNOWN;
	return str_eq_nocase(host_of(set), r->host) ? CHECK_GREEN : CHECK_AMBER;
}

/* An address in front of us, and a header that names another: a proxy that nobody told us of. */
static enum check_state look_proxy(struct req *r, int64_t *n)
{
	struct str forwarded = str_trim(req_header(r, "x-forwarded-for"));

	if (forwarded.n == 0)
		return CHECK_GREEN;
	return str_has(forwarded, r->remote_addr) ? CHECK_GREEN : CHECK_AMBER;
}

static enum check_state look_database(struct req *r, int64_t *n)
{
	int64_t began = clock_mono_ms();
	struct err err = { 0 };

	if (!db_begin(db_of(r), &err)) {
		log_warn(&r->log, "diag.database", LOG_ERR(&err));
		return CHECK_RED;
	}
	db_rollback(db_of(r));
	*n = clock_mono_ms() - began;
	return *n > SLOW_MS ? CHECK_AMBER : CHECK_GREEN;
}

static enum check_state look_disk(struct req *r, int64_t *n)
{
	struct statvfs fs;

	if (statvfs(admin_of(r)->rt.data_dir, &fs) != 0)
		return CHECK_UNKNOWN;
	*n = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize / MIB;
	return *n < DISK_FULL_MIB ? CHECK_RED : *n < DISK_LOW_MIB ? CHECK_AMBER : CHECK_GREEN;
}

static enum check_state look_folder(struct req *r, int64_t *n)
{
	struct stat st;

	if (stat(admin_of(r)->rt.data_dir, &st) != 0)
		return CHECK_UNKNOWN;
	return st.st_mode & 077 ? CHECK_AMBER : CHECK_GREEN;
}

/* ?now= is the browser's clock, milliseconds. */
static enum check_state look_clock(struct req *r, int64_t *n)
{
	int64_t theirs = req_query_int(r, "now", 0);

	if (theirs <= 0)
		return CHECK_UNKNOWN;
	*n = (clock_unix_ms() - theirs) / 1000;
	if (*n < 0)
		*n = -*n;
	return *n > CLOCK_OFF_S ? CHECK_AMBER : CHECK_GREEN;
}

static enum check_state look_usage(struct req *r, int64_t *n)
{
	static const char sql[] = "SELECT COALESCE(MAX(id), 0) - "
	                          "(SELECT log_id FROM usage_mark WHERE id = 1) FROM logs";
	struct err err = { 0 };

	if (!db_number(db_of(r), sql, BIND_NONE, n, &err))
		return CHECK_UNKNOWN;
	return *n > BEHIND_MANY ? CHECK_AMBER : CHECK_GREEN;
}

/* Money that a process which is gone had set aside: a relay that runs sees to it. */
static enum check_state look_leases(struct req *r, int64_t *n)
{
	static const char sql[] = "SELECT COUNT(*) FROM reservations WHERE lease_until < ?";
	struct err err = { 0 };

	if (!db_number(db_of(r), sql, BIND(v_int(clock_unix() - 60)), n, &err))
		return CHECK_UNKNOWN;
	return *n > 0 ? CHECK_RED : CHECK_GREEN;
}

static enum check_state look_channels(struct req *r, int64_t *n)
{
	static const char sql[] = "SELECT COUNT(*) FROM channels WHERE status = 1";
	struct err err = { 0 };

	if (!db_number(db_of(r), sql, BIND_NONE, n, &err))
		return CHECK_UNKNOWN;
	return *n == 0 ? CHECK_AMBER : CHECK_GREEN;
}

/* ---- sentences --------------------------------------------------------------------------------*/

/* {} is the number. */
/* clang-format off */
static const struct {
	const char *name;
	enum check_state (*look)(struct req *r, int64_t *n);
	struct { const char *en, *zh; } good, bad, fix;
} checks[] = {
	{ "https", look_https,
	    { "The connection is encrypted, or local", "连接已加密，或为本机连接" },
	    { "Keys and passwords travel unencrypted: this page came by plain HTTP", "密钥与密码未经加密传输：本页面通过 HTTP 打开" },
	    { "Serve over TLS (conf/nginx/site.conf shows how). Behind a proxy that does it, pass `fastcgi_param HTTPS on` or list the proxy in TRUSTED_PROXIES", "请通过 TLS 提供服务（参见 conf/nginx/site.conf）。若由前置代理处理 TLS，请传递 `fastcgi_param HTTPS on` 或把该代理写入 TRUSTED_PROXIES" } },
	{ "server_address", look_address,
	    { "The server address is the one in use", "服务器地址与当前访问地址一致" },
	    { "The option ServerAddress differs from the address in use: links in mails lead elsewhere", "选项 ServerAddress 与当前访问地址不同：邮件中的链接会指向别处" },
	    { "Set ServerAddress to the address that people use", "请把 ServerAddress 设为用户实际使用的地址" } },
	{ "proxy", look_proxy,
	    { "Addresses of clients are known", "可以得知客户端地址" },
	    { "A proxy names the address of the client, but is not trusted: all clients look the same to limits and lists of networks", "前置代理提供了客户端地址但未被信任：限流与网段限制会把所有客户端视为同一个" },
	    { "List the addresses of the proxy in TRUSTED_PROXIES", "请把代理的地址写入 TRUSTED_PROXIES" } },
	{ "database", look_database,
	    { "The database can be written ({} ms)", "数据库可写（{} 毫秒）" },
	    { "The database cannot be written, or only slowly ({} ms)", "数据库无法写入，或写入缓慢（{} 毫秒）" },
	    { "Check that the disk is local and not full, that DATA_DIR belongs to the programs, and that no other program holds the file", "请检查磁盘是否为本地磁盘且未满、DATA_DIR 是否属于本程序、是否有其他程序占用该文件" } },
	{ "disk", look_disk,
	    { "{} MiB are free in DATA_DIR", "DATA_DIR 剩余 {} MiB" },
	    { "Only {} MiB are free in DATA_DIR", "DATA_DIR 仅剩 {} MiB" },
	    { "Make room, or delete old log rows", "请清理磁盘空间，或删除旧日志" } },
	{ "folder", look_folder,
	    { "DATA_DIR is readable by its owner only", "DATA_DIR 仅所有者可读" },
	    { "Others on this machine can look into DATA_DIR, where the data key lies", "本机其他用户可以读取存放数据密钥的 DATA_DIR" },
	    { "chmod 700 on DATA_DIR", "请对 DATA_DIR 执行 chmod 700" } },
	{ "clock", look_clock,
	    { "The clocks agree to {} s", "时钟误差 {} 秒" },
	    { "The server's clock differs from the browser's by {} s", "服务器时钟与浏览器相差 {} 秒" },
	    { "Let a time service set the server's clock (timedatectl set-ntp true)", "请让时间服务校准服务器时钟（timedatectl set-ntp true）" } },
	{ "usage", look_usage,
	    { "Sums by the hour follow the log ({} rows behind)", "按小时汇总紧跟日志（落后 {} 行）" },
	    { "Sums by the hour are {} log rows behind: dashboards are right but slow", "按小时汇总落后 {} 行：统计正确但较慢" },
	    { "Run fcgi-admin as a service rather than as plain CGI", "请以服务方式而不是普通 CGI 运行 fcgi-admin" } },
	{ "leases", look_leases,
	    { "No quota is stranded", "没有滞留的额度" },
	    { "Quota of {} requests waits for a process that is gone", "{} 个请求的额度仍被已退出的进程占用" },
	    { "Start fcgi-relay: it settles them", "请启动 fcgi-relay，它会结清这些额度" } },
	{ "channels", look_channels,
	    { "{} channels are enabled", "已启用 {} 个渠道" },
	    { "No channel is enabled: every request is refused", "没有启用的渠道：所有请求都会被拒绝" },
	    { "Add a channel, or enable one", "请添加或启用渠道" } },
};
/* clang-format on */

static void add_text(struct req *r, struct buf *out, const char *name, const char *text, int64_t n)
{
	struct str whole = str_c(text);
	size_t hole = str_find_str(whole, STR("{}"));

	json_add_name(out, name);
	if (hole < whole.n)
		whole = str_c(
		    arena_fmt(r->arena, "%.*s%" PRId64 "%s", (int)hole, text, n, text + hole + 2));
	json_add_str(out, whole);
}

static void add_check(struct req *r, struct buf *out, size_t i)
{
	static const char *const states[] = { "unknown", "green", "amber", "red" };
	int64_t n = 0;
	enum check_state state = checks[i].look(r, &n);
	bool good = state == CHECK_GREEN;

	if (state == CHECK_UNKNOWN)
		return;
	json_add_comma(out);
	buf_add_char(out, '{');
	json_add_name(out, "name");
	json_add_str(out, str_c(checks[i].name));
	json_add_name(out, "state");
	json_add_str(out, str_c(states[state]));
	if (good)
		add_text(r, out, "text", r->chinese ? checks[i].good.zh : checks[i].good.en, n);
	else
		add_text(r, out, "text", r->chinese ? checks[i].bad.zh : checks[i].bad.en, n);
	if (!good)
		add_text(r, out, "fix", r->chinese ? checks[i].fix.zh : checks[i].fix.en, n);
	buf_add_char(out, '}');
}

void checks_add(struct req *r, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		add_check(r, out, i);
	buf_add_char(out, ']');
}
