/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix pack: checks, stamps, signs and writes one bundle. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "check/check.h"
#include "check/tell.h"
#include "cleanup.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/reasons.h"
#include "error.h"
#include "file.h"
#include "key.h"
#include "pack/compose.h"
#include "pack/fresh.h"
#include "pack/identity.h"
#include "pack/inputs.h"
#include "pack/seal.h"
#include "provenance/provenance.h"
#include "sign/replace.h"
#include "sign/token.h"
#include "ui/options.h"
#include "ui/passphrase.h"
#include "ui/plain.h"
#include "ui/report.h"

struct pack {
    /* options */
    struct hf_inputs inputs;
    const char *key_path;
    const char *passphrase_file;
    bool unsigned_bundle;
    const char *output;
    const char *provenance;
    struct hf_identity identity;
    struct hf_reasons reasons;

    /* what comes of them */
    struct hf_check_result *results;
    struct hf_manifest manifest;
    char *default_output;
};

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

static int run_checks(struct pack *pack, const struct hf_check_subject *subject, struct hf_report *report,
                      struct hotfix_error *err)
{
    if (hf_checks_run(subject, NULL, 0, &pack->results, err) != 0)
        return -1;
    return hf_reasons_judge(&pack->reasons, &pack->inputs.waivers, pack->results, report, err);
}

/* Writing a bundle over one of its own inputs is never meant. */
static int refuse_input(const struct pack *pack, const char *path, struct hotfix_error *err)
{
    const char *const inputs[] = {pack->inputs.target_path,      pack->inputs.patch_path, pack->inputs.debug_path,
                                  pack->inputs.patch_debug_path, pack->key_path,          pack->passphrase_file,
                                  pack->inputs.waivers_path};
    struct stat output, input;

    if (stat(path, &output) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        if (inputs[i] && stat(inputs[i], &input) == 0 && input.st_dev == output.st_dev && input.st_ino == output.st_ino)
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

static int choose_output(struct pack *pack, struct hotfix_error *err)
{
    if (!pack->output) {
        if (asprintf(&pack->default_output, "%s-%s.hotfix", pack->manifest.name, pack->manifest.version) < 0) {
            pack->default_output = NULL;
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        }
        pack->output = pack->default_output;
        if (refuse_input(pack, pack->output, err) != 0)
            return -1;
    }
    if (pack->provenance && is_same_path(pack->provenance, pack->output))
        return hf_error(err, HOTFIX_USAGE, "--provenance %s is the bundle itself", pack->provenance);
    return 0;
}

/* Beside the bundle, and written before it, so that none is without; nor is it left without a bundle. */
static int write_provenance(const struct pack *pack, const struct hf_signed *parts, const struct hf_private_key *key,
                            struct hotfix_error *err)
{
    HF_FREE char *text = NULL;

    if (!pack->provenance)
        return 0;
    if (hf_provenance_format(&pack->inputs, &pack->manifest, parts->archive, parts->archive_size, key, &text, err) != 0)
        return -1;
    return hf_file_write(pack->provenance, text, strlen(text), 0644, false, err);
}

static int seal(struct pack *pack, const void *patch, size_t patch_size, struct hotfix_error *err)
{
    HF_FREE uint8_t *file = NULL;
    size_t size = 0;
    struct hf_private_key *key = NULL;
    struct hf_passphrase_source source = {.path = pack->passphrase_file};
    struct hf_signed parts;

    int result = 0;
    if (!pack->unsigned_bundle)
        result = hf_private_key_read(pack->key_path, hf_passphrase_ask, &source, &key, err);
    if (result != 0)
        result = hf_passphrase_failed(&source, err);
    if (result == 0)
        result = hf_seal(&pack->manifest, patch, patch_size, key, &pack->inputs.target->image, &file, &size, err);
    if (result == 0)
        result = hf_signed_parse(file, size, &parts, err);
    if (result == 0)
        result = hf_replace_check(pack->output, &parts, err);
    if (result == 0)
        result = write_provenance(pack, &parts, key, err);
    hf_private_key_destroy(key);
    if (result != 0 || hf_file_write(pack->output, file, size, 0644, false, err) == 0)
        return result;
    if (pack->provenance)
        unlink(pack->provenance);
    return -1;
}

static void tell(const struct pack *pack, struct hf_report *report)
{
    hf_report_line(report, "%-13s%s", "wrote", pack->output);
    hf_report_set(report, "file", hf_json_text(pack->output));
    if (pack->provenance) {
        hf_report_line(report, "%-13s%s", "provenance", pack->provenance);
        hf_report_set(report, "provenance", hf_json_text(pack->provenance));
    }
    hf_describe_bundle(report, &pack->manifest);
    hf_describe_contents(report, &pack->manifest);
    hf_check_results_set(report, pack->results);
}

/* Nothing carries over what another bundle keeps in variables of its own. */
static int tell_fresh(const struct pack *pack, const struct hf_image *patch, struct hf_report *report,
                      struct hotfix_error *err)
{
    HF_FREE char *names = NULL;
    size_t count = 0;

    if ((pack->identity.supersedes_count > 0 || pack->manifest.built_on.count > 0) &&
        hf_fresh_variables(patch, &names, &count, err) != 0)
        return -1;
    if (count > 0)
        hf_report_note(report,
                       "warning: the patch brings variables of its own, which begin anew: what a bundle that it "
                       "%s has in its variables is not taken over (keep it in shadow data): %s",
                       pack->identity.supersedes_count > 0 ? "supersedes" : "was built on", names);
    return 0;
}

/* A bundle that is not signed is asked for, not forgotten. */
static int check_signing(const struct pack *pack, struct hotfix_error *err)
{
    if (!pack->key_path && !pack->unsigned_bundle)
        return hf_error(err, HOTFIX_USAGE,
                        "give --key KEY, or --unsigned where others sign (see 'hotfix pack --help')");
    if (pack->unsigned_bundle && (pack->key_path || pack->passphrase_file))
        return hf_error(err, HOTFIX_USAGE, "--unsigned and --key exclude each other");
    if (pack->key_path && hf_token_is(pack->key_path))
        return hf_error(err, HOTFIX_USAGE,
                        "--key: a key in a PKCS#11 token signs with its certificate: give --unsigned, and then hotfix "
                        "sign the bundle with --key and --cert");
    if (pack->unsigned_bundle && pack->provenance)
        return hf_error(err, HOTFIX_USAGE, "--provenance is signed by whoever packs: give --key, not --unsigned");
    return 0;
}

static int make_bundle(struct pack *pack, struct hf_report *report, struct hotfix_error *err)
{
    HF_FREE uint8_t *patch = NULL;
    size_t patch_size;
    struct hf_check_subject subject;

    if (check_signing(pack, err) != 0 ||
        hf_identity_fill(&pack->identity, pack->inputs.patch_path, &pack->manifest, err) != 0 ||
        (pack->output && refuse_input(pack, pack->output, err) != 0) ||
        (pack->provenance && refuse_input(pack, pack->provenance, err) != 0) ||
        hf_file_read(pack->inputs.patch_path, HF_PAYLOAD_MAX_SIZE, &patch, &patch_size, err) != 0 ||
        hf_inputs_open(&pack->inputs, &subject, err) != 0)
        return -1;

    if (run_checks(pack, &subject, report, err) != 0 || hf_compose(&subject, pack->results, &pack->manifest, err) != 0)
        return -1;
    if (!pack->identity.version && hf_identity_version(patch, patch_size, &pack->manifest, err) != 0)
        return -1;
    if (choose_output(pack, err) != 0 || seal(pack, patch, patch_size, err) != 0)
        return -1;
    tell(pack, report);
    if (tell_fresh(pack, &subject.patch->image, report, err) != 0)
        return -1;
    if (pack->unsigned_bundle)
        hf_report_note(report, "%s is not signed: no loader applies it before 'hotfix sign'", pack->output);
    return 0;
}

static void deinit(struct pack *pack)
{
    hf_manifest_deinit(&pack->manifest);
    hf_check_results_destroy(pack->results);
    hf_inputs_deinit(&pack->inputs);
    hf_identity_deinit(&pack->identity);
    hf_reasons_deinit(&pack->reasons);
    free(pack->default_output);
}

static int run(struct pack *pack, const struct hf_option *fixed, size_t fixed_count, int argc, char **argv)
{
    size_t count = 0;
    HF_FREE struct hf_option *options = hf_reasons_options(&pack->reasons, fixed, fixed_count, &count);
    HF_FREE const char **operands = NULL;
    struct hf_report report;
    struct hotfix_error error;
    const struct hf_usage usage = {
        .verb = "pack",
        .summary =
            "Checks that a patch belongs to a target, stamps it, and writes it as a signed bundle. What does not "
            "fit is refused (exit status 1), and so is what cannot be proved to fit (3).",
        .options = options,
        .option_count = count,
        .notes = "Picks combine; each function counts once. A reason given to --accept-CHECK is sealed into the bundle "
                 "and shown by 'hotfix show'.",
    };

    hf_report_init(&report, usage.verb);
    hf_manifest_init(&pack->manifest);
    int result = options ? hf_options_parse(&usage, argc, argv, &report, &operands, &error)
                         : hf_error(&error, HOTFIX_MEMORY, "out of memory");
    if (result == 0)
        result = make_bundle(pack, &report, &error);
    deinit(pack);
    return hf_report_finish(&report, result, &error);
}

int hf_cmd_pack(int argc, char **argv)
{
    struct pack pack = {.inputs = {.target_path = NULL}};
    const struct hf_option options[] = {
        {"target", 0, "BIN", "The program or library that runs, or will run.", true, NULL, &pack.inputs.target_path,
         NULL, NULL, 0},
        {"patch", 0, "PATCH.so", "The shared object with the new functions.", true, NULL, &pack.inputs.patch_path, NULL,
         NULL, 0},
        {"func", 0, "NAME",
         "Replace this function; NAME@source.c where the name is not unique. Of C++: 'ns::f(int) const', 'max<*>'.",
         false, NULL, NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_FUNCTION},
        {"package", 0, "DIR|FILE|NS",
         "Replace every function of these sources, or of this namespace, that the patch has.", false, NULL, NULL,
         hf_inputs_add_pick, &pack.inputs, HF_PICK_PACKAGE},
        {"class", 0, "TYPE",
         "Replace the methods of this C++ class ('Box<*>'), or the functions whose first parameter is TYPE, or a "
         "pointer to it for '*TYPE'.",
         false, NULL, NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_CLASS},
        {"exclude", 0, "PATTERN", "Do not replace functions whose names match; of C++ also as symbols.", false, NULL,
         NULL, hf_inputs_add_pick, &pack.inputs, HF_PICK_EXCLUDE},
        {"follow-inlines", 0, NULL, "Replace what picked functions were inlined into, too, where the patch has it.",
         false, &pack.inputs.follow_inlines, NULL, NULL, NULL, 0},
        {"key", 0, "KEY", "The private key that signs.", false, NULL, &pack.key_path, NULL, NULL, 0},
        {"unsigned", 0, NULL, "Leave signing to 'hotfix sign'.", false, &pack.unsigned_bundle, NULL, NULL, NULL, 0},
        {"passphrase-file", 0, "FILE", "Take the key's passphrase from the first line of FILE.", false, NULL,
         &pack.passphrase_file, NULL, NULL, 0},
        {"name", 0, "NAME", "The bundle's name; by default that of the patch file.", false, NULL, &pack.identity.name,
         NULL, NULL, 0},
        {"version", 0, "VERSION", "The bundle's version; by default a new one.", false, NULL, &pack.identity.version,
         NULL, NULL, 0},
        {"advisory", 0, "ID", "An advisory that the bundle answers; any number of times.", false, NULL, NULL,
         add_advisory, &pack.identity, 0},
        {"description", 0, "TEXT", "What the bundle does, in one line.", false, NULL, &pack.identity.description, NULL,
         NULL, 0},
        {"expires", 0, "DATE", "After this day (2026-12-31) or time (2026-12-31T12:00:00Z) it is refused.", false, NULL,
         &pack.identity.expires, NULL, NULL, 0},
        {"sequence", 0, "N", "Refuse older ones: rises when what came before must not be applied any more.", false,
         NULL, &pack.identity.sequence, NULL, NULL, 0},
        {"supersedes", 0, "ID", "The id of a bundle that this one replaces; any number of times.", false, NULL, NULL,
         add_superseded, &pack.identity, 0},
        {"quiescent", 0, NULL, "Switch only while no thread is inside a function that this takes out of use.", false,
         &pack.identity.quiescent, NULL, NULL, NULL, 0},
        {"debug", 0, "FILE", "The target's separate debug file.", false, NULL, &pack.inputs.debug_path, NULL, NULL, 0},
        {"rebuilt", 0, "FILE",
         "In the place of --debug: the target built once more, not stripped; it must be the same otherwise.", false,
         NULL, &pack.inputs.rebuilt_path, NULL, NULL, 0},
        {"patch-debug", 0, "FILE", "The patch's separate debug file.", false, NULL, &pack.inputs.patch_debug_path, NULL,
         NULL, 0},
        {"host", 0, "PROGRAM", "The program that loads the target, a module: the patch may use what it exports.", false,
         NULL, &pack.inputs.host_path, NULL, NULL, 0},
        {"waivers", 0, "FILE", "Accept what the waivers in this file accept.", false, NULL, &pack.inputs.waivers_path,
         NULL, NULL, 0},
        {"accept-flags", 0, "REASON", "Go on for this reason where a check that compares flags is unproven.", false,
         NULL, NULL, hf_reasons_add_flags, &pack.reasons, 0},
        {"provenance", 0, "FILE", "Write also what the bundle was packed from, as a signed in-toto statement.", false,
         NULL, &pack.provenance, NULL, NULL, 0},
        {"output", 'o', "FILE", "The bundle to write, in place of what is there; by default NAME-VERSION.hotfix.",
         false, NULL, &pack.output, NULL, NULL, 0},
    };

    return run(&pack, options, sizeof(options) / sizeof(options[0]), argc, argv);
}
