/* SPDX-License-Identifier: Apache-2.0 */
#include "sign/replace.h"

#include <string.h>
#include <sys/stat.h>

#include "bundle.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"

static bool has_signer(const struct hf_signed *parts, const struct hf_signature *signature)
{
    for (size_t i = 0; i < parts->signature_count; i++)
        if (!parts->signatures[i].cms == !signature->cms &&
            memcmp(parts->signatures[i].key_id, signature->key_id, HF_KEY_ID_SIZE) == 0)
            return true;
    return false;
}

int hf_replace_check(const char *path, const struct hf_signed *parts, struct hotfix_error *err)
{
    HF_FREE uint8_t *data = NULL;
    struct hf_signed there;
    struct stat status;
    size_t size;

    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > HF_BUNDLE_MAX_SIZE)
        return 0;
    if (hf_file_read(path, HF_BUNDLE_MAX_SIZE, &data, &size, err) != 0)
        return -1;
    if (hf_signed_parse(data, size, &there, NULL) != 0)
        return 0;
    for (size_t i = 0; i < there.signature_count; i++) {
        char id[2 * HF_KEY_ID_SIZE + 1];
        if (has_signer(parts, &there.signatures[i]))
            continue;
        hf_hex_encode(there.signatures[i].key_id, HF_KEY_ID_SIZE, id);
        return hf_error(err, HOTFIX_IO,
                        "%s: is a bundle that %s %s signed, and the new one is not; remove it, or give another name "
                        "with --output",
                        path, there.signatures[i].cms ? "certificate" : "key", id);
    }
    return 0;
}
