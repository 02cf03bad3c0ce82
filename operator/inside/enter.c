/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library that hotfixctl loads into a process that has none: libhotfix, and this entry. The entry runs on a thread
 * of the process that was stopped in a system call, on a separate stack, with all signals blocked.
 */
#include "inside/board.h"
#include "inside/protocol.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "hotfix.h"
#include "trustfile.h"

#define AGENT_API __attribute__((visibility("default")))

AGENT_API void hotfix_agent_enter(struct hf_agent_request *request);

static void copy(char *to, const char *from, size_t size)
{
    snprintf(to, size, "%s", from);
}

static void write_answer(struct hf_agent_request *request, const struct hotfix_result *result)
{
    size_t used = 0;

    request->code = result->error.code;
    request->sys_errno = result->error.sys_errno;
    request->pause_ns = result->cost.pause;
    request->running_pause_ns = result->running_pause;
    request->total_ns = result->cost.total;
    request->function_count = result->function_count;
    copy(request->message, result->error.message, sizeof(request->message));
    copy(request->applied_id, result->id, sizeof(request->applied_id));
    copy(request->name, result->name, sizeof(request->name));
    copy(request->version, result->version, sizeof(request->version));
    for (size_t i = 0; i < result->signer_count && used < sizeof(request->signers); i++)
        used += (size_t)snprintf(request->signers + used, sizeof(request->signers) - used, "%s%s", i > 0 ? ", " : "",
                                 result->signers[i].name);
}

static int collect(const struct hf_agent_request *request, struct hf_trust_files *files)
{
    const struct hf_agent_file *sent = (const struct hf_agent_file *)request->files;

    files->items = calloc(request->file_count, sizeof(*files->items));
    if (!files->items)
        return -1;
    files->count = request->file_count;
    for (size_t i = 0; i < files->count; i++)
        files->items[i] = (struct hf_trust_file){.kind = (enum hf_trust_kind)sent[i].kind,
                                                 .path = (char *)sent[i].path,
                                                 .bytes = (uint8_t *)sent[i].bytes,
                                                 .size = sent[i].size};
    return 0;
}

static void serve(struct hf_agent_request *request, struct hotfix_result *result)
{
    struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
    struct hf_trust_files files = {0};
    struct hotfix *hotfix;

    options.deadline_ns = request->deadline_ns;
    if (request->verb == HF_AGENT_APPLY && collect(request, &files) != 0) {
        result->error.code = HOTFIX_MEMORY;
        copy(result->error.message, "out of memory", sizeof(result->error.message));
        return;
    }
    if (hf_handle_create(request->trust, request->verb == HF_AGENT_APPLY ? &files : NULL, &hotfix, &result->error) ==
        0) {
        if (request->verb == HF_AGENT_APPLY)
            hotfix_apply_memory_opt(hotfix, (const void *)request->bundle, request->bundle_size, &options, result);
        else
            hotfix_revert_opt(hotfix, request->id, &options, result);
        hotfix_close(hotfix);
    }
    free(files.items);
}

void hotfix_agent_enter(struct hf_agent_request *request)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;

    /* No code of this copy of libcrypto may run when the process exits. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    serve(request, &result);
    hf_board_update();
    write_answer(request, &result);
    hotfix_result_deinit(&result);
    __atomic_store_n(&request->answered, 1, __ATOMIC_SEQ_CST);
    errno = (int)request->saved_errno;
}
