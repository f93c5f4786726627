/* Shift the wall clock of the process that preloads this library by the nanoseconds in the file CLOCK_FILE: eight
 * bytes, mapped, so that all threads see a step at once. server_clock.py compiles the library and writes the file.
 * As in a true step the monotonic clock does not change, and a wait that has begun ends when it would have ended. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *shift;
static int (*wait_until)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*wait_by_clock)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("CLOCK_FILE");
	int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);

	if (page != MAP_FAILED)
		shift = page;
	if (file >= 0)
		close(file);
	/* The unversioned name can be that of an older condition variable of glibc. */
	wait_until = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (!wait_until)
		wait_until = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	wait_by_clock = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
}

static struct timespec moved(struct timespec at, int sign)
{
	int64_t all = at.tv_sec * SECOND + at.tv_nsec + (shift ? sign * *shift : 0);

	return (struct timespec){all / SECOND, all % SECOND};
}

int clock_gettime(clockid_t id, struct timespec *at)
{
	int failed = syscall(SYS_clock_gettime, id, at);

	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		*at = moved(*at, 1);
	return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *at)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (at)
		*at = now.tv_sec;
	return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
    const struct timespec *restrict until)
{
	/* The second bit says that the condition variable goes by the monotonic clock. */
	int monotonic = condition->__data.__wrefs & 2;
	struct timespec at = monotonic ? *until : moved(*until, -1);

	return wait_until(condition, mutex, &at);
}

int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t id,
    const struct timespec *restrict until)
{
	struct timespec at = id == CLOCK_REALTIME ? moved(*until, -1) : *until;

	return wait_by_clock(condition, mutex, id, &at);
}
