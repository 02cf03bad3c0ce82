/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compiler may have used of one function in the code of another, beyond what the ABI of the CPU promises: which
 * registers it leaves alone (-fipa-ra), which memory it touches (-fipa-modref, -fipa-pure-const, -fipa-reference),
 * which arguments it gets and needs (-fipa-cp, -fipa-sra), how the stack must lie, what it returns and whether it does.
 * Code that counts on such a fact is right only together with the function that was compiled with it.
 */
#ifndef HF_FACTS_H
#define HF_FACTS_H

#include <stdbool.h>

enum hf_facts {
    HF_FACTS_NONE,   /* calls follow the ABI, and nothing else is known of a function that is called */
    HF_FACTS_CLONES, /* likewise, but clones with arguments of their own are made (-flive-patching=inline-clone) */
    HF_FACTS_ALL     /* anything may have been used; also where flags are not recorded */
};

/* By DW_AT_producer of the unit that a function was compiled in; NULL or "": not recorded. */
enum hf_facts hf_facts_used(const char *producer);

/*
 * Does the compiler leave functions alone that another module may take the place of, as those that a library exports?
 * gcc does, unless it is told -fno-semantic-interposition; clang does not. False where it is not known.
 */
bool hf_facts_spare_interposable(const char *producer);

/* Was the code of this unit compiled together with that of other units: link-time optimisation, -fwhole-program? */
bool hf_facts_whole_program(const char *producer);

/* Does a symbol bear a name that gcc gives to clones with arguments of their own: "fee.isra.0", "fee.constprop.1"? */
bool hf_facts_clone(const char *name);

#endif
