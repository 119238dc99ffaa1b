#include "objects.h"

#include "store/channel.h"
#include "store/logrow.h"
#include "store/redemption.h"
#include "store/token.h"
#include "store/user.h"

/* Three members that old clients expect are always empty: FIELD_SECRET writes "". */
const struct field user_wire[] = {
	FIELD(struct user, id, 0),
	FIELD(struct user, username, 0),
	FIELD_AS(struct user, password, "password", FIELD_SECRET),
	FIELD(struct user, display_name, 0),
	FIELD(struct user, role, 0),
	FIELD(struct user, status, 0),
	FIELD(struct user, email, 0),
	FIELD(struct user, github_id, 0),
	FIELD(struct user, wechat_id, 0),
	FIELD(struct user, lark_id, 0),
	FIELD(struct user, oidc_id, 0),
	FIELD_AS(struct user, password, "verification_code", FIELD_SECRET),
	FIELD_AS(struct user, password, "access_token", FIELD_SECRET),
	FIELD(struct user, quota, 0),
	FIELD(struct user, used_quota, 0),
	FIELD(struct user, request_count, 0),
	FIELD(struct user, group, 0),
	FIELD(struct user, aff_code, 0),
	FIELD(struct user, inviter_id, 0),
	{ 0 },
};

const struct field token_wire[] = {
	FIELD(struct token, id, 0),
	FIELD(struct token, user_id, 0),
	FIELD(struct token, key, 0),
	FIELD(struct token, status, 0),
	FIELD(struct token, name, 0),
	FIELD(struct token, created_time, 0),
	FIELD(struct token, accessed_time, 0),
	FIELD(struct token, expired_time, 0),
	FIELD(struct token, remain_quota, 0),
	FIELD(struct token, unlimited_quota, 0),
	FIELD(struct token, used_quota, 0),
	FIELD(struct token, models, 0),
	FIELD(struct token, subnet, 0),
	FIELD(struct token, capture_until, 0),
	{ 0 },
};

const struct field channel_wire[] = {
	FIELD(struct channel, id, 0),
	FIELD(struct channel, type, 0),
	FIELD(struct channel, key, FIELD_SECRET),
	FIELD(struct channel, status, 0),
	FIELD(struct channel, name, 0),
	FIELD(struct channel, weight, 0),
	FIELD(struct channel, created_time, 0),
	FIELD(struct channel, test_time, 0),
	FIELD(struct channel, response_time, 0),
	FIELD(struct channel, base_url, 0),
	FIELD(struct channel, other, 0),
	FIELD(struct channel, balance, 0),
	FIELD(struct channel, balance_updated_time, 0),
	FIELD(struct channel, models, 0),
	FIELD(struct channel, group, 0),
	FIELD(struct channel, used_quota, 0),
	FIELD(struct channel, model_mapping, 0),
	FIELD(struct channel, priority, 0),
	FIELD(struct channel, config, 0),
	FIELD(struct channel, system_prompt, 0),
	FIELD(struct channel, disabled_reason, 0),
	FIELD(struct channel, disabled_time, 0),
	{ 0 },
};

const struct field redemption_wire[] = {
	FIELD(struct redemption, id, 0),
	FIELD(struct redemption, user_id, 0),
	FIELD(struct redemption, key, 0),
	FIELD(struct redemption, status, 0),
	FIELD(struct redemption, name, 0),
	FIELD(struct redemption, quota, 0),
	FIELD(struct redemption, created_time, 0),
	FIELD(struct redemption, redeemed_time, 0),
	FIELD(struct redemption, redeemed_by, 0),
	FIELD(struct redemption, count, 0),
	{ 0 },
};

const struct field log_wire[] = {
	FIELD(struct logrow, id, 0),
	FIELD(struct logrow, user_id, 0),
	FIELD(struct logrow, created_at, 0),
	FIELD(struct logrow, type, 0),
	FIELD(struct logrow, content, 0),
	FIELD(struct logrow, username, 0),
	FIELD(struct logrow, token_name, 0),
	FIELD(struct logrow, model_name, 0),
	FIELD(struct logrow, quota, 0),
	FIELD(struct logrow, prompt_tokens, 0),
	FIELD(struct logrow, completion_tokens, 0),
	FIELD(struct logrow, channel, 0),
	FIELD(struct logrow, request_id, 0),
	FIELD(struct logrow, elapsed_time, 0),
	FIELD(struct logrow, is_stream, 0),
	FIELD(struct logrow, system_prompt_reset, 0),
	{ 0 },
};
