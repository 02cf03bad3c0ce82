/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes between any two of the calls that write the state. What is on the disk then is what was forced there:
 * a file's bytes by fsync, its name by fsync of the directory; a name that was not forced may be the old or the new
 * one. Whichever it is, the state must be whole, and once the call has returned it must be the new one.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "manifest_fixture.h"
#include "sanitized.h"
#include "verify/ratchet.h"

#define SECOND_NS UINT64_C(1000000000)
#define EMPTY     "[state]\nformat = 2\n"
#define TEXT_MAX  4096

static struct fixture_signer alice;
static struct hf_trust_key key = {.name = (char[]){"alice"}};
static struct hf_trust trust = {.keys = &key, .count = 1};
static struct hf_manifest manifest = {.target_name = (char[]){"webapp"}};
static char *path, *after;

/* What is being written, and how much of it is on the disk. */
static struct {
    bool watching;
    ino_t file; /* the new one */
    char written[TEXT_MAX];
    size_t size;
    char forced[TEXT_MAX];
    size_t forced_size;
    bool renamed;
    bool named; /* its name is on the disk, too */
    char old[TEXT_MAX];
    unsigned cuts;
} disk;

static uint64_t oldest; /* what must not be refused: the number before this advance */

/* The machine comes up again and finds these bytes. */
static void come_up(const char *text, size_t size, bool is_new)
{
    struct hotfix_error error = {.code = HOTFIX_OK};

    disk.watching = false;
    fixture_write(after, text, size, 0600);
    manifest.sequence = oldest - 1;
    assert_int_equal(hf_ratchet_check(after, &trust, &manifest, &error), -1);
    if (error.code != HOTFIX_REPLAYED || !strstr(error.message, "is an old one"))
        fail_msg("after cut %u: %s", disk.cuts, error.message);
    manifest.sequence = oldest;
    assert_int_equal(hf_ratchet_check(after, &trust, &manifest, &error), is_new ? -1 : 0);
    manifest.sequence = oldest + 1;
    assert_int_equal(hf_ratchet_check(after, &trust, &manifest, &error), 0);
    disk.watching = true;
}

static void cut(void)
{
    uint64_t sequence = manifest.sequence;

    disk.cuts++;
    if (!disk.named)
        come_up(disk.old, strlen(disk.old), false);
    if (disk.renamed)
        come_up(disk.forced, disk.forced_size, true);
    manifest.sequence = sequence;
}

#if !SANITIZED
/* In the place of the C library's, for everything in this program. */
ssize_t write(int fd, const void *bytes, size_t size)
{
    if (disk.watching && size < TEXT_MAX - disk.size) {
        struct stat status;
        cut();
        if (fstat(fd, &status) == 0) {
            disk.file = status.st_ino;
            memcpy(disk.written + disk.size, bytes, size);
            disk.size += size;
        }
    }
    return syscall(SYS_write, fd, bytes, size);
}

int fsync(int fd)
{
    struct stat status;

    if (disk.watching && fstat(fd, &status) == 0) {
        cut();
        if (S_ISDIR(status.st_mode)) {
            disk.named = disk.renamed;
        } else if (status.st_ino == disk.file) {
            memcpy(disk.forced, disk.written, disk.size);
            disk.forced_size = disk.size;
        }
    }
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    if (disk.watching) {
        cut();
        disk.renamed = true;
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
#endif

static void the_state_is_whole_whenever_the_power_goes(void **state)
{
    struct hf_signers signers = {.keys = {&key}, .count = 1};

    (void)state;
    if (SANITIZED)
        skip();
    fixture_write(path, EMPTY, strlen(EMPTY), 0600);
    manifest.sequence = 5;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    for (oldest = 5; oldest < 9; oldest++) {
        uint8_t *text;
        size_t size;
        assert_done(hf_file_read(path, HF_RATCHET_MAX_SIZE, &text, &size, ERR));
        memset(&disk, 0, sizeof(disk));
        memcpy(disk.old, text, size);
        free(text);
        manifest.sequence = oldest + 1;
        disk.watching = true;
        int result = hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR);
        disk.watching = false;
        assert_done(result);
        /* From here on code of the bundle may run. */
        assert_true(disk.named);
        cut();
        disk.watching = false;
        assert_true(disk.cuts >= 4);
    }
}

static int enter(void **state)
{
    char *resolved;

    if (fixture_enter(state) != 0)
        return -1;
    fixture_signer(&alice);
    key.key = alice.public_key;
    if (hf_ratchet_path(fixture_path("after"), &after, ERR) != 0)
        return -1;
    int result = hf_ratchet_path(fixture_path("state"), &resolved, ERR);
    path = resolved;
    return result;
}

static int leave(void **state)
{
    free(path);
    free(after);
    hf_private_key_destroy(alice.key);
    return fixture_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_state_is_whole_whenever_the_power_goes)};
    return cmocka_run_group_tests(tests, enter, leave);
}
