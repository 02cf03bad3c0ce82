/* SPDX-License-Identifier: Apache-2.0 */
/* The make rule that compilers write of what an object depends on (gcc(1), -MD and -MF). */
#ifndef HF_RULE_H
#define HF_RULE_H

#include <stdbool.h>

#include "hotfix/error.h"

/*
 * Calls visit for each file that the object was made from, as the rule names it, until visit returns something other
 * than 0, which is then returned. HOTFIX_IO when the rule cannot be read, HOTFIX_FORMAT when it is no rule.
 */
typedef int (*hf_rule_visit)(const char *name, void *arg);
int hf_rule_each(const char *rule, hf_rule_visit visit, void *arg, struct hotfix_error *err);

/*
 * Did a file that the object depends on change after the object was made, or is it gone? This is the question that make
 * would ask. Relative names of the rule count from directory. HOTFIX_IO when the rule or the object cannot be read,
 * HOTFIX_FORMAT when it is no rule, HOTFIX_MEMORY.
 */
int hf_rule_stale(const char *rule, const char *directory, const char *object, bool *stale, struct hotfix_error *err);

#endif
