/* SPDX-License-Identifier: MIT */
/*
 * Counts the instructions of one operation. The machine runs with a clock that advances by one
 * nanosecond per instruction and a time-stamp counter that does the same, so a difference of two
 * readings is a number of instructions, of user space and the kernel together.
 */
#ifndef SBX_BENCH_H
#define SBX_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_PATH 4096

/* What a case works on. Directories below root: p the project, r those of further rules, x what
 * is changed by others. */
struct bench {
	const char *root;
	const char *leaf;
	unsigned depth; /* components of the file's path, root's included */
	char dir[BENCH_PATH];
	char file[BENCH_PATH];
	char other[BENCH_PATH]; /* a second name in dir */
	char tiny[BENCH_PATH];	/* a program that does nothing */
	int fd, peer;		/* the case's own */
	int next;		/* the case's counter */
	int mate;		/* pid of a child that waits, in the same sandbox */
};

/*
 * prepare, finish: outside of what is counted, once per sample. setup and teardown: once per case.
 * once: the operation, `batch` times per sample; that is 1 unless it alternates, since a mean would
 * hold a share of the allocator's work. Each ends the program where it fails.
 */
struct bench_case {
	const char *name;
	unsigned batch, samples;
	void (*setup)(struct bench *b);
	void (*prepare)(struct bench *b);
	void (*once)(struct bench *b);
	void (*finish)(struct bench *b);
	void (*teardown)(struct bench *b);
};

extern const struct bench_case bench_cases[];

/* Ends the program: "what: error". */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Ends the program when r is negative; r otherwise. */
int must(int r, const char *what);

/* other.c: a process outside of every sandbox that changes things on request. */
void other_start(const char *root);
void other_do(char what); /* 'd' renames a directory, 'f' a file */
void other_stop(void);

/* landlock.c: restricts the caller to the project, n - 1 further directories and, if so, the
 * system; and to connecting and binding to n ports where the kernel can. */
void landlock_restrict(const char *root, unsigned n, bool system);

#endif
