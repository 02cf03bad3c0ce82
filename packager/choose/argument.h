/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants that callers pass and that the compiler puts into the called function: its callers do not pass them any
 * more, and have the same code in both compilations although their sources differ ("retry(3)" and "retry(5)" both call
 * retry.constprop.0). Such a caller is replaced, too. Otherwise a thread inside it would continue with the constants of
 * the fix: it could lock(&a) and then unlock(&b).
 */
#ifndef HF_ARGUMENT_H
#define HF_ARGUMENT_H

#include "reference/work.h"

/*
 * Marks the callers of a changed function if, according to debug information, a parameter has another constant value
 * than before, or has a constant value in only one version. If debug information gives no value for a parameter that no
 * caller passes (for addresses, for example), callers are marked if the two versions refer to different things. Callers
 * that the program may never leave (program/stay.h) are not marked, since replacing them would have no effect; neither
 * are callers that cannot be replaced by themselves. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_arguments_mark(struct hf_work *work, struct hotfix_error *err);

#endif
