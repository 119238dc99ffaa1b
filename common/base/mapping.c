/* DESIGN  The file begins with a page that says whose it is (layout, boot id), which regions there
 * are and which process numbers are in use. A process number is held by an open-file-description
 * lock on one byte behind the end of the file: the kernel drops it when its holder dies, however it
 * dies, and neither a reused process id nor another container's ids can deceive it. Making the
 * file and adding a region happen under such a lock as well. The first page of a file that does
 * not fit is not overwritten, for somebody may be using it: the name is given to a new file.
 *
 * Blocks of a region are allocated when it is made, so that a disk that fills up later cannot kill
 * a process by SIGBUS. */
#include "base/mapping.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* Another number whenever struct head changes. */
#define LAYOUT UINT64_C(0x6f6e656170690001)
#define NAME_BYTES 16
#define REGIONS_MAX 32
#define REAPERS_MAX 16
#define PAGE_BYTES 4096
#define BOOT_ID_BYTES 40
/* Bytes that are locked: one per process number, then the one for changing the head. */
#define LOCK_SLOTS MAPPING_BYTES
#define LOCK_HEAD (LOCK_SLOTS + MAPPING_PROCESSES)
/* A file that is replaced while it is being opened: more often than that is no accident. */
#define OPEN_TRIES 16

struct region {
	char name[NAME_BYTES];
	uint64_t offset, bytes;
};

/* The first page. */
struct head {
	uint64_t layout; /* written last */
	char boot_id[BOOT_ID_BYTES];
	uint64_t end; /* of the last region */
	uint32_t region_count;
	_Atomic(uint32_t) used[MAPPING_PROCESSES]; /* 1: may have left counts, alive or dead */
	struct region regions[REGIONS_MAX];
};

_Static_assert(sizeof(struct head) <= PAGE_BYTES, "the head is one page");

struct mapping {
	int fd; /* -1: anonymous */
	int slot;
	bool inherited; /* the number's last owner left counts that nobody has taken back yet */
	struct head *head;
	pthread_mutex_t
	    reaping; /* one thread at a time; what follows is set before threads start */
	size_t reaper_count;
	struct {
		void (*reap)(int slot, void *arg);
		void *arg;
	} reapers[REAPERS_MAX];
};

/* ---- locks ---------------------------------------------------------------------------------- */

static bool lock_byte(int fd, int64_t at, int command, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
	int result;

	do {
		result = fcntl(fd, command, &lock);
	} while (result && errno == EINTR);
	return result == 0;
}

static bool is_locked(int fd, int64_t at)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* "" where the kernel does not say: then a file is never seen to be from before the last start. */
static void read_boot_id(char out[BOOT_ID_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	memset(out, 0, BOOT_ID_BYTES);
	if (fd < 0)
		return;
	n = read(fd, out, BOOT_ID_BYTES - 1);
	if (n < 0)
		out[0] = '\0';
	close(fd);
}

static bool cannot(struct err *err, const char *what, const char *path)
{
	return err_set(err, ERR_CONFIG, "cannot %s '%s': %s", what, path, strerror(errno));
}

static bool is_current_file(int fd, const char *path)
{
	struct stat open_file, named;

	return fstat(fd, &open_file) == 0 && stat(path, &named) == 0 &&
	    open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static void head_init(struct head *head, const char boot_id[BOOT_ID_BYTES])
{
	memcpy(head->boot_id, boot_id, BOOT_ID_BYTES);
	head->end = PAGE_BYTES;
	head->layout = LAYOUT;
}

static bool head_fits(const struct head *head, const char boot_id[BOOT_ID_BYTES])
{
	return head->layout == LAYOUT && memcmp(head->boot_id, boot_id, BOOT_ID_BYTES) == 0 &&
	    head->region_count <= REGIONS_MAX && head->end <= MAPPING_BYTES;
}

enum outcome { MAPPED, REPLACED, FAILED };

/* The file is open and its head locked. REPLACED: it was none of ours and has lost its name. */
static enum outcome map_file(struct mapping *m, const char *path, struct err *err)
{
	char boot_id[BOOT_ID_BYTES];
	struct stat st;

	read_boot_id(boot_id);
	if (fstat(m->fd, &st) || !S_ISREG(st.st_mode)) {
		err_set(err, ERR_CONFIG, "'%s' is not a file", path);
		return FAILED;
	}
	if (st.st_size != 0 && st.st_size != MAPPING_BYTES)
		return unlink(path) == 0 || cannot(err, "replace", path) ? REPLACED : FAILED;
	if (st.st_size == 0 &&
	    (ftruncate(m->fd, MAPPING_BYTES) || posix_fallocate(m->fd, 0, PAGE_BYTES) == ENOSPC)) {
		cannot(err, "make room for", path);
		return FAILED;
	}
	m->head = mmap(NULL, MAPPING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->head == MAP_FAILED) {
		m->head = NULL;
		cannot(err, "map", path);
		return FAILED;
	}
	if (st.st_size == 0)
		head_init(m->head, boot_id);
	if (head_fits(m->head, boot_id))
		return MAPPED;
	munmap(m->head, MAPPING_BYTES);
	m->head = NULL;
	return unlink(path) == 0 || cannot(err, "replace", path) ? REPLACED : FAILED;
}

static enum outcome open_file(struct mapping *m, const char *path, struct err *err)
{
	enum outcome outcome = REPLACED;

	m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->fd < 0) {
		cannot(err, "open", path);
		return FAILED;
	}
	if (!lock_byte(m->fd, LOCK_HEAD, F_OFD_SETLKW, F_WRLCK)) {
		cannot(err, "lock", path);
		outcome = FAILED;
	} else if (is_current_file(m->fd, path)) {
		outcome = map_file(m, path, err);
	}
	if (outcome == MAPPED)
		return lock_byte(m->fd, LOCK_HEAD, F_OFD_SETLK, F_UNLCK) ? MAPPED : FAILED;
	close(m->fd);
	m->fd = -1;
	return outcome;
}

static bool map_anonymous(struct mapping *m, struct err *err)
{
	char boot_id[BOOT_ID_BYTES] = "";

	m->head = mmap(NULL, MAPPING_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->head == MAP_FAILED) {
		m->head = NULL;
		return cannot(err, "map", "memory");
	}
	head_init(m->head, boot_id);
	return true;
}

/* ---- process numbers ------------------------------------------------------------------------ */

/* Clean numbers first: one that was used before carries counts until they are taken back. */
static int take_slot(struct mapping *m)
{
	if (m->fd < 0)
		return 0;
	for (uint32_t used = 0; used <= 1; used++) {
		for (int i = 0; i < MAPPING_PROCESSES; i++) {
			if (atomic_load(&m->head->used[i]) != used ||
			    !lock_byte(m->fd, LOCK_SLOTS + i, F_OFD_SETLK, F_WRLCK))
				continue;
			m->inherited = atomic_exchange(&m->head->used[i], 1) != 0;
			return i;
		}
	}
	return -1;
}

int mapping_slot(const struct mapping *m)
{
	return m->slot;
}

bool mapping_slot_alive(const struct mapping *m, int slot)
{
	assert(slot >= 0 && slot < MAPPING_PROCESSES);
	return slot == m->slot || (m->fd >= 0 && is_locked(m->fd, LOCK_SLOTS + slot));
}

void mapping_on_reap(struct mapping *m, void (*reap)(int slot, void *arg), void *arg)
{
	assert(m->reaper_count < REAPERS_MAX);
	m->reapers[m->reaper_count].reap = reap;
	m->reapers[m->reaper_count++].arg = arg;
}

static void reap_slot(struct mapping *m, int slot)
{
	for (size_t i = 0; i < m->reaper_count; i++)
		m->reapers[i].reap(slot, m->reapers[i].arg);
}

/* Holding a number's lock is being its only owner: the dead one's counts are ours to take back. */
static void reap_dead(struct mapping *m, int slot)
{
	if (!lock_byte(m->fd, LOCK_SLOTS + slot, F_OFD_SETLK, F_WRLCK))
		return;
	if (atomic_load(&m->head->used[slot])) {
		reap_slot(m, slot);
		atomic_store(&m->head->used[slot], 0);
	}
	/* Unlocking what one holds does not fail; if it did, the number would merely stay taken. */
	if (!lock_byte(m->fd, LOCK_SLOTS + slot, F_OFD_SETLK, F_UNLCK))
		perror("event=mapping.unlock");
}

void mapping_reap(struct mapping *m)
{
	if (m->fd < 0 || pthread_mutex_trylock(&m->reaping))
		return;
	if (m->inherited) {
		reap_slot(m, m->slot);
		m->inherited = false;
	}
	for (int i = 0; i < MAPPING_PROCESSES; i++) {
		if (i != m->slot && atomic_load(&m->head->used[i]) &&
		    !is_locked(m->fd, LOCK_SLOTS + i))
			reap_dead(m, i);
	}
	pthread_mutex_unlock(&m->reaping);
}

/* ---- opening and regions -------------------------------------------------------------------- */

bool mapping_open(const char *path, struct mapping **out, struct err *err)
{
	struct mapping *m = MEM_NEW(struct mapping);
	enum outcome outcome = REPLACED;

	m->fd = -1;
	if (!*path)
		outcome = map_anonymous(m, err) ? MAPPED : FAILED;
	for (int i = 0; outcome == REPLACED && i < OPEN_TRIES; i++)
		outcome = open_file(m, path, err);
	if (outcome != MAPPED) {
		mem_free(m);
		if (outcome == REPLACED)
			err_set(err, ERR_CONFIG, "'%s' is replaced again and again", path);
		return false;
	}
	pthread_mutex_init(&m->reaping, NULL);
	m->slot = take_slot(m);
	*out = m;
	return true;
}

void mapping_close(struct mapping *m)
{
	if (!m)
		return;
	munmap(m->head, MAPPING_BYTES);
	if (m->fd >= 0)
		close(m->fd); /* the number is free, and its counts are the next reaper's */
	pthread_mutex_destroy(&m->reaping);
	mem_free(m);
}

static struct region *find_region(struct head *head, const char *name, size_t bytes)
{
	for (uint32_t i = 0; i < head->region_count; i++) {
		struct region *r = &head->regions[i];

		if (r->bytes == bytes && strncmp(r->name, name, NAME_BYTES) == 0)
			return r;
	}
	return NULL;
}

static void reserve_blocks(const struct mapping *m, const struct region *r)
{
	int error = m->fd < 0 ? 0 : posix_fallocate(m->fd, (off_t)r->offset, (off_t)r->bytes);

	if (error == ENOSPC || error == EDQUOT) {
		fprintf(stderr, "event=disk_full what=shared_memory region=%s\n", r->name);
		abort();
	}
}

static struct region *add_region(struct mapping *m, const char *name, size_t bytes)
{
	struct head *head = m->head;
	struct region *r = &head->regions[head->region_count];
	size_t pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	assert(head->region_count < REGIONS_MAX);
	assert(bytes <= MAPPING_BYTES && pages <= MAPPING_BYTES - head->end);
	memcpy(r->name, name, strlen(name) + 1);
	r->bytes = bytes;
	r->offset = head->end;
	reserve_blocks(m, r);
	head->end += pages;
	head->region_count++;
	return r;
}

void *mapping_region(struct mapping *m, const char *name, size_t bytes)
{
	struct region *r;

	assert(*name && strlen(name) < NAME_BYTES && bytes > 0);
	/* A lock that cannot be had (a file system without locks) was refused at the opening. */
	if (m->fd >= 0 && !lock_byte(m->fd, LOCK_HEAD, F_OFD_SETLKW, F_WRLCK))
		abort();
	r = find_region(m->head, name, bytes);
	if (!r)
		r = add_region(m, name, bytes);
	if (m->fd >= 0 && !lock_byte(m->fd, LOCK_HEAD, F_OFD_SETLK, F_UNLCK))
		abort();
	return (char *)m->head + r->offset;
}
