/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How objects of a class are handed over (types/passing.h), where the unit at hand only declares the class: compilers
 * leave out of a unit's debug information what they think another unit tells. All objects of that side are searched,
 * and the target.
 */
#ifndef HF_CLASSES_H
#define HF_CLASSES_H

#include "reference/request.h"
#include "types/passing.h"

struct hf_classes {
    const struct hf_build_request *request;
    void *before; /* what is known of the classes of either side, by their names; see tsearch(3) */
    void *after;
    bool failed; /* *err is set */
    struct hotfix_error *err;
};

/* The answers for one side: what is asked for a class that one of its units only declares. */
struct hf_classes_side {
    struct hf_classes *classes;
    bool after; /* the new objects; else those of the release */
};

/*
 * For struct hf_passing_elsewhere, with a struct hf_classes_side as `arg`. Unknown where neither the objects nor the
 * target define the class, and for one of an anonymous namespace, which is another one in each unit. A class of the
 * new objects that only the target defines is what it was; one of the compiler's library that nothing defines is the
 * same on both sides, and counts as handed over directly.
 */
enum hf_passing hf_classes_find(Dwarf_Debug dwarf, Dwarf_Die declaration, unsigned depth, void *arg);

void hf_classes_deinit(struct hf_classes *classes);
#define HF_CLASSES __attribute__((cleanup(hf_classes_deinit)))

#endif
