/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about one function that a compiler may have used in the code of another, beyond the ABI of the CPU: which
 * registers the function preserves (-fipa-ra), which memory it touches (-fipa-modref, -fipa-pure-const,
 * -fipa-reference), which arguments it gets and needs (-fipa-cp, -fipa-sra), which stack alignment it needs, what it
 * returns and whether it returns. Code that relies on such a fact is correct only together with the function that was
 * compiled with it.
 */
#ifndef HF_FACTS_H
#define HF_FACTS_H

#include <stdbool.h>

enum hf_facts {
    HF_FACTS_NONE,   /* calls follow the ABI, and no other fact about a called function is used */
    HF_FACTS_CLONES, /* likewise, but clones with changed arguments are made (-flive-patching=inline-clone) */
    HF_FACTS_ALL     /* anything may have been used; also where flags are not recorded */
};

/* From DW_AT_producer of the unit in which a function was compiled; NULL or "": not recorded. */
enum hf_facts hf_facts_used(const char *producer);

/*
 * Does the compiler use no facts about functions that another module may replace, such as those that a library exports?
 * gcc does not, unless -fno-semantic-interposition is given; clang does. False when it is not known.
 */
bool hf_facts_spare_interposable(const char *producer);

/* Was the code of this unit compiled together with that of other units: link-time optimisation, -fwhole-program? */
bool hf_facts_whole_program(const char *producer);

/* Has a symbol a name that gcc gives to clones with changed arguments: "fee.isra.0", "fee.constprop.1"? */
bool hf_facts_clone(const char *name);

#endif
