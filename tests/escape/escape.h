/* SPDX-License-Identifier: MIT */
/*
 * sbx-escape: does a sandbox hold?
 *
 * Three parts in one program. The *host* stays outside the sandbox: it plants a world of secrets,
 * protected files, listeners and a victim process, starts the sandbox by its adapter, and is the
 * referee: whether something outside was changed, reached or touched, it sees for itself. The
 * *inside* runs in the sandbox, each attack and each twin in a child of its own, and tells the host
 * by a pair of FIFOs in the project that a try is over. The *cases* are tables, a file per family.
 *
 * Nothing counts as an escape that was not proved: the bytes of a secret were seen, the host saw a
 * change, a program left its mark, a peer was given bytes, or the kernel granted what the case
 * says.
 */
#ifndef SBX_ESCAPE_H
#define SBX_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ESC_NEEDS	10 /* bits of enum esc_need */
#define ESC_PATH	4096
#define ESC_NOTE	240
#define ESC_SECRETS	12
#define ESC_SECRET_LEN	27 /* "SBX-SECRET-" and 16 digits */
#define ESC_SECRET	"SBX-SECRET-"
#define ESC_OPEN	"SBX-OPEN"	    /* what twins find in files that are allowed */
#define ESC_HELLO	"SBX-HELLO"	    /* what the allowed peers answer */
#define ESC_ABSENT	"project/.mcp.json" /* is not there, and nobody inside may make it */
#define ESC_TOKEN	"user.sbx-token"    /* the attribute in which a secret file holds it, too */
#define ESC_LEAKED_FILE 30 /* descriptors that the sandbox's starter left open by mistake */
#define ESC_LEAKED_DIR	31

/* What the inside has to know, handed in by a small file. Secrets only as fingerprints. */
struct esc_world {
	char dir[200]; /* project/, outside/, shared/ and home/ are below it */
	char only[80]; /* cases or families to run; empty: all */
	long thin;     /* of the matrix every so manieth cell */
	long no_twins;
	char abstract[40];
	char pty[40];
	char tag[20];
	long uid, gid, race_ms;
	long tcp4, tcp6, udp4, udp6;		 /* ports that are forbidden */
	long ok_tcp4, ok_tcp6, ok_udp4, ok_udp6; /* ports that are allowed */
	long victim, victim_secret, victim_word;
	long shm, msg, sem, key;
	long pid_ns, net_ns;		   /* the namespaces of outside, by their inodes */
	long dns4, dns6;		   /* whether name servers listen outside: peers.c */
	unsigned long secret[ESC_SECRETS]; /* fingerprints */
	size_t secrets;
};

enum { ESC_DONE = 0, ESC_NONE = 1 /* not applicable; the note says why */ };

/* Shared with the child that tries. */
struct esc_result {
	int err; /* ESC_DONE, ESC_NONE or a negative errno: where it was stopped */
	bool proof;
	char note[ESC_NOTE];
};

struct esc_case;

struct esc_try {
	const struct esc_world *w;
	const struct esc_case *c;
	struct esc_result *res;
	bool twin;
};

typedef int esc_fn(struct esc_try *t);

enum esc_need {
	ESC_ROOT = 1,	  /* means something for uid 0 only */
	ESC_NOEXEC = 2,	  /* files that may be read and not executed */
	ESC_DENY_IN = 4,  /* denials inside what is allowed */
	ESC_RECEIVED = 8, /* descriptors that somebody outside hands in */
	ESC_PEERS = 16,	  /* single peers among those of one host */
	ESC_SURFACE = 32, /* opens an interface of the kernel; by itself no escape */
	ESC_UDP = 64,	  /* peers of datagrams */
	ESC_UNIX = 128,	  /* unix sockets by their path */
	ESC_FAR = 256,	  /* denials several levels below what is allowed */
	ESC_GLOB = 512,	  /* denials by a pattern, of what is not there yet */
};

struct esc_case {
	const char *name, *tries;
	const char *why; /* public reference, or NULL */
	esc_fn *attack;
	esc_fn *twin; /* NULL: the same on what is allowed */
	unsigned needs;
	const char *family;
	const struct esc_op *op; /* for the matrix */
	const struct esc_way *way;
	unsigned cell; /* of the matrix: the sum of its row and column */
};

struct esc_family {
	const char *name, *what;
	const struct esc_case *cases, *more;
};

extern const struct esc_case esc_renames[], esc_renames_far[], esc_descriptors[], esc_metadata[],
	esc_exec[], esc_proc[], esc_mounts[], esc_cgroups[], esc_sockets[], esc_unix_cases[],
	esc_processes[], esc_ipc[], esc_uring[], esc_kernel[], esc_terminals[], esc_asking[],
	esc_delayed[], esc_races[], esc_self[], esc_dns[];

/* --- registry.c, matrix.c --- */
extern const struct esc_family esc_families[];
size_t esc_all(const struct esc_case **cases); /* the matrix and every family */
bool esc_chosen(const struct esc_case *c, const char *only, long thin);
size_t esc_matrix(struct esc_case *out, size_t room);
void esc_matrix_markdown(void);
const char *esc_need_word(unsigned need);

/* --- world.c --- */
void esc_path(const struct esc_world *w, const char *below, char *out);
int esc_world_write(const struct esc_world *w, const char *file);
int esc_world_read(struct esc_world *w, const char *file);
long esc_namespace(const char *kind);
uint64_t esc_fingerprint(const void *data, size_t n);

/* --- plant.c: the host's --- */
/* What is below the world is the user's: the host handles it with their rights alone. */
void esc_as_user(const struct esc_world *w, bool user);
int esc_plant(struct esc_world *w);
void esc_secret_new(struct esc_world *w, char *out); /* ESC_SECRET_LEN + 1 bytes */
bool esc_changed(const struct esc_world *w, char *note);
bool esc_restore(const struct esc_world *w);
void esc_remove(const struct esc_world *w);

/* --- case_asking.c: what was left in directories that services outside work through --- */
bool esc_spooled(const struct esc_world *w, char *note);

/* --- peers.c: the host's listeners --- */
int esc_peers_open(struct esc_world *w);
void esc_peers_serve(int timeout_ms, int extra); /* returns when `extra` is readable */
bool esc_reached(char *note);

/* --- victim.c --- */
int esc_victim_start(struct esc_world *w);
bool esc_touched(struct esc_world *w, char *note);
void esc_victim_stop(const struct esc_world *w);
void esc_victim_renew(struct esc_world *w);
int esc_victim_main(char **argv);

/* --- host.c, inside.c, report.c --- */
struct esc_host_opts {
	const char *adapter, *dir, *user, *only, *json, *log;
	bool audit, quiet, keep, no_twins;
	long race_ms, thin;
};

struct esc_outcome {
	const struct esc_case *c;
	char verdict[16], twin[16];
	char evidence[ESC_NOTE], twin_evidence[ESC_NOTE];
};

int esc_host(const struct esc_host_opts *o);
int esc_inside(const char *world_file);
void esc_report_json(const char *file, const struct esc_host_opts *o, const char *described,
		     const struct esc_outcome *out, size_t n);
void esc_report_table(const struct esc_outcome *out, size_t n);
void esc_list(const char *only);
void esc_list_markdown(void);

/* --- try.c: what cases are made of --- */
int esc_err(long r); /* 0 or -errno */
int esc_none(struct esc_try *t, const char *why);
void esc_prove(struct esc_try *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool esc_saw(struct esc_try *t, const void *data, size_t n, const char *where);
int esc_saw_fd(struct esc_try *t, int fd, const char *where);
/* The path of the attack's object or of the twin's. */
const char *esc_pick(struct esc_try *t, const char *attack, const char *twin);
int esc_write_fd(int fd, const char *what);
int esc_wait(pid_t pid); /* the exit status as -errno */
int esc_enter_ns(long flags);
/* A file of its own in the scratch directory, which is the current one. */
/* In a namespace of its own of that kind, what is there is not outside. */
bool esc_own_ns(const struct esc_try *t, const char *kind);
int esc_scratch(const char *name, const char *content);
int esc_gift(struct esc_try *t, const char *what);
int esc_run_program(struct esc_try *t, int dirfd, const char *path, int flags);
bool esc_marked(struct esc_try *t);
int esc_twin_file(struct esc_try *t);
int esc_twin_child(struct esc_try *t);
int esc_twin_run(struct esc_try *t);

#endif
