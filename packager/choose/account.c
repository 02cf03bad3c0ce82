/* SPDX-License-Identifier: Apache-2.0 */
#include "choose/account.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compare/compare.h"
#include "error.h"

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Does the compiler name the section so, for what has no section of its own in the source? */
static bool is_standard(const struct hf_part *part)
{
    static const char *const names[] = {".text",  ".data",  ".bss",   ".rodata", ".tdata",           ".tbss",
                                        ".ldata", ".lbss",  ".sdata", ".sbss",   ".lrodata",         ".srodata",
                                        ".ltext", ".tdata", ".init",  ".fini",   ".gcc_except_table"};

    if (part->kind == HF_PART_START || part->kind == HF_PART_UNWIND || begins(part->name, ".gnu.linkonce."))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i]);
        if (strncmp(part->name, names[i], size) == 0 && (part->name[size] == '\0' || part->name[size] == '.'))
            return true;
    }
    return false;
}

static bool is_allocated(const struct hf_part *part)
{
    return (part->flags & SHF_ALLOC) && part->size > 0;
}

/* Sections whose content may be found without a reference to it; not those that follow another section. */
static bool is_outlying(const struct hf_part *part)
{
    return is_allocated(part) && part->kind != HF_PART_OTHER && !is_standard(part) && !(part->flags & SHF_LINK_ORDER);
}

static bool is_note(const struct hf_part *part)
{
    return is_allocated(part) && part->kind == HF_PART_OTHER;
}

static bool contents_equal(const struct hf_part *a, const struct hf_part *b)
{
    if (a->kind != HF_PART_OTHER)
        return hf_compare_parts(a, b);
    Elf_Data *left = elf_rawdata(elf_getscn(a->object->elf, a->index), NULL);
    Elf_Data *right = elf_rawdata(elf_getscn(b->object->elf, b->index), NULL);
    return left && right && left->d_size == right->d_size && memcmp(left->d_buf, right->d_buf, left->d_size) == 0;
}

/* The n-th of the parts that a section name and a choice of sections give; NULL when there are not so many. */
static const struct hf_part *nth(const struct hf_object *object, const char *name,
                                 bool (*chosen)(const struct hf_part *part), size_t n)
{
    for (size_t i = 1; object && i < object->part_count; i++)
        if (chosen(&object->parts[i]) && strcmp(object->parts[i].name, name) == 0 && n-- == 0)
            return &object->parts[i];
    return NULL;
}

/* Are sections of one name the same on both sides, one by one? */
static bool sections_equal(const struct hf_object *before, const struct hf_object *after, const char *name,
                           bool (*chosen)(const struct hf_part *part))
{
    for (size_t i = 0;; i++) {
        const struct hf_part *left = nth(before, name, chosen, i);
        const struct hf_part *right = nth(after, name, chosen, i);
        if (!left || !right)
            return left == right;
        if (!contents_equal(left, right))
            return false;
    }
}

/* The first section of a choice that differs; NULL when none does. */
static const struct hf_part *first_difference(const struct hf_object *before, const struct hf_object *after,
                                              bool (*chosen)(const struct hf_part *part))
{
    const struct hf_object *const sides[] = {after, before};

    for (size_t side = 0; side < 2; side++)
        for (size_t i = 1; sides[side] && i < sides[side]->part_count; i++) {
            const struct hf_part *part = &sides[side]->parts[i];
            if (chosen(part) && !sections_equal(before, after, part->name, chosen))
                return part;
        }
    return NULL;
}

bool hf_account_differs(const struct hf_object *before, const struct hf_object *after)
{
    return first_difference(before, after, is_outlying) || first_difference(before, after, is_note);
}

/* Can the linker make symbols of the section's bounds? */
static bool has_bounds(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

enum walked { WALKED_NO, WALKED_MAYBE, WALKED_YES };

/* Does the target walk through the section? */
static enum walked is_walked(struct hf_work *work, const char *name)
{
    static const char *const prefixes[] = {"__start_", "__stop_"};

    for (size_t i = 0; has_bounds(name) && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        HF_FREE char *symbol = NULL;
        size_t named;
        size_t mentioned;
        if (asprintf(&symbol, "%s%s", prefixes[i], name) < 0) {
            symbol = NULL;
            return WALKED_MAYBE;
        }
        hf_target_named(work->target, symbol, &named);
        hf_census_find(&work->census, symbol, &mentioned);
        if (named + mentioned > 0)
            return WALKED_YES;
    }
    return has_bounds(name) && work->target->symbols->stripped ? WALKED_MAYBE : WALKED_NO;
}

static int refuse_set(const struct hf_pairing *pairing, const struct hf_part *part, enum walked walked,
                      struct hotfix_error *err)
{
    if (walked == WALKED_MAYBE)
        return hf_error(
            err, HOTFIX_UNPROVEN,
            "%s: section %s differs (%s), and the target is stripped, so that nothing tells whether it walks "
            "through that section (from __start_%s): give --debug",
            pairing->after->name, part->name, hf_part_title(part), part->name);
    return hf_error(
        err, HOTFIX_INCOMPATIBLE,
        "%s: section %s differs (%s), and the target walks through it from __start_%s to __stop_%s, where a "
        "patch can add, change and remove nothing",
        pairing->after->name, part->name, hf_part_title(part), part->name, part->name);
}

static bool is_data_set(const struct hf_part *part)
{
    return is_outlying(part) && part->kind != HF_PART_CODE;
}

int hf_account_sets(struct hf_work *work, const struct hf_pairing *pairing, struct hotfix_error *err)
{
    const struct hf_object *before = pairing->before;
    const struct hf_object *sides[] = {pairing->after, before};
    const struct hf_part *note =
        before && pairing->after->elf ? first_difference(before, pairing->after, is_note) : NULL;

    if (note)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: note section %s changed, and the target keeps its own: compile both objects alike",
                        pairing->after->name, note->name);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 1; sides[side] && i < sides[side]->part_count; i++) {
            const struct hf_part *part = &sides[side]->parts[i];
            if (!is_data_set(part) || sections_equal(before, pairing->after, part->name, is_data_set))
                continue;
            enum walked walked = is_walked(work, part->name);
            if (walked != WALKED_NO)
                return refuse_set(pairing, part, walked, err);
        }
    return 0;
}

static int list(struct hf_work *work, const struct hf_object *object, const struct hf_part *part,
                enum hf_account_heading heading, uint64_t size, struct hotfix_error *err)
{
    struct hf_build_result *result = work->result;

    if ((result->account_count & (result->account_count - 1)) == 0) {
        size_t room = result->account_count ? 2 * result->account_count : 1;
        struct hf_build_account *grown = reallocarray(result->accounts, room, sizeof(*grown));
        if (!grown)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        result->accounts = grown;
    }
    struct hf_build_account *account = &result->accounts[result->account_count++];
    *account = (struct hf_build_account){.object = strdup(object->name),
                                         .section = strdup(part ? part->name : ""),
                                         .name = strdup(part && part->name_count > 0 ? hf_part_title(part) : ""),
                                         .size = size,
                                         .heading = heading};
    return account->object && account->section && account->name ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

int hf_account_unchanged(struct hf_work *work, const struct hf_object *after, struct hotfix_error *err)
{
    uint64_t size = 0;

    for (size_t i = 1; i < after->part_count; i++)
        size += is_allocated(&after->parts[i]) ? after->parts[i].size : 0;
    return list(work, after, NULL, HF_ACCOUNT_UNCHANGED, size, err);
}

bool hf_account_has_like(const struct hf_object *before, const struct hf_part *part)
{
    for (size_t i = 1; before && i < before->part_count; i++) {
        const struct hf_part *other = &before->parts[i];
        if (is_allocated(other) && strcmp(other->name, part->name) == 0 && contents_equal(other, part))
            return true;
    }
    return false;
}

static bool is_told(const struct hf_build_result *result, const struct hf_object *object, const struct hf_part *part)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->items[i].event == HF_BUILD_IGNORED && strcmp(result->items[i].object, object->name) == 0 &&
            strcmp(result->items[i].name, hf_part_title(part)) == 0)
            return true;
    return false;
}

/* Does anything of the object refer to the part? */
static bool is_used(const struct hf_part *part)
{
    const struct hf_object *object = part->object;

    for (size_t i = 1; i < object->part_count; i++) {
        const struct hf_part *user = &object->parts[i];
        for (size_t k = 0; user != part && k < user->reference_count; k++)
            if (user->references[k].name->part == part)
                return true;
    }
    return false;
}

/* The heading of a part that is not taken; false when there is none. */
static bool find_heading(const struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *part,
                         enum hf_account_heading *heading)
{
    bool twin = part->twin && (contents_equal(part->twin, part) || part->kind == HF_PART_CODE);

    *heading = HF_ACCOUNT_UNCHANGED;
    if (twin || part->kind == HF_PART_UNWIND || hf_work_adopted(work, part) ||
        hf_account_has_like(pairing->before, part) || (part->kind == HF_PART_START && pairing->before) ||
        part->kind == HF_PART_OTHER)
        return true;
    /* Code shows which merged pieces, jump tables and constants without a name it uses. */
    *heading = HF_ACCOUNT_UNUSED;
    if (part->flags & SHF_LINK_ORDER)
        return true;
    if (is_standard(part) && part->kind != HF_PART_START)
        return part->anonymous || is_used(part) || is_told(work->result, pairing->after, part) ||
               (part->family && !(part->family->marks & HF_MARK_KEPT));
    return part->kind != HF_PART_START && part->anonymous && is_used(part);
}

static int refuse(const struct hf_pairing *pairing, const struct hf_part *part, struct hotfix_error *err)
{
    if (part->kind == HF_PART_START)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "%s: the new file has constructors or destructors (%s): they do not run for a patch, use the "
                        "hook %s",
                        pairing->after->name, part->name, HF_HOOK_APPLY);
    return hf_error(
        err, HOTFIX_UNPROVEN,
        "%s: %s in section %s is new and nothing refers to it, so that whatever finds it in the target would "
        "not find it in a patch",
        pairing->after->name, hf_part_title(part), part->name);
}

/* A taken part must not belong to a set through which the target iterates, and must not be code whose place matters. */
static int check_taken(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *part,
                       struct hotfix_error *err)
{
    enum walked walked =
        is_outlying(part) && !hf_account_has_like(pairing->before, part) ? is_walked(work, part->name) : WALKED_NO;

    return walked == WALKED_NO ? 0 : refuse_set(pairing, part, walked, err);
}

static int account_part(struct hf_work *work, const struct hf_pairing *pairing, const struct hf_part *part,
                        struct hotfix_error *err)
{
    enum hf_account_heading heading = HF_ACCOUNT_TAKEN;

    if (part->marks & HF_MARK_KEPT) {
        if (check_taken(work, pairing, part, err) != 0)
            return -1;
    } else if (!find_heading(work, pairing, part, &heading)) {
        return refuse(pairing, part, err);
    }
    return list(work, pairing->after, part, heading, part->size, err);
}

/* An entry without a name was removed: code that iterates over the section still finds it. */
static int check_gone(const struct hf_pairing *pairing, const struct hf_part *part, struct hotfix_error *err)
{
    if (!is_data_set(part) || part->name_count > 0 || hf_account_has_like(pairing->after, part) || is_used(part))
        return 0;
    return hf_error(err, HOTFIX_UNPROVEN,
                    "%s: something without a name in section %s is gone or changed, and nothing refers to it, so that "
                    "whatever finds it in the target will still find it",
                    pairing->after->name, part->name);
}

int hf_account(struct hf_work *work, struct hotfix_error *err)
{
    for (size_t i = 0; i < work->pairing_count; i++) {
        const struct hf_pairing *pairing = &work->pairings[i];
        for (size_t k = 1; k < pairing->after->part_count; k++)
            if (is_allocated(&pairing->after->parts[k]) &&
                account_part(work, pairing, &pairing->after->parts[k], err) != 0)
                return -1;
        for (size_t k = 1; pairing->before && pairing->after->elf && k < pairing->before->part_count; k++)
            if (check_gone(pairing, &pairing->before->parts[k], err) != 0)
                return -1;
    }
    return 0;
}
