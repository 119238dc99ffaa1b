#include "message.h"

#include <assert.h>

/* clang-format off */
static const struct {
	const char *en, *zh;
} texts[MESSAGE_COUNT] = {
	[MSG_E01] = { "Invalid parameter", "参数无效" },
	[MSG_E01_FIELD] = { "Invalid parameter: {}", "参数无效：{}" },
	[MSG_E02] = { "Invalid input, please check the fields", "输入有误，请检查各项内容" },
	[MSG_E03] = { "Record not found", "没有找到该记录" },
	[MSG_E04] = { "The id is missing", "缺少 id" },
	[MSG_E05] = { "Internal error (request id {})", "内部错误（请求 id {}）" },
	[MSG_E06] = { "The mail could not be sent", "邮件发送失败" },
	[MSG_E08] = { "The request body is too large", "请求内容过大" },
	[MSG_A01] = { "Not logged in and no access token given", "尚未登录，也没有提供访问令牌" },
	[MSG_A02] = { "The access token is not valid", "访问令牌无效" },
	[MSG_A03] = { "This account is disabled", "该账户已停用" },
	[MSG_A04] = { "Insufficient permission", "权限不足" },
	[MSG_A05] = { "Turnstile token is missing", "缺少 Turnstile 令牌" },
	[MSG_A06] = { "Turnstile check failed, please reload and retry", "Turnstile 校验失败，请刷新页面后重试" },
	[MSG_A07] = { "The OAuth state is missing or does not match", "OAuth state 缺失或不匹配" },
	[MSG_A08] = { "The request came from another site", "请求来自其他站点，已拒绝" },
	[MSG_U01] = { "Password login is switched off", "密码登录已关闭" },
	[MSG_U03] = { "Wrong user name or password, or the account is disabled", "用户名或密码不正确，或账户已停用" },
	[MSG_U04] = { "Registration is closed", "注册已关闭" },
	[MSG_U05] = { "Registration by password is closed, please use a third-party account", "密码注册已关闭，请使用第三方账户" },
	[MSG_U06] = { "E-mail address and verification code are required", "请填写邮箱地址和验证码" },
	[MSG_U07] = { "The code is wrong or has expired", "验证码不正确或已过期" },
	[MSG_U08] = { "Addresses of this mail domain are not accepted", "不接受该邮箱域名的地址" },
	[MSG_U09] = { "This e-mail address is already in use", "该邮箱地址已被使用" },
	[MSG_U11] = { "The reset link is invalid or has expired", "重置链接无效或已过期" },
	[MSG_U13] = { "The root account cannot be deleted", "不能删除超级管理员账户" },
	[MSG_U14] = { "No permission to view users of the same or a higher level", "无权查看同级或更高级别的用户" },
	[MSG_U15] = { "No permission to change users of the same or a higher level", "无权修改同级或更高级别的用户" },
	[MSG_U16] = { "A user cannot be raised to your own level or above", "不能把用户提升到与自己同级或更高的级别" },
	[MSG_U17] = { "No permission to delete users of the same or a higher level", "无权删除同级或更高级别的用户" },
	[MSG_U18] = { "The new user's level must be below your own", "新用户的级别必须低于自己" },
	[MSG_U19] = { "User does not exist", "用户不存在" },
	[MSG_U20] = { "The root account cannot be disabled", "不能停用超级管理员账户" },
	[MSG_U21] = { "The root account cannot be deleted", "不能删除超级管理员账户" },
	[MSG_U22] = { "Only root can make administrators", "只有超级管理员可以设置管理员" },
	[MSG_U23] = { "The user already is an administrator", "该用户已经是管理员" },
	[MSG_U24] = { "The root account cannot be demoted", "不能降级超级管理员账户" },
	[MSG_U25] = { "The user already is a common user", "该用户已经是普通用户" },
	[MSG_U26] = { "This user name is taken", "该用户名已被占用" },
	[MSG_U27] = { "Statistics are not available", "暂时无法取得统计数据" },
	[MSG_U28] = { "The current password is wrong", "当前密码不正确" },
	[MSG_U29] = { "Please enter the code of your authenticator app or a recovery code", "请输入身份验证器中的动态码或恢复码" },
	[MSG_U30] = { "The code is wrong or was used already", "动态码不正确或已被使用" },
	[MSG_U31] = { "A second factor is in force already", "两步验证已经启用" },
	[MSG_U32] = { "No second factor was begun or is in force", "两步验证尚未启用" },
	[MSG_U33] = { "The sign-in took too long, please begin again", "登录超时，请重新登录" },
	[MSG_O01] = { "Sign-in with this provider is switched off", "该第三方登录方式未启用" },
	[MSG_O02] = { "Invalid parameter", "参数无效" },
	[MSG_O03] = { "The provider cannot be reached, please retry later", "暂时无法连接第三方登录服务，请稍后重试" },
	[MSG_O04] = { "The provider returned no user", "第三方登录服务没有返回用户信息" },
	[MSG_O05] = { "This third-party account is bound to another user", "该第三方账户已绑定其他用户" },
	[MSG_O06] = { "The code is wrong or has expired", "验证码不正确或已过期" },
	[MSG_O07] = { "This is the only way to sign in to the account, set a password first", "这是该账户唯一的登录方式，请先设置密码" },
	[MSG_Q01] = { "Redemption failed: no code given", "兑换失败：未提供兑换码" },
	[MSG_Q03] = { "Redemption failed: unknown code", "兑换失败：无效的兑换码" },
	[MSG_Q04] = { "Redemption failed: the code was used already or is disabled", "兑换失败：该兑换码已使用或已停用" },
	[MSG_Q05] = { "The amount must not be negative", "额度不能为负数" },
	[MSG_R01] = { "The name must have 1 to 20 characters", "名称长度须为 1 到 20 个字符" },
	[MSG_R02] = { "The count must be positive", "数量必须大于 0" },
	[MSG_R03] = { "At most 100 codes at once", "一次最多生成 100 个兑换码" },
	[MSG_T01] = { "Invalid parameter: name too long", "参数无效：名称过长" },
	[MSG_T02] = { "Invalid parameter: invalid network {}", "参数无效：网段 {} 不正确" },
	[MSG_T03] = { "The key has expired; change its expiry first", "密钥已过期，请先修改有效期" },
	[MSG_T04] = { "The key has no quota left; change its quota first", "密钥额度已用完，请先修改额度" },
	[MSG_T05] = { "A user may have at most {} keys", "每个用户最多拥有 {} 个密钥" },
	[MSG_C01] = { "A test is already running", "已有任务正在运行" },
	[MSG_C02] = { "Response time {} s exceeds the limit of {} s", "响应时间 {} 秒超过上限 {} 秒" },
	[MSG_C03] = { "Not supported for this channel type", "该渠道类型不支持此操作" },
	[MSG_C05] = { "http status code: {}, error message: {}", "http 状态码：{}，错误信息：{}" },
	[MSG_C06] = { "The answer has no choices", "回答中没有 choices" },
	[MSG_C07] = { "The content of the answer is not text", "回答的内容不是文本" },
	[MSG_C08] = { "The usage is missing in the answer", "回答中缺少 usage" },
	[MSG_C09] = { "Unknown channel type", "未知的渠道类型" },
	[MSG_C10] = { "No balance in the answer", "回答中没有余额" },
	[MSG_C11] = { "Balance exhausted", "余额已用尽" },
	[MSG_C12] = { "The channel has no models", "渠道没有配置模型" },
	[MSG_C13] = { "The channel would send its stored secrets to another host: enter the key again", "渠道将把已保存的密钥发送到其他主机，请重新填写密钥" },
	[MSG_C14] = { "The answer is not a list of models", "回答不是模型列表" },
	[MSG_C15] = { "Invalid parameter: config.{} may be {}", "参数无效：config.{} 只能是 {}" },
	[MSG_C16] = { "Invalid parameter: config (not a JSON object)", "参数无效：config（不是 JSON 对象）" },
	[MSG_P01] = { "Unknown theme", "未知的主题" },
	[MSG_P02] = { "Fill in the GitHub client id first", "请先填写 GitHub 客户端 id" },
	[MSG_P03] = { "Fill in the list of mail domains first", "请先填写邮箱域名列表" },
	[MSG_P04] = { "Fill in the WeChat server settings first", "请先填写微信服务器设置" },
	[MSG_P05] = { "Fill in the Turnstile site key first", "请先填写 Turnstile 站点密钥" },
	[MSG_P06] = { "Fill in the OIDC client id and endpoints first", "请先填写 OIDC 客户端 id 与各端点地址" },
	[MSG_L01] = { "target_timestamp is required", "缺少 target_timestamp" },
	[MSG_M01] = { "{} e-mail verification", "{} 邮箱验证" },
	[MSG_M02] = { "{} password reset", "{} 密码重置" },
	[MSG_M03] = { "Your verification code is", "您的验证码是" },
	[MSG_M04] = { "It is valid for {} minutes. If you did not ask for it, ignore this message.", "{} 分钟内有效。如果不是您本人的操作，请忽略此邮件。" },
	[MSG_M05] = { "Somebody asked to reset the password of your account {}.", "有人请求重置您的账户 {} 的密码。" },
	[MSG_M06] = { "Reset the password", "重置密码" },
	[MSG_M07] = { "If the button does not work, open this link:", "如果按钮无法点击，请打开以下链接：" },
	[MSG_M08] = { "Somebody asked for a verification code for this address, but there is an account with it already. Sign in, or reset the password if you forgot it. If that was not you, ignore this message.", "有人请求向此地址发送验证码，但该地址已有账户。请直接登录；如果忘记密码，可以重置。如果不是您本人的操作，请忽略此邮件。" },
	[MSG_M09] = { "{} address changed", "{} 邮箱已更改" },
	[MSG_M10] = { "Your account {} now has the address {}. If that was not you, change your password and ask the operator.", "您的账户 {} 的邮箱已改为 {}。如果不是您本人的操作，请修改密码并联系管理员。" },
	[MSG_M11] = { "{} test message", "{} 测试邮件" },
	[MSG_M12] = { "If you can read this, mail works.", "如果您能看到此邮件，说明邮件发送正常。" },
	[MSG_M13] = { "{} quota reminder", "{} 额度提醒" },
	[MSG_M14] = { "The quota of your account {} is running out: {} is left.", "您的账户 {} 的额度即将用完，剩余 {}。" },
	[MSG_M15] = { "The quota of your account {} is used up ({} is left): requests are refused until you top up.", "您的账户 {} 的额度已用完（剩余 {}），充值之前请求会被拒绝。" },
	[MSG_M16] = { "Top up", "充值" },
	[MSG_M17] = { "Channel status change", "渠道状态变更" },
	[MSG_M18] = { "Channel test finished", "渠道测试完成" },
	[MSG_M19] = { "Channel &quot;{}&quot; (#{}) was disabled", "渠道 &quot;{}&quot;（#{}）已被停用" },
	[MSG_M20] = { "Channel &quot;{}&quot; (#{}) is enabled again", "渠道 &quot;{}&quot;（#{}）已重新启用" },
	[MSG_M21] = { "Channel &quot;{}&quot; (#{}) goes on without one of its keys", "渠道 &quot;{}&quot;（#{}）停用了其中一个密钥" },
	[MSG_M22] = { "Channel &quot;{}&quot; (#{}) is slow", "渠道 &quot;{}&quot;（#{}）响应缓慢" },
	[MSG_M23] = { "Channel &quot;{}&quot; (#{})", "渠道 &quot;{}&quot;（#{}）" },
};
/* clang-format on */

const char *message_in(enum language in, enum message id)
{
	assert(id < MESSAGE_COUNT && texts[id].en && texts[id].zh);
	return in == LANGUAGE_ZH ? texts[id].zh : texts[id].en;
}

enum language message_language(const struct req *r)
{
	return r->chinese ? LANGUAGE_ZH : LANGUAGE_EN;
}

enum language message_language_named(struct str name)
{
	return str_eq_c(name, "zh") ? LANGUAGE_ZH : LANGUAGE_EN;
}

const char *message_text(const struct req *r, enum message id)
{
	return message_in(message_language(r), id);
}

struct str message_filled_in(struct arena *a, enum language in, enum message id, struct str first,
    struct str second)
{
	const struct str values[] = { first, second };
	struct str text = str_c(message_in(in, id));
	struct buf out = buf_init(4096);
	struct str filled;
	size_t i;

	for (i = 0; i < COUNT_OF(values); i++) {
		size_t hole = str_find_str(text, STR("{}"));

		buf_add(&out, str_slice(text, 0, hole));
		if (hole == text.n)
			break;
		buf_add(&out, str_slice(values[i], 0, 1024));
		text = str_slice(text, hole + 2, text.n);
	}
	if (i == COUNT_OF(values))
		buf_add(&out, text);
	filled = arena_str(a, buf_str(&out));
	buf_release(&out);
	return filled;
}

struct str message_filled(const struct req *r, enum message id, struct str first, struct str second)
{
	return message_filled_in(r->arena, message_language(r), id, first, second);
}

bool message_fail(const struct req *r, struct err *err, enum message id)
{
	return err_set(err, ERR_BAD_REQUEST, "%s", message_text(r, id));
}

bool message_fail_about(const struct req *r, struct err *err, enum message id, struct str first,
    struct str second)
{
	struct str text = message_filled(r, id, first, second);

	return err_set(err, ERR_BAD_REQUEST, "%.*s", STR_ARG(text));
}

bool message_fail_member(const struct req *r, struct err *err, const char *member)
{
	return message_fail_about(r, err, MSG_E01_FIELD, str_c(member), (struct str){ 0 });
}
