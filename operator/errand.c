/* SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "cleanup.h"
#include "digest.h"
#include "enter/judge.h"
#include "enter/lend.h"
#include "enter/visit.h"
#include "error.h"
#include "file.h"
#include "truststore.h"

#define PAUSE_NS   10000000L /* before a busy process is asked again, at first */
#define PAUSE_MAX  160000000L
#define STAGES_MAX 5

/* A process that is looked at, with all that is released behind it. */
struct looked {
    struct hf_target target;
    struct hf_images images;
};

static void looked_cleanup(struct looked *looked)
{
    hf_images_deinit(&looked->images);
    hf_target_close(&looked->target);
}

static void name_signers(const struct hf_signers *signers, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < signers->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", signers->keys[i]->name);
}

int hf_cargo_read(const char *path, const char *trust_path, struct hf_cargo *cargo, struct hotfix_error *err)
{
    struct hf_trust trust;
    struct hf_signers signers;

    *cargo = (struct hf_cargo){.path = path, .trust_path = trust_path};
    if (hf_trust_files_read(trust_path, &cargo->files, err) != 0 ||
        hf_trust_parse(trust_path, &cargo->files, &trust, err) != 0)
        return -1;
    int status = hf_file_read(path, HF_BUNDLE_MAX_SIZE, &cargo->bytes, &cargo->size, err);
    if (status == 0 &&
        hf_bundle_open(cargo->bytes, cargo->size, &trust, (int64_t)time(NULL), &cargo->bundle, &signers, err) != 0)
        status = hf_error_prefix(err, "bundle %s", path);
    if (status == 0)
        name_signers(&signers, cargo->signers, sizeof(cargo->signers));
    hf_trust_deinit(&trust);
    return status;
}

void hf_cargo_deinit(struct hf_cargo *cargo)
{
    hf_bundle_deinit(&cargo->bundle);
    hf_trust_files_deinit(&cargo->files);
    free(cargo->bytes);
    *cargo = (struct hf_cargo){0};
}

static const struct hf_image *find_build(const struct hf_images *images, const struct hf_build_id *id, size_t *count)
{
    const struct hf_image *found = NULL;

    *count = 0;
    for (size_t i = 0; i < images->count; i++) {
        const struct hf_image *image = &images->items[i];
        if (image->build_id_size != id->size || memcmp(image->build_id, id->bytes, id->size) != 0)
            continue;
        found = image;
        ++*count;
    }
    return found;
}

/* So that a bundle for something else touches nothing. */
static int check_target(const struct hf_cargo *cargo, const struct looked *looked, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &cargo->bundle.manifest;
    char text[2 * HF_BUILD_ID_MAX + 1];
    size_t count;

    find_build(&looked->images, &manifest->target_build_id, &count);
    hf_hex_encode(manifest->target_build_id.bytes, manifest->target_build_id.size, text);
    if (count == 0)
        return hf_error(err, HOTFIX_NO_TARGET, "process %d does not run %s with build-id %s", (int)looked->target.pid,
                        manifest->target_name, text);
    return 0;
}

/* Of a dry run: the library itself looks at more than the code. */
static int check_code(const struct hf_cargo *cargo, const struct looked *looked, struct hotfix_error *err)
{
    const struct hf_manifest *manifest = &cargo->bundle.manifest;
    size_t count;
    const struct hf_image *image = find_build(&looked->images, &manifest->target_build_id, &count);

    if (hf_visit_agent(&looked->images))
        return 0; /* other bundles may have changed the code */
    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct hf_manifest_function *function = &manifest->functions[i];
        struct hf_digest digest;
        HF_FREE uint8_t *code = malloc(function->size);
        if (!code)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        if (function->offset > image->end - image->base ||
            !hf_target_read(&looked->target, image->base + function->offset, code, function->size))
            return hf_error(err, HOTFIX_CODE_DIFFERS, "function %s of process %d cannot be read", function->name,
                            (int)looked->target.pid);
        if (hf_digest_compute(code, function->size, &digest, err) != 0)
            return -1;
        if (!hf_digest_equal(&digest, &function->digest))
            return hf_error(err, HOTFIX_CODE_DIFFERS,
                            "the code of %s in process %d is not what the bundle was made for", function->name,
                            (int)looked->target.pid);
    }
    return 0;
}

static size_t align(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* Where things come to lie in the process, one behind the other. */
struct packing {
    const struct hf_target *target;
    uint64_t next;
    bool failed;
};

static uint64_t put(struct packing *packing, const void *bytes, size_t size)
{
    uint64_t address = packing->next;

    packing->failed |= !hf_target_write(packing->target, address, bytes, size);
    packing->next += align(size);
    return address;
}

static size_t cargo_size(const struct hf_cargo *cargo)
{
    size_t size = align(sizeof(struct hf_agent_request)) + HF_LEND_SPACE;

    if (!cargo)
        return size;
    size += align(cargo->size) + align(cargo->files.count * sizeof(struct hf_agent_file));
    for (size_t i = 0; i < cargo->files.count; i++)
        size += align(cargo->files.items[i].size) + align(strlen(cargo->files.items[i].path) + 1);
    return size;
}

/* Writes the request and all that it refers to; its address. 0 when that cannot be written. */
static uint64_t pack(const struct hf_errand *errand, const struct hf_visit *visit)
{
    struct packing packing = {.target = visit->target, .next = visit->cargo + align(sizeof(struct hf_agent_request))};
    const struct hf_cargo *cargo = errand->cargo;
    struct hf_agent_request request = {.size = sizeof(request),
                                       .verb = cargo ? HF_AGENT_APPLY : HF_AGENT_REVERT,
                                       .deadline_ns = errand->stop_ns,
                                       .saved_errno = visit->saved_errno};

    if (cargo) {
        HF_FREE struct hf_agent_file *files = calloc(cargo->files.count + 1, sizeof(*files));
        if (!files)
            return 0;
        for (size_t i = 0; i < cargo->files.count; i++) {
            const struct hf_trust_file *file = &cargo->files.items[i];
            files[i] = (struct hf_agent_file){.kind = file->kind,
                                              .path = put(&packing, file->path, strlen(file->path) + 1),
                                              .bytes = put(&packing, file->bytes, file->size),
                                              .size = file->size};
        }
        request.files = put(&packing, files, cargo->files.count * sizeof(*files));
        request.file_count = cargo->files.count;
        request.bundle = put(&packing, cargo->bytes, cargo->size);
        request.bundle_size = cargo->size;
        snprintf(request.trust, sizeof(request.trust), "%s", cargo->trust_path);
    } else {
        snprintf(request.id, sizeof(request.id), "%s", errand->id);
    }
    packing.next = visit->cargo;
    put(&packing, &request, sizeof(request));
    return packing.failed ? 0 : visit->cargo;
}

static int take_answer(const struct hf_visit *visit, uint64_t address, struct hf_agent_request *answer,
                       struct hotfix_error *err)
{
    if (!hf_target_read(visit->target, address, answer, sizeof(*answer)) || answer->answered != 1)
        return hf_error(err, HOTFIX_INTERNAL, "the library in process %d gives no answer", (int)visit->target->pid);
    answer->message[sizeof(answer->message) - 1] = '\0';
    answer->applied_id[sizeof(answer->applied_id) - 1] = '\0';
    answer->name[sizeof(answer->name) - 1] = '\0';
    answer->version[sizeof(answer->version) - 1] = '\0';
    answer->signers[sizeof(answer->signers) - 1] = '\0';
    if (answer->code == HOTFIX_OK)
        return 0;
    hf_error(err, (enum hotfix_code)answer->code, "process %d: %s", (int)visit->target->pid, answer->message);
    if (err)
        err->sys_errno = (int)answer->sys_errno;
    return -1;
}

static int visit_process(const struct hf_errand *errand, struct hf_visit *visit, struct hf_agent_request *answer,
                         struct hotfix_error *err)
{
    if (hf_visit_furnish(visit, cargo_size(errand->cargo), err) != 0 || hf_visit_bring(visit, err) != 0)
        return -1;
    uint64_t request = pack(errand, visit);
    if (!request)
        return hf_error(err, HOTFIX_NO_TARGET, "the memory of process %d cannot be written", (int)visit->target->pid);
    if (hf_visit_enter(visit, request, err) != 0)
        return -1;
    return take_answer(visit, request, answer, err);
}

static int try_once(const struct hf_errand *errand, struct looked *looked, uint64_t deadline, struct hf_answer *answer,
                    struct hotfix_error *err)
{
    struct hf_visit visit = {0};

    *answer = (struct hf_answer){.held_ns = 0};
    int status = hf_visit_open(&looked->target, &looked->images, deadline, &visit, err);
    if (status == 0 && !errand->dry_run)
        status = visit_process(errand, &visit, &answer->said, err);
    hf_visit_close(&visit);
    answer->held_ns = visit.began ? hf_now_ns() - visit.began : 0;
    return status;
}

/*
 * A process whose threads are where they may not be for the switch is asked again, less and less often; a few times
 * also where the patch came to lie in the wrong place, since other threads map memory while it is loaded.
 */
static int try_again(const struct hf_errand *errand, struct looked *looked, struct hf_answer *answer,
                     struct hotfix_error *err)
{
    uint64_t deadline = hf_now_ns() + errand->deadline_ns;
    struct hotfix_error error;
    long pause = PAUSE_NS;
    int stages = 0;

    while (try_once(errand, looked, deadline, answer, &error) != 0) {
        bool misplaced = error.code == HOTFIX_STAGE && stages++ < STAGES_MAX;
        bool again = answer->said.answered == 1 && (error.code == HOTFIX_BUSY || misplaced) && !hf_visit_interrupted;
        if (!again || hf_now_ns() + (uint64_t)pause > deadline) {
            if (err)
                *err = error;
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        pause = pause < PAUSE_MAX ? 2 * pause : pause;
        if (hf_target_remap(&looked->target, err) != 0 ||
            hf_images_read(&looked->target, true, &looked->images, err) != 0)
            return -1;
    }
    return 0;
}

/*
 * Two of these commands in one process would bring two libraries. They take turns by a lock on the file of its memory,
 * which nobody can open, and so hold up, who may not trace the process.
 */
static int take_turn(pid_t pid, uint64_t deadline, int *lock, struct hotfix_error *err)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return hf_error_sys(err, HOTFIX_IO, "%s cannot be locked", path);
        if (hf_now_ns() > deadline || hf_visit_interrupted)
            return hf_error(err, HOTFIX_BUSY, "another hotfixctl is at process %d: try again when it is done",
                            (int)pid);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    *lock = fd; /* what cannot be opened cannot be entered either, as is told later */
    fd = -1;
    return 0;
}

int hf_errand_run(const struct hf_errand *errand, pid_t pid, struct hf_answer *answer, struct hotfix_error *err)
{
    HF_CLOSE int lock = -1;
    __attribute__((cleanup(looked_cleanup))) struct looked looked = {0};

    if (take_turn(pid, hf_now_ns() + errand->deadline_ns, &lock, err) != 0 ||
        hf_target_open(pid, &looked.target, err) != 0 || hf_images_read(&looked.target, true, &looked.images, err) != 0)
        return -1;
    if (!errand->cargo && !hf_visit_agent(&looked.images) && !hf_images_named(&looked.images, "libhotfix.so.0"))
        return hf_error(err, HOTFIX_NOT_APPLIED, "process %d: no bundle is applied", (int)pid);
    if (hf_judge(&looked.target, &looked.images, err) != 0)
        return -1;
    if (errand->cargo && check_target(errand->cargo, &looked, err) != 0)
        return -1;
    if (errand->dry_run && errand->cargo && check_code(errand->cargo, &looked, err) != 0)
        return -1;
    return try_again(errand, &looked, answer, err);
}
