/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "process/lock.h"

static _Atomic uint64_t owner;         /* process and thread id, 0 when free */
static _Thread_local uint64_t holding; /* the value that this thread stored; a child keeps its forking thread's */
static _Thread_local int cancel_state;

/* The half of the owner that a futex can wait on: the thread id. */
static uint32_t *futex_word(void)
{
    return (uint32_t *)&owner + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

int hf_lock_take(struct hotfix_error *err)
{
    if (holding)
        return hf_error(err, HOTFIX_USAGE, "libhotfix must not be called from a log callback, a patcher or a hook");

    int previous;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
    uint32_t process = (uint32_t)getpid();
    uint64_t mine = (uint64_t)process << 32 | (uint32_t)gettid();

    for (;;) {
        uint64_t seen = atomic_load(&owner);
        if (seen != 0 && seen >> 32 == process)
            syscall(SYS_futex, futex_word(), FUTEX_WAIT_PRIVATE, (uint32_t)seen, NULL, NULL, 0);
        else if (atomic_compare_exchange_strong(&owner, &seen, mine))
            break;
    }
    holding = mine;
    cancel_state = previous;
    return 0;
}

void hf_lock_release(void)
{
    uint64_t mine = holding;

    holding = 0;
    /* In a child forked by the holder, the lock does not belong to the child: it stays stale. */
    if (mine >> 32 == (uint32_t)getpid() && atomic_compare_exchange_strong(&owner, &mine, 0))
        syscall(SYS_futex, futex_word(), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_setcancelstate(cancel_state, NULL);
}
