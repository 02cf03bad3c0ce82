/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between hotfixctl and the library that it loads into a process. Both may have different versions, since
 * the library stays in the process until it ends. So no field here changes its place or meaning; new fields are added
 * at the end, and `size` says how much is there.
 */
#ifndef HF_PROTOCOL_H
#define HF_PROTOCOL_H

#include <stdint.h>

#define HF_AGENT_SONAME  "libhotfix-inside.so.0"
#define HF_AGENT_ENTER   "hotfix_agent_enter" /* void (struct hf_agent_request *) */
#define HF_AGENT_BOARD   "hotfix_agent_board" /* struct hf_agent_board */
#define HF_AGENT_APPLIED 64                   /* bundles that the board has room for */

#define HF_AGENT_PATH_SIZE    256
#define HF_AGENT_MESSAGE_SIZE 512
#define HF_AGENT_SIGNERS_SIZE 256
#define HF_AGENT_ID_SIZE      40
#define HF_AGENT_NAME_SIZE    72

enum { HF_AGENT_APPLY = 1, HF_AGENT_REVERT = 2 };

/* A file of the trust store (trustfile.h). */
struct hf_agent_file {
    uint64_t kind;
    uint64_t path; /* addresses in the process */
    uint64_t bytes;
    uint64_t size;
};

struct hf_agent_request {
    uint64_t size; /* of this struct, as the sender knows it */
    uint64_t verb;
    uint64_t bundle; /* address of its bytes */
    uint64_t bundle_size;
    uint64_t files; /* address of an array of struct hf_agent_file */
    uint64_t file_count;
    uint64_t deadline_ns;           /* as in struct hotfix_apply_options */
    int64_t saved_errno;            /* the value that errno must have afterwards */
    char trust[HF_AGENT_PATH_SIZE]; /* name of the trust store for messages */
    char id[HF_AGENT_ID_SIZE];      /* to revert */
    uint64_t answered;              /* the fields below are the answer; 1 when it is complete */
    int64_t code;                   /* enum hotfix_code */
    int64_t sys_errno;
    uint64_t pause_ns;
    uint64_t running_pause_ns;
    uint64_t total_ns;
    uint64_t function_count;
    char message[HF_AGENT_MESSAGE_SIZE];
    char applied_id[HF_AGENT_ID_SIZE];
    char name[HF_AGENT_NAME_SIZE];
    char version[HF_AGENT_NAME_SIZE];
    char signers[HF_AGENT_SIGNERS_SIZE]; /* names, separated by ", " */
};

/* The applied bundles, for reading from outside while the process runs. */
struct hf_agent_board {
    char magic[8];    /* "hfboard" */
    uint64_t size;    /* of this struct */
    uint64_t changes; /* odd while it is being written */
    uint64_t count;   /* bundles, oldest first; those beyond the room of the table are only counted */
    struct {
        char id[HF_AGENT_ID_SIZE];
        char name[HF_AGENT_NAME_SIZE];
        char version[HF_AGENT_NAME_SIZE];
        uint64_t function_count;
    } applied[HF_AGENT_APPLIED];
};

#define HF_AGENT_BOARD_MAGIC "hfboard"

/*
 * What the preloaded agent asks of the library when a program starts: int (struct hf_agent_start *). 0, or -1 when a
 * bundle that is demanded could not be applied, with the reason as message.
 */
#define HF_AGENT_START      "hotfix_agent_start"
#define HF_AGENT_INSIDE     "libhotfix-inside.so" /* the library's file, beside the agent */
#define HF_AGENT_STORE      "/var/lib/hotfix/enabled"
#define HF_AGENT_TRUST      "/etc/hotfix/trust"
#define HF_AGENT_BUILD_SIZE 129 /* hexadecimal, with its NUL */

struct hf_agent_start {
    uint64_t size;             /* of this struct, as the caller knows it */
    const char *store;         /* of enabled bundles */
    const char *trust;         /* the trust store */
    const char *program;       /* build-id of the main program; "": it has none */
    const char *const *builds; /* those for which something is enabled */
    uint64_t build_count;
    char message[HF_AGENT_MESSAGE_SIZE];
    uint64_t unread; /* bit i: the directory of builds[i] could not be read, message says why; then it returns 0 */
};

#endif
