/* SPDX-License-Identifier: MIT */
/* A thread that changes an address while it is in use. Part of act.c, which includes it. */
#ifndef SBX_ACT_RACES_H
#define SBX_ACT_RACES_H

#define RACE_ROUNDS 4000

/* Two values, the allowed one and the forbidden one, of the four bytes at `at`. */
struct race {
	struct sockaddr_storage a;
	socklen_t len;
	void *at;
	unsigned value[2];
	volatile int stop;
	unsigned yes, no;
	pthread_t thread;
};

static void *race_flip(void *arg)
{
	struct race *r = arg;
	unsigned n;

	for (n = 0; !r->stop; n++)
		*(volatile unsigned *)r->at = r->value[n & 1];
	return NULL;
}

static void race_go(struct race *r)
{
	pthread_create(&r->thread, NULL, race_flip, r);
}

/* Enough rounds, and on a busy machine as many more as it takes to see both sides. */
static bool race_on(struct race *r, int round)
{
	return round < RACE_ROUNDS || (round < 50 * RACE_ROUNDS && !(r->yes && r->no));
}

/* EBADE: only one side was seen. */
static int race_end(struct race *r, int ret)
{
	r->stop = 1;
	pthread_join(r->thread, NULL);
	return ret ? ret : r->yes && r->no ? 0 : -EBADE;
}

/* An address with two ports: they are in one place in both families. */
static void race_begin(struct race *r, char **a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&r->a;

	memset(r, 0, sizeof(*r));
	r->len = address(&r->a, a[0], a[2]);
	r->at = &r->a; /* family and port */
	memcpy(&r->value[1], in, 4);
	in->sin_port = htons(atoi(a[1]));
	memcpy(&r->value[0], in, 4);
	race_go(r);
}

static unsigned short port_in(unsigned value)
{
	return value >> 16;
}

/* Who it is connected to must always be the one that is allowed. */
static int do_race_connect(char **a)
{
	struct sockaddr_in6 peer;
	struct race race;
	int fd, i, r = 0;

	race_begin(&race, a);
	fd = socket(race.a.ss_family, SOCK_DGRAM, 0);
	for (i = 0; race_on(&race, i) && !r; i++) {
		socklen_t len = sizeof(peer);

		if (connect(fd, (void *)&race.a, race.len)) {
			race.no++;
			continue;
		}
		race.yes++;
		getpeername(fd, (void *)&peer, &len);
		if (peer.sin6_port != port_in(race.value[0]))
			r = -EXFULL;
	}
	close(fd);
	return race_end(&race, r);
}

static int do_race_bind(char **a)
{
	struct sockaddr_in6 own;
	struct race race;
	int i, r = 0;

	race_begin(&race, a);
	for (i = 0; race_on(&race, i) && !r; i++) {
		int fd = socket(race.a.ss_family, SOCK_DGRAM, 0);
		socklen_t len = sizeof(own);

		if (bind(fd, (void *)&race.a, race.len)) {
			race.no++;
		} else {
			race.yes++;
			getsockname(fd, (void *)&own, &len);
			if (own.sin6_port != port_in(race.value[0]))
				r = -EXFULL;
		}
		close(fd);
	}
	return race_end(&race, r);
}

static int race_receiver(struct race *r, unsigned value)
{
	struct sockaddr_storage in = r->a;
	int fd = socket(in.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(&in, &value, 4);
	return bind(fd, (void *)&in, r->len) ? -1 : fd;
}

/* Nothing arrives where nothing may be sent; both ports may be bound. */
static int do_race_sendto(char **a)
{
	struct race race;
	int fd, i, r = 0, in[2];
	char c;

	race_begin(&race, a);
	fd = socket(race.a.ss_family, SOCK_DGRAM, 0);
	in[0] = race_receiver(&race, race.value[0]);
	in[1] = race_receiver(&race, race.value[1]);
	if (in[0] < 0 || in[1] < 0)
		r = -EBADFD;
	for (i = 0; race_on(&race, i) && !r; i++) {
		if (sendto(fd, "x", 1, 0, (void *)&race.a, race.len) < 0)
			race.no++;
		else
			race.yes++;
		while (recv(in[0], &c, 1, 0) == 1)
			;
		if (recv(in[1], &c, 1, 0) == 1)
			r = -EXFULL;
	}
	close(in[0]);
	close(in[1]);
	close(fd);
	return race_end(&race, r);
}

/* Two unix sockets, whose names differ in up to four bytes in one place. */
static int do_race_unix(char **a)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), i, r = 0;
	struct race race = {.len = sizeof(struct sockaddr_un)};
	struct sockaddr_un *un = (struct sockaddr_un *)&race.a, peer;
	size_t n = strlen(a[0]), at = 0;

	while (a[0][at] && a[0][at] == a[1][at])
		at++;
	if (strlen(a[1]) != n || at + 4 > n || strcmp(a[0] + at + 4, a[1] + at + 4))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, a[0]);
	race.at = un->sun_path + at;
	memcpy(&race.value[0], a[0] + at, 4);
	memcpy(&race.value[1], a[1] + at, 4);
	race_go(&race);
	for (i = 0; race_on(&race, i) && !r; i++) {
		socklen_t len = sizeof(peer);

		if (connect(fd, (void *)un, race.len)) {
			race.no++;
			continue;
		}
		race.yes++;
		getpeername(fd, (void *)&peer, &len);
		if (strcmp(peer.sun_path, a[0]))
			r = -EXFULL;
	}
	close(fd);
	return race_end(&race, r);
}

#endif
