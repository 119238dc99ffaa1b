#include "net/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

/* Ever made by this process, for those who watch it. */
static _Atomic(uint64_t) made;

struct spool {
	int fd;
	size_t size;
};

/* For file systems that know no file without a name. */
static int open_and_unlink(const char *dir)
{
	struct arena *a = arena_new(512);
	char *path = arena_fmt(a, "%s/upload-XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	arena_free(a);
	return fd;
}

static bool no_room(struct err *err)
{
	int why = errno;

	err_set(err, ERR_BUSY, "there is no room for this upload at the moment");
	return err_detail(err, "temporary file: %s", strerror(why));
}

struct spool *spool_new(const char *dir, struct err *err)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct spool *s;

	if (fd < 0 && errno != EMFILE && errno != ENFILE)
		fd = open_and_unlink(dir);
	if (fd < 0) {
		no_room(err);
		return NULL;
	}
	s = MEM_NEW(struct spool);
	s->fd = fd;
	atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
	return s;
}

uint64_t spool_count(void)
{
	return atomic_load_explicit(&made, memory_order_relaxed);
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	close(s->fd);
	mem_free(s);
}

bool spool_add(struct spool *s, struct str bytes, struct err *err)
{
	while (bytes.n) {
		ssize_t n = pwrite(s->fd, bytes.p, bytes.n, (off_t)s->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return no_room(err);
		s->size += (size_t)n;
		bytes = str_slice(bytes, (size_t)n, bytes.n);
	}
	return true;
}

size_t spool_size(const struct spool *s)
{
	return s->size;
}

struct mapped {
	void *at;
	size_t n;
};

static void unmap(void *object)
{
	struct mapped *m = object;

	munmap(m->at, m->n);
}

bool spool_map(struct spool *s, struct arena *a, struct str *out, struct err *err)
{
	struct mapped *m = ARENA_NEW(a, struct mapped);

	/* One byte more than the contents: it reads as NUL. */
	m->n = s->size + 1;
	m->at = MAP_FAILED;
	if (ftruncate(s->fd, (off_t)m->n) == 0)
		m->at = mmap(NULL, m->n, PROT_READ, MAP_SHARED, s->fd, 0);
	if (m->at == MAP_FAILED) {
		no_room(err);
		spool_free(s);
		return false;
	}
	arena_defer(a, unmap, m);
	*out = (struct str){ m->at, s->size };
	spool_free(s);
	return true;
}
