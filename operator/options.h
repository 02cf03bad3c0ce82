/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of hotfixctl. */
#ifndef HF_CTL_OPTIONS_H
#define HF_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "process/select.h"

struct hf_ctl {
    const char *verb;
    const char *operand; /* a bundle, an id or a unit; NULL: none, where the verb allows that */
    struct hf_pids pids; /* of --pid */
    const char *exe;     /* of --exe */
    const char *unit;    /* of --unit */
    bool all;
    const char *trust;
    const char *store; /* of enabled bundles */
    const char *root;  /* enable-unit: "" is this host's own */
    const char *agent; /* likewise: the file to be preloaded; NULL: where it is installed */
    bool required;     /* enable: programs must not start without it */
    uint64_t deadline_ns;
    uint64_t stop_ns; /* 0: not given */
    bool dry_run;
    bool verify;
    const char *metrics; /* a file; NULL: none */
    size_t max_failures;
    size_t canary;          /* processes that come first; 0: none do */
    bool canary_is_percent; /* or so many of 100 */
    const char *health;     /* a command for the shell */
    unsigned int wait;      /* seconds */
    bool json;
};

/* 0; 1 when help or the version was printed; -1 with HOTFIX_USAGE: verb and json are set as far as they are known. */
int hf_ctl_parse(int argc, char **argv, struct hf_ctl *ctl, struct hotfix_error *err);

#endif
