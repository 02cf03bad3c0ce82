/* SPDX-License-Identifier: Apache-2.0 */
/* hotfixctl enable and disable: bundles that programs apply to themselves when they start with the agent preloaded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "digest.h"
#include "errand.h"
#include "error.h"
#include "file.h"
#include "shared/audit.h"
#include "shared/starts.h"
#include "shared/store.h"
#include "signature.h"
#include "truststore.h"
#include "verbs.h"

/* A bundle that is enabled or disabled, as far as it is known. */
struct about {
    char id[2 * HF_ID_SIZE + 1];
    char name[2 * HF_NAME_MAX + 2]; /* and version */
    const char *signers;
};

static void audit(const struct hf_ctl *ctl, const struct about *about, const char *result,
                  const struct hotfix_error *error)
{
    hf_audit_write(&(struct hf_audit){.verb = ctl->verb,
                                      .operand = ctl->operand,
                                      .bundle = about->name[0] ? about->name : NULL,
                                      .id = about->id,
                                      .signers = about->signers,
                                      .result = error ? "refused" : result,
                                      .message = error ? error->message : NULL});
}

static void describe(const struct hf_manifest *manifest, struct about *about)
{
    hf_hex_encode(manifest->id, HF_ID_SIZE, about->id);
    snprintf(about->name, sizeof(about->name), "%s %s", manifest->name, manifest->version);
}

/* The agent keeps no state of sequence numbers either. */
static int check_policy(const struct hf_cargo *cargo, struct hotfix_error *err)
{
    struct hf_trust trust;

    if (hf_trust_parse(cargo->trust_path, &cargo->files, &trust, err) != 0)
        return -1;
    bool fresh = trust.policy.fresh;
    hf_trust_deinit(&trust);
    if (fresh)
        return hf_error(err, HOTFIX_TRUST,
                        "trust store %s: its policy demands freshness, which needs a state that the program keeps "
                        "itself",
                        cargo->trust_path);
    return 0;
}

/* A program that finds more than it can read applies none of them. */
static int check_room(const struct hf_store *store, const char *id, struct hotfix_error *err)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(hf_stored_id(&store->items[i]), id) == 0)
            return 0;
    }
    return store->count < HF_STORE_MAX ? 0
                                       : hf_error(err, HOTFIX_FORMAT,
                                                  "store of enabled bundles %s: has %d bundles, and can have no more: "
                                                  "disable some of them",
                                                  store->path, HF_STORE_MAX);
}

/* What the store has for this build: room, and whether one that the bundle supersedes is demanded: then it is, too. */
static int look_at_others(const char *store_path, const struct hf_manifest *manifest, bool *required,
                          struct hotfix_error *err)
{
    char build[2 * HF_BUILD_ID_MAX + 1], id[2 * HF_ID_SIZE + 1];
    struct hf_store store = {0};

    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, build);
    if (hf_store_list(store_path, build, &store, err) != 0)
        return -1;
    for (size_t i = 0; i < manifest->supersedes.count; i++) {
        hf_hex_encode(manifest->supersedes.items[i], HF_ID_SIZE, id);
        for (size_t k = 0; k < store.count; k++)
            *required |= store.items[k].required && strcmp(hf_stored_id(&store.items[k]), id) == 0;
    }
    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    int status = check_room(&store, id, err);
    hf_store_deinit(&store);
    return status;
}

static int remove_superseded(const struct hf_ctl *ctl, const struct hf_manifest *manifest, struct hf_ctl_report *report,
                             struct hotfix_error *err)
{
    char id[2 * HF_ID_SIZE + 1];
    int status = 0;

    hf_ctl_report_open(report, "superseded", '[');
    for (size_t i = 0; i < manifest->supersedes.count && status == 0; i++) {
        size_t removed = 0;
        hf_hex_encode(manifest->supersedes.items[i], HF_ID_SIZE, id);
        status = hf_store_remove(ctl->store, id, &removed, err);
        if (removed == 0)
            continue;
        hf_starts_forget(id);
        hf_ctl_report_line(report, "  in place of bundle %s", id);
        hf_ctl_report_text(report, NULL, id);
    }
    hf_ctl_report_close(report, ']');
    return status;
}

static int enable(const struct hf_ctl *ctl, const struct hf_cargo *cargo, const struct about *about,
                  struct hf_ctl_report *report, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &cargo->bundle.manifest;
    char build[2 * HF_BUILD_ID_MAX + 1];
    bool required = ctl->required;

    if (check_policy(cargo, err) != 0 || look_at_others(ctl->store, manifest, &required, err) != 0 ||
        hf_store_add(ctl->store, manifest, cargo->bytes, cargo->size, required, err) != 0)
        return -1;
    hf_starts_forget(about->id);
    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, build);
    hf_ctl_report_line(report, "enabled %s, id %s, for %s with build-id %s%s", about->name, about->id,
                       manifest->target_name, build, required ? "; programs do not start without it" : "");
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_text(report, "id", about->id);
    hf_ctl_report_text(report, "name", manifest->name);
    hf_ctl_report_text(report, "version", manifest->version);
    hf_ctl_report_text(report, "build_id", build);
    hf_ctl_report_flag(report, "required", required);
    int status = remove_superseded(ctl, manifest, report, err);
    hf_ctl_report_close(report, '}');
    return status;
}

int hf_verb_enable(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct hf_cargo cargo;
    struct about about = {.id = ""};
    struct hotfix_error error;

    report->list = "bundles";
    int status = hf_cargo_read(ctl->operand, ctl->trust, &cargo, &error);
    if (status == 0) {
        describe(&cargo.bundle.manifest, &about);
        about.signers = cargo.signers;
        status = enable(ctl, &cargo, &about, report, &error);
    }
    audit(ctl, &about, "enabled", status == 0 ? NULL : &error);
    if (status != 0 && err)
        *err = error;
    hf_cargo_deinit(&cargo);
    return status;
}

/* The id that the operand is, or that the file has: nobody need trust a bundle to be rid of it. */
static int identify(const char *operand, struct about *about, struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    uint8_t id[HF_ID_SIZE];
    size_t size = 0;
    struct hf_signed parts;
    struct hf_bundle bundle;

    if (hf_hex_decode(operand, id, HF_ID_SIZE) == 0) {
        snprintf(about->id, sizeof(about->id), "%s", operand);
        return 0;
    }
    if (hf_file_read(operand, HF_BUNDLE_MAX_SIZE, &bytes, &size, err) != 0)
        return -1;
    if (hf_signed_parse(bytes, size, &parts, err) != 0 ||
        hf_archive_parse(parts.archive, parts.archive_size, &bundle, err) != 0)
        return hf_error_prefix(err, "bundle %s", operand);
    describe(&bundle.manifest, about);
    hf_bundle_deinit(&bundle);
    return 0;
}

int hf_verb_disable(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct about about = {.id = ""};
    struct hotfix_error error;
    size_t removed = 0;

    report->list = "bundles";
    int status = identify(ctl->operand, &about, &error);
    if (status == 0)
        status = hf_store_remove(ctl->store, about.id, &removed, &error);
    if (status == 0 && removed == 0)
        status = hf_error(&error, HOTFIX_NOT_APPLIED, "bundle %s is not enabled", about.id);
    if (status == 0) {
        hf_starts_forget(about.id);
        hf_ctl_report_line(report, "disabled %s: processes that have it keep it until they end, or 'hotfixctl revert'",
                           about.id);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "id", about.id);
        hf_ctl_report_close(report, '}');
    }
    audit(ctl, &about, "disabled", status == 0 ? NULL : &error);
    if (status != 0 && err)
        *err = error;
    return status;
}

/* What status says of the store. */
struct listing {
    const struct hf_ctl *ctl;
    const struct hf_trust *trust; /* NULL: there is none, why says what is the matter */
    const char *why;
    const char *id; /* the only bundle to be told of; "": all */
    struct hf_ctl_report *report;
    size_t unwell; /* those that are refused or in quarantine */
};

/* What a program that starts would find. The name is "" where it is not known. */
static int read_stored(const struct listing *listing, const struct hf_store *store, const struct hf_stored *stored,
                       struct about *about, struct hotfix_error *err)
{
    HF_FREE uint8_t *bytes = NULL;
    size_t size = 0;
    struct hf_bundle bundle;
    struct hf_signers signers;

    snprintf(about->id, sizeof(about->id), "%s", hf_stored_id(stored));
    if (hf_store_read(store, stored, &bytes, &size, err) != 0)
        return -1;
    if (!listing->trust)
        return hf_error(err, HOTFIX_TRUST, "%s", listing->why);
    if (hf_bundle_open(bytes, size, listing->trust, (int64_t)time(NULL), &bundle, &signers, err) != 0)
        return -1;
    describe(&bundle.manifest, about);
    hf_bundle_deinit(&bundle);
    return 0;
}

static int tell_quarantines(struct listing *listing, const char *id, struct hotfix_error *err)
{
    HF_FREE struct hf_quarantine *list = NULL;
    struct hf_ctl_report *report = listing->report;
    size_t count = 0;

    if (hf_starts_quarantines(id, &list, &count, err) != 0)
        return -1;
    listing->unwell += count > 0;
    hf_ctl_report_open(report, "quarantines", '[');
    for (size_t i = 0; i < count; i++) {
        hf_ctl_report_line(report,
                           "  in quarantine, after two crashes in a row, for programs of user %u whose build-id "
                           "begins with %s: enable it again to end that",
                           (unsigned int)list[i].user, list[i].program);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_number(report, "user", list[i].user);
        hf_ctl_report_text(report, "program", list[i].program);
        hf_ctl_report_close(report, '}');
    }
    hf_ctl_report_close(report, ']');
    return 0;
}

static int tell_stored(struct listing *listing, const char *build, const struct hf_store *store,
                       const struct hf_stored *stored, struct hotfix_error *err)
{
    struct hf_ctl_report *report = listing->report;
    struct about about = {.id = ""};
    struct hotfix_error refusal;
    bool refused = read_stored(listing, store, stored, &about, &refusal) != 0;

    listing->unwell += refused;
    hf_ctl_report_line(report, "%s: %s%sid %s, for build-id %s%s%s%s", refused ? "enabled, but refused" : "enabled",
                       about.name, about.name[0] ? ", " : "", about.id, build, stored->required ? ", demanded" : "",
                       refused ? ": " : "", refused ? refusal.message : "");
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_text(report, "id", about.id);
    hf_ctl_report_text(report, "bundle", about.name[0] ? about.name : NULL);
    hf_ctl_report_text(report, "build_id", build);
    hf_ctl_report_flag(report, "required", stored->required);
    hf_ctl_report_text(report, "refused", refused ? refusal.message : NULL);
    int status = tell_quarantines(listing, about.id, err);
    hf_ctl_report_close(report, '}');
    return status;
}

static int tell_build(const char *build, void *arg, struct hotfix_error *err)
{
    struct listing *listing = arg;
    struct hf_store store = {0};
    int status = hf_store_list(listing->ctl->store, build, &store, err);

    for (size_t i = 0; status == 0 && i < store.count; i++) {
        if (listing->id[0] == '\0' || strcmp(hf_stored_id(&store.items[i]), listing->id) == 0)
            status = tell_stored(listing, build, &store, &store.items[i], err);
    }
    hf_store_deinit(&store);
    return status;
}

int hf_tell_enabled(const struct hf_ctl *ctl, const char *id, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct hf_trust trust = {0};
    struct hotfix_error why = {.code = HOTFIX_OK};
    bool trusted = hf_trust_read(ctl->trust, &trust, &why) == 0;
    struct listing listing = {
        .ctl = ctl, .trust = trusted ? &trust : NULL, .why = why.message, .id = id, .report = report};

    hf_ctl_report_next(report, "enabled");
    int status = hf_store_builds(ctl->store, tell_build, &listing, err);
    if (status == 0 && listing.unwell > 0)
        hf_ctl_report_not_all(report, "%zu enabled bundles are not applied to programs that start", listing.unwell);
    hf_trust_deinit(&trust);
    return status;
}
