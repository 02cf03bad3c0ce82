/* SPDX-License-Identifier: Apache-2.0 */
/* The prototypes of functions in relocatable objects, by their debug information (types/prototype.h). */
#ifndef HF_REFERENCE_PROTOTYPE_H
#define HF_REFERENCE_PROTOTYPE_H

#include "object/object.h"
#include "types/passing.h"

struct hf_prototypes {
    const struct hf_object *object; /* NULL: nothing was read */
    char **texts;     /* by section number; NULL: not wanted, or debug information does not tell it; owned */
    char **undefined; /* likewise: a class that is handed over, and of which nothing tells how; NULL: there is none */
    size_t count;
};

/*
 * Reads the prototypes of those functions of an object for which wanted() is true; prototypes read before are freed.
 * elsewhere is asked for classes that the object only declares. HOTFIX_FORMAT, HOTFIX_MEMORY; free the prototypes after
 * a failure, too.
 */
int hf_prototypes_read(const struct hf_object *object, bool (*wanted)(const struct hf_part *part),
                       const struct hf_passing_elsewhere *elsewhere, struct hf_prototypes *prototypes,
                       struct hotfix_error *err);
/* A zeroed one is fine. */
void hf_prototypes_deinit(struct hf_prototypes *prototypes);
#define HF_PROTOTYPES __attribute__((cleanup(hf_prototypes_deinit)))

/*
 * The prototype of the code in one part; malloc'ed, NULL when debug information does not give it. HOTFIX_FORMAT,
 * HOTFIX_MEMORY.
 */
int hf_prototype_find(const struct hf_part *part, char **prototype, struct hotfix_error *err);

#endif
