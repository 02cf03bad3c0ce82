/* SPDX-License-Identifier: Apache-2.0 */
#include "format/format.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

static const struct hf_format *const formats[] = {&hf_format_text, &hf_format_sarif, &hf_format_junit,
                                                  &hf_format_github};

const struct hf_format *hf_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

/* The worst verdict that is not accepted, "accepted" where all are that need it. */
static const char *verdict_name(const struct hf_check_result *results, size_t accepted)
{
    struct hotfix_error error;

    if (hf_checks_judge(results, &error) != 0)
        return hf_verdict_name(error.code == HOTFIX_INCOMPATIBLE ? HF_INCOMPATIBLE : HF_UNPROVEN);
    return accepted > 0 ? "accepted" : hf_verdict_name(HF_COMPATIBLE);
}

char *hf_format_answer(const struct hf_outcome *outcome)
{
    size_t counts[3] = {0};
    size_t accepted = 0, count = 0;
    char note[64] = "";
    char *text;

    for (; outcome->results[count].check; count++) {
        counts[outcome->results[count].verdict]++;
        accepted += hf_check_accepted(&outcome->results[count]);
    }
    if (accepted > 0)
        snprintf(note, sizeof(note), "; %zu accepted by waivers", accepted);
    return asprintf(&text, "%s: %zu checks of %zu functions: %zu compatible, %zu incompatible, %zu unproven%s",
                    verdict_name(outcome->results, accepted), count, outcome->function_count, counts[HF_COMPATIBLE],
                    counts[HF_INCOMPATIBLE], counts[HF_UNPROVEN], note) < 0
               ? NULL
               : text;
}

char *hf_format_message(const struct hf_finding *finding)
{
    bool advised = hf_finding_refuses(finding) && finding->advice;
    char *text;

    return asprintf(&text, "%s%s%s", finding->evidence, advised ? "; " : "", advised ? finding->advice : "") < 0 ? NULL
                                                                                                                 : text;
}

static const char *below(const char *directory, const char *path)
{
    size_t length = directory ? strlen(directory) : 0;

    while (length > 0 && directory[length - 1] == '/')
        length--;
    return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

const char *hf_format_path(const char *path)
{
    char here[PATH_MAX];
    const char *inside = below(getenv("GITHUB_WORKSPACE"), path);

    if (!inside && getcwd(here, sizeof(here)))
        inside = below(here, path);
    return inside ? inside : path;
}
