/* SPDX-License-Identifier: Apache-2.0 */
#include "quorum.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cms.h"
#include "digest.h"
#include "error.h"
#include "stamp.h"

#define IDS_SHOWN 4 /* in a message */

/* The keys of a bundle's signatures, sorted by what they are worth. */
struct tally {
    struct hf_signers counted;
    struct hf_signers revoked;
    struct hf_signers expired;
    struct hf_signers wrong;     /* keys that did not make the signature that claims to be theirs */
    size_t unknown;              /* signatures by keys that are not in the store */
    struct hotfix_error refused; /* why a certificate does not count; code 0: none */
    uint8_t certified[HF_SIGNATURE_MAX][HF_DIGEST_SIZE]; /* whose signatures by certificates counted */
    size_t certified_count;
};

/* What all signatures are held against. */
struct measure {
    const struct hf_trust *trust;
    const char *statement;
    size_t size;
    int64_t now;
};

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
static const struct hf_trust_key *verified_by(const struct hf_signature *signature, const struct measure *measure,
                                              const struct hf_trust_key **named)
{
    *named = NULL;
    for (size_t i = 0; i < measure->trust->count; i++) {
        const struct hf_trust_key *key = &measure->trust->keys[i];
        if (key->authority || memcmp(key->key.id, signature->key_id, HF_KEY_ID_SIZE) != 0)
            continue;
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
    if (kept->code == HOTFIX_OK || kept->code == HOTFIX_SIGNATURE)
        *kept = *refusal;
}

/* The authority that vouches for the signer; NULL: *refusal is the last one's, or that of the most telling before. */
static const struct hf_trust_key *vouched_by(const struct hf_cms *cms, const struct measure *measure,
                                             struct hotfix_error *refusal)
{
    struct hotfix_error own;

    refusal->code = HOTFIX_OK;
    for (size_t i = 0; i < measure->trust->count; i++) {
        const struct hf_trust_key *key = &measure->trust->keys[i];
        if (!key->authority)
            continue;
        if (hf_cms_vouched(cms, key->authority, measure->trust->policy.at_signing, measure->now, &own) == 0)
            return key;
        keep_refusal(&own, refusal);
    }
    return NULL;
}

static bool has_authority(const struct hf_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        if (trust->keys[i].authority)
            return true;
    return false;
}

/* One signer counts once, even if two authorities vouch for certificates of one and the same key. */
static bool counted_before(const struct hf_cms *cms, struct tally *tally)
{
    uint8_t digest[HF_DIGEST_SIZE];

    hf_cms_key(cms, digest);
    for (size_t i = 0; i < tally->certified_count; i++)
        if (memcmp(tally->certified[i], digest, sizeof(digest)) == 0)
            return true;
    memcpy(tally->certified[tally->certified_count++], digest, sizeof(digest));
    return false;
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

static struct hf_opinion refuse(const struct hotfix_error *refusal, struct tally *tally)
{
    struct hf_opinion opinion = {.kind = HF_OPINION_REFUSED};

    keep_refusal(refusal, &tally->refused);
    snprintf(opinion.reason, sizeof(opinion.reason), "%.*s", HF_OPINION_REASON - 1, refusal->message);
    return opinion;
}

static struct hf_opinion count_certified(const struct hf_signature *signature, const struct measure *measure,
                                         struct tally *tally)
{
    const struct hf_trust_key *key = NULL;
    struct hotfix_error refusal;
    uint8_t id[HF_KEY_ID_SIZE];
    struct hf_cms *cms;

    if (hf_cms_open(signature->cms, signature->cms_size, measure->statement, measure->size, &cms, &refusal) != 0)
        return refuse(&refusal, tally);
    hf_cms_id(cms, id);
    if (memcmp(id, signature->key_id, sizeof(id)) != 0)
        hf_error(&refusal, HOTFIX_SIGNATURE, "the CMS signature by %s stands under another id", hf_cms_signer(cms));
    else
        key = vouched_by(cms, measure, &refusal);
    struct hf_opinion opinion;
    if (!key)
        opinion = refuse(&refusal, tally);
    else if (counted_before(cms, tally))
        opinion = (struct hf_opinion){.kind = HF_OPINION_AGAIN, .key = key};
    else
        opinion = count_key(key, measure->now, tally);
    hf_cms_close(cms);
    return opinion;
}

static struct hf_opinion count_signature(const struct hf_signature *signature, const struct measure *measure,
                                         struct tally *tally)
{
    const struct hf_trust_key *named;

    if (signature->cms && has_authority(measure->trust))
        return count_certified(signature, measure, tally);
    const struct hf_trust_key *key = signature->cms ? NULL : verified_by(signature, measure, &named);
    if (key)
        return count_key(key, measure->now, tally);
    if (signature->cms || !named) {
        tally->unknown++;
        return (struct hf_opinion){.kind = HF_OPINION_UNKNOWN};
    }
    add_once(&tally->wrong, named);
    return (struct hf_opinion){.kind = HF_OPINION_BAD, .key = named};
}

static int unknown_keys(const struct hf_signed *parts, struct hotfix_error *err)
{
    char ids[IDS_SHOWN * (2 * HF_KEY_ID_SIZE + 2) + 1] = "";
    size_t shown = parts->signature_count < IDS_SHOWN ? parts->signature_count : IDS_SHOWN;
    char *out = ids;

    for (size_t i = 0; i < shown; i++) {
        out = stpcpy(out, i ? ", " : "");
        hf_hex_encode(parts->signatures[i].key_id, HF_KEY_ID_SIZE, out);
        out += 2 * HF_KEY_ID_SIZE;
    }
    return hf_error(err, HOTFIX_SIGNATURE, "signed only by keys that are not in the trust store (key id %s%s)", ids,
                    shown < parts->signature_count ? " and others" : "");
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
        say(message, "; the signature by key %s is not over these bytes: the bundle was changed",
            tally->wrong.keys[i]->name);
    if (tally->refused.code != HOTFIX_OK)
        say(message, "; %s", tally->refused.message);
    if (tally->unknown)
        say(message, "; %zu signature%s by keys that are not in the trust store", tally->unknown,
            tally->unknown == 1 ? " is" : "s are");
}

static int judge(const struct hf_signed *parts, const struct hf_trust_policy *policy, const struct tally *tally,
                 struct hotfix_error *err)
{
    size_t needed = policy->keys ? policy->keys : 1;
    struct message message = {.length = 0};
    char names[HF_SIGNERS_TEXT];

    hf_signers_text(&tally->counted, names);
    say(&message, "%zu of %zu keys agree%s%s", tally->counted.count, needed, tally->counted.count ? ": " : "", names);
    size_t missing = say_missing(policy, &tally->counted, &message);
    if (missing == 0 && hf_signers_short_of(&tally->counted, policy) == 0)
        return 0;
    if (tally->unknown == parts->signature_count)
        return unknown_keys(parts, err);
    say_unusable(tally, &message);
    bool revoked = tally->revoked.count || tally->refused.code == HOTFIX_REVOKED;
    bool expired = tally->expired.count || tally->refused.code == HOTFIX_EXPIRED;
    enum hotfix_code code = revoked ? HOTFIX_REVOKED : expired ? HOTFIX_EXPIRED : HOTFIX_SIGNATURE;
    return hf_error(err, code, "%s", message.text);
}

int hf_signed_judge(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                    struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;
    struct tally tally = {.unknown = 0};

    if (trust->count == 0)
        return hf_error(err, HOTFIX_TRUST, "no trust store: every bundle is refused");
    if (parts->signature_count == 0)
        return hf_error(err, HOTFIX_SIGNATURE, "not signed");
    if (hf_statement(parts->archive, parts->archive_size, statement, &size, err) != 0)
        return -1;
    const struct measure measure = {trust, statement, size, now};
    for (size_t i = 0; i < parts->signature_count; i++) {
        struct hf_opinion opinion = count_signature(&parts->signatures[i], &measure, &tally);
        if (opinions)
            opinions[i] = opinion;
    }
    if (judge(parts, &trust->policy, &tally, err) != 0)
        return -1;
    if (signers)
        *signers = tally.counted;
    return 0;
}

int hf_signed_verify(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                     struct hf_signers *signers, struct hotfix_error *err)
{
    return hf_signed_judge(parts, trust, now, signers, NULL, err);
}
