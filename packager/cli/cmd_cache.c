/* SPDX-License-Identifier: Apache-2.0 */
/* hotfix cache: what hotfix build --deb keeps of packages, how much that may be, and removing it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "cli/command.h"
#include "debian/cache.h"
#include "error.h"
#include "ui/options.h"
#include "ui/report.h"

struct request {
    const char *clear;    /* --clear */
    const char *max_size; /* --max-size */
};

static int parse_size(const char *text, uint64_t *size, struct hotfix_error *err)
{
    static const char units[] = "KMGT";
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (text[0] < '0' || text[0] > '9' || errno || (unit ? end[1] : *end) || number > UINT64_MAX >> shift)
        return hf_error(err, HOTFIX_USAGE, "--max-size: '%s' is no size: a number of bytes, or one with K, M, G or T",
                        text);
    *size = number << shift;
    return 0;
}

static void tell_size(uint64_t size, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double number = (double)size;

    for (; number >= 1024 && unit < 4; unit++)
        number /= 1024;
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", number, units[unit]);
}

static void tell_entry(const struct hf_cache_entry *entry, struct hf_report *report, json_t *array)
{
    char size[32], when[32] = "";
    struct tm time;

    tell_size(entry->size, size);
    if (gmtime_r(&entry->used, &time))
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &time);
    hf_report_line(report, "%-60s %12s  %s", entry->name, size, when);
    hf_report_add(
        report, array,
        json_pack("{s:o, s:I, s:s}", "name", hf_json_text(entry->name), "size", (json_int_t)entry->size, "used", when));
}

static int list(struct hf_report *report, struct hotfix_error *err)
{
    __attribute__((cleanup(hf_cache_listing_deinit))) struct hf_cache_listing listing = {0};
    char size[32], most[32];
    uint64_t limit;

    if (hf_cache_limit(&limit, err) != 0 || hf_cache_list(&listing, err) != 0)
        return -1;
    json_t *array = json_array();
    for (size_t i = 0; i < listing.count; i++)
        tell_entry(&listing.entries[i], report, array);
    tell_size(listing.size, size);
    tell_size(limit, most);
    hf_report_line(report, "%zu packages, %s of at most %s", listing.count, size, most);
    hf_report_set(report, "entries", array);
    hf_report_set(report, "size", json_integer((json_int_t)listing.size));
    hf_report_set(report, "limit", json_integer((json_int_t)limit));
    return 0;
}

static int act(const struct request *request, struct hf_report *report, struct hotfix_error *err)
{
    size_t cleared = 0, shrunk = 0;
    uint64_t limit = 0;

    if (!request->clear && !request->max_size)
        return list(report, err);
    if (request->max_size && (parse_size(request->max_size, &limit, err) != 0 || hf_cache_set_limit(limit, err) != 0))
        return -1;
    if (request->clear && hf_cache_clear(request->clear, &cleared, err) != 0)
        return -1;
    if (request->max_size && hf_cache_shrink(&shrunk, err) != 0)
        return -1;
    cleared += shrunk;
    hf_report_line(report, "%zu removed", cleared);
    hf_report_set(report, "removed", json_integer((json_int_t)cleared));
    return 0;
}

int hf_cmd_cache(int argc, char **argv)
{
    struct request request = {.clear = NULL};
    const struct hf_option options[] = {
        {.name = "clear",
         .argument = "PATTERN",
         .help = "Remove the packages whose names match, '*' for all. A package that a build is using stays.",
         .text = &request.clear},
        {.name = "max-size",
         .argument = "SIZE",
         .help = "Keep at most SIZE bytes (or KiB, MiB, GiB, TiB with K, M, G, T) from now on, by default 10G: the "
                 "packages unused for the longest time are removed.",
         .text = &request.max_size},
    };
    const struct hf_usage usage = {
        .verb = "cache",
        .summary = "Lists the packages that 'hotfix build --deb' and '--dsc' keep for the next fix: the sources and "
                   "the first build of each.",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .notes = "The cache is in $XDG_CACHE_HOME/hotfix, or ~/.cache/hotfix.",
    };
    struct hf_report report;
    struct hotfix_error error;
    HF_FREE const char **operands = NULL;

    hf_report_init(&report, usage.verb);
    int result = hf_options_parse(&usage, argc, argv, &report, &operands, &error);
    if (result == 0)
        result = act(&request, &report, &error);
    return hf_report_finish(&report, result, &error);
}
