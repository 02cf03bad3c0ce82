/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "cleanup.h"
#include "digest.h"
#include "stamp.h"
#include "ui/text.h"

#define ID_TEXT_SIZE   (2 * HF_ID_SIZE + 1)
#define LABEL_SIZE     13 /* columns of a label and the blanks behind it */
#define NAME_MAX_WIDTH 24 /* columns of the names of functions; longer ones get lines of their own */

/* The words of a text as an array of strings. */
static json_t *json_words(const char *text)
{
    json_t *words = json_array();
    for (const char *word = text ? text : ""; *word;) {
        size_t size = strcspn(word, " ");
        HF_FREE char *copy = strndup(word, size);
        if (size > 0 && (!copy || json_array_append_new(words, hf_json_text(copy)) != 0)) {
            json_decref(words);
            return NULL;
        }
        word += size + (word[size] == ' ');
    }
    return words;
}

static json_t *json_ids(const struct hf_id_list *ids)
{
    json_t *array = json_array();
    for (size_t i = 0; i < ids->count; i++) {
        if (json_array_append_new(array, hf_json_hex(ids->items[i], HF_ID_SIZE)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* A line or more for a text of the bundle's, which is not to be believed. */
static void line_if(const struct hf_report *report, const char *label, const char *text)
{
    char indented[LABEL_SIZE + 1];

    snprintf(indented, sizeof(indented), "%-*s", LABEL_SIZE, label);
    if (text && *text)
        hf_report_text(report, indented, text);
}

static void print_ids(const struct hf_report *report, const char *label, const struct hf_id_list *ids)
{
    char id[2 * HF_ID_SIZE + 1];

    for (size_t i = 0; i < ids->count; i++) {
        hf_hex_encode(ids->items[i], HF_ID_SIZE, id);
        line_if(report, label, id);
    }
}

static void print_bundle(const struct hf_report *report, const struct hf_manifest *manifest)
{
    char id[ID_TEXT_SIZE], created[HF_TIME_SIZE], expires[HF_TIME_SIZE] = "never";
    char build_id[2 * HF_BUILD_ID_MAX + 1], sequence[24] = "";
    hf_hex_encode(manifest->id, HF_ID_SIZE, id);
    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, build_id);
    hf_time_format(manifest->created, created);
    if (manifest->expires != HF_TIME_NEVER)
        hf_time_format(manifest->expires, expires);
    if (manifest->sequence)
        snprintf(sequence, sizeof(sequence), "%" PRIu64, manifest->sequence);

    hf_report_line(report, "%-13s%s %s", "bundle", manifest->name, manifest->version);
    line_if(report, "id", id);
    line_if(report, "created", created);
    line_if(report, "expires", expires);
    line_if(report, "sequence", sequence);
    line_if(report, "advisory", manifest->advisory);
    line_if(report, "description", manifest->description);
    print_ids(report, "supersedes", &manifest->supersedes);
    print_ids(report, "built on", &manifest->built_on);
    line_if(report, "quiescent", manifest->quiescent ? "yes" : NULL);
    HF_FREE char *target = NULL;
    if (asprintf(&target, "%s for %s", manifest->target_name, manifest->arch) < 0)
        target = NULL;
    line_if(report, "target", target ? target : "out of memory");
    line_if(report, "build-id", build_id);
    if (manifest->host_build_id.size == 0)
        return;
    hf_hex_encode(manifest->host_build_id.bytes, manifest->host_build_id.size, build_id);
    line_if(report, "host", manifest->host_name);
    line_if(report, "its build-id", build_id);
    line_if(report, "uses of it", manifest->host_symbols);
}

/* The program that loads the target, where the patch uses what it exports. */
static json_t *json_host(const struct hf_manifest *manifest)
{
    if (manifest->host_build_id.size == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "name", hf_json_text(manifest->host_name), "build_id",
                     hf_json_hex(manifest->host_build_id.bytes, manifest->host_build_id.size), "symbols",
                     json_words(manifest->host_symbols));
}

void hf_describe_bundle(struct hf_report *report, const struct hf_manifest *manifest)
{
    print_bundle(report, manifest);
    hf_report_set(report, "bundle",
                  json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "name",
                            hf_json_text(manifest->name), "version", hf_json_text(manifest->version), "id",
                            hf_json_hex(manifest->id, HF_ID_SIZE), "created", hf_json_time(manifest->created),
                            "expires", hf_json_time(manifest->expires), "advisories", json_words(manifest->advisory),
                            "description", hf_json_text(manifest->description), "supersedes",
                            json_ids(&manifest->supersedes), "built_on", json_ids(&manifest->built_on), "quiescent",
                            manifest->quiescent, "sequence",
                            manifest->sequence ? json_integer((json_int_t)manifest->sequence) : json_null()));
    hf_report_set(report, "target",
                  json_pack("{s:o, s:o, s:o}", "name", hf_json_text(manifest->target_name), "arch",
                            hf_json_text(manifest->arch), "build_id",
                            hf_json_hex(manifest->target_build_id.bytes, manifest->target_build_id.size)));
    hf_report_set(report, "host", json_host(manifest));
}

static json_t *json_functions(const struct hf_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        json_t *member =
            json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:I}", "name", hf_json_text(function->name),
                      "demangled", hf_json_demangled(function->name), "source", hf_json_text(function->source),
                      "offset", hf_json_offset(function->offset), "size", (json_int_t)function->size, "sha256",
                      hf_json_hex(function->digest.bytes, HF_DIGEST_SIZE), "replacement",
                      hf_json_offset(function->replacement), "replacement_size", (json_int_t)function->replacement_size,
                      "detour_skip", (json_int_t)function->detour_skip);
        if (json_array_append_new(array, member) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_checks(const struct hf_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->check_count; i++) {
        const struct hf_manifest_check *check = &manifest->checks[i];
        json_t *member = json_pack("{s:o, s:s, s:o, s:o}", "id", hf_json_text(check->id), "verdict",
                                   hf_verdict_name(check->verdict), "evidence", hf_json_sentence(check->evidence),
                                   "waiver", hf_json_text(*check->waiver ? check->waiver : NULL));
        if (json_array_append_new(array, member) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_waivers(const struct hf_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->waiver_count; i++) {
        const struct hf_manifest_waiver *waiver = &manifest->waivers[i];
        json_t *member = json_pack("{s:o, s:o, s:o, s:o}", "check", hf_json_text(waiver->check), "scope",
                                   hf_json_text(*waiver->scope ? waiver->scope : NULL), "reason",
                                   hf_json_text(waiver->reason), "expires", hf_json_time(waiver->expires));
        if (json_array_append_new(array, member) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static int name_width(const struct hf_manifest *manifest)
{
    int width = 8;

    for (size_t i = 0; i < manifest->function_count; i++) {
        HF_FREE char *name = hf_text_folded(manifest->functions[i].name, HF_REPORT_TEXT_MAX);
        int length = name ? (int)strlen(name) : 0;
        width = length > width && length <= NAME_MAX_WIDTH ? length : width;
    }
    return width;
}

static void print_function(const struct hf_report *report, const struct hf_manifest_function *function, int width)
{
    HF_FREE char *name = hf_text_folded(function->name, HF_REPORT_TEXT_MAX);
    char sizes[64], row[128];

    if (!name || strlen(name) > (size_t)width)
        hf_report_text(report, "  ", function->name);
    snprintf(sizes, sizeof(sizes), "%" PRIu64 " -> %" PRIu64, function->size, function->replacement_size);
    snprintf(row, sizeof(row), "  %-*s  %#-12" PRIx64 "  %13s  ", width,
             name && strlen(name) <= (size_t)width ? name : "", function->offset, sizes);
    hf_report_text(report, row, *function->source ? function->source : "unknown");
}

static void print_functions(const struct hf_report *report, const struct hf_manifest *manifest)
{
    int width = name_width(manifest);

    hf_report_line(report, "%s", "");
    hf_report_line(report, "functions (%zu)", manifest->function_count);
    hf_report_line(report, "  %-*s  %-12s  %13s  %s", width, "name", "offset", "bytes", "source");
    for (size_t i = 0; i < manifest->function_count; i++)
        print_function(report, &manifest->functions[i], width);
}

static void print_accepted(const struct hf_report *report, const char *reason)
{
    char label[64];

    snprintf(label, sizeof(label), "  %-15s  %-12s  accepted: ", "", "");
    hf_report_text(report, label, reason);
}

static json_t *json_callers(const struct hf_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->caller_count; i++) {
        const struct hf_manifest_caller *caller = &manifest->callers[i];
        json_t *member = json_pack("{s:o, s:o, s:b, s:b}", "name", hf_json_text(caller->name), "demangled",
                                   hf_json_demangled(caller->name), "apply", caller->code.count > 0, "revert",
                                   caller->replacement_code.count > 0);
        if (json_array_append_new(array, member) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_assumptions(const struct hf_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->assumption_count; i++) {
        const struct hf_manifest_assumption *assumption = &manifest->assumptions[i];
        json_t *member = json_pack("{s:o, s:o, s:o}", "name", hf_json_text(assumption->name), "demangled",
                                   hf_json_demangled(assumption->name), "offset", hf_json_offset(assumption->offset));
        if (json_array_append_new(array, member) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static void print_callers(const struct hf_report *report, const struct hf_manifest *manifest)
{
    if (manifest->caller_count == 0)
        return;
    hf_report_line(report, "%s", "");
    hf_report_line(report, "waited for until no thread is inside (%zu)", manifest->caller_count);
    for (size_t i = 0; i < manifest->caller_count; i++) {
        const struct hf_manifest_caller *caller = &manifest->callers[i];
        hf_report_line(report, "  %s%s%s", caller->name, caller->code.count > 0 ? "  to apply" : "",
                       caller->replacement_code.count > 0 ? "  to revert" : "");
    }
}

/* A line for each waiver of a check; bundles may carry the reason alone. */
static void print_waivers(const struct hf_report *report, const struct hf_manifest *manifest,
                          const struct hf_manifest_check *check)
{
    size_t count = 0;

    for (size_t i = 0; i < manifest->waiver_count; i++) {
        const struct hf_manifest_waiver *waiver = &manifest->waivers[i];
        if (strcmp(waiver->check, check->id) != 0)
            continue;
        HF_FREE char *text = hf_waiver_text(waiver->scope, waiver->reason, waiver->expires);
        print_accepted(report, text ? text : waiver->reason);
        count++;
    }
    if (count == 0 && *check->waiver)
        print_accepted(report, check->waiver);
}

static void print_checks(const struct hf_report *report, const struct hf_manifest *manifest)
{
    hf_report_line(report, "%s", "");
    hf_report_line(report, "checks (%zu)", manifest->check_count);
    for (size_t i = 0; i < manifest->check_count; i++) {
        const struct hf_manifest_check *check = &manifest->checks[i];
        char label[64];
        snprintf(label, sizeof(label), "  %-15.15s  %-12s  ", check->id, hf_verdict_name(check->verdict));
        hf_report_text(report, label, check->evidence);
        print_waivers(report, manifest, check);
    }
}

void hf_describe_contents(struct hf_report *report, const struct hf_manifest *manifest)
{
    char digest[2 * HF_DIGEST_SIZE + 1];
    hf_hex_encode(manifest->payload_digest.bytes, HF_DIGEST_SIZE, digest);

    line_if(report, "compiler", manifest->compiler);
    line_if(report, "flags", manifest->flags);
    hf_report_line(report, "%-13s%" PRIu64 " bytes, %s", "patch.so", manifest->payload_size, manifest->soname);
    line_if(report, "sha256", digest);
    if (manifest->fixups_size > 0)
        hf_report_line(report, "%-13s%" PRIu64 " bytes at %#" PRIx64, "fix-ups", manifest->fixups_size,
                       manifest->fixups_offset);
    print_functions(report, manifest);
    print_callers(report, manifest);
    print_checks(report, manifest);

    hf_report_set(
        report, "build",
        json_pack("{s:o, s:o}", "compiler", hf_json_text(manifest->compiler), "flags", json_words(manifest->flags)));
    json_t *fixups = manifest->fixups_size == 0
                         ? json_null()
                         : json_pack("{s:o, s:I}", "offset", hf_json_offset(manifest->fixups_offset), "size",
                                     (json_int_t)manifest->fixups_size);
    hf_report_set(report, "payload",
                  json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "size", (json_int_t)manifest->payload_size, "sha256",
                            digest, "soname", hf_json_text(manifest->soname), "fixups", fixups, "on_apply",
                            manifest->on_apply ? hf_json_offset(manifest->on_apply) : json_null(), "on_revert",
                            manifest->on_revert ? hf_json_offset(manifest->on_revert) : json_null()));
    hf_report_set(report, "functions", json_functions(manifest));
    hf_report_set(report, "callers", json_callers(manifest));
    hf_report_set(report, "assumptions", json_assumptions(manifest));
    hf_report_set(report, "checks", json_checks(manifest));
    hf_report_set(report, "waivers", json_waivers(manifest));
}
