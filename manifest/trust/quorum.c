/* SPDX-License-Identifier: Apache-2.0 */
#include "quorum.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms.h"
#include "digest.h"
#include "error.h"
#include "timestamp.h"

#define IDS_SHOWN 4 /* in a message */

/* The keys of a bundle's signatures, sorted by what they are worth. */
struct tally {
    struct hf_signers counted;
    struct hf_signers revoked;
    struct hf_signers expired;
    struct hf_signers wrong;      /* keys that did not make the signature that claims to be theirs */
    size_t unknown;               /* signatures by keys that are not in the store */
    struct hotfix_error refused;  /* why a certificate does not count; code 0: none */
    struct hf_key_owner *chained; /* whose keys are in the chains that counted, owned */
    size_t chained_count;
    const char *changed;         /* what was, where a signature is not over these bytes */
    struct hotfix_error failure; /* why nothing can be said at all; code 0: nothing failed */
};

/* What all signatures are held against. */
struct measure {
    const struct hf_trust *trust;
    const struct hf_signed *parts; /* whose archive the statement is about; NULL: it is there already */
    const void *statement;         /* NULL: nobody has asked for it */
    size_t size;
    char text[HF_STATEMENT_MAX];
    int64_t now;
};

/* Makes the statement when it is first needed, since that reads the whole archive. */
static int need_statement(struct measure *measure, struct tally *tally)
{
    if (measure->statement)
        return 0;
    if (hf_statement(measure->parts->archive, measure->parts->archive_size, measure->text, &measure->size,
                     &tally->failure) != 0)
        return -1;
    measure->statement = measure->text;
    return 0;
}

/* False when it was there. */
static bool add_once(struct hf_signers *signers, const struct hf_trust_key *key)
{
    for (size_t i = 0; i < signers->count; i++)
        if (memcmp(signers->keys[i]->key.bytes, key->key.bytes, HF_KEY_SIZE) == 0)
            return false;
    signers->keys[signers->count++] = key;
    return true;
}

/*
 * Every key whose id matches is tried: an id is a shortened digest, and two keys with the same one must not hide each
 * other. named becomes one that the signature claims to be by.
 */
static const struct hf_trust_key *verified_by(const struct hf_signature *signature, struct measure *measure,
                                              struct tally *tally, const struct hf_trust_key **named)
{
    *named = NULL;
    for (size_t i = 0; i < measure->trust->count; i++) {
        const struct hf_trust_key *key = &measure->trust->keys[i];
        if (key->authority || memcmp(key->key.id, signature->key_id, HF_KEY_ID_SIZE) != 0)
            continue;
        if (need_statement(measure, tally) != 0)
            return NULL;
        if (hf_public_key_verify(&key->key, measure->statement, measure->size, signature->bytes, NULL) == 0)
            return key;
        if (!key->revoked)
            *named = key;
    }
    return NULL;
}

/* What a revoked or expired certificate is refused for says more than that another authority does not know it. */
static void keep_refusal(const struct hotfix_error *refusal, struct hotfix_error *kept)
{
    static const enum hotfix_code telling[] = {HOTFIX_SIGNATURE, HOTFIX_EXPIRED, HOTFIX_REVOKED, HOTFIX_MEMORY};
    size_t rank = 0, kept_rank = 0;

    for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
        rank = refusal->code == telling[i] ? i : rank;
        kept_rank = kept->code == telling[i] ? i : kept_rank;
    }
    if (kept->code == HOTFIX_OK || rank > kept_rank || (rank == kept_rank && rank == 0))
        *kept = *refusal;
}

/* An authority that vouches for a certificate. */
struct voucher {
    const struct hf_trust_key *key;
    struct hf_chain chain;
};

/* Another party of the store whose key is in the chain; NULL when there is none. */
static const struct hf_trust_key *party_within(const struct voucher *voucher, const struct hf_trust *trust,
                                               struct hotfix_error *refusal)
{
    for (size_t i = 0; i < trust->count; i++) {
        const struct hf_trust_key *other = &trust->keys[i];
        struct hf_key_owner owner;
        if (other == voucher->key)
            continue;
        if (!other->authority && hf_key_owner_of_ed25519(other->key.bytes, &owner, refusal) != 0)
            return other;
        for (size_t k = 0; k < voucher->chain.count; k++)
            if (other->authority ? hf_authority_holds(other->authority, &voucher->chain.keys[k])
                                 : hf_key_owner_equal(&owner, &voucher->chain.keys[k]))
                return other;
    }
    return NULL;
}

/* 0 when this authority vouches for the signer, and nobody else of the store stands between the two. */
static int ask(const struct hf_cms *cms, const struct measure *measure, struct voucher *voucher,
               struct hotfix_error *refusal)
{
    if (hf_cms_vouched(cms, voucher->key->authority, measure->trust->policy.at_signing, measure->now, &voucher->chain,
                       refusal) != 0)
        return -1;
    const struct hf_trust_key *within = party_within(voucher, measure->trust, refusal);
    if (!within)
        return 0;
    hf_chain_deinit(&voucher->chain);
    return hf_error(refusal, HOTFIX_SIGNATURE, "certificate of %s: its chain to %s leads through the key of %s",
                    hf_cms_signer(cms), voucher->key->name, within->name);
}

/* What one authority has revoked no other can give back, also where the signature leaves out what leads to that one. */
static int check_revoked(const struct hf_cms *cms, const struct voucher *voucher, const struct hf_trust *trust,
                         struct hotfix_error *refusal)
{
    for (size_t i = 0; i < trust->count; i++)
        if (trust->keys[i].authority && hf_authority_revokes(trust->keys[i].authority, &voucher->chain))
            return hf_error(refusal, HOTFIX_REVOKED, "certificate of %s: certificate revoked, by a list of %s",
                            hf_cms_signer(cms), trust->keys[i].name);
    return 0;
}

/* The authority that vouches for the signer, whose chain is to be released. -1 with the most telling refusal. */
static int find_voucher(const struct hf_cms *cms, const struct measure *measure, struct voucher *found,
                        struct hotfix_error *refusal)
{
    struct hotfix_error own;

    *found = (struct voucher){.key = NULL};
    *refusal = (struct hotfix_error){.code = HOTFIX_OK};
    for (size_t i = 0; i < measure->trust->count; i++) {
        struct voucher voucher = {.key = &measure->trust->keys[i]};
        if (!voucher.key->authority)
            continue;
        if (ask(cms, measure, &voucher, &own) != 0)
            keep_refusal(&own, refusal);
        else if (!found->key)
            *found = voucher;
        else
            hf_chain_deinit(&voucher.chain);
    }
    if (check_revoked(cms, found, measure->trust, &own) != 0)
        keep_refusal(&own, refusal);
    return !found->key || refusal->code == HOTFIX_REVOKED || refusal->code == HOTFIX_MEMORY ? -1 : 0;
}

static bool has_authority(const struct hf_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        if (trust->keys[i].authority)
            return true;
    return false;
}

/* Whether a key of this chain, the authority's own aside, is in one that counted. */
static bool chained_before(const struct hf_chain *chain, const struct tally *tally)
{
    for (size_t i = 0; i + 1 < chain->count; i++)
        for (size_t k = 0; k < tally->chained_count; k++)
            if (hf_key_owner_equal(&chain->keys[i], &tally->chained[k]))
                return true;
    return false;
}

static int add_chain(const struct hf_chain *chain, struct tally *tally)
{
    struct hf_key_owner *grown =
        reallocarray(tally->chained, tally->chained_count + chain->count, sizeof(*tally->chained));

    if (!grown)
        return hf_error(&tally->failure, HOTFIX_MEMORY, "out of memory for certificates");
    memcpy(grown + tally->chained_count, chain->keys, chain->count * sizeof(*grown));
    tally->chained = grown;
    tally->chained_count += chain->count;
    return 0;
}

static struct hf_opinion count_key(const struct hf_trust_key *key, int64_t now, struct tally *tally)
{
    struct hf_opinion opinion = {.kind = HF_OPINION_COUNTS, .key = key};

    if (key->revoked) {
        opinion.kind = HF_OPINION_REVOKED;
        add_once(&tally->revoked, key);
    } else if (key->expires && now > key->expires) {
        opinion.kind = HF_OPINION_EXPIRED;
        add_once(&tally->expired, key);
    } else if (!add_once(&tally->counted, key)) {
        opinion.kind = HF_OPINION_AGAIN;
    }
    return opinion;
}

/* Only what counts is remembered: a signature that does not must not keep another from counting. */
static struct hf_opinion count_voucher(const struct hf_cms *cms, const struct voucher *voucher, int64_t now,
                                       struct tally *tally)
{
    if (chained_before(&voucher->chain, tally))
        return (struct hf_opinion){.kind = HF_OPINION_AGAIN, .key = voucher->key};
    struct hf_opinion opinion = count_key(voucher->key, now, tally);
    if (opinion.kind == HF_OPINION_COUNTS && add_chain(&voucher->chain, tally) == 0) {
        tally->counted.marks[tally->counted.count - 1] = *hf_cms_mark(cms);
        tally->counted.ends[tally->counted.count - 1] = voucher->chain.keys[voucher->chain.count - 1];
    }
    return opinion;
}

static struct hf_opinion refuse(const struct hotfix_error *refusal, struct tally *tally)
{
    struct hf_opinion opinion = {.kind = HF_OPINION_REFUSED};

    keep_refusal(refusal, &tally->refused);
    snprintf(opinion.reason, sizeof(opinion.reason), "%.*s", HF_OPINION_REASON - 1, refusal->message);
    return opinion;
}

/* 0 with who vouches for a signature that stands under its own id and verifies; asked for last, since that takes the
 * archive's digest. */
static int check_certified(const struct hf_cms *cms, const struct hf_signature *signature, struct measure *measure,
                           struct tally *tally, struct voucher *voucher, struct hotfix_error *refusal)
{
    uint8_t id[HF_KEY_ID_SIZE];

    hf_cms_id(cms, id);
    if (memcmp(id, signature->key_id, sizeof(id)) != 0)
        return hf_error(refusal, HOTFIX_SIGNATURE, "the CMS signature by %s stands under another id",
                        hf_cms_signer(cms));
    int found = find_voucher(cms, measure, voucher, refusal);
    if (found != 0 && refusal->code == HOTFIX_SIGNATURE)
        return -1;
    if (need_statement(measure, tally) != 0 || hf_cms_verify(cms, measure->statement, measure->size, refusal) != 0)
        return -1;
    return found;
}

static struct hf_opinion count_certified(const struct hf_signature *signature, struct measure *measure,
                                         struct tally *tally)
{
    struct hotfix_error refusal;
    struct voucher voucher = {.key = NULL};
    struct hf_cms *cms;

    if (hf_cms_parse(signature->cms, signature->cms_size, &cms, &refusal) != 0)
        return refuse(&refusal, tally);
    struct hf_opinion opinion = check_certified(cms, signature, measure, tally, &voucher, &refusal) == 0
                                    ? count_voucher(cms, &voucher, measure->now, tally)
                                    : refuse(&refusal, tally);
    hf_chain_deinit(&voucher.chain);
    hf_cms_close(cms);
    return opinion;
}

static struct hf_opinion count_signature(const struct hf_signature *signature, struct measure *measure,
                                         struct tally *tally)
{
    const struct hf_trust_key *named;

    if (signature->cms && has_authority(measure->trust))
        return count_certified(signature, measure, tally);
    const struct hf_trust_key *key = signature->cms ? NULL : verified_by(signature, measure, tally, &named);
    if (key)
        return count_key(key, measure->now, tally);
    if (signature->cms || !named) {
        tally->unknown++;
        return (struct hf_opinion){.kind = HF_OPINION_UNKNOWN};
    }
    add_once(&tally->wrong, named);
    return (struct hf_opinion){.kind = HF_OPINION_BAD, .key = named};
}

static int unknown_keys(const struct hf_signature *signatures, size_t count, struct hotfix_error *err)
{
    char ids[IDS_SHOWN * (2 * HF_KEY_ID_SIZE + 2) + 1] = "";
    size_t shown = count < IDS_SHOWN ? count : IDS_SHOWN;
    char *out = ids;

    for (size_t i = 0; i < shown; i++) {
        out = stpcpy(out, i ? ", " : "");
        hf_hex_encode(signatures[i].key_id, HF_KEY_ID_SIZE, out);
        out += 2 * HF_KEY_ID_SIZE;
    }
    return hf_error(err, HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store (key id %s%s)", ids,
                    shown < count ? " and others" : "");
}

void hf_signers_text(const struct hf_signers *signers, char text[HF_SIGNERS_TEXT])
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < signers->count && length < HF_SIGNERS_TEXT; i++)
        length +=
            (size_t)snprintf(text + length, HF_SIGNERS_TEXT - length, "%s%s", i ? ", " : "", signers->keys[i]->name);
}

static bool role_agrees(const struct hf_signers *signers, const char *role, size_t length)
{
    for (size_t i = 0; i < signers->count; i++)
        if (hf_trust_listed(signers->keys[i]->roles, role, length))
            return true;
    return false;
}

size_t hf_signers_short_of(const struct hf_signers *signers, const struct hf_trust_policy *policy)
{
    size_t needed = policy->keys ? policy->keys : 1;

    return signers->count < needed ? needed - signers->count : 0;
}

size_t hf_signers_lack(const struct hf_signers *signers, const char **list)
{
    const char *role = *list;
    size_t length = 0;

    for (; role && *role; role += length + (role[length] == ' ')) {
        length = strcspn(role, " ");
        if (length > 0 && !role_agrees(signers, role, length)) {
            *list = role;
            return length;
        }
    }
    return 0;
}

/* A message that grows; what does not fit is cut. */
struct message {
    char text[HOTFIX_MESSAGE_SIZE];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct message *message, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(message->text + message->length, sizeof(message->text) - message->length, format, arguments);
    va_end(arguments);
    if (length > 0)
        message->length += (size_t)length;
    if (message->length >= sizeof(message->text))
        message->length = sizeof(message->text) - 1;
}

/* Adds the roles that nobody fills; returns how many. */
static size_t say_missing(const struct hf_trust_policy *policy, const struct hf_signers *counted,
                          struct message *message)
{
    const char *role = policy->roles;
    size_t missing = 0;

    for (size_t length; (length = hf_signers_lack(counted, &role)) > 0; role += length) {
        say(message, "; a key with role '%.*s' is missing", (int)length, role);
        missing++;
    }
    return missing;
}

static void say_unusable(const struct tally *tally, struct message *message)
{
    char until[HF_TIME_SIZE];

    for (size_t i = 0; i < tally->revoked.count; i++)
        say(message, "; key %s is revoked", tally->revoked.keys[i]->name);
    for (size_t i = 0; i < tally->expired.count; i++) {
        hf_time_format(tally->expired.keys[i]->expires, until);
        say(message, "; key %s expired on %s", tally->expired.keys[i]->name, until);
    }
    for (size_t i = 0; i < tally->wrong.count; i++)
        say(message, "; the signature by key %s is not over these bytes: the %s was changed",
            tally->wrong.keys[i]->name, tally->changed);
    if (tally->refused.code != HOTFIX_OK)
        say(message, "; %s", tally->refused.message);
    if (tally->unknown)
        say(message, "; %zu signature%s by keys that are not in the trust store", tally->unknown,
            tally->unknown == 1 ? " is" : "s are");
}

static int judge(const struct hf_signature *signatures, size_t count, const struct hf_trust_policy *policy,
                 const struct tally *tally, struct hotfix_error *err)
{
    size_t needed = policy->keys ? policy->keys : 1;
    struct message message = {.length = 0};
    char names[HF_SIGNERS_TEXT];

    hf_signers_text(&tally->counted, names);
    say(&message, "%zu of %zu keys agree%s%s", tally->counted.count, needed, tally->counted.count ? ": " : "", names);
    size_t missing = say_missing(policy, &tally->counted, &message);
    if (missing == 0 && hf_signers_short_of(&tally->counted, policy) == 0)
        return 0;
    if (tally->unknown == count)
        return unknown_keys(signatures, count, err);
    say_unusable(tally, &message);
    bool revoked = tally->revoked.count || tally->refused.code == HOTFIX_REVOKED;
    bool expired = tally->expired.count || tally->refused.code == HOTFIX_EXPIRED;
    enum hotfix_code code = revoked ? HOTFIX_REVOKED : expired ? HOTFIX_EXPIRED : HOTFIX_SIGNATURE;
    return hf_error(err, code, "%s", message.text);
}

static int weigh(const struct hf_signature *signatures, size_t count, struct measure *measure,
                 struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err)
{
    struct tally tally = {.changed = measure->parts ? "bundle" : "file"};

    if (measure->trust->count == 0)
        return hf_error(err, HOTFIX_TRUST, "no trust store: every bundle is refused");
    if (count == 0)
        return hf_error(err, HOTFIX_SIGNATURE, "not signed");
    for (size_t i = 0; i < count && i < HF_SIGNATURE_MAX; i++) {
        struct hf_opinion opinion = count_signature(&signatures[i], measure, &tally);
        if (opinions)
            opinions[i] = opinion;
    }
    free(tally.chained);
    if (tally.failure.code != HOTFIX_OK) {
        if (err)
            *err = tally.failure;
        return -1;
    }
    if (judge(signatures, count, &measure->trust->policy, &tally, err) != 0)
        return -1;
    if (signers)
        *signers = tally.counted;
    return 0;
}

int hf_signatures_judge(const struct hf_signature *signatures, size_t count, const void *statement, size_t size,
                        const struct hf_trust *trust, int64_t now, struct hf_signers *signers,
                        struct hf_opinion *opinions, struct hotfix_error *err)
{
    struct measure measure = {.trust = trust, .statement = statement, .size = size, .now = now};

    return weigh(signatures, count, &measure, signers, opinions, err);
}

int hf_signed_judge(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                    struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err)
{
    struct measure measure = {.trust = trust, .parts = parts, .now = now};

    return weigh(parts->signatures, parts->signature_count, &measure, signers, opinions, err);
}

int hf_signed_verify(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                     struct hf_signers *signers, struct hotfix_error *err)
{
    return hf_signed_judge(parts, trust, now, signers, NULL, err);
}
