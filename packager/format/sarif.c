/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code scanning services read: a rule for each
 * check, a result for each finding that people should see.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "elf/demangle.h"
#include "format/format.h"
#include "stamp.h"
#include "ui/report.h"
#include "ui/text.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

/* A URI reference of a path (RFC 3986, section 4.2): relative for what lies below the tree, else file:. */
static json_t *path_uri(const char *path)
{
    const char *shown = hf_format_path(path);
    char *uri = malloc(3 * strlen(shown) + sizeof("file://"));
    char *out = uri;

    if (!uri)
        return NULL;
    if (*shown == '/')
        out = stpcpy(out, "file://");
    for (; *shown; shown++) {
        if (isalnum((unsigned char)*shown) || strchr("-._~/", *shown))
            *out++ = *shown;
        else
            out += sprintf(out, "%%%02X", (unsigned char)*shown);
    }
    *out = '\0';
    json_t *value = json_string(uri);
    free(uri);
    return value;
}

static json_t *text_message(const char *text)
{
    return json_pack("{s:o}", "text", hf_json_sentence(text));
}

static json_t *location(const char *path, unsigned line, const char *message)
{
    json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", path_uri(path));

    if (line > 0)
        json_object_set_new(physical, "region", json_pack("{s:i}", "startLine", (int)line));
    json_t *value = json_pack("{s:o}", "physicalLocation", physical);
    if (message)
        json_object_set_new(value, "message", text_message(message));
    return value;
}

/* The symbol is what SARIF calls a decorated name (section 3.33.6). */
static json_t *function_location(const struct hf_function *function)
{
    HF_FREE char *name = hf_demangle(function->name, HF_DEMANGLE_SHOWN);
    json_t *value = location(function->source, function->line, NULL);

    json_object_set_new(value, "logicalLocations",
                        json_pack("[{s:o, s:o, s:s}]", "fullyQualifiedName", hf_json_text(name ? name : function->name),
                                  "decoratedName", hf_json_text(function->name), "kind", "function"));
    return value;
}

static bool has_source(const struct hf_function *function)
{
    return function && function->source && function->source[0];
}

/* What a person would have to change: the new function, else the patch as a whole. */
static json_t *locations(const struct hf_outcome *outcome, const struct hf_finding *finding)
{
    json_t *array = json_array();

    if (finding->pair && has_source(finding->pair->new_function))
        json_array_append_new(array, function_location(finding->pair->new_function));
    else if (outcome->patch_path)
        json_array_append_new(array, location(outcome->patch_path, 0, NULL));
    return array;
}

static json_t *related(const struct hf_finding *finding)
{
    json_t *array = json_array();

    if (finding->pair && has_source(finding->pair->old_function))
        json_array_append_new(array, location(finding->pair->old_function->source, finding->pair->old_function->line,
                                              "the function of the target"));
    return array;
}

/* The same finding has the same fingerprint when lines move: what it is about, and the how manieth of that. */
static json_t *fingerprints(const struct hf_check_result *result, size_t index)
{
    const struct hf_pair *pair = result->findings.items[index].pair;
    const char *name = pair ? pair->old_function->name : "";
    const char *source = pair && pair->old_function->source ? hf_format_path(pair->old_function->source) : "";
    struct hf_digest digest;
    char digits[2 * HF_DIGEST_SIZE + 1];
    HF_FREE char *text = NULL;
    size_t before = 0;

    for (size_t k = 0; k < index; k++)
        before += result->findings.items[k].pair == pair;
    int size = asprintf(&text, "%s\n%s\n%s\n%zu", result->check->id, name, source, before);
    if (size < 0) {
        text = NULL;
        return NULL;
    }
    if (hf_digest_compute(text, (size_t)size, &digest, NULL) != 0)
        return NULL;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), digits);
    return json_pack("{s:s}", "hotfixCheck/v1", digits);
}

static json_t *suppressions(const struct hf_waiver *waiver)
{
    HF_FREE char *text = waiver ? hf_waiver_text(waiver->scope, waiver->reason, waiver->expires) : NULL;

    if (!waiver)
        return json_array();
    return json_pack("[{s:s, s:s, s:o}]", "kind", "external", "status", "accepted", "justification",
                     hf_json_text(text));
}

/* Levels are for what refuses or would: a finding that only informs has none (section 3.27.10). */
static const char *level_of(const struct hf_finding *finding)
{
    switch (finding->verdict) {
    case HF_INCOMPATIBLE:
        return "error";
    case HF_UNPROVEN:
        return "warning";
    default:
        return "none";
    }
}

static json_t *result_json(const struct hf_outcome *outcome, const struct hf_check_result *result, size_t rule,
                           size_t index)
{
    const struct hf_finding *finding = &result->findings.items[index];
    HF_FREE char *message = hf_format_message(finding);
    json_t *value = json_pack(
        "{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:{s:s, s:o}}", "ruleId", result->check->id, "ruleIndex",
        (json_int_t)rule, "kind", finding->verdict == HF_COMPATIBLE ? "informational" : "fail", "level",
        level_of(finding), "message", text_message(message), "locations", locations(outcome, finding),
        "relatedLocations", related(finding), "partialFingerprints", fingerprints(result, index), "properties",
        "verdict", hf_verdict_name(finding->verdict), "detail", hf_json_sentence(finding->detail));

    if (finding->verdict != HF_COMPATIBLE)
        json_object_set_new(value, "suppressions", suppressions(finding->waiver));
    return value;
}

static json_t *rule_json(const struct hf_check *check)
{
    HF_FREE char *help = NULL;

    if (asprintf(&help, "See the section '%s' of docs/checks.md.", check->id) < 0) {
        help = NULL;
        return NULL;
    }
    return json_pack("{s:s, s:o, s:o, s:{s:s}}", "id", check->id, "shortDescription", text_message(check->title),
                     "help", text_message(help), "defaultConfiguration", "level", "error");
}

static json_t *invocation_json(const struct hf_outcome *outcome)
{
    json_t *notifications = json_array();

    if (!outcome->results && outcome->failure)
        json_array_append_new(notifications, json_pack("{s:s, s:o}", "level", "error", "message",
                                                       text_message(outcome->failure->message)));
    return json_pack("{s:b, s:i, s:o}", "executionSuccessful", outcome->results != NULL, "exitCode", outcome->status,
                     "toolExecutionNotifications", notifications);
}

static int write_sarif(const struct hf_outcome *outcome, FILE *out)
{
    json_t *rules = json_array(), *results = json_array();
    bool whole = true;

    for (size_t i = 0; outcome->results && outcome->results[i].check; i++) {
        const struct hf_check_result *result = &outcome->results[i];
        whole = json_array_append_new(rules, rule_json(result->check)) == 0 && whole;
        for (size_t k = 0; k < result->findings.count; k++)
            if (result->findings.items[k].verdict != HF_COMPATIBLE || result->findings.items[k].notable)
                whole = json_array_append_new(results, result_json(outcome, result, i, k)) == 0 && whole;
    }
    json_t *document =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:[o], s:o}]}", "$schema", SCHEMA, "version", "2.1.0", "runs",
                  "tool", "driver", "name", "hotfix check", "semanticVersion", HOTFIX_VERSION, "rules", rules,
                  "invocations", invocation_json(outcome), "results", results);
    int failed = document && whole ? hf_json_write(document, out) : -1;

    json_decref(document);
    return failed;
}

const struct hf_format hf_format_sarif = {.name = "sarif", .write = write_sarif};
