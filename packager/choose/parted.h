/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions whose prototype changed. Nobody can be led from the old one to the new one: callers pass other arguments.
 * Their callers changed too, so the new one is a function of its own that comes with them, and the old one stays for
 * whoever is still in an old caller.
 */
#ifndef HF_PARTED_H
#define HF_PARTED_H

#include "reference/work.h"

/*
 * Takes changed functions with another prototype apart from their twins, copies that a compiler specialised
 * (NAME.constprop.0) by the prototype of their origin. HOTFIX_INCOMPATIBLE for one that code or data of the target has
 * the address of, since who calls through such a pointer is not known, and for one that code calls which stays as it
 * is. Without debug information nothing is taken apart: the check of prototypes says so later.
 */
int hf_parted_mark(struct hf_work *work, struct hotfix_error *err);

#endif
