/* Preloaded into varnishd: its wall clock runs as many seconds ahead as the file in CLOCK_AHEAD says, from call to call. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DIGITS 8

static const char *ahead;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("CLOCK_AHEAD");
	int file = path == NULL ? -1 : open(path, O_RDONLY);

	if (file >= 0) {
		ahead = mmap(NULL, DIGITS, PROT_READ, MAP_SHARED, file, 0);
		if (ahead == MAP_FAILED)
			abort();
		close(file);
	}
}

/* Called before the constructor too: varnishd's allocator asks for the time, and also when a symbol is looked up. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	long seconds = 0;

	if (clock == CLOCK_REALTIME && ahead != NULL && result == 0) {
		for (int i = 0; i < DIGITS; i++)
			seconds = seconds * 10 + (ahead[i] - '0');
		now->tv_sec += seconds;
	}
	return (result);
}
