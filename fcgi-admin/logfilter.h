/* logfilter.h — which log rows a request asks for, shared by lists, sums and export */
#ifndef ADMIN_LOGFILTER_H
#define ADMIN_LOGFILTER_H

#include "net/http.h"
#include "store/logrow.h"

/* Of anybody: type, username, token_name, model_name, channel, start_timestamp, end_timestamp; and
 * not_username, not_token_name, not_model_name, not_channel, which leave out. What does not parse is
 * no filter. */
struct log_filter logfilter_any(const struct req *r);
/* Own rows only, by id: a name may have belonged to somebody else. */
struct log_filter logfilter_own(const struct req *r);
/* Which channel served a request is the administrators' business. */
void logfilter_hide(const struct req *r, struct log_list *rows);

/* How a consumption ended: "complete", "aborted", "estimated", "swept". */
const char *logfilter_finish(int finish);

#endif
