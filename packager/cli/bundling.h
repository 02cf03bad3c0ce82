/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle at the end of `hotfix pack` and `hotfix build --bundle`: the options for its name, its signer and its
 * file, and making it from a patch that passed the checks.
 */
#ifndef HF_BUNDLING_H
#define HF_BUNDLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "hotfix/error.h"
#include "key.h"
#include "manifest.h"
#include "pack/identity.h"
#include "pack/inputs.h"
#include "ui/options.h"
#include "ui/report.h"

struct hf_bundling {
    /* options; NULL where not given */
    const char *key_path;
    const char *passphrase_file;
    bool unsigned_bundle;
    const char *output;
    const char *provenance;
    struct hf_identity identity;

    /* what comes of them */
    struct hf_private_key *key;
    struct hf_manifest manifest;
    char *default_output;
    uint8_t *file;
    size_t size;
};

#define HF_BUNDLING_OPTIONS 11

/* The options that the verbs share, pointing into *bundling. */
void hf_bundling_options(struct hf_bundling *bundling, struct hf_option options[HF_BUNDLING_OPTIONS]);

/* A zeroed one, but for what options set; hf_bundling_deinit() is due after it. */
void hf_bundling_init(struct hf_bundling *bundling);
void hf_bundling_deinit(struct hf_bundling *bundling);
/* Makes it ready for another bundle of the same options, but for `output`; the key stays. */
void hf_bundling_again(struct hf_bundling *bundling, const char *output);

/* Whether any of the shared options was given. */
bool hf_bundling_given(const struct hf_bundling *bundling);

/*
 * Can a bundle be made with these options? There must be a key or --unsigned, valid dates and numbers, and no output
 * that is an input. The bundle is named after the file `patch` where --name does not name it. HOTFIX_USAGE.
 */
int hf_bundling_check(struct hf_bundling *bundling, const struct hf_inputs *inputs, const char *patch, const char *verb,
                      struct hotfix_error *err);
/* Reads the key, once; asks for its passphrase where that is due. As hf_private_key_read(). */
int hf_bundling_unlock(struct hf_bundling *bundling, struct hotfix_error *err);

/*
 * Makes the bundle's bytes of the inputs' patch, which passed the checks, and which hf_bundling_check() saw. Nothing is
 * written. As hf_compose() and hf_seal(); HOTFIX_IO over a bundle of another key.
 */
int hf_bundling_seal(struct hf_bundling *bundling, const struct hf_inputs *inputs,
                     const struct hf_check_subject *subject, const struct hf_check_result *results,
                     struct hotfix_error *err);
/* Writes the bundle and, where it is asked for, its provenance: both or none. HOTFIX_IO. */
int hf_bundling_write(struct hf_bundling *bundling, const struct hf_inputs *inputs, struct hotfix_error *err);

/* Reports what was written, and warns about variables that the bundle does not take over from others. */
int hf_bundling_tell(const struct hf_bundling *bundling, const struct hf_image *patch, struct hf_report *report,
                     struct hotfix_error *err);

#endif
