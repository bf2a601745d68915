// SPDX-License-Identifier: MIT
/* The world's description: a file of "key value" lines. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tests/escape/escape.h"

#define FIELD(kind, name)                                      \
	{                                                      \
#name, kind, offsetof(struct esc_world, name), \
			sizeof(((struct esc_world *)0)->name)  \
	}

static const struct field {
	const char *name;
	enum { TEXT, NUMBER } kind;
	size_t at, size;
} fields[] = {
	FIELD(TEXT, dir),
	FIELD(TEXT, only),
	FIELD(TEXT, abstract),
	FIELD(TEXT, pty),
	FIELD(TEXT, tag),
	FIELD(NUMBER, uid),
	FIELD(NUMBER, race_ms),
	FIELD(NUMBER, tcp4),
	FIELD(NUMBER, tcp6),
	FIELD(NUMBER, udp4),
	FIELD(NUMBER, udp6),
	FIELD(NUMBER, ok_tcp4),
	FIELD(NUMBER, ok_tcp6),
	FIELD(NUMBER, ok_udp4),
	FIELD(NUMBER, ok_udp6),
	FIELD(NUMBER, victim),
	FIELD(NUMBER, victim_secret),
	FIELD(NUMBER, victim_word),
	FIELD(NUMBER, shm),
	FIELD(NUMBER, msg),
	FIELD(NUMBER, sem),
	FIELD(NUMBER, key),
	FIELD(NUMBER, gid),
	FIELD(NUMBER, thin),
	FIELD(NUMBER, no_twins),
	FIELD(NUMBER, pid_ns),
	FIELD(NUMBER, net_ns),
	FIELD(NUMBER, dns4),
	FIELD(NUMBER, dns6),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

/* FNV-1a: enough to know a secret by, without holding it. */
uint64_t esc_fingerprint(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

long esc_namespace(const char *kind)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) ? 0 : (long)st.st_ino;
}

void esc_path(const struct esc_world *w, const char *below, char *out)
{
	snprintf(out, ESC_PATH, "%s/%s", w->dir, below);
}

int esc_world_write(const struct esc_world *w, const char *file)
{
	FILE *f = fopen(file, "we");
	size_t i;

	if (!f)
		return -errno;
	for (i = 0; i < FIELDS; i++) {
		const char *at = (const char *)w + fields[i].at;

		if (fields[i].kind == TEXT)
			fprintf(f, "%s %s\n", fields[i].name, at);
		else
			fprintf(f, "%s %ld\n", fields[i].name, *(const long *)at);
	}
	for (i = 0; i < w->secrets; i++)
		fprintf(f, "secret %lu\n", w->secret[i]);
	return fclose(f) ? -errno : 0;
}

static void set(struct esc_world *w, const char *key, const char *value)
{
	size_t i;

	if (!strcmp(key, "secret") && w->secrets < ESC_SECRETS)
		w->secret[w->secrets++] = strtoul(value, NULL, 10);
	for (i = 0; i < FIELDS; i++) {
		char *at = (char *)w + fields[i].at;

		if (strcmp(key, fields[i].name))
			continue;
		if (fields[i].kind == TEXT)
			snprintf(at, fields[i].size, "%s", value);
		else
			*(long *)at = strtol(value, NULL, 10);
	}
}

int esc_world_read(struct esc_world *w, const char *file)
{
	FILE *f = fopen(file, "re");
	char line[512], *value;

	*w = (struct esc_world){0};
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = 0;
		set(w, line, value);
	}
	fclose(f);
	return *w->dir ? 0 : -EINVAL;
}
