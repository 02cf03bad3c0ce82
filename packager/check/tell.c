/* SPDX-License-Identifier: Apache-2.0 */
#include "check/tell.h"

#include "cleanup.h"

static json_t *json_function(const struct hf_function *function)
{
    return json_pack("{s:o, s:o, s:o, s:i}", "name", hf_json_text(function->name), "demangled",
                     hf_json_demangled(function->name), "source", hf_json_text(function->source), "line",
                     (int)function->line);
}

static json_t *json_waiver(const struct hf_waiver *waiver)
{
    if (!waiver)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "scope", hf_json_text(waiver->scope), "reason", hf_json_text(waiver->reason),
                     "expires", hf_json_time(waiver->expires));
}

static json_t *json_findings(const struct hf_findings *findings)
{
    json_t *array = json_array();

    for (size_t i = 0; i < findings->count; i++) {
        const struct hf_finding *finding = &findings->items[i];
        json_t *item = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "verdict", hf_verdict_name(finding->verdict),
                                 "evidence", hf_json_sentence(finding->evidence), "advice",
                                 hf_json_sentence(finding->advice), "detail", hf_json_sentence(finding->detail),
                                 "target", finding->pair ? json_function(finding->pair->old_function) : json_null(),
                                 "patch", finding->pair ? json_function(finding->pair->new_function) : json_null(),
                                 "waiver", json_waiver(finding->waiver));
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

void hf_check_results_set(struct hf_report *report, const struct hf_check_result *results)
{
    json_t *array = json_array();

    for (const struct hf_check_result *result = results; result->check; result++) {
        HF_FREE char *evidence = hf_check_evidence(result);
        HF_FREE char *reasons = hf_check_accepted(result) ? hf_check_reasons(result) : NULL;
        json_t *item = json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "id", result->check->id, "verdict",
                                 hf_verdict_name(result->verdict), "evidence", hf_json_sentence(evidence), "waiver",
                                 hf_json_text(reasons), "title", result->check->title, "findings",
                                 json_findings(&result->findings));
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            array = NULL;
            break;
        }
    }
    hf_report_set(report, "checks", array);
}

void hf_check_results_note(const struct hf_report *report, const struct hf_check_result *results)
{
    for (const struct hf_check_result *result = results; result->check; result++) {
        for (size_t k = 0; k < result->findings.count; k++) {
            const struct hf_finding *finding = &result->findings.items[k];
            if (hf_finding_refuses(finding))
                hf_report_note(report, "%s: %s: %s%s%s", hf_verdict_name(finding->verdict), result->check->id,
                               finding->evidence, finding->advice ? "; " : "", finding->advice ? finding->advice : "");
        }
    }
}

void hf_check_results_note_accepted(const struct hf_report *report, const struct hf_check_result *results)
{
    for (const struct hf_check_result *result = results; result->check; result++) {
        HF_FREE char *reasons = hf_check_accepted(result) ? hf_check_reasons(result) : NULL;
        if (reasons)
            hf_report_note(report, "accepted although %s: %s (%s)", hf_verdict_name(result->verdict), result->check->id,
                           reasons);
    }
}
