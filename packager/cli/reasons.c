/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/tell.h"
#include "error.h"
#include "ui/plain.h"

/* option->kind is the check's place in the table. */
static int add(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    struct hf_reasons *reasons = option->arg;
    struct hf_waiver *longer = reallocarray(reasons->waivers, reasons->count + 1, sizeof(*longer));

    if (!longer)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    reasons->waivers = longer;
    if (argument[strspn(argument, " ")] == '\0')
        return hf_error(err, HOTFIX_USAGE, "option '--%s' needs a reason, which the bundle will carry", option->name);
    if (hf_plain_check(option->name, argument, err) != 0)
        return -1;
    reasons->waivers[reasons->count++] =
        (struct hf_waiver){.check = hf_checks[option->kind], .reason = argument, .expires = HF_TIME_NEVER};
    return 0;
}

int hf_reasons_add_flags(const struct hf_option *option, const char *argument, struct hotfix_error *err)
{
    for (size_t i = 0; i < hf_check_count; i++) {
        struct hf_option one = *option;
        one.kind = (int)i;
        if (hf_check_is_of_flags(hf_checks[i]) && add(&one, argument, err) != 0)
            return -1;
    }
    return 0;
}

struct hf_option *hf_reasons_options(struct hf_reasons *reasons, const struct hf_option *own, size_t own_count,
                                     size_t *count)
{
    struct hf_option *options = calloc(own_count + hf_check_count, sizeof(*options));

    free(reasons->texts);
    reasons->texts = calloc(hf_check_count, sizeof(*reasons->texts));
    if (!options || !reasons->texts) {
        free(options);
        return NULL;
    }
    memcpy(options, own, own_count * sizeof(*own));
    *count = own_count;
    for (size_t i = 0; i < hf_check_count; i++) {
        const struct hf_check *check = hf_checks[i];
        struct hf_reasons_texts *text = &reasons->texts[i];
        if (check->acceptance == HF_ACCEPT_NEVER)
            continue;
        snprintf(text->name, sizeof(text->name), "accept-%s", check->id);
        snprintf(text->help, sizeof(text->help), "Continue, for this reason, if this is unproven%s: %s.",
                 check->acceptance == HF_ACCEPT_ANY ? " or incompatible" : "", check->title);
        options[(*count)++] = (struct hf_option){
            .name = text->name, .argument = "REASON", .help = text->help, .each = add, .arg = reasons, .kind = (int)i};
    }
    return options;
}

int hf_reasons_judge(const struct hf_reasons *reasons, const struct hf_waivers *file, struct hf_check_result *results,
                     struct hf_report *report, struct hotfix_error *err)
{
    for (struct hf_check_result *result = results; result->check; result++) {
        hf_check_accept(result, file->waivers, file->count);
        hf_check_accept(result, reasons->waivers, reasons->count);
    }
    hf_check_results_set(report, results);
    hf_check_results_note_accepted(report, results);
    hf_waivers_tell(file, results, report);
    if (hf_checks_judge(results, err) == 0)
        return 0;
    if (hf_checks_refused(results) > 1 || (err && strlen(err->message) + 1 == sizeof(err->message)))
        hf_check_results_note(report, results);
    return -1;
}

void hf_reasons_deinit(struct hf_reasons *reasons)
{
    free(reasons->waivers);
    free(reasons->texts);
    *reasons = (struct hf_reasons){.count = 0};
}
