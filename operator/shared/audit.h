/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asked for what, and what came of it: one record for each process that was changed or could not be, and one for
 * each command, refusals included. It goes to the journal, or where there is none to syslog. That nobody listens stops
 * nothing: a host without a log can be fixed, too.
 */
#ifndef HF_AUDIT_H
#define HF_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hf_audit {
    const char *verb;
    const char *operand; /* the bundle's file, or the id to revert */
    const char *bundle;  /* name and version, as far as they are known; NULL: not */
    const char *id;      /* likewise */
    const char *signers; /* likewise */
    pid_t pid;           /* 0: the record is about the whole command */
    const char *result;  /* "applied", "reverted", "refused"... */
    const char *message; /* why it was refused; NULL: it was not */
    uint64_t pause_ns;   /* that the threads were stopped; 0: they were not */
};

void hf_audit_write(const struct hf_audit *record);
/* Does somebody listen? */
bool hf_audit_is_heard(void);

#endif
