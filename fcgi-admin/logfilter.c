#include "logfilter.h"

#include "access.h"

struct log_filter logfilter_any(const struct req *r)
{
	int64_t type = req_query_int(r, "type", 0);

	return (struct log_filter){
		.type = type > 0 && type <= INT32_MAX ? (int)type : LOG_TYPE_ALL,
		.username = req_query(r, "username"),
		.token_name = req_query(r, "token_name"),
		.model_name = req_query(r, "model_name"),
		.channel = req_query_int(r, "channel", 0),
		.without = {
			.username = req_query(r, "not_username"),
			.token_name = req_query(r, "not_token_name"),
			.model_name = req_query(r, "not_model_name"),
			.channel = req_query_int(r, "not_channel", 0),
		},
		.from = req_query_int(r, "start_timestamp", 0),
		.to = req_query_int(r, "end_timestamp", 0),
	};
}

struct log_filter logfilter_own(const struct req *r)
{
	struct log_filter f = logfilter_any(r);

	f.user_id = access_actor(r)->user.id;
	f.username = (struct str){ 0 };
	f.channel = 0;
	f.without.username = (struct str){ 0 };
	f.without.channel = 0;
	return f;
}

void logfilter_hide(const struct req *r, struct log_list *rows)
{
	if (access_actor(r)->user.role >= ROLE_ADMIN)
		return;
	for (size_t i = 0; i < rows->count; i++)
		rows->items[i].channel = 0;
}

const char *logfilter_finish(int finish)
{
	static const char *const names[] = {
		[FINISH_COMPLETE] = "complete",
		[FINISH_ABORTED] = "aborted",
		[FINISH_ESTIMATED] = "estimated",
		[FINISH_SWEPT] = "swept",
	};

	return finish >= 0 && (size_t)finish < COUNT_OF(names) ? names[finish] : "";
}
