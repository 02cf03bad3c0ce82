/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants that callers hand over and compilers put into the called function: its callers do not pass them any more,
 * and are the same in both compilations although their sources differ ("retry(3)" and "retry(5)" both call
 * retry.constprop.0). Such a caller is replaced too. Else a thread inside it would go on with the constants of the fix,
 * and unlock(&b) what it locked by lock(&a).
 */
#ifndef HF_ARGUMENT_H
#define HF_ARGUMENT_H

#include "reference/work.h"

/*
 * Marks callers of changed functions of which debug information says that a parameter holds another number than before,
 * or that only one version knows it to hold one. Where it does not say what a parameter that nobody passes holds, as of
 * addresses, callers are marked when the versions refer to other things. Callers that the program may never leave
 * (program/stay.h) stay as they are, since replacing them would have no effect, and so do those that cannot be replaced
 * by themselves. HOTFIX_FORMAT, HOTFIX_MEMORY.
 */
int hf_arguments_mark(struct hf_work *work, struct hotfix_error *err);

#endif
