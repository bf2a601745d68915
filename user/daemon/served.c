// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "user/daemon/internal.h"
#include "user/policy/via.h"

/* Programs use an address somewhat longer than its TTL says. */
#define GRACE_S 60

static const struct sbx_pos nowhere;

const struct sbx_slot *served_slot(const struct served *v)
{
	return &sbx_kern_slots(v->set->k)[SBX_SLOT_OF(v->id)];
}

bool served_audits(const struct served *v)
{
	return served_slot(v)->mode == SBX_MODE_AUDIT;
}

/* --- the log -------------------------------------------------------------------------------------
 */

static void log_opened(enum sbx_opened_event what, const struct sbx_name_key *key, const char *name,
		       void *arg)
{
	static const char *const words[] = {"opened",  "extended", "expired",
					    "evicted", "closed",   "ended"};
	struct sbx_served_set *s = arg;
	const struct served *v = s->list;
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	json_t *j;

	while (v && v->image != key->image && v->before != key->image)
		v = v->next;
	if (what >= SBX_EXPIRED)
		closed_note(&s->closed, what, v, key, name);
	if (!s->verbose)
		return;
	inet_ntop(sbx_dns_key_address(key, addr), addr, text, sizeof(text));
	j = json_pack("{s:s, s:s, s:s, s:s, s:I}", "event", words[what], "sandbox",
		      v ? v->name : "", "name", name, "address", text, "image",
		      (json_int_t)key->image);
	if (j) {
		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
	}
	json_decref(j);
}

/* --- answers -------------------------------------------------------------------------------------
 */

static bool allows(const struct served *v, const char *name, enum sbx_dns_verdict *verdict)
{
	enum sbx_domain_say say;

	*verdict = SBX_DNS_REFUSE;
	if (sbx_domain_judge(v->policy, name, &say, NULL))
		return false; /* fail closed */
	if (say == SBX_DOMAIN_ALLOWED)
		*verdict = SBX_DNS_ALLOW;
	else if (say == SBX_DOMAIN_WILD)
		*verdict = served_audits(v) ? SBX_DNS_ALLOW : SBX_DNS_WILD;
	else if (say == SBX_DOMAIN_FREE)
		*verdict = SBX_DNS_PASS;
	return *verdict != SBX_DNS_REFUSE;
}

/* Is v's cgroup below w's? */
static bool surrounds(const struct served *w, const struct served *v)
{
	size_t n = strlen(w->cgroup);

	return !strncmp(w->cgroup, v->cgroup, n) && v->cgroup[n] == '/';
}

bool served_within(const struct served *w, const struct served *v)
{
	return surrounds(w, v) && !served_audits(w);
}

/*
 * A query reaches servers, whatever becomes of the answer: the sandboxes around this one that name
 * domains and enforce have their say, too. *most: the strictest that one of them says of a name
 * that all allow; SBX_DNS_PASS: none lists it.
 */
static bool refused_around(const struct served *v, const char *name, enum sbx_dns_verdict *most)
{
	enum sbx_dns_verdict around;
	const struct served *w;

	*most = SBX_DNS_PASS;
	for (w = v->set->list; w; w = w->next) {
		if (!served_within(w, v))
			continue;
		if (!allows(w, name, &around))
			return true;
		if (*most != SBX_DNS_WILD && around != SBX_DNS_PASS)
			*most = around;
	}
	return false;
}

static bool allows_within(const struct served *v, const char *name, enum sbx_dns_verdict *verdict)
{
	enum sbx_dns_verdict most;

	if (!allows(v, name, verdict))
		return false;
	if (refused_around(v, name, &most)) {
		*verdict = SBX_DNS_REFUSE;
		return false;
	}
	/* where one around lists it, its addresses are opened there */
	if (*verdict == SBX_DNS_PASS || most == SBX_DNS_WILD)
		*verdict = most;
	return true;
}

static size_t ends_with(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d + 1 && name[n - d - 1] == '.' && !strcmp(name + n - d, domain) ? n - d - 1 : 0;
}

/*
 * Names that nobody chose: a resolver puts the search domains behind every name before it tries the
 * name alone, or after, and programs look for the name of an address in passing. Refusing these
 * would end the search, and fill the log.
 */
static bool asked_in_passing(const struct served *v, const char *name)
{
	const char *const *search = sbx_forwarder_search(v->set->forwarder);
	enum sbx_dns_verdict verdict;
	char alone[SBX_DNS_NAME_MAX];
	size_t n;

	if (ends_with(name, "in-addr.arpa") || ends_with(name, "ip6.arpa"))
		return true;
	for (; search && *search; search++) {
		n = ends_with(name, *search);
		if (!n || n >= sizeof(alone))
			continue;
		memcpy(alone, name, n);
		alone[n] = 0;
		if (allows_within(v, alone, &verdict))
			return true;
	}
	return false;
}

static enum sbx_dns_verdict judge(void *sandbox, const char *name)
{
	struct served *v = sandbox;
	enum sbx_dns_verdict verdict, most;

	if (allows_within(v, name, &verdict))
		return verdict;
	if (asked_in_passing(v, name))
		return SBX_DNS_ABSENT;
	/* an audit lets nothing out that somebody around it denies */
	return served_audits(v) && !refused_around(v, name, &most) ? SBX_DNS_REPORT
								   : SBX_DNS_REFUSE;
}

/* Private addresses, and this host's own, are opened by rules that name them, never by a name; that
 * of a proxy leads to the relay. */
static int open_for(const struct served *v, const char *name, int family, const uint8_t *addr,
		    uint32_t ttl)
{
	static const struct sbx_endpoint internet = {.kind = SBX_HOST_INTERNET};
	struct sbx_name_key key = sbx_dns_key(v->image, family, addr);
	struct sbx_domain_ports ports;
	int r = sbx_domain_open(v->policy, &v->facts, name, family, addr, &ports);

	if (!sbx_endpoint_covers(&internet, &v->facts, SBX_DIR_CONNECT, family, addr))
		ports.n = 0;
	if (r || (!ports.n && !ports.via))
		return r;
	return sbx_opened_add(v->set->opened, &key, name, &ports, ttl + GRACE_S);
}

/* The sandboxes around that resolve names have the name in their policies, too, or they would have
 * refused it: for them this is the answer as well. */
static int open_address(void *sandbox, const char *name, int family, const uint8_t *addr,
			uint32_t ttl)
{
	struct served *v = sandbox;
	const struct served *w;
	int r = open_for(v, name, family, addr, ttl);

	for (w = v->set->list; w && !r; w = w->next)
		if (surrounds(w, v))
			r = open_for(w, name, family, addr, ttl);
	return r;
}

static bool listed(void *sandbox, const char *name, int family, const uint8_t *addr)
{
	struct served *v = sandbox;

	return served_audits(v) || sbx_policy_lists(v->policy, &v->facts, family, addr) ||
	       (sbx_via_named(v->policy, name) && sbx_via_at(&v->facts, family, addr));
}

/* --- refusals ------------------------------------------------------------------------------------
 */

/* Does the rule that denies it say so? */
static bool is_quiet(const struct served *v, const struct sbx_dns_refused *r)
{
	enum sbx_domain_say say;
	int rule;

	return r->why == SBX_DNS_NOT_LISTED && !sbx_domain_judge(v->policy, r->name, &say, &rule) &&
	       say == SBX_DOMAIN_DENIED && v->policy->net[rule].quiet;
}

static void refused(void *sandbox, const struct sbx_dns_refused *r)
{
	static const enum sbx_why why[] = {
		[SBX_DNS_NOT_LISTED] = SBX_WHY_NAME,
		[SBX_DNS_RATE] = SBX_WHY_NAME_RATE,
		[SBX_DNS_ADDRESS] = SBX_WHY_NAME_ADDRESS,
		[SBX_DNS_MALFORMED] = SBX_WHY_INTERNAL,
	};
	struct served *v = sandbox;
	struct sbx_event ev = {.op = SBX_OP_RESOLVE, .detail = -1};
	struct sockaddr_storage to =
		served_address(v, r->from.ss_family, r->tcp ? SBX_DNS_TCP4 : SBX_DNS_UDP4,
			       r->tcp ? SBX_DNS_TCP6 : SBX_DNS_UDP6);

	ev.why = why[r->why];
	ev.flags = is_quiet(v, r) ? SBX_EVF_QUIET : 0;
	if (r->family) {
		ev.family = (uint16_t)r->family;
		memcpy(ev.addr, r->addr, sizeof(ev.addr));
	}
	served_record(v, &ev, r->name, &r->from, &to, r->tcp);
}

/* --- sandboxes -----------------------------------------------------------------------------------
 */

static int listen_at(int family, int type)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(SBX_FORWARDER4)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	bool v6 = family == AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, r;

	if (fd < 0)
		return -1;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	r = bind(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		 v6 ? sizeof(six) : sizeof(four));
	if (!r && type == SOCK_STREAM)
		r = listen(fd, 64);
	if (r)
		close(fd);
	return r ? -1 : fd;
}

/* The kernel is told before the forwarder has them; what is not told is not redirected. */
static int serve(struct served *v)
{
	int fd[SBX_DNS_SOCKETS] = {
		[SBX_DNS_UDP4] = listen_at(AF_INET, SOCK_DGRAM),
		[SBX_DNS_TCP4] = listen_at(AF_INET, SOCK_STREAM),
		[SBX_DNS_UDP6] = listen_at(AF_INET6, SOCK_DGRAM), /* -1 where there is no IPv6 */
		[SBX_DNS_TCP6] = listen_at(AF_INET6, SOCK_STREAM),
		[SBX_VIA4] = listen_at(AF_INET, SOCK_STREAM),
		[SBX_VIA6] = listen_at(AF_INET6, SOCK_STREAM),
	};
	struct sbx_dns_sockets sockets = {fd[SBX_DNS_UDP4], fd[SBX_DNS_TCP4], fd[SBX_DNS_UDP6],
					  fd[SBX_DNS_TCP6]};
	bool made = fd[SBX_DNS_UDP4] >= 0 && fd[SBX_DNS_TCP4] >= 0 && fd[SBX_VIA4] >= 0;
	int r = made ? sbx_dns_serve(v->set->k, v->id, fd) : -EADDRNOTAVAIL, i;

	for (i = 0; r && i < SBX_DNS_SOCKETS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	if (r)
		return r;
	/* each takes its own, also where it fails */
	r = sbx_relay_add(v->set->relay, v, &fd[SBX_VIA4], 2);
	if (r) {
		for (i = 0; i < SBX_VIA4; i++)
			if (fd[i] >= 0)
				close(fd[i]);
		return r;
	}
	r = sbx_forwarder_add(v->set->forwarder, v, &sockets);
	if (r)
		sbx_relay_remove(v->set->relay, v);
	return r;
}

static int load_policy(struct served *v, uint64_t image)
{
	struct sbx_policy *p = NULL;
	struct sbx_facts facts = {0};
	char *json = NULL;
	int r = sbx_kern_meta(v->set->k, v->id, &json);

	if (!r)
		r = sbx_meta_load(json, &p, &facts);
	free(json);
	if (r)
		return r;
	sbx_policy_free(v->policy);
	sbx_facts_free(&v->facts);
	v->policy = p;
	v->facts = facts;
	v->image = image;
	return 0;
}

static void free_served(struct served *v)
{
	sbx_policy_free(v->policy);
	sbx_facts_free(&v->facts);
	free(v->cgroup);
	free(v);
}

static void stop(struct sbx_served_set *s, struct served **at)
{
	struct served *v = *at;

	sbx_forwarder_remove(s->forwarder, v);
	sbx_relay_remove(s->relay, v);
	sbx_opened_drop(s->opened, v->image);
	*at = v->next;
	sbx_dns_unserve(s->k, v->id);
	free_served(v);
}

static int begin(struct sbx_served_set *s, uint64_t id, uint64_t image)
{
	char *cgroup = sbx_cgroup_path_of(sbx_kern_slots(s->k)[SBX_SLOT_OF(id)].cgroup_id);
	struct served *v = cgroup ? calloc(1, sizeof(*v)) : NULL;
	int r;

	if (!cgroup)
		return 0; /* nobody makes sockets there any more */
	if (!v) {
		free(cgroup);
		return -ENOMEM;
	}
	v->set = s;
	v->id = id;
	v->cgroup = cgroup;
	snprintf(v->name, sizeof(v->name), "%s", sbx_kern_slots(s->k)[SBX_SLOT_OF(id)].name);
	r = load_policy(v, image);
	if (!r)
		r = serve(v);
	if (r) {
		free_served(v);
		return r;
	}
	v->next = s->list;
	s->list = v;
	return 0;
}

static int ports_now(const char *name, int family, const uint8_t *addr,
		     struct sbx_domain_ports *out, void *arg)
{
	struct served *v = arg;

	return sbx_domain_open(v->policy, &v->facts, name, family, addr, out);
}

/* The policy may be replaced while it is read: the next tick looks again. */
static int reload(struct served *v, uint64_t image)
{
	uint64_t old = v->image;
	int r = load_policy(v, image);

	if (r)
		return r;
	v->before = old;
	sbx_opened_move(v->set->opened, old, image, ports_now, v);
	return 0;
}

struct sync {
	struct sbx_served_set *s;
	struct sbx_diags *d;
};

static int sync_one(uint64_t id, const struct sbx_slot *slot, void *arg)
{
	const struct sync *y = arg;
	struct sbx_served_set *s = y->s;
	uint64_t image = __atomic_load_n(&slot->image, __ATOMIC_SEQ_CST);
	struct served *v = s->list;
	int r = 0;

	while (v && v->id != id)
		v = v->next;
	if (!v)
		r = begin(s, id, image);
	else if (v->image != image)
		r = reload(v, image);
	if (r)
		sbx_diag_add(y->d, SBX_ERROR, nowhere, NULL,
			     "cannot resolve names for the sandbox %s: %s", slot->name,
			     strerror(-r));
	return 0;
}

/* Those of an earlier load, or of none. */
static void let_go(struct sbx_served_set *s)
{
	while (s->list)
		stop(s, &s->list);
	sbx_opened_free(s->opened);
	s->opened = NULL;
	sbx_kern_close(s->k);
	s->k = NULL;
}

static int take_hold(struct sbx_served_set *s, struct sbx_diags *d)
{
	int r = sbx_kern_open(SBX_KERN_SERVE, &s->k, d);

	if (r)
		return r;
	s->opened = sbx_opened_new(s->k, log_opened, s);
	r = s->opened ? sbx_dns_forget_all(s->k) : -ENOMEM;
	if (!r)
		r = sbx_opened_take_over(s->opened);
	if (r)
		let_go(s);
	return r;
}

static void stop_ended(struct sbx_served_set *s)
{
	struct served **at = &s->list;

	while (*at) {
		const struct sbx_slot *slot = served_slot(*at);

		if (slot->id == (*at)->id || slot->pending == (*at)->id)
			at = &(*at)->next;
		else
			stop(s, at);
	}
}

int sbx_served_sync(struct sbx_served_set *s, struct sbx_diags *d)
{
	struct sync y = {s, d};
	int r = 0;

	if (s->k && !sbx_kern_current(s->k))
		let_go(s);
	if (!s->k)
		r = take_hold(s, d);
	if (r)
		return r == -ENOENT ? 0 : r;
	stop_ended(s);
	r = sbx_dns_sandboxes(s->k, sync_one, &y);
	return r ? r : d->errors ? -EIO : 0;
}

void sbx_served_tick(struct sbx_served_set *s)
{
	struct sbx_diags d = {0};
	struct sync y = {s, &d};
	struct served *v;

	if (s->k && !sbx_kern_current(s->k))
		let_go(s);
	if (!s->k)
		return;
	stop_ended(s);
	for (v = s->list; v; v = v->next)
		if (served_slot(v)->image != v->image)
			sync_one(v->id, served_slot(v), &y);
	sbx_opened_expire(s->opened);
	sbx_diags_print(&d, stderr);
	sbx_diags_free(&d);
}

size_t sbx_served_count(const struct sbx_served_set *s)
{
	const struct served *v;
	size_t n = 0;

	for (v = s->list; v; v = v->next)
		n++;
	return n;
}

void sbx_served_closed(const struct sbx_served_set *s, char *buf, size_t size)
{
	closed_write(&s->closed, buf, size);
}

void sbx_served_fds(const struct sbx_served_set *s, int fds[SBX_SERVED_FDS])
{
	fds[0] = sbx_forwarder_fd(s->forwarder);
	fds[1] = sbx_relay_fd(s->relay);
}

int sbx_served_step(struct sbx_served_set *s)
{
	int dns = sbx_forwarder_step(s->forwarder), via = sbx_relay_step(s->relay);

	return dns < 0 || (via >= 0 && via < dns) ? via : dns;
}

/* The kernel's side stays as it is: a daemon that comes back takes it over. */
void sbx_served_free(struct sbx_served_set *s)
{
	struct served *v, *next;

	sbx_forwarder_free(s->forwarder);
	sbx_relay_free(s->relay);
	for (v = s->list; v; v = next) {
		next = v->next;
		free_served(v);
	}
	sbx_opened_free(s->opened);
	sbx_kern_close(s->k);
	free(s);
}

struct sbx_served_set *sbx_served_new(const char *resolv_conf, bool verbose)
{
	static const struct sbx_dns_ops ops = {
		.judge = judge, .open = open_address, .listed = listed, .refused = refused};
	struct sbx_served_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->verbose = verbose;
	s->forwarder = sbx_forwarder_new(&ops, resolv_conf);
	s->relay = sbx_relay_new(&proxied_ops);
	if (s->forwarder && s->relay)
		return s;
	sbx_served_free(s);
	return NULL;
}
