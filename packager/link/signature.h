/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions whose prototype changed. Nobody can be led from the old one to the new one: callers pass other arguments.
 * Their callers changed too, so the new one is a function of its own that comes with them, and the old one stays for
 * whoever is still in an old caller.
 */
#ifndef HF_SIGNATURE_H
#define HF_SIGNATURE_H

#include "link/work.h"

/*
 * Takes changed functions with another prototype apart from their twins. HOTFIX_INCOMPATIBLE when existing data points
 * to one, since whoever calls through that pointer is not known. Without debug information nothing is taken apart: the
 * check of signatures says so later.
 */
int hf_signatures_part(struct hf_work *work, struct hf_pairing *pairing, struct hotfix_error *err);

#endif
