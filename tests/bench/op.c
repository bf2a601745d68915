// SPDX-License-Identifier: MIT
/*
 * op [OPTIONS] CASE[:DEPTH]...: prints for each case a line "case depth instructions".
 *
 *   --root DIR      where the files are made (default /b)
 *   --cgroup DIR    move into this cgroup first
 *   --landlock N    restrict this process first, by N rules
 *   --system        Landlock: also what programs need of the system
 *   --run NAME      the rest is a command, not cases: what it and its children spend, once
 *   --denied PATH   opening PATH must fail: proof that the restriction is there
 *   --prefix TEXT   before each line
 *   --check         measure everything twice, and fail where the two differ by more than 1 %
 *
 * The median of many samples is taken, so that what hits only some of them (timer ticks, a new page
 * for the allocator) leaves no trace; and the least of three medians, each in a directory of its
 * own, so that names which share a bucket of the kernel's hash table by chance leave none.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/random.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>
#include "bench.h"

#define WARMUP	    8
#define ROUNDS	    3
#define MAX_SAMPLES 512

struct options {
	const char *root, *cgroup, *denied, *prefix, *run;
	unsigned landlock;
	bool check, system;
};

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t sample(const struct bench_case *c, struct bench *b)
{
	uint64_t start, end;
	unsigned i;

	if (c->prepare)
		c->prepare(b);
	start = __rdtsc();
	for (i = 0; i < c->batch; i++)
		c->once(b);
	end = __rdtsc();
	if (c->finish)
		c->finish(b);
	return (end - start) / c->batch;
}

static uint64_t median(const struct bench_case *c, struct bench *b)
{
	uint64_t v[MAX_SAMPLES];
	unsigned i;

	for (i = 0; i < WARMUP; i++)
		sample(c, b);
	for (i = 0; i < c->samples; i++)
		v[i] = sample(c, b);
	qsort(v, c->samples, sizeof(*v), by_size);
	return v[c->samples / 2];
}

static void touch(const char *path)
{
	close(must(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), path));
}

/* root has one component: depth 3 is root/p/leaf. The last directory is made for each case anew
 * (see clean), as tmpfs and ext4 remember in a directory what was there before. */
static void place(struct bench *b, unsigned round)
{
	char *at = b->dir;
	unsigned i;

	at += sprintf(at, "%s/p", b->root);
	for (i = 3; i < b->depth; i++) {
		at += sprintf(at, "/%c%u", i + 1 < b->depth ? 'd' : 'x' + round, i);
		if (mkdir(b->dir, 0755) && errno != EEXIST)
			die("%s: %m", b->dir);
	}
	sprintf(b->file, "%.2000s/%.250s%u", b->dir, b->leaf, round);
	sprintf(b->other, "%.2000s/other.c", b->dir);
	sprintf(b->tiny, "%.2000s/p/tiny", b->root);
	touch(b->file);
}

static void clean(struct bench *b)
{
	/* Renamed or not, file or directory. */
	if (remove(b->file) && errno != ENOENT)
		die("%s: %m", b->file);
	if (remove(b->other) && errno != ENOENT)
		die("%s: %m", b->other);
	if (b->depth > 3)
		must(rmdir(b->dir), b->dir);
}

static const struct bench_case *find(const char *name)
{
	const struct bench_case *c;

	for (c = bench_cases; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	die("no case %s", name);
}

static uint64_t figure(const struct bench_case *c, const struct bench *proto)
{
	uint64_t v, least = UINT64_MAX;
	unsigned round;

	for (round = 0; round < ROUNDS; round++) {
		struct bench b = *proto;

		place(&b, round);
		if (c->setup)
			c->setup(&b);
		v = median(c, &b);
		if (c->teardown)
			c->teardown(&b);
		clean(&b);
		if (v < least)
			least = v;
	}
	return least;
}

static void run(const struct options *o, char *spec, int mate)
{
	struct bench b = {.root = o->root, .depth = 8, .mate = mate};
	char *depth = strchr(spec, ':');
	const struct bench_case *c;
	uint64_t v, again;

	if (depth) {
		*depth = 0;
		b.depth = atoi(depth + 1);
	}
	if (b.depth < 3 || b.depth > 200)
		die("depth %u is not from 3 to 200", b.depth);
	c = find(spec);
	b.leaf = strcmp(spec, "open-named") ? "main" : ".env"; /* ai-agent: .env, .env.* */
	v = figure(c, &b);
	if (o->check) {
		again = figure(c, &b);
		if (again > v + v / 100 || v > again + again / 100)
			die("%s: %lu, then %lu: not deterministic", spec, v, again);
	}
	printf("%s%s\t%u\t%lu\n", o->prefix, c->name, b.depth, v);
	fflush(stdout);
}

/* The time that the processes had on the processor, in microseconds: a thousand instructions each.
 * Unlike a difference of two readings it does not hold what passed while they waited. */
static void run_command(const struct options *o, char **argv)
{
	struct rusage used;
	int status, pid = must(fork(), "fork");

	if (!pid) {
		execvp(argv[0], argv);
		die("%s: %m", argv[0]);
	}
	must(wait4(pid, &status, 0, &used), argv[0]);
	if (status)
		die("%s: status %#x", argv[0], status);
	printf("%s%s\t0\t%ld\n", o->prefix, o->run,
	       1000 * (1000000 * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		       used.ru_utime.tv_usec + used.ru_stime.tv_usec));
}

static void join(const char *cgroup)
{
	char path[BENCH_PATH], pid[16];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	snprintf(pid, sizeof(pid), "%d", getpid());
	fd = must(open(path, O_WRONLY | O_CLOEXEC), path);
	must(write(fd, pid, strlen(pid)), path);
	close(fd);
}

static void check_denied(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 || errno != EACCES)
		die("opening %s was not denied: nothing binds this process", path);
}

/* Before the kernel's generator is seeded, which takes an emulated machine long, every random
 * number costs 20,000 instructions: fork, exec and sockets take some. */
static void seed_random(void)
{
	struct {
		int bits, bytes;
		char data[32];
	} seed = {256, 32, "not secret, and need not be"};
	int fd = must(open("/dev/urandom", O_RDONLY | O_CLOEXEC), "/dev/urandom");

	must(ioctl(fd, RNDADDENTROPY, &seed), "RNDADDENTROPY");
	close(fd);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"run", 1, NULL, 'R'},	  {"system", 0, NULL, 's'},   {"root", 1, NULL, 'r'},
		{"cgroup", 1, NULL, 'g'}, {"landlock", 1, NULL, 'l'}, {"denied", 1, NULL, 'd'},
		{"prefix", 1, NULL, 'p'}, {"check", 0, NULL, 'c'},    {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'R':
			o->run = optarg;
			break;
		case 's':
			o->system = true;
			break;
		case 'r':
			o->root = optarg;
			break;
		case 'g':
			o->cgroup = optarg;
			break;
		case 'l':
			o->landlock = atoi(optarg);
			break;
		case 'd':
			o->denied = optarg;
			break;
		case 'p':
			o->prefix = optarg;
			break;
		case 'c':
			o->check = true;
			break;
		default:
			die("usage: %s [OPTIONS] CASE[:DEPTH]...", argv[0]);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = {.root = "/b", .prefix = ""};
	int mate;

	parse(argc, argv, &o);
	seed_random();
	other_start(o.root);
	if (o.cgroup)
		join(o.cgroup);
	if (o.landlock)
		landlock_restrict(o.root, o.landlock, o.system);
	if (o.denied)
		check_denied(o.denied);
	if (o.run) {
		run_command(&o, argv + optind);
		other_stop();
		return 0;
	}
	mate = must(fork(), "fork");
	if (!mate)
		for (;;)
			pause();
	for (; optind < argc; optind++)
		run(&o, argv[optind], mate);
	kill(mate, SIGKILL);
	waitpid(mate, NULL, 0);
	other_stop();
	return 0;
}
