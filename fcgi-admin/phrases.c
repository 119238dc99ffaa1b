#include "phrases.h"

#include "base/err.h"
#include "message.h"

#define HOLES_MAX 4
#define DEPTH_MAX 4
#define TEXT_MAX ((size_t)2048)

/* The first that fits counts: what is said of one thing stands before what is said of any. */
/* clang-format off */
static const struct phrase {
	const char *en, *zh;
} phrases[] = {
	/* values */
	{ "must be text", "必须是文本" },
	{ "must be a string", "必须是字符串" },
	{ "must not be empty", "不能为空" },
	{ "must be true or false", "必须为 true 或 false" },
	{ "must be a number", "必须是数字" },
	{ "must be a whole number", "必须是整数" },
	{ "is out of range", "超出范围" },
	{ "is required", "不能缺少" },
	{ "is too long", "过长" },
	{ "must be an http or https URL", "必须是 http 或 https 网址" },
	{ "must be a list of domains", "必须是域名列表" },
	{ "must be a JSON object", "必须是 JSON 对象" },
	{ "it must be a JSON object", "必须是 JSON 对象" },
	{ "expected a JSON object", "必须是 JSON 对象" },
	{ "must be an object", "必须是对象" },
	{ "is no JSON object", "不是 JSON 对象" },
	{ "must be a whole number between {} and {}", "必须是 {} 到 {} 之间的整数" },
	{ "must be a number between {} and {}", "必须是 {} 到 {} 之间的数" },
	{ "must be a number from {} to {}", "必须是 {} 到 {} 之间的数" },
	{ "must be one of {}", "必须是以下之一：{}" },
	{ "must not be below 0", "不能小于 0" },
	{ "is too small: {}", "过小：价格精确到百万分之一，0 为免费" },
	{ "is too large: {} is the most", "过大：最大为 {}" },
	{ "must be a text", "必须是文本" },
	/* JSON */
	{ "invalid JSON at byte {}: {}", "第 {} 字节处的 JSON 格式不正确：{}" },
	{ "invalid JSON: {}", "JSON 格式不正确：{}" },
	{ "the text ends, {}", "文本到此结束，{}" },
	{ "expected the rest of an escape", "转义序列不完整" },
	{ "\\u without four hex digits", "\\u 后面必须有四个十六进制数字" },
	{ "unknown escape", "未知的转义序列" },
	{ "expected the end of a string", "字符串没有结束" },
	{ "control character in a string", "字符串中有控制字符" },
	{ "invalid UTF-8", "不是有效的 UTF-8" },
	{ "expected a value", "缺少值" },
	{ "expected a digit", "缺少数字" },
	{ "expected a member name in quotes", "缺少带引号的成员名" },
	{ "expected ':'", "缺少 “:”" },
	{ "expected ',' or '{}'", "缺少 “,” 或 “{}”" },
	{ "nested too deep", "嵌套过深" },
	{ "a number has more than {} characters", "数字超过 {} 个字符" },
	/* prices */
	{ "must have from {} to {} prices", "必须有 {} 到 {} 个价格" },
	{ "must be a list of objects", "必须是对象列表" },
	{ "must be a list of at most {} objects", "必须是最多 {} 个对象的列表" },
	{ "must be a number of tokens", "必须是 token 数" },
	{ "is no member of a tier", "不是阶梯价格的成员" },
	{ "must ascend", "必须递增" },
	{ "is no price", "不是价格" },
	{ "ModelPrice: '{}' must be an object of prices or a number", "ModelPrice：“{}” 必须是价格对象或数字" },
	{ "ModelPrice: '{}': '{}' {}", "ModelPrice：“{}” 的 “{}” {}" },
	{ "ModelPrice is not valid JSON: {}", "ModelPrice 不是有效的 JSON：{}" },
	{ "ModelPrice must be a JSON object", "ModelPrice 必须是 JSON 对象" },
	{ "ModelPrice has an entry without a name", "ModelPrice 中有一项没有名称" },
	{ "has an entry without a name", "有一项没有名称" },
	/* fallbacks */
	{ "a model must be a text of 1 to {} bytes", "模型名必须是 1 到 {} 字节的文本" },
	{ "'{}' must have a list of models", "“{}” 必须对应一个模型列表" },
	{ "'{}' has more than {} models", "“{}” 的模型超过 {} 个" },
	{ "more than {} names", "名称超过 {} 个" },
	{ "'{}' is there twice", "“{}” 出现了两次" },
	{ "'{}' comes back to itself", "“{}” 会回到自身" },
	/* limits */
	{ "scope must be key, user, group or channel", "scope 必须是 key、user、group 或 channel" },
	{ "subject must be the name of a group", "subject 必须是分组名称" },
	{ "subject must be an id", "subject 必须是 id" },
	{ "there is no time zone '{}'", "没有时区 “{}”" },
	{ "timezone must be text", "timezone 必须是文本" },
	{ "'{}' is none of {}", "“{}” 不是以下之一：{}" },
	{ "'{}' has no setting '{}'", "“{}” 没有设置项 “{}”" },
	{ "'{}' has two entries of one name", "“{}” 有两个同名的项" },
	/* money */
	{ "the quota is too large", "额度过大" },
	{ "the quota would be too large", "额度将会过大" },
	/* upstreams */
	{ "the upstream's address is not valid", "上游地址无效" },
	{ "the upstream did not take the connection in time", "连接上游超时" },
	{ "the upstream did not answer in time", "上游响应超时" },
	{ "the upstream fell silent during its reply", "上游在回复过程中没有了响应" },
	{ "the upstream did not finish in time", "上游未能及时完成回复" },
	{ "the head of the upstream's reply is too large", "上游回复的头部过大" },
	{ "the upstream's reply is too large", "上游回复过大" },
	{ "the upstream's reply is not what was asked for", "上游回复与请求不符" },
	{ "the upstream's name could not be resolved", "无法解析上游域名" },
	{ "the proxy's name could not be resolved", "无法解析代理域名" },
	{ "the proxy did not reach the upstream", "代理无法连接上游" },
	{ "the upstream does not take connections", "上游拒绝连接" },
	{ "the upstream's certificate is not trusted", "上游证书不受信任" },
	{ "the trusted certificates cannot be read", "无法读取受信任的证书" },
	{ "the upstream closed the connection", "上游关闭了连接" },
	{ "the upstream does not speak HTTP", "上游不是 HTTP 服务" },
	{ "the upstream broke off its reply", "上游中断了回复" },
	{ "the upstream could not be called", "无法调用上游" },
	{ "no answer within {} s", "{} 秒内没有回答" },
	{ "status code: {}", "状态码：{}" },
	/* anything */
	{ "option '{}': {}", "选项 {}：{}" },
	{ "option '{}' {}", "选项 {} {}" },
	{ "'{}': {}", "“{}”：{}" },
	{ "'{}' {}", "“{}” {}" },
	{ "{} must be between {} and {}", "{} 必须在 {} 到 {} 之间" },
	{ "{} must be a whole number between {} and {}", "{} 必须是 {} 到 {} 之间的整数" },
};
/* clang-format on */

/* A hole takes as little as it can. */
static bool fits(struct str text, struct str pattern, struct str holes[HOLES_MAX], size_t *count)
{
	size_t at = str_find_str(pattern, STR("{}")), next;
	struct str rest;

	if (!str_starts(text, str_slice(pattern, 0, at)))
		return false;
	text = str_slice(text, at, text.n);
	if (at == pattern.n)
		return text.n == 0;
	pattern = str_slice(pattern, at + 2, pattern.n);
	next = str_find_str(pattern, STR("{}"));
	rest = str_slice(pattern, 0, next);
	at = rest.n ? str_find_str(text, rest) : text.n;
	if (at == 0 || *count == HOLES_MAX)
		return false;
	holes[(*count)++] = str_slice(text, 0, at);
	return fits(str_slice(text, at, text.n), pattern, holes, count);
}

static void add(struct buf *out, struct str english, int depth);

static void add_filled(struct buf *out, struct str zh, const struct str holes[HOLES_MAX],
    size_t count, int depth)
{
	for (size_t i = 0; i <= count; i++) {
		size_t hole = str_find_str(zh, STR("{}"));

		buf_add(out, str_slice(zh, 0, hole));
		if (hole == zh.n)
			return;
		if (i < count)
			add(out, holes[i], depth + 1);
		zh = str_slice(zh, hole + 2, zh.n);
	}
}

static void add(struct buf *out, struct str english, int depth)
{
	for (size_t i = 0; depth < DEPTH_MAX && i < COUNT_OF(phrases); i++) {
		struct str holes[HOLES_MAX];
		size_t count = 0;

		if (!fits(english, str_c(phrases[i].en), holes, &count))
			continue;
		add_filled(out, str_c(phrases[i].zh), holes, count, depth);
		return;
	}
	buf_add(out, english);
}

struct str phrase_for(const struct req *r, struct str english)
{
	struct str text;
	struct buf out;

	if (!r->chinese || english.n > TEXT_MAX)
		return english;
	out = buf_init(4 * TEXT_MAX);
	add(&out, english, 0);
	text = buf_ok(&out) ? arena_str(r->arena, buf_str(&out)) : english;
	buf_release(&out);
	return text;
}

bool phrase_fail(const struct req *r, struct err *err, const struct err *wrong)
{
	return message_fail_about(r, err, MSG_E01_FIELD, phrase_for(r, str_c(wrong->msg)),
	    (struct str){ 0 });
}
