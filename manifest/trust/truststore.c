/* SPDX-License-Identifier: Apache-2.0 */
#include "truststore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "authority.h"
#include "cleanup.h"
#include "digest.h"
#include "error.h"
#include "file.h"
#include "keyowner.h"
#include "owned.h"
#include "trustpolicy.h"

#define WHAT         "trust store"
#define KEY_FILE_MAX 16384
#define KEY_END      ".pub"
#define CA_END       ".ca.pem"
#define LIST_END     ".crl.pem"
#define OPEN_FLAGS   (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name), tail = strlen(ending);

    return length > tail && strcmp(name + length - tail, ending) == 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct hf_trust_key *)a)->name, ((const struct hf_trust_key *)b)->name);
}

/* Reads what lies in the store at fd, after a look at whose it is. */
static int read_owned(int fd, const char *path, size_t limit, uint8_t **text, size_t *size, struct hotfix_error *err)
{
    HF_FREE uint8_t *read = NULL;
    size_t length;
    struct stat status;

    if (hf_file_read_fd(fd, path, limit, &read, &length, &status, err) != 0)
        return hf_error_prefix(err, WHAT);
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;
    *text = hf_move(read);
    *size = length;
    return 0;
}

/* What a file is called without its folders and its ending. NULL without memory. */
static char *name_of(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);

    if (name && ends_in(name, ending))
        name[strlen(name) - strlen(ending)] = '\0';
    return name;
}

static int add_key(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE uint8_t *pem = NULL;
    size_t size;
    struct hf_public_key key;
    HF_FREE char *name = name_of(path, KEY_END);

    if (!name)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    if (read_owned(fd, path, KEY_FILE_MAX, &pem, &size, err) != 0)
        return -1;
    if (hf_public_key_parse(pem, size, path, &key, err) != 0)
        return hf_error_prefix(err, WHAT);
    return hf_trust_add(trust, name, &key, err) == 0 ? 0 : hf_error_prefix(err, WHAT);
}

/* Takes the authority over. */
static int adopt(struct hf_trust *trust, const char *name, struct hf_authority *authority, struct hotfix_error *err)
{
    struct hf_public_key key;

    if (hf_authority_digest(authority, key.bytes, err) != 0 || hf_trust_add(trust, name, &key, err) != 0) {
        hf_authority_destroy(authority);
        return hf_error_prefix(err, WHAT);
    }
    struct hf_trust_key *added = &trust->keys[trust->count - 1];
    memcpy(added->key.id, key.bytes, HF_KEY_ID_SIZE);
    added->authority = authority;
    return 0;
}

static int add_authority(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE uint8_t *pem = NULL;
    size_t size;
    struct hf_authority *authority;
    HF_FREE char *name = name_of(path, CA_END);

    if (!name)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    if (read_owned(fd, path, HF_AUTHORITY_FILE_MAX, &pem, &size, err) != 0)
        return -1;
    if (hf_authority_parse(pem, size, path, &authority, err) != 0)
        return hf_error_prefix(err, WHAT);
    return adopt(trust, name, authority, err);
}

static int add_list(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE uint8_t *pem = NULL;
    size_t size;
    HF_FREE char *name = name_of(path, LIST_END);

    if (!name)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    const struct hf_trust_key *key = hf_trust_named(trust, name);
    if (!key || !key->authority)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s: there is no authority %s" CA_END " beside it", path, name);
    if (read_owned(fd, path, HF_AUTHORITY_FILE_MAX, &pem, &size, err) != 0)
        return -1;
    if (hf_authority_revoke(key->authority, pem, size, path, err) != 0)
        return hf_error_prefix(err, WHAT);
    return 0;
}

static int add_policy(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (read_owned(fd, path, HF_TRUST_POLICY_MAX_SIZE, &text, &size, err) != 0)
        return -1;
    if (hf_trust_policy_parse(path, (const char *)text, size, trust, err) != 0)
        return hf_error_prefix(err, WHAT);
    return 0;
}

typedef int add_fn(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err);

/* A file in the directory. A symbolic link could make another place, with other owners, part of the store. */
static int add_entry(int directory, const char *path, const char *name, add_fn *add, struct hf_trust *trust,
                     struct hotfix_error *err)
{
    HF_FREE char *file = NULL;

    if (asprintf(&file, "%s/%s", path, name) < 0) {
        file = NULL;
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    }
    HF_CLOSE int fd = openat(directory, name, OPEN_FLAGS);
    if (fd < 0 && errno == ELOOP)
        return hf_error(err, HOTFIX_TRUST, WHAT " %s: is a symbolic link; put the file itself there", file);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", file);
    return add(fd, file, trust, err);
}

/* Every file of the directory whose name ends so; names that begin with a dot are passed over. */
static int add_entries(DIR *directory, const char *path, const char *ending, add_fn *add, struct hf_trust *trust,
                       struct hotfix_error *err)
{
    rewinddir(directory);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (!entry && errno)
            return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        if (!entry)
            return 0;
        if (entry->d_name[0] == '.' || !ends_in(entry->d_name, ending))
            continue;
        if (add_entry(dirfd(directory), path, entry->d_name, add, trust, err) != 0)
            return -1;
    }
}

static int add_directory_policy(DIR *directory, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    struct stat status;

    if (fstatat(dirfd(directory), HF_TRUST_POLICY_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return add_entry(dirfd(directory), path, HF_TRUST_POLICY_NAME, add_policy, trust, err);
    if (errno != ENOENT)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s/" HF_TRUST_POLICY_NAME ": cannot be examined", path);
    return 0;
}

/* Keys and authorities first: lists and policy are about them. */
static int add_contents(DIR *directory, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    if (add_entries(directory, path, KEY_END, add_key, trust, err) != 0 ||
        add_entries(directory, path, CA_END, add_authority, trust, err) != 0 ||
        add_entries(directory, path, LIST_END, add_list, trust, err) != 0)
        return -1;
    return add_directory_policy(directory, path, trust, err);
}

/* Takes the descriptor over. */
static int add_directory(int fd, const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    DIR *directory = fdopendir(fd);
    if (!directory) {
        hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be read", path);
        close(fd);
        return -1;
    }
    int failed = add_contents(directory, path, trust, err);
    closedir(directory);
    return failed;
}

/* path is what the store is called in messages, resolved where it is. */
static int add_all(const char *path, const char *resolved, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(resolved, OPEN_FLAGS);
    struct stat status;

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be opened", path);
    if (fstat(fd, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", path);
    if (!S_ISDIR(status.st_mode)) {
        add_fn *add = ends_in(resolved, ".ini") ? add_policy : ends_in(resolved, CA_END) ? add_authority : add_key;
        return add(fd, path, trust, err);
    }
    if (hf_owned_check(WHAT, path, &status, false, HOTFIX_TRUST, err) != 0)
        return -1;

    int directory = fd;
    fd = -1;
    return add_directory(directory, path, trust, err);
}

/* Gives key all that is said of its twin, too. */
static int merge_key(struct hf_trust_key *key, struct hf_trust_key *twin, struct hotfix_error *err)
{
    key->revoked |= twin->revoked;
    if (twin->expires && (!key->expires || twin->expires < key->expires))
        key->expires = twin->expires;
    if (!twin->roles)
        return 0;
    if (!key->roles) {
        key->roles = hf_move(twin->roles);
        return 0;
    }
    char *roles;
    if (asprintf(&roles, "%s %s", key->roles, twin->roles) < 0)
        return hf_error(err, HOTFIX_MEMORY, WHAT ": out of memory");
    free(key->roles);
    key->roles = roles;
    return 0;
}

/* Two names for one key would count as two keys. */
static int merge_twins(struct hf_trust *trust, struct hotfix_error *err)
{
    for (size_t i = 0; i < trust->count; i++) {
        for (size_t k = i + 1; k < trust->count;) {
            struct hf_trust_key *twin = &trust->keys[k];
            /* Twins among authorities are for check_apart() to refuse. */
            if (twin->authority || memcmp(trust->keys[i].key.bytes, twin->key.bytes, HF_KEY_SIZE) != 0) {
                k++;
                continue;
            }
            if (merge_key(&trust->keys[i], twin, err) != 0)
                return -1;
            hf_trust_key_deinit(twin);
            memmove(twin, twin + 1, (--trust->count - k) * sizeof(*twin));
        }
    }
    return 0;
}

/* Whether one party could sign as both. */
static int check_pair(const struct hf_trust_key *one, const struct hf_trust_key *other, struct hotfix_error *err)
{
    const struct hf_trust_key *authority = one->authority ? one : other, *key = one->authority ? other : one;
    struct hf_key_owner owner;

    if (one->authority && other->authority)
        return hf_authority_apart(one->authority, other->authority, err);
    if (!authority->authority)
        return hf_key_owner_same_ed25519(one->key.bytes, other->key.bytes)
                   ? hf_error(err, HOTFIX_TRUST, "one private key signs for both, which are opposite points")
                   : 0;
    if (hf_key_owner_of_ed25519(key->key.bytes, &owner, err) != 0)
        return -1;
    return hf_authority_holds(authority->authority, &owner)
               ? hf_error(err, HOTFIX_TRUST, "the authority has a certificate for the key; take one of the two out")
               : 0;
}

/* A policy counts parties: none may be there twice, and none may be able to make another. */
static int check_apart(const struct hf_trust *trust, struct hotfix_error *err)
{
    for (size_t i = 0; i < trust->count; i++)
        for (size_t k = i + 1; k < trust->count; k++)
            if (check_pair(&trust->keys[i], &trust->keys[k], err) != 0)
                return hf_error_prefix(err, WHAT ": %s and %s would count as two", trust->keys[i].name,
                                       trust->keys[k].name);
    return 0;
}

int hf_trust_read(const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    struct hf_trust read = {0};
    HF_FREE char *resolved = realpath(path, NULL);

    if (!resolved)
        return hf_error_sys(err, HOTFIX_IO, WHAT " %s: cannot be examined", path);
    int failed = add_all(path, resolved, &read, err);
    if (!failed && read.count == 0)
        failed = hf_error(err, HOTFIX_TRUST, WHAT " %s: holds no *.pub key and no authority, so nothing can be trusted",
                          path);
    if (!failed)
        failed = hf_owned_check_above(WHAT, resolved, HOTFIX_TRUST, err);
    if (!failed) {
        qsort(read.keys, read.count, sizeof(*read.keys), compare_keys);
        failed = merge_twins(&read, err);
    }
    if (!failed)
        failed = check_apart(&read, err);
    if (!failed && hf_trust_policy_check(&read, err) != 0)
        failed = hf_error_prefix(err, WHAT " %s", path);
    if (failed) {
        hf_trust_deinit(&read);
        return -1;
    }
    *trust = read;
    return 0;
}
