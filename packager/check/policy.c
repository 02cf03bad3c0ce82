/* SPDX-License-Identifier: Apache-2.0 */
#include "check/policy.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli/plain.h"
#include "error.h"
#include "file.h"
#include "stamp.h"

#define SECTION_PREFIX "exception."

static const char *section_title(const struct hf_ini_section *section)
{
    return section->name + strlen(SECTION_PREFIX);
}

static int check_section(const char *path, const struct hf_inifile *ini, size_t index, struct hotfix_error *err)
{
    const struct hf_ini_section *section = &ini->sections[index];

    if (strncmp(section->name, SECTION_PREFIX, strlen(SECTION_PREFIX)) != 0 || *section_title(section) == '\0')
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: section [%s] is unknown: only [exception.NAME] may stand here",
                        path, section->line, section->name);
    for (size_t i = 0; i < index; i++)
        if (strcmp(ini->sections[i].name, section->name) == 0)
            return hf_error(err, HOTFIX_FORMAT, "%s line %u: section [%s] stands in line %u already", path,
                            section->line, section->name, ini->sections[i].line);
    return 0;
}

static int parse_check(const char *path, const struct hf_ini_entry *entry, const struct hf_check **check,
                       struct hotfix_error *err)
{
    const struct hf_check *found = hf_check_find(entry->value);

    if (!found)
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: there is no check '%s' ('hotfix check --list' lists them)",
                        path, entry->line, entry->value);
    if (found->acceptance == HF_ACCEPT_NEVER)
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: what check '%s' finds may never be accepted", path,
                        entry->line, entry->value);
    *check = found;
    return 0;
}

static int parse_entry(const char *path, const struct hf_ini_entry *entry, struct hf_exception *exception,
                       struct hotfix_error *err)
{
    if (strcmp(entry->key, "check") == 0)
        return parse_check(path, entry, &exception->check, err);
    if (strcmp(entry->key, "scope") == 0) {
        exception->scope = entry->value;
    } else if (strcmp(entry->key, "reason") == 0) {
        if (entry->value[strspn(entry->value, " ")] == '\0')
            return hf_error(err, HOTFIX_FORMAT, "%s line %u: a reason of blanks only is none", path, entry->line);
        exception->reason = entry->value;
    } else if (strcmp(entry->key, "expires") == 0) {
        if (hf_time_parse_end(entry->value, &exception->expires) != 0)
            return hf_error(err, HOTFIX_FORMAT,
                            "%s line %u: expires '%s' is not a date like 2026-12-31 or a time like "
                            "2026-12-31T12:00:00Z",
                            path, entry->line, entry->value);
    } else {
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: unknown key '%s': check, scope, reason or expires", path,
                        entry->line, entry->key);
    }
    return 0;
}

static int parse_exception(const char *path, const struct hf_ini_section *section, struct hf_exception *exception,
                           struct hotfix_error *err)
{
    const char *missing = NULL;

    exception->expires = HF_TIME_NEVER;
    for (size_t i = 0; i < section->count; i++)
        if (parse_entry(path, &section->entries[i], exception, err) != 0)
            return -1;
    if (!exception->check)
        missing = "check";
    else if (!exception->reason)
        missing = "reason";
    else if (exception->expires == HF_TIME_NEVER)
        missing = "expires";
    if (missing)
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: section [%s] lacks the key %s", path, section->line,
                        section->name, missing);
    return 0;
}

static int fill(struct hf_policy *policy, struct hotfix_error *err)
{
    if (!policy->path || !policy->exceptions)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < policy->ini.count; i++)
        if (check_section(policy->path, &policy->ini, i, err) != 0 ||
            parse_exception(policy->path, &policy->ini.sections[i], &policy->exceptions[policy->count++], err) != 0)
            return -1;
    return 0;
}

int hf_policy_parse(const char *path, const char *text, size_t size, struct hf_policy *policy, struct hotfix_error *err)
{
    struct hf_policy parsed = {0};

    if (hf_inifile_parse(path, text, size, HF_PLAIN_MAX, &parsed.ini, err) != 0)
        return -1;
    parsed.path = strdup(path);
    parsed.exceptions = calloc(parsed.ini.count, sizeof(*parsed.exceptions));
    if (fill(&parsed, err) != 0) {
        hf_policy_deinit(&parsed);
        return -1;
    }
    *policy = parsed;
    return 0;
}

int hf_policy_read(const char *path, struct hf_policy *policy, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (hf_file_read(path, HF_POLICY_MAX_SIZE, &text, &size, err) != 0)
        return -1;
    return hf_policy_parse(path, (const char *)text, size, policy, err);
}

void hf_policy_deinit(struct hf_policy *policy)
{
    free(policy->path);
    free(policy->exceptions);
    hf_inifile_deinit(&policy->ini);
    memset(policy, 0, sizeof(*policy));
}

enum hf_policy_fate hf_policy_fate(const struct hf_exception *exception, const struct hf_check_result *results)
{
    enum hf_policy_fate fate = HF_POLICY_UNUSED;

    if (hf_exception_expired(exception))
        return HF_POLICY_EXPIRED;
    for (; results->check; results++) {
        for (size_t k = 0; results->check == exception->check && k < results->findings.count; k++) {
            const struct hf_finding *finding = &results->findings.items[k];
            if (finding->exception == exception)
                return HF_POLICY_APPLIED;
            if (hf_finding_refuses(finding) && hf_exception_covers(exception, finding))
                fate = HF_POLICY_BARRED;
        }
    }
    return fate;
}

static void note(const struct hf_policy *policy, size_t index, enum hf_policy_fate fate, const struct hf_report *report)
{
    const struct hf_ini_section *section = &policy->ini.sections[index];
    char expires[HF_TIME_SIZE];

    hf_time_format(policy->exceptions[index].expires, expires);
    if (fate == HF_POLICY_EXPIRED)
        hf_report_note(report, "%s line %u: exception %s is not applied: it expired at %s", policy->path, section->line,
                       section_title(section), expires);
    else if (fate == HF_POLICY_BARRED)
        hf_report_note(report,
                       "%s line %u: exception %s is not applied: what %s finds is incompatible, and only what is "
                       "unproven may be accepted of it",
                       policy->path, section->line, section_title(section), policy->exceptions[index].check->id);
    else if (fate == HF_POLICY_UNUSED)
        hf_report_note(report, "%s line %u: exception %s accepts nothing: no finding needs it", policy->path,
                       section->line, section_title(section));
}

void hf_policy_tell(const struct hf_policy *policy, const struct hf_check_result *results, struct hf_report *report)
{
    static const char *const fates[] = {"applied", "expired", "barred", "unused"};
    json_t *array = json_array();

    for (size_t i = 0; i < policy->count; i++) {
        const struct hf_exception *exception = &policy->exceptions[i];
        enum hf_policy_fate fate = hf_policy_fate(exception, results);
        note(policy, i, fate, report);
        json_t *item = json_pack("{s:o, s:s, s:o, s:o, s:o, s:s}", "name",
                                 hf_json_text(section_title(&policy->ini.sections[i])), "check", exception->check->id,
                                 "scope", hf_json_text(exception->scope), "reason", hf_json_text(exception->reason),
                                 "expires", hf_json_time(exception->expires), "fate", fates[fate]);
        if (json_array_append_new(array, item) != 0)
            report->failed = true;
    }
    if (policy->path)
        hf_report_set(report, "policy",
                      json_pack("{s:o, s:o}", "file", hf_json_text(policy->path), "exceptions", array));
    else
        json_decref(array);
}
