/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a build share, in the order in which they run: compare, choose, emit, link, record. */
#ifndef HF_WORK_H
#define HF_WORK_H

#include <stdarg.h>

#include "bundle.h"
#include "compare/renumbered.h"
#include "object/census.h"
#include "object/object.h"
#include "object/tree.h"
#include "prove/literals.h"
#include "prove/needed.h"
#include "prove/proof.h"
#include "prove/target.h"
#include "reference/request.h"
#include "reference/result.h"

/* Functions of a patch that the loader calls (hotfix.3). */
#define HF_HOOK_APPLY  "hotfix_on_apply"
#define HF_HOOK_REVERT "hotfix_on_revert"

/* Marks of parts of new objects. */
#define HF_MARK_CHANGED 1u  /* function: replaces its twin in the target */
#define HF_MARK_KEPT    2u  /* goes into the patch */
#define HF_MARK_QUEUED  4u  /* its references were looked at */
#define HF_MARK_PARTED  8u  /* function: has another prototype, may become a separate function (parted.h) */
#define HF_MARK_APART   16u /* function: changed, but the target's version stays for old code (worlds.h) */

/* An object before and after, of which something differs. */
struct hf_pairing {
    struct hf_object *before; /* NULL: the file is new */
    struct hf_object *after;
    struct hf_object *proof_object;   /* the object that the proof is about: a separate file, or `before` */
    struct hf_proof *proof;           /* NULL: the file is new */
    struct hf_literals *literals;     /* of the proof; NULL: the file is new */
    struct hf_renumbered *renumbered; /* the old source with the new line numbers; NULL: there is none */
    bool independent;                 /* `after` was compiled with -fPIC for the patch (independent.h) */
};

/* A variable of a new object, and where the target has it (moved.h). */
struct hf_adopted {
    const struct hf_part *part;
    struct hf_anchor anchor;
};

/* Code that may call functions with which it was not compiled together (worlds.h). */
struct hf_worlds {
    struct hf_world_code *items;
    size_t count;
};

struct hf_work {
    const struct hf_build_request *request;
    struct hf_build_result *result;
    struct hf_target *target;
    struct hf_needed needed;
    const struct hf_object_tree *after; /* all new objects */
    struct hf_pairing *pairings;
    size_t pairing_count;
    struct hf_census census; /* of all old objects */
    struct hf_adopted *adopted;
    size_t adopted_count;
    struct hf_object_tree independent; /* new objects compiled with -fPIC; may be empty */
    struct hf_worlds worlds;
    struct hf_bundle *below; /* bundles that the patch is built on (below.h) */
    size_t below_count;
};

/* Adds an item to the report; format gives the reason. HOTFIX_MEMORY. */
int hf_work_note(struct hf_work *work, enum hf_build_event event, const char *name, const char *object,
                 struct hotfix_error *err, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Where the target has a new object's variable from an object that was not given; NULL when it does not have it. */
const struct hf_anchor *hf_work_adopted(const struct hf_work *work, const struct hf_part *after);

#endif
