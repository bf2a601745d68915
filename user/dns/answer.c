// SPDX-License-Identifier: MIT
/* What becomes of a query: judged, answered, its addresses opened first. */
#include <string.h>
#include "user/dns/internal.h"
#include "user/dns/wire.h"

static void send_answer(struct sbx_forwarder *f, const struct client *c,
			const struct sbx_dns_query *q, int rcode, const struct sbx_dns_answer *a,
			uint32_t age)
{
	size_t limit = c->conn ? SBX_DNS_MESSAGE_MAX : q->size;

	client_send(f, c, sbx_dns_answer_write(q, rcode, a, f->left_out, age, limit, f->out));
}

void query_fail(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		int rcode)
{
	send_answer(f, c, q, rcode, NULL, 0);
}

/* a: the answer that is not passed on, for its addresses; NULL: there is none. */
static void report(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		   enum sbx_dns_refusal why, const struct sbx_dns_answer *a)
{
	struct sbx_dns_refused r = {.name = q->name,
				    .qtype = q->qtype,
				    .why = why,
				    .from = c->from,
				    .tcp = c->conn != NULL};
	size_t i;

	for (i = 0; a && i < a->n && !r.family; i++)
		if (a->records[i].special)
			r.family = sbx_dns_address(a, i, r.addr);
	f->ops->refused(c->box->owner, &r);
}

void query_refuse(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		  int rcode, enum sbx_dns_refusal why)
{
	report(f, c, q, why, NULL);
	send_answer(f, c, q, rcode, NULL, 0);
}

bool query_turned_down(struct sbx_forwarder *f, const struct client *c,
		       const struct sbx_dns_query *q, enum sbx_dns_verdict verdict)
{
	switch (verdict) {
	case SBX_DNS_ALLOW:
	case SBX_DNS_WILD:
	case SBX_DNS_PASS:
	case SBX_DNS_REPORT:
		return false;
	case SBX_DNS_ABSENT:
		query_fail(f, c, q, LDNS_RCODE_NXDOMAIN);
		return true;
	case SBX_DNS_REFUSE:
		break;
	}
	query_refuse(f, c, q, LDNS_RCODE_REFUSED, SBX_DNS_NOT_LISTED);
	return true;
}

struct opened query_open(struct sbx_forwarder *f, void *owner, const char *name,
			 enum sbx_dns_verdict verdict, const struct sbx_dns_answer *a, uint32_t age)
{
	struct opened n = {0};
	uint8_t addr[16];
	size_t i;

	f->work += a->n;
	for (i = 0; i < a->n; i++) {
		const struct sbx_dns_record *r = &a->records[i];
		int family = sbx_dns_address(a, i, addr);

		f->left_out[i] = false;
		if (!family || (verdict != SBX_DNS_ALLOW && verdict != SBX_DNS_WILD))
			continue;
		f->left_out[i] = true;
		if (r->special && !f->ops->listed(owner, name, family, addr)) {
			n.special++;
		} else if (f->ops->open(owner, name, family, addr, sbx_dns_ttl(r->ttl, age))) {
			n.failed++;
		} else {
			n.good++;
			f->left_out[i] = false;
		}
	}
	return n;
}

void query_answer(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		  const struct opened *n, const struct sbx_dns_answer *a, uint32_t age)
{
	if (n->special && !n->good && !n->failed) {
		report(f, c, q, SBX_DNS_ADDRESS, a);
		query_fail(f, c, q, LDNS_RCODE_REFUSED);
	} else if (n->failed && !n->good) {
		query_fail(f, c, q, LDNS_RCODE_SERVFAIL);
	} else {
		send_answer(f, c, q, a->rcode, a, age);
	}
}

/*
 * Types that are answered without asking anybody. HTTPS and SVCB name addresses, ports and other
 * hosts that are not checked; signatures do not match what is left of an answer. "There is none"
 * makes clients go on without.
 */
static bool is_emptied(uint16_t qtype)
{
	switch (qtype) {
	case LDNS_RR_TYPE_HTTPS:
	case LDNS_RR_TYPE_SVCB:
	case LDNS_RR_TYPE_SIG:
	case LDNS_RR_TYPE_KEY:
	case LDNS_RR_TYPE_NXT:
	case LDNS_RR_TYPE_DS:
	case LDNS_RR_TYPE_RRSIG:
	case LDNS_RR_TYPE_NSEC:
	case LDNS_RR_TYPE_DNSKEY:
	case LDNS_RR_TYPE_NSEC3:
	case LDNS_RR_TYPE_NSEC3PARAM:
	case LDNS_RR_TYPE_CDS:
	case LDNS_RR_TYPE_CDNSKEY:
		return true;
	default:
		return false;
	}
}

/* OPT, and what RFC 6895 sets aside for questions: transfers, keys, ANY (RFC 8482 lets us decline).
 */
static bool is_meta(uint16_t qtype)
{
	return !qtype || qtype == LDNS_RR_TYPE_OPT || (qtype >= 128 && qtype <= 255);
}

static void resolve(struct sbx_forwarder *f, const struct client *c, const struct sbx_dns_query *q,
		    enum sbx_dns_verdict verdict)
{
	struct sandbox *box = c->box;
	struct opened n;
	uint32_t age;
	const struct sbx_dns_answer *a =
		sbx_dns_cache_find(box->cache, q->name, q->qtype, f->now / 1000, &age);

	if (a) {
		n = query_open(f, box->owner, q->name, verdict, a, age);
		query_answer(f, c, q, &n, a, age);
		return;
	}
	/* what one sandbox holds, the others lack: it gets no more than is left */
	if (box->n_waiters >= SBX_DNS_WAITERS_MAX ||
	    box->n_waiters >= SBX_DNS_ALL_WAITERS_MAX - f->n_waiters) {
		query_fail(f, c, q, LDNS_RCODE_SERVFAIL);
		return;
	}
	if (flight_join(f, c, q))
		return;
	if (verdict == SBX_DNS_WILD &&
	    !sbx_dns_ration_take(&box->ration, q->name, q->qtype, f->now)) {
		query_refuse(f, c, q, LDNS_RCODE_REFUSED, SBX_DNS_RATE);
		return;
	}
	flight_start(f, c, q);
}

void query_handle(struct sbx_forwarder *f, const struct client *c, const uint8_t *wire, size_t len)
{
	struct sbx_dns_query q;
	enum sbx_dns_verdict verdict;
	int rc = sbx_dns_query_parse(wire, len, &q);

	if (rc < 0)
		return;
	if (rc == LDNS_RCODE_FORMERR || rc == LDNS_RCODE_REFUSED) {
		query_refuse(f, c, &q, rc, SBX_DNS_MALFORMED);
		return;
	}
	if (rc) {
		query_fail(f, c, &q, rc);
		return;
	}
	verdict = f->ops->judge(c->box->owner, q.name);
	if (verdict == SBX_DNS_REPORT)
		report(f, c, &q, SBX_DNS_NOT_LISTED, NULL);
	if (query_turned_down(f, c, &q, verdict))
		return;
	if (is_meta(q.qtype))
		query_fail(f, c, &q, LDNS_RCODE_NOTIMPL);
	else if (is_emptied(q.qtype))
		query_fail(f, c, &q, LDNS_RCODE_NOERROR);
	else
		resolve(f, c, &q, verdict);
}
