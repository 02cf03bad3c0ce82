/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process-wide lock under which applies and reverts run one at a time.
 *
 * It survives fork without a pthread_atfork handler: the lock contains its owner's process id. So a child recognises a
 * lock held by a thread of its parent as stale, and takes it over.
 */
#ifndef HF_LOCK_H
#define HF_LOCK_H

#include "hotfix/error.h"

/*
 * Waits for the lock. HOTFIX_USAGE when the calling thread holds it already: a call from a log callback, a patcher or a
 * hook. The thread cannot be cancelled until it releases the lock.
 */
int hf_lock_take(struct hotfix_error *err);
void hf_lock_release(void);

#endif
