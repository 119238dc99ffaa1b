/* probe.h — GET /api/channel/test/:id: tests one channel with a real call
 *
 * DESIGN. The handler reads the channel and builds the upstream call on its worker, defers the
 * reply and gives the call to the request's wire (upstream_fetch). The wire hands the answer back
 * to a worker, which lets the channel's dialect decode it, judges it, notes time and log row, and
 * replies. A dialect that needs several calls goes round again. One time limit counts for all.
 * The status of the channel is not touched.
 *
 * Here stands what can be tested without an upstream; the route is in probe_routes.
 */
#ifndef ADMIN_PROBE_H
#define ADMIN_PROBE_H

#include "net/http.h"

#define PROBE_TIMEOUT_MS (60 * 1000)
#define PROBE_MAX_TOKENS 16
#define PROBE_BODY_MAX (4 * 1024 * 1024)

/* Which model to ask for: `wanted` when it is an item of the comma list, else the first item; ""
 * when the list is empty. A wildcard-less exact match: "gpt-4" does not match "gpt-4o". */
struct str probe_model(struct str models, struct str wanted);
/* The chat request, in the arena. */
struct str probe_request(struct arena *a, struct str model, struct str prompt);
/* Is this OpenAI-shaped answer a success: choices, text content, usage? *text is the content. On
 * false err is C06, C07 or C08. */
MUST_USE bool probe_judge(struct req *r, struct str body, struct str *text, struct err *err);

#endif
