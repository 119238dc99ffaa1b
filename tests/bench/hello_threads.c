/* hello_threads.c — floor c2 of the bench: libfcgi as it is usually used
 *
 *	hello_threads SOCKET [THREADS]
 *
 * Each of the threads (192) waits in FCGX_Accept_r, reads the body and answers with the same small
 * JSON reply. A kept connection holds its thread, so the web server may keep at most as many.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hello.h"

#define THREADS 192
#define BACKLOG 4096

static int listener;

static void answer(FCGX_Request *r)
{
	char body[4096];

	while (FCGX_GetStr(body, sizeof(body), r->in) > 0)
		continue;
	FCGX_PutStr(HELLO_REPLY, sizeof(HELLO_REPLY) - 1, r->out);
	FCGX_Finish_r(r);
}

static void *serve(void *arg)
{
	FCGX_Request r;

	FCGX_InitRequest(&r, listener, 0);
	while (FCGX_Accept_r(&r) >= 0)
		answer(&r);
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc > 2 ? strtol(argv[2], NULL, 10) : THREADS;
	pthread_t thread;

	if (argc < 2 || threads < 1 || FCGX_Init() != 0) {
		fputs("usage: hello_threads SOCKET [THREADS]\n", stderr);
		return 2;
	}
	listener = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listener < 0) {
		perror(argv[1]);
		return 1;
	}
	for (long i = 0; i < threads; i++) {
		if (pthread_create(&thread, NULL, serve, NULL) != 0) {
			perror("hello_threads: thread");
			return 1;
		}
	}
	pause(); /* until it is killed; libfcgi takes SIGTERM for itself, so by SIGKILL */
	return 0;
}
