/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ratchet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "applied/result.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "owned.h"
#include "safepath.h"
#include "verify/ratchetfile.h"

#define WHAT           "freshness state"
#define LOCK_ENDING    ".lock"
#define LOCK_RETRY_NS  5000000
#define STATE_MODE     0600
#define OPEN_FLAGS     (O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
#define NO_RECORD_TEXT "what was applied before is not known"

static void records_cleanup(struct hf_ratchet_records *records)
{
    hf_ratchet_records_deinit(records);
}

#define HF_RECORDS __attribute__((cleanup(records_cleanup)))

/* Of an absolute path; malloc'ed. */
static char *directory_of(const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);

    return strndup(path, length ? length : 1);
}

/* The directory, so that nobody can put another file in the place of ours. */
static int check_directory(const char *path, struct hotfix_error *err)
{
    HF_FREE char *directory = directory_of(path);
    struct stat status;

    if (!directory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (lstat(directory, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot look at its directory", path);
    if (hf_owned_check(WHAT, directory, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    return hf_owned_check_above(WHAT, directory, HOTFIX_TRUST, err);
}

int hf_ratchet_path(const char *path, char **resolved, struct hotfix_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    HF_FREE char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    HF_FREE char *whole = NULL;

    if (!directory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return hf_error(err, HOTFIX_TRUST, WHAT " '%s': is not the name of a file", path);
    HF_FREE char *real = NULL;
    if (hf_safe_path(WHAT, directory, HOTFIX_TRUST, &real, err) != 0)
        return -1;
    if (asprintf(&whole, "%s/%s", real[1] ? real : "", name) < 0) {
        whole = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    if (check_directory(whole, err) != 0)
        return -1;
    *resolved = hf_move(whole);
    return 0;
}

/* The file is missing or damaged: the policy says whether that matters. */
static int lost(const char *path, const struct hf_trust *trust, const char *why, struct hotfix_error *err)
{
    if (trust->policy.lost_state_accepted)
        return 0;
    return hf_error(err, HOTFIX_REPLAYED,
                    WHAT " %s: %s, so " NO_RECORD_TEXT "; put it back, or make a new one as hotfix-trust(5) says", path,
                    why);
}

static int read_records(const char *path, const struct hf_trust *trust, struct hf_ratchet_records *records,
                        struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;
    struct stat status;
    struct hotfix_error reason;

    if (check_directory(path, err) != 0)
        return -1;
    HF_CLOSE int fd = open(path, O_RDONLY | OPEN_FLAGS);
    if (fd < 0 && errno == ENOENT)
        return lost(path, trust, "is missing", err);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", path);
    if (hf_file_read_fd(fd, path, HF_RATCHET_MAX_SIZE, &text, &size, &status, err) != 0)
        return hf_error_prefix(err, WHAT);
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    if (hf_ratchet_parse((const char *)text, size, records, &reason) == 0)
        return 0;
    if (reason.code != HOTFIX_FORMAT) {
        if (err)
            *err = reason;
        return -1;
    }
    return lost(path, trust, reason.message, err);
}

_Static_assert(sizeof(struct hf_key_owner) == HF_KEY_SIZE, "either is a record's key");

static bool is_by(const struct hf_ratchet_record *record, const struct hf_trust_key *key)
{
    struct hf_key_owner owner;

    if (!key->authority)
        return memcmp(key->key.bytes, record->key, HF_KEY_SIZE) == 0;
    memcpy(owner.bytes, record->key, sizeof(owner.bytes));
    return hf_authority_holds(key->authority, &owner);
}

/* Is the record by a key of the store that is not revoked, and by a certificate that is not revoked as compromised? */
static bool believed(const struct hf_trust *trust, const struct hf_ratchet_record *record)
{
    for (size_t i = 0; i < trust->count; i++) {
        const struct hf_trust_key *key = &trust->keys[i];
        if (is_by(record, key))
            return !key->revoked && !(key->authority && hf_authority_doubts(key->authority, &record->mark));
    }
    return false;
}

/* Both the name and the build: a bundle finds its target by its build-id, whatever it calls it. */
static bool about(const struct hf_ratchet_record *record, const struct hf_manifest *manifest)
{
    const struct hf_build_id *build_id = &manifest->target_build_id;

    return strcmp(record->target, manifest->target_name) == 0 ||
           (build_id->size > 0 && record->build_id.size == build_id->size &&
            memcmp(record->build_id.bytes, build_id->bytes, build_id->size) == 0);
}

/*
 * The highest number of a bundle for this target that counts: of keys that are believed, or where the policy says that
 * numbers start. What a key signed that is not believed any more counts as far as one step could have gone; what is
 * beyond is taken for the leap of whoever stole it.
 */
static uint64_t newest(const struct hf_ratchet_records *records, const struct hf_trust *trust,
                       const struct hf_manifest *manifest)
{
    uint64_t good = trust->policy.start, kept;

    for (size_t i = 0; i < records->count; i++)
        if (records->items[i].sequence > good && about(&records->items[i], manifest) &&
            believed(trust, &records->items[i]))
            good = records->items[i].sequence;
    kept = good;
    for (size_t i = 0; i < records->count && trust->policy.max_step; i++)
        if (records->items[i].sequence > kept && records->items[i].sequence - good <= trust->policy.max_step &&
            about(&records->items[i], manifest))
            kept = records->items[i].sequence;
    return kept;
}

static int judge(const struct hf_ratchet_records *records, const struct hf_trust *trust,
                 const struct hf_manifest *manifest, struct hotfix_error *err)
{
    uint64_t before = newest(records, trust, manifest), max_step = trust->policy.max_step;

    if (manifest->sequence == 0)
        return hf_error(err, HOTFIX_REPLAYED, "the bundle has no sequence number, so that it may be an old one");
    if (manifest->sequence < before)
        return hf_error(err, HOTFIX_REPLAYED,
                        "the bundle is an old one: its sequence number is %" PRIu64 ", and %" PRIu64
                        " was applied to %s before",
                        manifest->sequence, before, manifest->target_name);
    if (max_step && manifest->sequence - before > max_step)
        return hf_error(err, HOTFIX_REPLAYED,
                        "the bundle leaps ahead: its sequence number is %" PRIu64 ", and after %" PRIu64
                        " the policy allows at most %" PRIu64,
                        manifest->sequence, before, before + max_step);
    return 0;
}

int hf_ratchet_check(const char *path, const struct hf_trust *trust, const struct hf_manifest *manifest,
                     struct hotfix_error *err)
{
    HF_RECORDS struct hf_ratchet_records records = {0};

    if (read_records(path, trust, &records, err) != 0)
        return -1;
    return judge(&records, trust, manifest, err);
}

/*
 * Only users who may write the file can take a write lock, so no other user can block it. Closing the descriptor
 * unlocks.
 */
static int take_lock(const char *path, uint64_t deadline_ns, struct hotfix_error *err)
{
    static const struct timespec pause = {0, LOCK_RETRY_NS};
    uint64_t begin = hf_clock();
    HF_FREE char *name = NULL;

    if (asprintf(&name, "%s" LOCK_ENDING, path) < 0) {
        name = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    HF_CLOSE int fd = open(name, O_RDWR | O_CREAT | OPEN_FLAGS, STATE_MODE);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", name);
    (void)fchmod(fd, STATE_MODE); /* the caller of a setuid program chooses the umask */
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be locked", name);
        if (hf_clock() - begin > deadline_ns)
            return hf_error(err, HOTFIX_BUSY, WHAT " %s: another process is still writing it", path);
        nanosleep(&pause, NULL);
    }
    int locked = fd;
    fd = -1;
    return locked;
}

/* Without this the old file could come back after a crash of the machine. Some file systems do not need it. */
static int sync_directory(const char *path, struct hotfix_error *err)
{
    HF_FREE char *directory = directory_of(path);

    if (!directory)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    HF_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | OPEN_FLAGS);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: its directory cannot be written to the disk", path);
    return 0;
}

static int write_records(const char *path, const struct hf_ratchet_records *records, struct hotfix_error *err)
{
    HF_FREE char *text = NULL;
    struct stat status;
    size_t size = 0;

    if (hf_ratchet_format(records, &text, &size, err) != 0)
        return -1;
    bool new = lstat(path, &status) != 0;
    if (hf_file_write(path, text, size, STATE_MODE, false, err) != 0)
        return hf_error_prefix(err, WHAT);
    /* As of the lock. A file that was there has kept its mode. */
    if (new &&chmod(path, STATE_MODE) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: its mode cannot be set", path);
    return sync_directory(path, err);
}

/* For an authority the key is recorded: a new certificate for that key must keep its numbers. */
static struct hf_ratchet_record record_of(const struct hf_signers *signers, size_t which,
                                          const struct hf_manifest *manifest)
{
    bool certified = signers->keys[which]->authority != NULL;
    struct hf_ratchet_record record = {.mark = signers->marks[which],
                                       .target = manifest->target_name,
                                       .build_id = manifest->target_build_id,
                                       .sequence = manifest->sequence};

    memcpy(record.key, certified ? signers->ends[which].bytes : signers->keys[which]->key.bytes, HF_KEY_SIZE);
    return record;
}

int hf_ratchet_advance(const char *path, const struct hf_trust *trust, const struct hf_signers *signers,
                       const struct hf_manifest *manifest, uint64_t deadline_ns, struct hotfix_error *err)
{
    HF_RECORDS struct hf_ratchet_records records = {0};
    bool changed = false;

    if (check_directory(path, err) != 0)
        return -1;
    HF_CLOSE int lock = take_lock(path, deadline_ns, err);
    if (lock < 0 || read_records(path, trust, &records, err) != 0 || judge(&records, trust, manifest, err) != 0)
        return -1;
    for (size_t i = 0; i < signers->count; i++) {
        struct hf_ratchet_record record = record_of(signers, i, manifest);
        if (hf_ratchet_raise(&records, &record, &changed, err) != 0)
            return hf_error_prefix(err, WHAT " %s", path);
    }
    return changed ? write_records(path, &records, err) : 0;
}
