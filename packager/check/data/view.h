/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A translation unit of the target beside the patch's unit that its functions come from, as their debug information
 * tells: names at file scope, and what the functions that were looked at hold.
 */
#ifndef HF_VIEW_H
#define HF_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "types/difference.h"
#include "types/reach.h"

#define HF_VIEW_PLACE 256 /* bytes of "source:line" */

struct hf_view {
    size_t unit;       /* index in the target's DWARF */
    size_t patch_unit; /* in the patch's */
    struct hf_names names;
    struct hf_names patch_names;
    struct hf_reach reach;
    struct hf_reach patch_reach;
};

struct hf_views {
    const struct hf_check_subject *subject;
    struct hf_view **items;
    size_t count; /* those that were entered */
    size_t known; /* and those behind them, of which nothing but the names is read */
};

/*
 * The view of a function and its replacement, both read into it; *view is NULL when one of them has no debug
 * information. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_views_enter(struct hf_views *views, const struct hf_function *old_function,
                   const struct hf_function *new_function, struct hf_view **view, struct hotfix_error *err);
/* None is entered any more; the names at file scope stay. */
void hf_views_leave(struct hf_views *views);
void hf_views_deinit(struct hf_views *views);
#define HF_VIEWS __attribute__((cleanup(hf_views_deinit)))

/* Reads a function that only the patch has into a view. False without debug information. */
bool hf_view_add(struct hf_view *view, const struct hf_check_subject *subject, const struct hf_function *new_function);

/* The target's function of the same name and source as one of the patch; NULL when there is none. */
const struct hf_function *hf_view_counterpart(const struct hf_check_subject *subject,
                                              const struct hf_function *new_function);

/*
 * Offsets of the entries that declare a variable of the target, by its symbol's name, on each side; HF_DIE_NONE where
 * there is none. HOTFIX_MEMORY.
 */
int hf_view_variable(const struct hf_view *view, const struct hf_symbol *symbol, uint64_t *before, uint64_t *after,
                     struct hotfix_error *err);

/*
 * Looks for a static variable of a function that has another name in the patch, or is inlined there: *before becomes
 * the entry of the one at the symbol's address, in any function of the target's unit, *after that of the patch with its
 * name and its type, where there is one. HOTFIX_MEMORY.
 */
int hf_view_placed(const struct hf_view *view, const struct hf_check_subject *subject, const struct hf_symbol *symbol,
                   uint64_t *before, uint64_t *after, struct hotfix_error *err);

/*
 * The entry with the type of the variable that any unit defines at the symbol's address, at file scope or in a
 * function; HF_DIE_NONE when there is none.
 */
uint64_t hf_view_defined(struct hf_dwarf *dwarf, const struct hf_symbol *symbol);

/* Does an entry of the target's debug information lie in the unit of a view that was entered? */
bool hf_views_include(const struct hf_views *views, const struct hf_dwarf *dwarf, uint64_t offset);

/* Writes HF_VIEW_PLACE bytes at most: "shop.h:12", or that it is unknown. HOTFIX_MEMORY. */
int hf_view_locate(struct hf_dwarf *dwarf, const struct hf_definition *definition, char *text,
                   struct hotfix_error *err);

#endif
