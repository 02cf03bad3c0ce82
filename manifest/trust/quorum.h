/* SPDX-License-Identifier: Apache-2.0 */
/* Whose signatures a bundle carries, and whether they are those that the trust store's policy asks for. */
#ifndef HF_QUORUM_H
#define HF_QUORUM_H

#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "hotfix/error.h"
#include "signature.h"
#include "trust.h"

/* The keys that count: each once, in the order of their signatures. They belong to the trust store. */
struct hf_signers {
    const struct hf_trust_key *keys[HF_SIGNATURE_MAX];
    /* Where the key is an authority's: of the signer's certificate, and the authority's key that its chain ends in;
     * else zeros. */
    struct hf_certificate_mark marks[HF_SIGNATURE_MAX];
    struct hf_key_owner ends[HF_SIGNATURE_MAX];
    size_t count;
};

/* What one signature is worth. */
enum hf_opinion_kind {
    HF_OPINION_UNKNOWN, /* by a key that the store does not have */
    HF_OPINION_COUNTS,
    HF_OPINION_AGAIN,   /* good, and its key counted before */
    HF_OPINION_REVOKED, /* good, by a key that is revoked */
    HF_OPINION_EXPIRED,
    HF_OPINION_BAD,    /* it claims to be by this key and is not over these bytes */
    HF_OPINION_REFUSED /* by a certificate that does not count, for this reason */
};

#define HF_OPINION_REASON 200

struct hf_opinion {
    enum hf_opinion_kind kind;
    const struct hf_trust_key *key; /* the trust store's; NULL where there is none */
    char reason[HF_OPINION_REASON]; /* of HF_OPINION_REFUSED; "" else */
};

/*
 * Succeeds when the keys that count are as many and of the roles that the policy asks for; without a policy, when there
 * is one. A key counts when it is in the store, neither revoked nor, at now (seconds since the epoch), expired, and
 * signed exactly this archive; several signatures by it count as one. Signatures by keys that the store does not have
 * are passed over, and so are those that claim to be by a key of the store and are not.
 *
 * A signature by a certificate counts for the authority that vouches for it, unless its chain leads through the key of
 * another one in the store, or any authority of the store has revoked the certificate. Of signatures whose chains share
 * a key one counts: whoever has that key could have made all of them.
 *
 * The archive is hashed only when a signature may be by a key of the store.
 *
 * signers may be NULL; it is untouched on failure. HOTFIX_TRUST without a store; HOTFIX_SIGNATURE, HOTFIX_REVOKED when
 * a revoked key is among those that signed, HOTFIX_EXPIRED when an expired one is: the message says which keys agree
 * and what is missing.
 */
int hf_signed_verify(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                     struct hf_signers *signers, struct hotfix_error *err);

/* The same, and says on failure too what each signature is worth: as many opinions as there are signatures are written
 * where there is a trust store and a signature at all. */
int hf_signed_judge(const struct hf_signed *parts, const struct hf_trust *trust, int64_t now,
                    struct hf_signers *signers, struct hf_opinion *opinions, struct hotfix_error *err);

/* The same of signatures over any statement; signers and opinions may be NULL. */
int hf_signatures_judge(const struct hf_signature *signatures, size_t count, const void *statement, size_t size,
                        const struct hf_trust *trust, int64_t now, struct hf_signers *signers,
                        struct hf_opinion *opinions, struct hotfix_error *err);

/* How many keys a policy asks for beyond these. */
size_t hf_signers_short_of(const struct hf_signers *signers, const struct hf_trust_policy *policy);
/*
 * The next role in a policy's list that none of the keys has: its length, and *list begins with it; to be called again
 * with what lies behind it. 0 when there is none.
 */
size_t hf_signers_lack(const struct hf_signers *signers, const char **list);

/* The names of the keys, separated by ", "; cut to fit. */
#define HF_SIGNERS_TEXT 256
void hf_signers_text(const struct hf_signers *signers, char text[HF_SIGNERS_TEXT]);

#endif
