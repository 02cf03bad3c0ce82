/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "error.h"

struct hf_trust_key *hf_trust_named(const struct hf_trust *trust, const char *name)
{
    for (size_t i = 0; i < trust->count; i++)
        if (strcmp(trust->keys[i].name, name) == 0)
            return &trust->keys[i];
    return NULL;
}

int hf_trust_add(struct hf_trust *trust, const char *name, const struct hf_public_key *key, struct hotfix_error *err)
{
    if (trust->count >= HF_TRUST_MAX_KEYS)
        return hf_error(err, HOTFIX_TRUST, "more than %d keys", HF_TRUST_MAX_KEYS);
    if (hf_trust_named(trust, name))
        return hf_error(err, HOTFIX_TRUST, "two keys are called %s", name);
    struct hf_trust_key *keys = reallocarray(trust->keys, trust->count + 1, sizeof(*keys));
    if (!keys)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    trust->keys = keys;
    keys[trust->count] = (struct hf_trust_key){.name = strdup(name), .key = *key};
    if (!keys[trust->count].name)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    trust->count++;
    return 0;
}

const struct hf_trust_key *hf_trust_find(const struct hf_trust *trust, const uint8_t id[HF_KEY_ID_SIZE])
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->keys[i].key.id, id, HF_KEY_ID_SIZE) == 0)
            return &trust->keys[i];
    return NULL;
}

bool hf_trust_listed(const char *list, const char *word, size_t length)
{
    while (list && *list) {
        size_t size = strcspn(list, " ");
        if (size == length && memcmp(list, word, length) == 0)
            return true;
        list += size + (list[size] == ' ');
    }
    return false;
}

void hf_trust_key_deinit(struct hf_trust_key *key)
{
    free(key->name);
    free(key->roles);
    hf_authority_destroy(key->authority);
}

static void policy_deinit(struct hf_trust_policy *policy)
{
    for (size_t i = 0; i < policy->revoked_count; i++)
        free(policy->revoked[i].reason);
    free(policy->revoked);
    free(policy->roles);
    *policy = (struct hf_trust_policy){0};
}

void hf_trust_deinit(struct hf_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        hf_trust_key_deinit(&trust->keys[i]);
    free(trust->keys);
    policy_deinit(&trust->policy);
    trust->keys = NULL;
    trust->count = 0;
}
