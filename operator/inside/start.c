/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry for a program that starts with the agent preloaded: it applies what is enabled, on the only thread, before
 * main and the program's own constructors. What cannot be applied is told to the journal; the program starts all the
 * same, unless the bundle is demanded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "hotfix.h"
#include "inside/board.h"
#include "inside/protocol.h"
#include "shared/audit.h"
#include "shared/starts.h"
#include "shared/store.h"

#define DEADLINE_NS    UINT64_C(2000000000)
#define ATTEMPTS       3
#define LISTINGS       8 /* of a store that changes meanwhile */
#define PROGRAM_DIGITS (HF_STARTS_PROGRAM - 1)

__attribute__((visibility("default"))) int hotfix_agent_start(struct hf_agent_start *start);

struct run {
    struct hf_agent_start *start;
    struct hotfix *hotfix;           /* NULL: there is none, error says why */
    struct hotfix_error error;       /* of the handle */
    char program[HF_STARTS_PROGRAM]; /* begin of its build-id */
    bool counts;                     /* its start may be recorded */
    bool main;                       /* it is the main process of a systemd unit */
    bool failed;                     /* something that is demanded could not be applied */
};

static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * Whose crashes count: not those of a program with more rights than its caller, who could kill it at will, and not
 * those of a process that was started by one of the same program, as sshd starts one for each connection: strangers
 * could end it at will.
 */
static bool may_count(void)
{
    char parent[32];

    snprintf(parent, sizeof(parent), "/proc/%d/exe", (int)getppid());
    return !getauxval(AT_SECURE) && !is_same_file("/proc/self/exe", parent);
}

static bool is_unit_main(void)
{
    const char *pid = secure_getenv("SYSTEMD_EXEC_PID");

    return pid && strtol(pid, NULL, 10) == getpid();
}

static void tell(const char *id, const struct hotfix_result *result, const char *outcome, const char *message)
{
    char name[2 * HOTFIX_NAME_SIZE] = "", signers[HF_AGENT_SIGNERS_SIZE] = "";
    size_t used = 0;

    if (result && result->name[0])
        snprintf(name, sizeof(name), "%s %s", result->name, result->version);
    for (size_t i = 0; result && i < result->signer_count && used < sizeof(signers); i++)
        used += (size_t)snprintf(signers + used, sizeof(signers) - used, "%s%s", i > 0 ? ", " : "",
                                 result->signers[i].name);
    hf_audit_write(&(struct hf_audit){.verb = "start",
                                      .operand = id,
                                      .bundle = name[0] ? name : NULL,
                                      .id = id,
                                      .signers = signers,
                                      .pid = getpid(),
                                      .result = outcome,
                                      .message = message});
}

/* The first reason is the one that is told. */
static void demand(struct run *run, const char *id, const char *message)
{
    struct hotfix_error error;

    if (run->failed)
        return;
    run->failed = true;
    hf_error(&error, HOTFIX_STAGE, "bundle %s, which is demanded, was not applied: %s", id, message);
    memcpy(run->start->message, error.message, sizeof(run->start->message));
}

/* Other threads of a busy host may take the helper's time away: a few attempts. */
static int apply(struct run *run, const uint8_t *bytes, size_t size, struct hotfix_result *result)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;

    options.deadline_ns = DEADLINE_NS;
    for (int attempt = 1;; attempt++) {
        if (hotfix_apply_memory_opt(run->hotfix, bytes, size, &options, result) == 0)
            return 0;
        if (attempt == ATTEMPTS || (result->error.code != HOTFIX_BUSY && result->error.code != HOTFIX_STAGE))
            return -1;
        hotfix_result_deinit(result);
        *result = (struct hotfix_result)HOTFIX_RESULT_INIT;
    }
}

/* Is that as good as applied? A bundle that was applied before may take its place. */
static bool is_settled(const struct hotfix_error *error)
{
    return error->code == HOTFIX_APPLIED || error->code == HOTFIX_REPLAYED;
}

/*
 * False when the bundle has just been taken away, perhaps by one that takes its place. That a bundle was applied is
 * told of programs that it is for, and of services: one for the C library would fill the journal.
 */
static bool start_bundle(struct run *run, const struct hf_store *store, const struct hf_stored *stored, bool own,
                         bool last)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    HF_FREE uint8_t *bytes = NULL;
    const char *id = hf_stored_id(stored);
    size_t size = 0;
    int status = -1;

    if (!run->hotfix)
        result.error = run->error;
    else
        status = hf_store_read(store, stored, &bytes, &size, &result.error);
    if (!last && run->hotfix && status != 0 && stored->present && result.error.sys_errno == ENOENT)
        return false;
    if (status == 0) {
        /* One that is demanded is never in quarantine: strangers who can crash the program must not turn it off. */
        if (!stored->required && hf_starts_begin(id, run->program, run->counts && (own || run->main))) {
            tell(id, NULL, "in quarantine", "the program crashed twice in a row shortly after it was started with it");
            return true;
        }
        status = apply(run, bytes, size, &result);
        if (status == 0)
            hf_starts_applied();
        else
            hf_starts_cancel();
    }
    if (status == 0 && (own || run->main))
        tell(id, &result, "applied", NULL);
    if (status != 0 && !is_settled(&result.error)) {
        tell(id, &result, "refused", result.error.message);
        if (stored->required)
            demand(run, id, result.error.message);
    }
    hotfix_result_deinit(&result);
    return true;
}

/* Whether one of its bundles is demanded the agent finds out, who needs no memory for that. */
static void leave_unread(struct run *run, size_t index, const struct hotfix_error *error)
{
    if (run->failed || index >= 64)
        return;
    run->start->unread |= UINT64_C(1) << index;
    memcpy(run->start->message, error->message, sizeof(run->start->message));
}

static void start_build(struct run *run, size_t index)
{
    const char *build = run->start->builds[index];
    bool own = strcmp(build, run->start->program) == 0, again = true;

    for (int attempt = 0; attempt < LISTINGS && again; attempt++) {
        struct hf_store store = {0};
        struct hotfix_error error;
        again = false;
        if (hf_store_list(run->start->store, build, &store, &error) != 0) {
            tell(build, NULL, "refused", error.message);
            leave_unread(run, index, &error);
            return;
        }
        for (size_t i = 0; i < store.count; i++)
            again |= !start_bundle(run, &store, &store.items[i], own, attempt == LISTINGS - 1);
        hf_store_deinit(&store);
    }
}

static void open_handle(struct run *run)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;

    options.trust = run->start->trust;
    if (dlsym(RTLD_DEFAULT, "hotfix_open"))
        hf_error(&run->error, HOTFIX_STOP,
                 "the program has libhotfix itself, and two libraries would undo each other's work: let the program "
                 "apply the bundle");
    else
        hotfix_open(&options, &run->hotfix, &run->error);
}

int hotfix_agent_start(struct hf_agent_start *start)
{
    struct run run = {.start = start, .counts = may_count(), .main = is_unit_main()};
    int saved = errno;

    /* No code of this copy of libcrypto may run when the process exits. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    snprintf(run.program, sizeof(run.program), "%.*s", PROGRAM_DIGITS, start->program);
    open_handle(&run);
    for (size_t i = 0; i < start->build_count; i++)
        start_build(&run, i);
    hotfix_close(run.hotfix);
    hf_board_update();
    errno = saved;
    return run.failed ? -1 : 0;
}
