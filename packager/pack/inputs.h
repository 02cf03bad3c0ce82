/* SPDX-License-Identifier: Apache-2.0 */
/* A target, a patch and what a person picked: the inputs that pack and check share, from options to subject. */
#ifndef HF_INPUTS_H
#define HF_INPUTS_H

#include "check/check.h"
#include "check/waivers.h"
#include "hotfix/error.h"
#include "pack/selection.h"
#include "program/pick.h"
#include "program/program.h"
#include "ui/options.h"

struct hf_inputs {
    /* as given on the command line; NULL where it was not */
    const char *target_path;
    const char *patch_path;
    const char *debug_path;
    const char *rebuilt_path; /* takes the place of debug_path once it is proven (elf/rebuilt.h) */
    const char *patch_debug_path;
    const char *host_path;
    const char *waivers_path;
    struct hf_pick *picks;
    size_t pick_count;
    bool follow_inlines;

    /* what comes of them */
    struct hf_program *target;
    struct hf_program *patch;
    struct hf_image host;
    bool has_host;
    struct hf_selection selection;
    struct hf_waivers waivers;
};

/* Adds a pick; the text must outlive the inputs' opening. HOTFIX_MEMORY. */
int hf_inputs_pick(struct hf_inputs *inputs, enum hf_pick_kind kind, const char *text, struct hotfix_error *err);
/* An hf_option_fn: arg is the inputs, kind the kind of pick. */
int hf_inputs_add_pick(const struct hf_option *option, const char *argument, struct hotfix_error *err);

/* Reads the waivers, where a file is given and it is not read yet. */
int hf_inputs_open_waivers(struct hf_inputs *inputs, struct hotfix_error *err);
/* Reads the waivers, opens both files and resolves the picks. The subject points into the inputs. On failure
 * hf_inputs_deinit() is still due. */
int hf_inputs_open(struct hf_inputs *inputs, struct hf_check_subject *subject, struct hotfix_error *err);
void hf_inputs_deinit(struct hf_inputs *inputs);

#endif
