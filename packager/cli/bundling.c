/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bundling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli/describe.h"
#include "error.h"
#include "file.h"
#include "pack/compose.h"
#include "pack/fresh.h"
#include "pack/seal.h"
#include "provenance/provenance.h"
#include "sign/replace.h"
#include "sign/token.h"
#include "signature.h"
#include "ui/passphrase.h"

static int add_advisory(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    struct hf_identity *identity = option->arg;
    return hf_identity_add(&identity->advisories, &identity->advisory_count, argument, err);
}

static int add_superseded(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    struct hf_identity *identity = option->arg;
    return hf_identity_add(&identity->supersedes, &identity->supersedes_count, argument, err);
}

void hf_bundling_options(struct hf_bundling *bundling, struct hf_option options[HF_BUNDLING_OPTIONS])
{
    struct hf_identity *identity = &bundling->identity;
    const struct hf_option all[HF_BUNDLING_OPTIONS] = {
        {"key", 0, "KEY", "The private key that signs.", false, NULL, &bundling->key_path, NULL, NULL, 0},
        {"unsigned", 0, NULL, "Leave signing to 'hotfix sign'.", false, &bundling->unsigned_bundle, NULL, NULL, NULL,
         0},
        {"passphrase-file", 0, "FILE", "Take the key's passphrase from the first line of FILE.", false, NULL,
         &bundling->passphrase_file, NULL, NULL, 0},
        {"name", 0, "NAME", "The bundle's name; by default that of the patch file.", false, NULL, &identity->name, NULL,
         NULL, 0},
        {"version", 0, "VERSION", "The bundle's version; by default a unique one.", false, NULL, &identity->version,
         NULL, NULL, 0},
        {"advisory", 0, "ID", "An advisory that the bundle fixes; may be given several times.", false, NULL, NULL,
         add_advisory, identity, 0},
        {"description", 0, "TEXT", "What the bundle does, in one line.", false, NULL, &identity->description, NULL,
         NULL, 0},
        {"expires", 0, "DATE", "After this day (2026-12-31) or time (2026-12-31T12:00:00Z) it is refused.", false, NULL,
         &identity->expires, NULL, NULL, 0},
        {"sequence", 0, "N", "Number of this bundle: raise it when earlier bundles must not be applied any more.",
         false, NULL, &identity->sequence, NULL, NULL, 0},
        {"supersedes", 0, "ID", "The id of a bundle that this one replaces; may be given several times.", false, NULL,
         NULL, add_superseded, identity, 0},
        {"quiescent", 0, NULL, "Switch only while no thread is inside a function that the switch takes out of use.",
         false, &identity->quiescent, NULL, NULL, NULL, 0},
    };

    memcpy(options, all, sizeof(all));
}

bool hf_bundling_given(const struct hf_bundling *bundling)
{
    const struct hf_identity *identity = &bundling->identity;

    return bundling->key_path || bundling->unsigned_bundle || bundling->passphrase_file || identity->name ||
           identity->version || identity->description || identity->expires || identity->advisory_count > 0 ||
           identity->supersedes_count > 0 || identity->sequence || identity->quiescent;
}

void hf_bundling_init(struct hf_bundling *bundling)
{
    hf_manifest_init(&bundling->manifest);
}

void hf_bundling_deinit(struct hf_bundling *bundling)
{
    hf_private_key_destroy(bundling->key);
    hf_manifest_deinit(&bundling->manifest);
    hf_identity_deinit(&bundling->identity);
    free(bundling->default_output);
    free(bundling->file);
}

void hf_bundling_again(struct hf_bundling *bundling, const char *output)
{
    hf_manifest_deinit(&bundling->manifest);
    hf_manifest_init(&bundling->manifest);
    free(bundling->default_output);
    free(bundling->file);
    bundling->default_output = NULL;
    bundling->file = NULL;
    bundling->output = output;
}

/* A bundle that is not signed is asked for, not forgotten. */
static int check_signing(const struct hf_bundling *bundling, const char *verb, struct hotfix_error *err)
{
    if (!bundling->key_path && !bundling->unsigned_bundle)
        return hf_error(err, HOTFIX_USAGE, "give --key KEY, or --unsigned where others sign (see 'hotfix %s --help')",
                        verb);
    if (bundling->unsigned_bundle && (bundling->key_path || bundling->passphrase_file))
        return hf_error(err, HOTFIX_USAGE, "--unsigned and --key exclude each other");
    if (bundling->key_path && hf_token_is(bundling->key_path))
        return hf_error(err, HOTFIX_USAGE,
                        "--key: a key in a PKCS#11 token signs with its certificate: give --unsigned, and then hotfix "
                        "sign the bundle with --key and --cert");
    if (bundling->unsigned_bundle && bundling->provenance)
        return hf_error(err, HOTFIX_USAGE, "--provenance is signed by whoever packs: give --key, not --unsigned");
    return 0;
}

/* Writing a bundle over one of its own inputs is never meant. */
static int refuse_input(const struct hf_bundling *bundling, const struct hf_inputs *inputs, const char *path,
                        struct hotfix_error *err)
{
    const char *const all[] = {inputs->target_path,      inputs->patch_path, inputs->debug_path,
                               inputs->patch_debug_path, bundling->key_path, bundling->passphrase_file,
                               inputs->waivers_path};
    struct stat output, input;

    if (!path || stat(path, &output) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] && stat(all[i], &input) == 0 && input.st_dev == output.st_dev && input.st_ino == output.st_ino)
            return hf_error(err, HOTFIX_USAGE, "the output %s is one of the inputs", path);
    return 0;
}

/* One name in one directory, whether or not the file is there already. */
static bool is_same_path(const char *a, const char *b)
{
    const char *a_slash = strrchr(a, '/'), *b_slash = strrchr(b, '/');
    HF_FREE char *a_directory = a_slash ? strndup(a, (size_t)(a_slash + 1 - a)) : strdup(".");
    HF_FREE char *b_directory = b_slash ? strndup(b, (size_t)(b_slash + 1 - b)) : strdup(".");
    struct stat a_status, b_status;

    return strcmp(a_slash ? a_slash + 1 : a, b_slash ? b_slash + 1 : b) == 0 && a_directory && b_directory &&
           stat(a_directory, &a_status) == 0 && stat(b_directory, &b_status) == 0 &&
           a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

int hf_bundling_check(struct hf_bundling *bundling, const struct hf_inputs *inputs, const char *patch, const char *verb,
                      struct hotfix_error *err)
{
    if (check_signing(bundling, verb, err) != 0 ||
        hf_identity_fill(&bundling->identity, patch, &bundling->manifest, err) != 0)
        return -1;
    if (refuse_input(bundling, inputs, bundling->output, err) != 0)
        return -1;
    if (bundling->output && is_same_path(bundling->output, patch))
        return hf_error(err, HOTFIX_USAGE, "the bundle and the patch have one name: %s", patch);
    return refuse_input(bundling, inputs, bundling->provenance, err);
}

int hf_bundling_unlock(struct hf_bundling *bundling, struct hotfix_error *err)
{
    struct hf_passphrase_source source = {.path = bundling->passphrase_file};

    if (bundling->unsigned_bundle || bundling->key)
        return 0;
    if (hf_private_key_read(bundling->key_path, hf_passphrase_ask, &source, &bundling->key, err) != 0)
        return hf_passphrase_failed(&source, err);
    return 0;
}

static int choose_output(struct hf_bundling *bundling, const struct hf_inputs *inputs, struct hotfix_error *err)
{
    if (!bundling->output) {
        if (asprintf(&bundling->default_output, "%s-%s.hotfix", bundling->manifest.name, bundling->manifest.version) <
            0) {
            bundling->default_output = NULL;
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        }
        bundling->output = bundling->default_output;
        if (refuse_input(bundling, inputs, bundling->output, err) != 0)
            return -1;
    }
    if (bundling->provenance && is_same_path(bundling->provenance, bundling->output))
        return hf_error(err, HOTFIX_USAGE, "--provenance %s is the bundle itself", bundling->provenance);
    return 0;
}

int hf_bundling_seal(struct hf_bundling *bundling, const struct hf_inputs *inputs,
                     const struct hf_check_subject *subject, const struct hf_check_result *results,
                     struct hotfix_error *err)
{
    HF_FREE uint8_t *patch = NULL;
    struct hf_signed parts;
    size_t size;

    if (hf_compose(subject, results, &bundling->manifest, err) != 0 ||
        hf_compose_payload(subject, &patch, &size, err) != 0)
        return -1;
    if (!bundling->identity.version && hf_identity_version(patch, size, &bundling->manifest, err) != 0)
        return -1;
    if (choose_output(bundling, inputs, err) != 0 || hf_bundling_unlock(bundling, err) != 0)
        return -1;
    if (hf_seal(&bundling->manifest, &patch, size, bundling->key, &subject->target->image, &bundling->file,
                &bundling->size, err) != 0 ||
        hf_signed_parse(bundling->file, bundling->size, &parts, err) != 0)
        return -1;
    return hf_replace_check(bundling->output, &parts, err);
}

/* Beside the bundle, and written before it, so that none is without; nor is it left without a bundle. */
static int write_provenance(const struct hf_bundling *bundling, const struct hf_inputs *inputs,
                            const struct hf_signed *parts, struct hotfix_error *err)
{
    HF_FREE char *text = NULL;

    if (!bundling->provenance)
        return 0;
    if (hf_provenance_format(inputs, &bundling->manifest, parts->archive, parts->archive_size, bundling->key, &text,
                             err) != 0)
        return -1;
    return hf_file_write(bundling->provenance, text, strlen(text), 0644, false, err);
}

int hf_bundling_write(struct hf_bundling *bundling, const struct hf_inputs *inputs, struct hotfix_error *err)
{
    struct hf_signed parts;

    if (hf_signed_parse(bundling->file, bundling->size, &parts, err) != 0 ||
        write_provenance(bundling, inputs, &parts, err) != 0)
        return -1;
    if (hf_file_write(bundling->output, bundling->file, bundling->size, 0644, false, err) == 0)
        return 0;
    if (bundling->provenance)
        unlink(bundling->provenance);
    return -1;
}

/* Nothing carries over what another bundle keeps in variables of its own. */
static int tell_fresh(const struct hf_bundling *bundling, const struct hf_image *patch, struct hf_report *report,
                      struct hotfix_error *err)
{
    bool supersedes = bundling->identity.supersedes_count > 0;
    HF_FREE char *names = NULL;
    size_t count = 0;

    if ((supersedes || bundling->manifest.built_on.count > 0) && hf_fresh_variables(patch, &names, &count, err) != 0)
        return -1;
    if (count > 0)
        hf_report_note(report,
                       "warning: the patch brings variables of its own, which begin anew: what a bundle that it "
                       "%s has in its variables is not taken over (keep it in shadow data): %s",
                       supersedes ? "supersedes" : "was built on", names);
    return 0;
}

int hf_bundling_tell(const struct hf_bundling *bundling, const struct hf_image *patch, struct hf_report *report,
                     struct hotfix_error *err)
{
    hf_report_line(report, "%-13s%s", "wrote", bundling->output);
    hf_report_set(report, "file", hf_json_text(bundling->output));
    if (bundling->provenance) {
        hf_report_line(report, "%-13s%s", "provenance", bundling->provenance);
        hf_report_set(report, "provenance", hf_json_text(bundling->provenance));
    }
    hf_describe_bundle(report, &bundling->manifest);
    hf_describe_contents(report, &bundling->manifest);
    if (tell_fresh(bundling, patch, report, err) != 0)
        return -1;
    if (bundling->unsigned_bundle)
        hf_report_note(report, "%s is not signed: no loader applies it before 'hotfix sign'", bundling->output);
    return 0;
}
