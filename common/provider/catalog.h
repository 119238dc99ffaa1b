/* catalog.h — channels, abilities, groups, options and prices as one immutable snapshot
 *
 * Built from the database when its version moves (every admin write bumps it in the same
 * transaction); polled once a second by one thread per process. Whoever works on a request holds a
 * reference for that request. Choosing a channel is a look-up here: no lock, no I/O. If a rebuild
 * fails the old snapshot stays.
 *
 *	struct catalog *c = catalog_get(watcher);
 *	const struct candidates *list = catalog_candidates(c, group, model);
 *	…
 *	catalog_put(c);
 *
 * The cost of a look-up does not depend on the number of channels.
 *
 * Threads  a catalog is read-only; catalog_get from anywhere.
 */
#ifndef PROVIDER_CATALOG_H
#define PROVIDER_CATALOG_H

#include "base/jscan.h"
#include "base/snapshot.h"
#include "base/str.h"
#include "billing/price.h"
#include "provider/providers.h"
#include "store/chains.h"
#include "store/channel.h"
#include "store/limit.h"
#include "store/option.h"

struct db;
struct err;
struct secret_box;

/* One of a channel's keys. */
struct catalog_key {
	struct str text;
	uint64_t id; /* tells keys apart without saying them: for tables in shared memory */
	int64_t
	    parked_at; /* the upstream refused it for good then (store/channel_key.h); 0: in use */
};

enum key_mode { KEY_ROUND_ROBIN, KEY_RANDOM };

/* What an operator set for this channel alone; 0: the program's own setting. */
struct catalog_limits {
	int connect_ms;     /* connect_timeout: name, TCP and TLS */
	int first_byte_ms;  /* first_byte_timeout: of the reply's head */
	int first_token_ms; /* first_token_timeout: from sending to the first piece of a stream that
	                     * the client gets */
	int idle_ms;        /* idle_timeout: between two pieces */
	int total_ms;       /* total_timeout: the whole call */
};

struct catalog_channel {
	struct channel row; /* key unsealed: all lines of it; calls use one of keys */
	const struct provider *provider;
	struct str base_url; /* the row's or the provider's, without trailing / */
	size_t mapping_count;
	struct {
		struct str from, to; /* a * at the end of from stands for anything */
	} * mapping;
	size_t key_count; /* at least 1; that one may be empty */
	struct catalog_key *keys;
	/* members of config (catalog_config.c has the table), legacy `other` folded in */
	struct str api_version, region, user_id, organization, project;
	struct str azure_style; /* deployment, v1; "": by api_version */
	struct str azure_auth;  /* entra: the key is a token of Entra ID; "": an API key */
	enum key_mode key_mode;
	struct catalog_limits limits;
	int max_retries; /* instead of RetryTimes once this channel has failed; -1: not set */
	/* `resources`: "true", or a list of the families (files, batches …) that this account keeps
	 * for our users; `shared_resources`: ids in it that all of them may refer to */
	struct str resources, shared_resources;
	int64_t call_price; /* quota for a call without a model: resources, proxy */
	/* how we present ourselves where the provider asks (QUIRK_REFERER): config, else the
	 * options ServerAddress and SystemName */
	struct str referer, title;
	/* refuse what a dialect would drop: config, else the option StrictParams */
	bool strict_params;
	bool strict_params_set;
	/* content begins with <think>: reasoning, cut out; for servers that do not parse it */
	bool split_think;
	bool split_think_set;
	/* anthropic, bedrock, vertex */
	struct str anthropic_beta; /* comma list, sent with every request */
	int default_max_tokens;    /* where the client names none; 0: the model's own */
	/* gemini, vertex, palm */
	struct str safety_threshold; /* "": the program's (GEMINI_SAFETY_SETTING) */
	struct str vertex_ai_project_id, vertex_ai_adc; /* project; service account as JSON text */
	struct str
	    palm; /* refuse, alias (a Gemini channel), native; "": refuse at Google's own host */
	/* bedrock */
	struct str ak, sk, session_token;
	struct str api_style; /* invoke, converse, mantle; "": by family */
	struct str family;    /* anthropic, llama …, where the model's id does not tell */
	struct str
	    inference_profile; /* prefix of base model ids: us, eu, global …; auto: by region */
	struct str guardrail_id, guardrail_version, guardrail_trace;
};

/* Candidates of equal priority: [from, to) of items. */
struct tier {
	size_t from, to;
	uint32_t total; /* sum of their weights */
};

/* Channels that serve one group and model, highest priority first. */
struct candidates {
	size_t count;
	const struct catalog_channel *const *items;
	const uint32_t *until; /* of each: its weight and those before it in its tier */
	size_t tier_count;
	const struct tier *tiers;
	const struct candidates *wider; /* those of the next shorter wildcard that fits as well */
};

struct catalog {
	struct shared shared;
	struct arena *arena;
	int64_t version;
	struct options options;
	struct price_table *prices;
	struct limit_rules rules;
	size_t channel_count;
	const struct catalog_channel **channels; /* ordered by id */
	void *index;                             /* catalog_index.c's */
	const struct chains *chains;             /* option ModelFallbacks */
};

/* Reads everything in one read transaction's worth of queries; refs = 1. */
MUST_USE bool catalog_build(struct db *db, const struct secret_box *box, struct catalog **out,
    struct err *err);
void catalog_put(struct catalog *c);

/* Only channels that are enabled; NULL when there is none. A name in a channel's list may end in *:
 * it stands for every model that begins so. Those who name the model win over those, longer
 * beginnings over shorter ones; the others are reached by ->wider. */
const struct candidates *catalog_candidates(const struct catalog *c, struct str group,
    struct str model);
/* The item of a tier that a number below its total falls on: each as often as its weight says, when
 * all weigh nothing each once. */
size_t candidates_at(const struct candidates *list, const struct tier *t, uint32_t number);
/* Enabled or not; NULL when there is none. */
const struct catalog_channel *catalog_channel(const struct catalog *c, int64_t id);
/* Distinct models that enabled channels offer a group, sorted; wildcards are none, aliases of
 * ModelFallbacks are, where a model behind them is offered. */
const struct str *catalog_models(const struct catalog *c, struct str group, size_t *count);
/* A row with its provider, mapping and config read; ERR_CHANNEL_INVALID for an unknown type. For
 * the catalog itself and for testing a channel that is not in it. */
MUST_USE bool catalog_channel_make(struct arena *a, const struct channel *row,
    struct catalog_channel *out, struct err *err);
/* The key for a call that is nobody's turn (a test, a balance): the first that is in use. */
const struct catalog_key *catalog_first_key(const struct catalog_channel *c);
/* NULL: the channel has it no more. */
const struct catalog_key *catalog_key_by_id(const struct catalog_channel *c, uint64_t id);
/* The channel's name for a model: an exact name first, then the longest beginning before a *. */
struct str catalog_map_model(const struct catalog_channel *c, struct str model);

/* ---- building: for catalog.c and its files only ------------------------------------- */

/* catalog_config.c: members of config; catalog_keys.c: the lines of the key. */
void catalog_read_config(struct arena *a, struct catalog_channel *c);
void catalog_read_keys(struct arena *a, struct catalog_channel *c);
/* Ids of all keys and which of them are parked. */
MUST_USE bool catalog_mark_keys(struct db *db, const struct secret_box *box, struct catalog *c,
    struct err *err);
/* A JSON object that an operator wrote; what is none counts as empty and is named in the log. */
bool catalog_read_object(const struct channel *row, struct str text, const char *column,
    struct jval *object);
/* May a config be saved? No, when a member that we read is nothing that it may be: which, and in few
 * signs what it may be. What we do not read is not looked at. */
MUST_USE bool catalog_check_config(struct arena *a, struct str config, const char **member,
    const char **may_be);
/* catalog_index.c */
void catalog_make_index(struct catalog *c);

/* ---- watcher -------------------------------------------------------------------------- */

struct catalog_watcher;

/* Builds the first snapshot before it returns; then polls every poll_ms. db is taken. */
MUST_USE bool catalog_watch(struct db *db, const struct secret_box *box, int poll_ms,
    struct catalog_watcher **out, struct err *err);
void catalog_unwatch(struct catalog_watcher *w);
/* A reference; never NULL. */
struct catalog *catalog_get(struct catalog_watcher *w);
/* After a write of ours: looks at the version now instead of at the next poll, and tells others;
 * from any thread, returns at once. */
void catalog_nudge(struct catalog_watcher *w);
/* Who tells them, NULL: nobody; not while somebody nudges. */
void catalog_on_nudge(struct catalog_watcher *w, void (*tell)(void *arg), void *arg);
/* Somebody else has written: only looks. */
void catalog_look(struct catalog_watcher *w);

#endif
