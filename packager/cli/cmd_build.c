/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix build: from old and new object files, or sources and a patch, to a patch.so that shares the target's state. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/check.h"
#include "check/tell.h"
#include "cleanup.h"
#include "cli/bundling.h"
#include "cli/command.h"
#include "cli/reasons.h"
#include "compiler/interrupt.h"
#include "debian/owner.h"
#include "debian/package.h"
#include "elf/debugfile.h"
#include "elf/rebuilt.h"
#include "error.h"
#include "link/build.h"
#include "pack/inputs.h"
#include "pack/rehearsal.h"
#include "source/source.h"
#include "ui/options.h"
#include "ui/report.h"

static const char *const event_names[] = {
    [HF_BUILD_CHANGED] = "changed", [HF_BUILD_NEW] = "new",         [HF_BUILD_IGNORED] = "ignored",
    [HF_BUILD_REMOVED] = "removed", [HF_BUILD_WARNING] = "warning",
};

static void tell_item(const struct hf_build_item *item, struct hf_report *report, json_t *array)
{
    const char *event = event_names[item->event];

    if (item->event == HF_BUILD_WARNING)
        hf_report_note(report, "warning: %s: %s: %s", item->object, item->name, item->why);
    else
        hf_report_line(report, "%-8s %s: %s%s%s", event, item->object, item->name, item->why[0] ? ": " : "", item->why);
    hf_report_add(report, array,
                  json_pack("{s:s, s:o, s:o, s:o, s:o}", "event", event, "name", hf_json_text(item->name), "demangled",
                            hf_json_demangled(item->name), "object", hf_json_text(item->object), "why",
                            hf_json_sentence(item->why)));
}

/* Where each loaded byte of the new objects ended up. */
static json_t *json_accounts(const struct hf_build_result *result)
{
    static const char *const headings[] = {
        [HF_ACCOUNT_UNCHANGED] = "unchanged", [HF_ACCOUNT_TAKEN] = "taken", [HF_ACCOUNT_UNUSED] = "unused"};
    json_t *array = json_array();

    for (size_t i = 0; i < result->account_count; i++) {
        const struct hf_build_account *account = &result->accounts[i];
        json_array_append_new(array,
                              json_pack("{s:o, s:o, s:o, s:o, s:I, s:s}", "object", hf_json_text(account->object),
                                        "section", hf_json_text(account->section), "name", hf_json_text(account->name),
                                        "demangled", hf_json_demangled(account->name), "size",
                                        (json_int_t)account->size, "heading", headings[account->heading]));
    }
    return array;
}

static void tell(const struct hf_build_result *result, struct hf_report *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < result->count; i++)
        tell_item(&result->items[i], report, array);
    hf_report_set(report, "items", array);
    hf_report_set(report, "accounts", json_accounts(result));
    hf_report_set(report, "build_id", hf_json_hex(result->target.bytes, result->target.size));
    hf_report_set(report, "objects", json_integer((json_int_t)result->object_count));
    hf_report_set(report, "unchanged", json_integer((json_int_t)result->unchanged_count));
    hf_report_set(report, "proven", json_integer((json_int_t)result->proven_count));
    hf_report_set(report, "fixups", json_integer((json_int_t)result->fixup_count));
}

/* What the command line asks for; the table of options says where each part goes. */
static struct hf_build_request request;
static struct hf_source source;
static struct hf_package package;
static struct hf_inputs inputs;
static struct hf_bundling bundling;
static char *default_output;
static const char *rebuilt;
static struct hf_reasons reasons;
static struct hf_check_result *results;
static bool leave_checks;

/* Each --target, and what is written for it. Of several, each has a file of its own name in a directory. */
static struct target {
    const char *path;
    char *output;
    char *bundle;
    bool written;
} * targets;
static size_t target_count;

/* All that `hotfix pack` would refuse is refused while the patch is no file yet; the bundle is made where one is asked
 * for. */
static int judge(const char *patch, void *arg, struct hotfix_error *err)
{
    struct hf_report *report = arg;
    struct hf_check_subject subject;

    inputs.target_path = request.target;
    inputs.debug_path = request.debug;
    inputs.patch_path = patch;
    inputs.host_path = request.host;
    if (hf_inputs_open(&inputs, &subject, err) != 0 || hf_checks_run(&subject, NULL, 0, &results, err) != 0)
        return -1;
    int result = hf_reasons_judge(&reasons, &inputs.waivers, results, report, err);
    if (result == 0)
        result = bundling.output ? hf_bundling_seal(&bundling, &inputs, &subject, results, err)
                                 : hf_rehearse(&subject, results, patch, err);
    return result;
}

/* The patch is not left behind where its bundle cannot be written. */
static int write_bundle(struct hf_report *report, struct hotfix_error *err)
{
    if (hf_bundling_write(&bundling, &inputs, err) != 0) {
        unlink(request.output);
        return -1;
    }
    int result = hf_bundling_tell(&bundling, &inputs.patch->image, report, err);
    hf_check_results_set(report, results);
    return result;
}

static int build(struct hf_report *report, struct hotfix_error *err)
{
    struct hf_build_result result;

    request.judge = leave_checks ? NULL : judge;
    request.judge_arg = report;
    int failed = hf_build_run(&request, &result, err);

    tell(&result, report);
    if (!failed) {
        hf_report_line(
            report, "%zu objects compared, %zu functions of the changed ones found unchanged, %zu proven in the target",
            result.object_count, result.unchanged_count, result.proven_count);
        hf_report_line(report, "%s written, %zu references to the target", request.output, result.fixup_count);
        hf_report_set(report, "output", hf_json_text(request.output));
    }
    if (!failed && bundling.output)
        failed = write_bundle(report, err);
    hf_build_result_deinit(&result);
    return failed;
}

/* A package is a source tree that comes with its command. */
static int check_package(struct hotfix_error *err)
{
    if (package.name && package.description)
        return hf_error(err, HOTFIX_USAGE, "--dsc takes the place of --deb (see 'hotfix build --help')");
    if (source.built_as)
        return hf_error(err, HOTFIX_USAGE,
                        "--deb and --dsc find the target among all that is built, without --built-as");
    if (source.directory || source.make || request.before || request.after || request.proof)
        return hf_error(err, HOTFIX_USAGE,
                        "--deb and --dsc take the place of --source, --make, --old and --new (see 'hotfix build "
                        "--help')");
    if (request.debug || rebuilt)
        return hf_error(err, HOTFIX_USAGE,
                        "--deb and --dsc have symbols of their own build, not of --debug and --rebuilt");
    if (!source.patch_count)
        return hf_error(err, HOTFIX_USAGE, "--deb and --dsc need --patch (see 'hotfix build --help')");
    return hf_inputs_open_waivers(&inputs, err);
}

/* FIX.so beside FIX.hotfix. */
static int choose_output(struct hotfix_error *err)
{
    const char *suffix = ".hotfix";
    size_t length = strlen(bundling.output);

    if (request.output)
        return 0;
    if (length > strlen(suffix) && strcmp(bundling.output + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    if (asprintf(&default_output, "%.*s.so", (int)length, bundling.output) < 0) {
        default_output = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    request.output = default_output;
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* DIR/NAME.so; the directory is made. NULL stays NULL. */
static int place_in(const char *directory, const char *target, const char *suffix, char **path,
                    struct hotfix_error *err)
{
    struct stat status;

    if (!directory)
        return 0;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", directory);
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))
        return hf_error(err, HOTFIX_USAGE, "%s: is no directory; with several --target one holds a file for each",
                        directory);
    if (asprintf(path, "%s/%s%s", directory, base_name(target), suffix) >= 0)
        return 0;
    *path = NULL;
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

/* With several targets --output and --bundle are directories. */
static int place_outputs(struct hotfix_error *err)
{
    const char *outputs = request.output ? request.output : bundling.output;

    for (size_t i = 0; i < target_count; i++) {
        struct target *target = &targets[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(base_name(targets[k].path), base_name(target->path)) == 0)
                return hf_error(err, HOTFIX_USAGE, "%s and %s have one name: build for one after the other",
                                targets[k].path, target->path);
        if (place_in(outputs, target->path, ".so", &target->output, err) != 0 ||
            place_in(bundling.output, target->path, ".hotfix", &target->bundle, err) != 0)
            return -1;
    }
    return 0;
}

/* What belongs to a single target cannot be given for several; what else is shared may. */
static int check_several(struct hotfix_error *err)
{
    if (!source.directory && !hf_package_given(&package))
        return hf_error(err, HOTFIX_USAGE, "--target may be given again with --source, --deb and --dsc alone");
    if (request.debug || rebuilt || source.built_as || request.host || request.on_count > 0)
        return hf_error(err, HOTFIX_USAGE,
                        "--debug, --rebuilt, --built-as, --host and --on belong to a single --target");
    return 0;
}

/* What is wrong with the bundle's options, or its key's passphrase, is said before anything is built. */
static int check_bundle(struct hotfix_error *err)
{
    inputs.target_path = request.target;
    inputs.debug_path = request.debug;
    if (!bundling.output && hf_bundling_given(&bundling))
        return hf_error(err, HOTFIX_USAGE, "options of the bundle need --bundle (see 'hotfix build --help')");
    if (!bundling.output && !request.output)
        return hf_error(err, HOTFIX_USAGE, "--output or --bundle is missing (see 'hotfix build --help')");
    if (!bundling.output)
        return 0;
    if (leave_checks)
        return hf_error(err, HOTFIX_USAGE, "--leave-checks makes no bundle: leave out --bundle");
    if (choose_output(err) != 0 || hf_bundling_check(&bundling, &inputs, request.output, "build", err) != 0)
        return -1;
    return hf_bundling_unlock(&bundling, err);
}

/* What is no program, and whose symbols nobody has, is told before anything is built, with what would help. */
static int check_target(struct hotfix_error *err)
{
    struct hf_image image, debug;
    HF_FREE char *note = NULL;

    if (hf_image_open(request.target, &image, err) != 0)
        return -1;
    int found = 2;
    if (image.stripped && !request.debug && !rebuilt && !hf_package_given(&package))
        found = hf_debugfile_find(&image, HF_DEBUG_ROOT, &debug, &note, err);
    hf_image_close(&image);
    if (found == 1)
        hf_image_close(&debug);
    if (found != 0)
        return found < 0 ? -1 : 0;
    HF_FREE char *owner = hf_owner_find(request.target);
    if (owner)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "%s: is stripped, and no debug file of it is found: install %s-dbgsym, or build with --deb %s, "
                        "which needs none",
                        request.target, owner, owner);
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: is stripped, and no debug file of it is found: give --debug FILE, or --rebuilt with the same "
                    "program built once more and not stripped",
                    request.target);
}

/* Takes one of several targets as if it were the only one. */
static int turn_to(const struct target *target, struct hotfix_error *err)
{
    const char *waivers = inputs.waivers_path;

    hf_check_results_destroy(results);
    results = NULL;
    hf_inputs_deinit(&inputs);
    inputs = (struct hf_inputs){.waivers_path = waivers};
    hf_bundling_again(&bundling, target->bundle);
    request.target = target->path;
    request.output = target->output;
    request.debug = NULL;
    return check_bundle(err);
}

static int check_targets(struct hotfix_error *err)
{
    if (target_count == 1)
        return check_bundle(err) != 0 ? -1 : check_target(err);
    if (check_several(err) != 0 || (request.output || bundling.output ? place_outputs(err) : check_bundle(err)) != 0)
        return -1;
    for (size_t i = 0; i < target_count; i++) {
        if (turn_to(&targets[i], err) != 0 || check_target(err) != 0)
            return -1;
    }
    return 0;
}

static int check(struct hotfix_error *err)
{
    if (hf_package_given(&package))
        return check_package(err);
    if (package.install)
        return hf_error(err, HOTFIX_USAGE, "--install-build-deps belongs to --deb and --dsc");
    if (hf_source_check(&source, request.before || request.after || request.proof, err) != 0)
        return -1;
    if (!source.directory && (!request.before || !request.after))
        return hf_error(err, HOTFIX_USAGE, "--old and --new, or --source, are missing (see 'hotfix build --help')");
    return hf_inputs_open_waivers(&inputs, err);
}

static void tell_files(struct hf_report *report, const char *key, char *const *names, size_t count, const char *what)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        hf_report_note(report, "warning: %s: %s", names[i], what);
        json_array_append_new(array, hf_json_text(names[i]));
    }
    hf_report_set(report, key, array);
}

/* Part of the fix may be in what no compile reads: a makefile, a table for a generator, another program. */
static void tell_patches(const struct hf_tree_result *result, struct hf_report *report)
{
    tell_files(report, "shifted", result->shifted, result->shifted_count,
               "the patch applies at other lines than it says: look whether it is made for this version");
    tell_files(report, "unread", result->unread, result->unread_count,
               "changed by the patch, read by no compile of the target");
    tell_files(report, "elsewhere", result->elsewhere, result->elsewhere_count,
               "the patch changes it, too: where it runs, give it as --target, too");
}

/* From the objects of one target to its patch. */
static int build_target(const struct hf_tree_objects *objects, struct hf_report *report, struct hotfix_error *err)
{
    if (objects->rebuilt) {
        request.debug = objects->rebuilt;
        hf_report_line(report, "%s is what the sources build: all that is loaded is the same", request.target);
    }
    request.before = objects->old_objects;
    request.after = objects->new_objects;
    request.proof = objects->proof_objects;
    request.independent = objects->pic_objects;
    request.moved = objects->moved_objects;
    int failed = build(report, err);
    if (!failed && hf_package_given(&package))
        failed = hf_package_publish(&package, request.target, request.debug, err);
    return failed;
}

/* Half of a fix is worse than none: what was written for other targets goes, too. */
static void remove_written(void)
{
    for (size_t i = 0; i < target_count; i++) {
        if (!targets[i].written)
            continue;
        unlink(targets[i].output);
        if (targets[i].bundle)
            unlink(targets[i].bundle);
    }
}

static int build_several(struct hf_report *report, struct hotfix_error *err)
{
    json_t *array = json_array();
    int failed = 0;

    for (size_t i = 0; !failed && i < target_count; i++) {
        struct hf_report part;
        if (source.result.targets[i].count == 0) {
            hf_report_note(report, "the patch changes nothing of %s, which needs none", targets[i].path);
            continue;
        }
        hf_report_init(&part, report->verb);
        part.json = report->json;
        failed = turn_to(&targets[i], err);
        if (!failed)
            failed = build_target(&source.result.targets[i], &part, err);
        targets[i].written = !failed;
        hf_report_set(&part, "target_file", hf_json_text(targets[i].path));
        hf_report_add(report, array, part.object);
        report->failed |= part.failed;
        if (failed)
            hf_error_prefix(err, "%s", targets[i].path);
    }
    hf_report_set(report, "targets", array);
    if (failed)
        remove_written();
    return failed;
}

/* The objects come from a source tree, perhaps that of the package. */
static int build_source(const char *const *paths, struct hf_report *report, struct hotfix_error *err)
{
    if (hf_source_build(&source, paths, target_count, err) != 0)
        return -1;
    tell_patches(&source.result, report);
    return target_count == 1 ? build_target(&source.result.targets[0], report, err) : build_several(report, err);
}

/* The source tree comes from a package. What can be said in a second is said before anything is installed or built. */
static int build_package(const char *const *paths, struct hf_report *report, struct hotfix_error *err)
{
    package.targets = paths;
    package.target_count = target_count;
    if (hf_package_unpack(&package, err) != 0)
        return -1;
    source.directory = package.tree;
    if (hf_source_try(&source, err) != 0 || hf_package_prepare(&package, err) != 0)
        return -1;
    source.make = package.make;
    source.make_on = package.make_on;
    source.make_name = "dpkg-buildpackage";
    source.shipped = true;
    source.beside = true;
    source.at = package.at;
    source.kept = package.kept;
    source.key = package.key;
    hf_report_set(
        report, "package",
        json_pack("{s:o, s:o}", "name", hf_json_text(package.dsc.name), "version", hf_json_text(package.dsc.version)));
    return build_source(paths, report, err);
}

/* Sources are built for all targets at once. */
static int build_targets(struct hf_report *report, struct hotfix_error *err)
{
    HF_FREE const char **paths = calloc(target_count, sizeof(*paths));

    if (!paths)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < target_count; i++)
        paths[i] = targets[i].path;
    int failed = hf_package_given(&package) ? build_package(paths, report, err) : build_source(paths, report, err);
    if (failed && source.suspects.count)
        hf_owner_explain(source.suspects.files, source.suspects.count, err);
    hf_source_end(&source, !failed, report);
    hf_package_deinit(&package);
    return failed;
}

static int add_patch(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    (void)option;
    return hf_source_add_patch(&source, argument, err);
}

static int add_target(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    struct target *longer = reallocarray(targets, target_count + 1, sizeof(*longer));

    (void)option;
    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    targets = longer;
    targets[target_count++] = (struct target){.path = argument};
    request.target = targets[0].path;
    return 0;
}

static void targets_deinit(void)
{
    for (size_t i = 0; i < target_count; i++) {
        free(targets[i].output);
        free(targets[i].bundle);
    }
    free(targets);
}

static int add_on(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    const char **grown = reallocarray(request.on, request.on_count + 1, sizeof(*grown));

    (void)option;
    if (!grown)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    grown[request.on_count++] = argument;
    request.on = grown;
    return 0;
}

static const struct hf_option options[] = {
    {.name = "target",
     .argument = "BIN",
     .help = "The program or library that is to be patched. With --source, --deb and --dsc it may be given several "
             "times: the build runs once for all targets, and --output and --bundle are directories.",
     .required = true,
     .each = add_target},
    {.name = "old",
     .argument = "OBJ|DIR",
     .help = "Object file of the release, or a directory of such files, compiled with the release's options and "
             "-ffunction-sections -fdata-sections.",
     .text = &request.before},
    {.name = "new",
     .argument = "OBJ|DIR",
     .help = "The same for the fixed source. Objects are paired by their path.",
     .text = &request.after},
    {.name = "source",
     .argument = "DIR",
     .help = "Directory of the release's sources, instead of --old and --new. It is copied, built, patched and "
             "built again; only the copy is written to.",
     .text = &source.directory},
    {.name = "deb",
     .argument = "PKG[=VERSION]",
     .help = "A Debian package, instead of --source and --make: its source is fetched by apt and built as the "
             "distribution did. Without a version, the installed one.",
     .text = &package.name},
    {.name = "dsc", .argument = "FILE", .help = "As --deb, with a local source package.", .text = &package.description},
    {.name = "install-build-deps",
     .help = "Let apt install the build dependencies of the package. Without it the command to do so is printed.",
     .flag = &package.install},
    {.name = "patch",
     .argument = "FILE",
     .help = "The fix, a unified diff, applied to the sources with patch -p1. Several are applied in the order given.",
     .each = add_patch},
    {.name = "accept",
     .argument = "FILE",
     .help = "Build although the patch changes this file, which is no source of C, C++ or assembler (a makefile, a "
             "script): you have read the change. A pattern such as 'tests/*' is fine. May be given several times.",
     .each = hf_source_accept,
     .arg = &source},
    {.name = "make",
     .argument = "COMMAND",
     .help = "Shell command that builds the sources, run at their top, with all your rights. It must find its compiler "
             "by name.",
     .text = &source.make},
    {.name = "built-as",
     .argument = "PATH",
     .help = "The name that the build gives the target, or its path below the sources, where it is installed under "
             "another name.",
     .text = &source.built_as},
    {.name = "isolate",
     .help = "Run the build without a network, with everything but the work directory read-only, without capabilities "
             "and without seeing other processes. It can still read what you can read.",
     .flag = &source.isolate},
    {.name = "work",
     .argument = "DIR",
     .help = "Empty directory to build in, which is kept; by default a temporary one, which is kept only on failure.",
     .text = &source.work},
    {.name = "output",
     .letter = 'o',
     .argument = "PATCH",
     .help = "The shared object to write; with --bundle by default FIX.so for FIX.hotfix.",
     .text = &request.output},
    {.name = "bundle",
     .argument = "FILE",
     .help = "Also write the bundle that 'hotfix pack' would make from the patch, with all its functions. The options "
             "from --key to --quiescent are for the bundle.",
     .text = &bundling.output},
    {.name = "proof",
     .argument = "OBJ|DIR",
     .help = "Old objects compiled with exactly the release's options: the proof that the target was made from this "
             "source uses them instead of those of --old.",
     .text = &request.proof},
    {.name = "pic",
     .argument = "OBJ|DIR",
     .help = "New objects compiled with the options of --new and -fPIC. Used for files that refer directly to symbols "
             "of another library that the target does not import yet.",
     .text = &request.independent},
    {.name = "on",
     .argument = "BUNDLE",
     .help = "A bundle of the same release whose fix the new objects (or the patches of --source) contain, too: the "
             "new bundle may be applied while that one is applied. May be given several times.",
     .each = add_on},
    {.name = "debug", .argument = "FILE", .help = "Separate file with the target's symbols.", .text = &request.debug},
    {.name = "rebuilt",
     .argument = "FILE",
     .help = "Instead of --debug, for a stripped target: a rebuild of the same program, not stripped. Its loaded "
             "content must be the same, byte for byte, except the build-id.",
     .text = &rebuilt},
    {.name = "library-path",
     .argument = "DIR",
     .help = "Where the target's libraries are, before the system's directories. They say which versions of a "
             "symbol there are.",
     .text = &request.library_path},
    {.name = "host",
     .argument = "PROGRAM",
     .help = "The program that loads the target, if that is a module: the patch may refer to what the program exports.",
     .text = &request.host},
    {.name = "waivers",
     .argument = "FILE",
     .help = "Accept what the waivers in this file accept.",
     .text = &inputs.waivers_path},
    {.name = "accept-flags",
     .argument = "REASON",
     .help = "Continue, for this reason, if a check that compares flags is unproven.",
     .each = hf_reasons_add_flags,
     .arg = &reasons},
    {.name = "leave-checks",
     .help = "Skip the checks, and write the patch although 'hotfix pack' may refuse it: 'hotfix check' reports why.",
     .flag = &leave_checks},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

#define NOTES                                                                                                          \
    "Nothing is written unless everything succeeded and 'hotfix pack' would accept the result: its checks are "        \
    "run here. 'hotfix pack' needs the reasons given to --accept-CHECK again, since the bundle contains "              \
    "them.\n\n"                                                                                                        \
    "--source runs code of the sources and the patch: makefiles, scripts, and programs that are built for use in "     \
    "the build. Their authors can do all that you can do. Read a fix before you build it, and build with "             \
    "--isolate, or as a user or in a container that has nothing to lose."

static int take_rebuilt(struct hf_report *report, struct hotfix_error *err)
{
    if (hf_rebuilt_take(rebuilt, request.target, &request.debug, err) != 0)
        return -1;
    if (rebuilt) {
        hf_report_line(report, "%s is %s rebuilt: all that is loaded is the same", rebuilt, request.target);
        hf_report_set(report, "rebuilt", hf_json_text(rebuilt));
    }
    return 0;
}

int hf_cmd_build(int argc, char **argv)
{
    size_t count = 0;
    struct hf_option own[OPTIONS + HF_BUNDLING_OPTIONS];
    memcpy(own, options, sizeof(options));
    hf_bundling_options(&bundling, own + OPTIONS);
    HF_FREE struct hf_option *all = hf_reasons_options(&reasons, own, OPTIONS + HF_BUNDLING_OPTIONS, &count);
    HF_FREE const char **operands = NULL;
    struct hf_report report;
    struct hotfix_error error;
    const struct hf_usage usage = {
        .verb = "build",
        .summary = "Makes a patch from object files, or from sources and a fix: compares old and new, takes what "
                   "changed, and binds everything else to what the target already has, so that no state is duplicated. "
                   "Refuses a change that cannot be a patch, with the reason.",
        .options = all,
        .option_count = count,
        .notes = NOTES,
    };

    hf_report_init(&report, usage.verb);
    hf_bundling_init(&bundling);
    int result = all ? hf_options_parse(&usage, argc, argv, &report, &operands, &error)
                     : hf_error(&error, HOTFIX_MEMORY, "out of memory");
    if (result == 0)
        result = check(&error);
    if (result == 0)
        result = check_targets(&error);
    if (result == 0)
        result = take_rebuilt(&report, &error);
    bool sources = source.directory || hf_package_given(&package);
    if (sources)
        hf_interrupt_catch();
    if (result == 0)
        result = sources ? build_targets(&report, &error) : build(&report, &error);
    hf_bundling_deinit(&bundling);
    hf_check_results_destroy(results);
    hf_inputs_deinit(&inputs);
    hf_reasons_deinit(&reasons);
    free(request.on);
    free(default_output);
    targets_deinit();
    if (result < 0 && hf_interrupt_signal())
        hf_error(&error, HOTFIX_IO, "interrupted by signal %d", hf_interrupt_signal());
    int status = hf_report_finish(&report, result, &error);
    hf_interrupt_finish();
    return status;
}
