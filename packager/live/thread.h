/* SPDX-License-Identifier: Apache-2.0 */
/* One thread of a running process: its state, and stopping it for a moment. */
#ifndef HF_LIVE_THREAD_H
#define HF_LIVE_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "live/live.h"

struct hf_live_thread {
    pid_t tid;
    char name[HF_LIVE_NAME_SIZE];
    char state;   /* as in proc(5): R, S, D, Z... */
    pid_t tracer; /* 0: nobody traces it */
    uint64_t pc;
    uint64_t sp;
    uint64_t link; /* of a stopped thread: a return address that no stack holds yet; 0 where calls put it there */
    int signal;    /* while stopped: one that the stop kept from it */
};

/* Sets tid, name, state and tracer. false when there is no such thread any more. */
bool hf_live_thread_read(const struct hf_live *live, pid_t tid, struct hf_live_thread *thread);

/* Sets pc and sp of a thread that sleeps in a system call. false when it does not, or that cannot be seen. */
bool hf_live_thread_sleeps(const struct hf_live *live, struct hf_live_thread *thread);

/*
 * Stops it and sets pc, sp and link. 0; -1 with errno: ESRCH when it has ended, ETIMEDOUT when it does not stop, else
 * why ptrace(2) refuses. After 0 hf_live_thread_resume() is due.
 */
int hf_live_thread_stop(struct hf_live_thread *thread);
void hf_live_thread_resume(const struct hf_live_thread *thread);

/* Must a thread be stopped to see its link? */
bool hf_live_thread_has_link(void);
/* The address to which this word of a stack would return: signatures in its upper bits are removed. */
uint64_t hf_live_return_address(uint64_t word);

#endif
