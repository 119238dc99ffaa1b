/* limit_late.h — tokens that are used behind a request's answer, counted when they are known
 *
 * A work (works.h) uses its tokens after the request that made it has left its limits. They are
 * added when it is settled, by whoever settles it and once, to the tokens of the key that made it,
 * of its user and their group, and of the channel; a limit may be in debt then, and refuses until
 * that is paid off. Client addresses are not kept, and so not counted.
 *
 *	tokens a day		of every work
 *	tokens a minute		of runs and responses, which are conversations. Batches and training
 *				go on for hours at the upstream's own pace, and no minute has used
 *				them.
 *
 * What stays charged at its bound, since nobody knows what it used, is not counted.
 *
 * Threads  limit_late_open before the first request, when relay's pins and limiter are there. The
 *          rest happens on the ledger's thread.
 */
#ifndef FCGI_RELAY_LIMIT_LATE_H
#define FCGI_RELAY_LIMIT_LATE_H

struct relay;

void limit_late_open(struct relay *relay);

#endif
