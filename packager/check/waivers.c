/* SPDX-License-Identifier: Apache-2.0 */
#include "check/waivers.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "stamp.h"
#include "ui/plain.h"

#define SECTION_PREFIX "waiver."

static const char *section_title(const struct hf_ini_section *section)
{
    return section->name + strlen(SECTION_PREFIX);
}

static int check_section(const char *path, const struct hf_inifile *ini, size_t index, struct hotfix_error *err)
{
    const struct hf_ini_section *section = &ini->sections[index];

    if (strncmp(section->name, SECTION_PREFIX, strlen(SECTION_PREFIX)) != 0 || *section_title(section) == '\0')
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: section [%s] is unknown: only [waiver.NAME] may stand here",
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

static int parse_entry(const char *path, const struct hf_ini_entry *entry, struct hf_waiver *waiver,
                       struct hotfix_error *err)
{
    if (strcmp(entry->key, "check") == 0)
        return parse_check(path, entry, &waiver->check, err);
    if (strcmp(entry->key, "scope") == 0) {
        waiver->scope = entry->value;
    } else if (strcmp(entry->key, "reason") == 0) {
        if (entry->value[strspn(entry->value, " ")] == '\0')
            return hf_error(err, HOTFIX_FORMAT, "%s line %u: the reason is empty", path, entry->line);
        waiver->reason = entry->value;
    } else if (strcmp(entry->key, "expires") == 0) {
        if (hf_time_parse_end(entry->value, &waiver->expires) != 0)
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

static int parse_waiver(const char *path, const struct hf_ini_section *section, struct hf_waiver *waiver,
                        struct hotfix_error *err)
{
    const char *missing = NULL;

    waiver->expires = HF_TIME_NEVER;
    for (size_t i = 0; i < section->count; i++)
        if (parse_entry(path, &section->entries[i], waiver, err) != 0)
            return -1;
    if (!waiver->check)
        missing = "check";
    else if (!waiver->reason)
        missing = "reason";
    else if (waiver->expires == HF_TIME_NEVER)
        missing = "expires";
    if (missing)
        return hf_error(err, HOTFIX_FORMAT, "%s line %u: section [%s] lacks the key %s", path, section->line,
                        section->name, missing);
    return 0;
}

static int fill(struct hf_waivers *waivers, struct hotfix_error *err)
{
    if (!waivers->path || !waivers->waivers)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (size_t i = 0; i < waivers->ini.count; i++)
        if (check_section(waivers->path, &waivers->ini, i, err) != 0 ||
            parse_waiver(waivers->path, &waivers->ini.sections[i], &waivers->waivers[waivers->count++], err) != 0)
            return -1;
    return 0;
}

int hf_waivers_parse(const char *path, const char *text, size_t size, struct hf_waivers *waivers,
                     struct hotfix_error *err)
{
    struct hf_waivers parsed = {0};

    if (hf_inifile_parse(path, text, size, HF_PLAIN_MAX, &parsed.ini, err) != 0)
        return -1;
    parsed.path = strdup(path);
    parsed.waivers = calloc(parsed.ini.count, sizeof(*parsed.waivers));
    if (fill(&parsed, err) != 0) {
        hf_waivers_deinit(&parsed);
        return -1;
    }
    *waivers = parsed;
    return 0;
}

int hf_waivers_read(const char *path, struct hf_waivers *waivers, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (hf_file_read(path, HF_WAIVERS_MAX_SIZE, &text, &size, err) != 0)
        return -1;
    return hf_waivers_parse(path, (const char *)text, size, waivers, err);
}

void hf_waivers_deinit(struct hf_waivers *waivers)
{
    free(waivers->path);
    free(waivers->waivers);
    hf_inifile_deinit(&waivers->ini);
    memset(waivers, 0, sizeof(*waivers));
}

enum hf_waivers_fate hf_waivers_fate(const struct hf_waiver *waiver, const struct hf_check_result *results)
{
    enum hf_waivers_fate fate = HF_WAIVERS_UNUSED;

    if (hf_waiver_expired(waiver))
        return HF_WAIVERS_EXPIRED;
    for (; results->check; results++) {
        for (size_t k = 0; results->check == waiver->check && k < results->findings.count; k++) {
            const struct hf_finding *finding = &results->findings.items[k];
            if (finding->waiver == waiver)
                return HF_WAIVERS_APPLIED;
            if (hf_finding_refuses(finding) && hf_waiver_covers(waiver, finding))
                fate = HF_WAIVERS_BARRED;
        }
    }
    return fate;
}

static void note(const struct hf_waivers *waivers, size_t index, enum hf_waivers_fate fate,
                 const struct hf_report *report)
{
    const struct hf_ini_section *section = &waivers->ini.sections[index];
    char expires[HF_TIME_SIZE];

    hf_time_format(waivers->waivers[index].expires, expires);
    if (fate == HF_WAIVERS_EXPIRED)
        hf_report_note(report, "%s line %u: waiver %s is not applied: it expired at %s", waivers->path, section->line,
                       section_title(section), expires);
    else if (fate == HF_WAIVERS_BARRED)
        hf_report_note(report,
                       "%s line %u: waiver %s is not applied: what %s finds is incompatible, and only what is "
                       "unproven may be accepted of it",
                       waivers->path, section->line, section_title(section), waivers->waivers[index].check->id);
    else if (fate == HF_WAIVERS_UNUSED)
        hf_report_note(report, "%s line %u: waiver %s accepts nothing: no finding needs it", waivers->path,
                       section->line, section_title(section));
}

void hf_waivers_tell(const struct hf_waivers *waivers, const struct hf_check_result *results, struct hf_report *report)
{
    static const char *const fates[] = {"applied", "expired", "barred", "unused"};
    json_t *array = json_array();

    for (size_t i = 0; i < waivers->count; i++) {
        const struct hf_waiver *waiver = &waivers->waivers[i];
        enum hf_waivers_fate fate = hf_waivers_fate(waiver, results);
        note(waivers, i, fate, report);
        json_t *item =
            json_pack("{s:o, s:s, s:o, s:o, s:o, s:s}", "name", hf_json_text(section_title(&waivers->ini.sections[i])),
                      "check", waiver->check->id, "scope", hf_json_text(waiver->scope), "reason",
                      hf_json_text(waiver->reason), "expires", hf_json_time(waiver->expires), "fate", fates[fate]);
        if (json_array_append_new(array, item) != 0)
            report->failed = true;
    }
    if (waivers->path)
        hf_report_set(report, "waiver_file",
                      json_pack("{s:o, s:o}", "file", hf_json_text(waivers->path), "waivers", array));
    else
        json_decref(array);
}
