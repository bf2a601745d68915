// SPDX-License-Identifier: MIT
/* What passes through the proxy of a policy (user/policy/via.h). */
#include <arpa/inet.h>
#include <string.h>
#include "user/daemon/asker.h"
#include "user/daemon/internal.h"

static struct sockaddr_storage relay_address(const struct served *v,
					     const struct sockaddr_storage *client)
{
	return served_address(v, client->ss_family, SBX_VIA4, SBX_VIA6);
}

/* A process outside, or of an audited sandbox, may find the relay as well: the kernel has noted
 * whom it sent here. */
static bool known(void *sandbox, const struct sockaddr_storage *client)
{
	struct served *v = sandbox;
	struct sockaddr_storage to = relay_address(v, client);
	struct sbx_asker a;
	uint64_t cookie;

	return !sbx_socket_cookie(client, &to, true, &cookie) &&
	       !sbx_dns_asker(v->set->k, cookie, &a) && a.id == v->id;
}

static enum sbx_via_say say_of(const struct served *v, const struct sbx_via_target *to)
{
	enum sbx_via_say say;

	return sbx_via_judge(v->policy, &v->facts, to, &say, NULL) ? SBX_VIA_DENIED : say;
}

/* The kernel has asked the sandboxes around about the proxy's address: those that name it as a
 * proxy, too, have their say about what is asked of it. */
static enum sbx_via_say say_around(const struct served *v, const struct sbx_via_target *to)
{
	enum sbx_via_say say = SBX_VIA_ALLOWED, one;
	const struct served *w;

	for (w = v->set->list; w; w = w->next) {
		if (!served_within(w, v) || !sbx_policy_via(w->policy))
			continue;
		one = say_of(w, to);
		if (one == SBX_VIA_DENIED || one == SBX_VIA_UNSURE)
			return one;
		if (one == SBX_VIA_WILD)
			say = one;
	}
	return say;
}

static enum sbx_relay_verdict judge(void *sandbox, const struct sbx_via_target *to,
				    enum sbx_relay_refusal *why)
{
	struct served *v = sandbox;
	enum sbx_via_say own = say_of(v, to), around = say_around(v, to), say = own;

	if (around == SBX_VIA_DENIED || around == SBX_VIA_UNSURE)
		say = around; /* an audit lets nothing out that somebody around it denies */
	*why = say == SBX_VIA_UNSURE ? SBX_RELAY_UNSURE : SBX_RELAY_NOT_LISTED;
	if (say == SBX_VIA_DENIED || say == SBX_VIA_UNSURE)
		return served_audits(v) && say != around ? SBX_RELAY_REPORT : SBX_RELAY_REFUSE;
	if ((own != SBX_VIA_WILD || served_audits(v)) && around != SBX_VIA_WILD)
		return SBX_RELAY_PASS;
	*why = SBX_RELAY_RATE;
	return sbx_forwarder_ration(v->set->forwarder, v, to->name) ? SBX_RELAY_PASS
								    : SBX_RELAY_REFUSE;
}

static struct sockaddr_storage address(int family, const uint8_t *addr, uint16_t port)
{
	struct sockaddr_storage a = {.ss_family = (sa_family_t)family};
	struct sockaddr_in *four = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a;

	if (family == AF_INET6) {
		memcpy(&six->sin6_addr, addr, 16);
		six->sin6_port = htons(port);
	} else {
		memcpy(&four->sin_addr, addr, 4);
		four->sin_port = htons(port);
	}
	return a;
}

struct found {
	struct sockaddr_storage *out;
	size_t n;
	uint32_t via;
};

static void add_opened(const struct sbx_name_key *key, uint32_t via, void *arg)
{
	struct found *f = arg;
	uint8_t addr[16];
	int family = sbx_dns_key_address(key, addr);

	if (via == f->via && f->n < SBX_RELAY_PROXIES_MAX)
		f->out[f->n++] = address(family, addr, (uint16_t)via);
}

/* By name: what the forwarder has told the sandbox of it. */
static size_t proxies(void *sandbox, struct sockaddr_storage *out)
{
	struct served *v = sandbox;
	const struct sbx_net_rule *via = sbx_policy_via(v->policy);
	const struct sbx_endpoint *e = via ? &via->to[0] : NULL;
	struct found f = {.out = out, .via = via ? sbx_via_key(via) : 0};

	if (!via)
		return 0; /* the policy was replaced */
	if (sbx_endpoint_is_name(e)) {
		sbx_opened_proxies(v->set->opened, v->image, add_opened, &f);
		return f.n;
	}
	out[f.n++] = address(e->family, e->addr, (uint16_t)f.via);
	if (e->kind == SBX_HOST_HERE && !strncmp(e->source, "localhost", strlen("localhost")))
		out[f.n++] = address(AF_INET6, in6addr_loopback.s6_addr, (uint16_t)f.via);
	return f.n;
}

/* Does the rule that denies it say so? */
static bool is_quiet(const struct served *v, const struct sbx_via_target *to)
{
	enum sbx_via_say say;
	int rule;

	return !sbx_via_judge(v->policy, &v->facts, to, &say, &rule) && say == SBX_VIA_DENIED &&
	       rule >= 0 && v->policy->net[rule].quiet;
}

static void refused(void *sandbox, const struct sbx_via_target *to, enum sbx_relay_refusal why,
		    const struct sockaddr_storage *client)
{
	static const enum sbx_why whys[] = {
		[SBX_RELAY_NOT_LISTED] = SBX_WHY_NAME,
		[SBX_RELAY_UNSURE] = SBX_WHY_PROXY_UNSURE,
		[SBX_RELAY_RATE] = SBX_WHY_NAME_RATE,
		[SBX_RELAY_MALFORMED] = SBX_WHY_MALFORMED,
	};
	struct served *v = sandbox;
	struct sockaddr_storage at = relay_address(v, client);
	struct sbx_event ev = {.op = SBX_OP_PROXY, .why = whys[why], .detail = -1};
	char text[SBX_TARGET_MAX] = "";

	if (to)
		sbx_target_text(to, text);
	if (to && is_quiet(v, to))
		ev.flags |= SBX_EVF_QUIET;
	served_record(v, &ev, text, client, &at, true);
}

const struct sbx_relay_ops proxied_ops = {
	.known = known, .judge = judge, .proxies = proxies, .refused = refused};
