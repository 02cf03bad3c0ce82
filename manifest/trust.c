/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define KEY_FILE_MAX 16384

/* Whoever can write the store decides what is trusted: only its owner and root may. A sticky bit does not help a
 * directory. */
static int check_mode(const char *path, const struct stat *status, struct hotfix_error *err)
{
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return hf_error(err, HOTFIX_TRUST, "trust store %s: may be written by other users (mode %04o); chmod go-w it",
                        path, status->st_mode & 07777);
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct hf_trust_key *)a)->name, ((const struct hf_trust_key *)b)->name);
}

static int add_file(const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    struct stat status;
    HF_FREE uint8_t *pem = NULL;
    size_t size;
    struct hf_public_key key;

    if (trust->count >= HF_TRUST_MAX_KEYS)
        return hf_error(err, HOTFIX_TRUST, "trust store: more than %d keys", HF_TRUST_MAX_KEYS);
    if (hf_file_read_status(path, KEY_FILE_MAX, &pem, &size, &status, err) != 0)
        return hf_error_prefix(err, "trust store");
    if (check_mode(path, &status, err) != 0)
        return -1;
    if (hf_public_key_parse(pem, size, path, &key, err) != 0)
        return hf_error_prefix(err, "trust store");

    struct hf_trust_key *keys = reallocarray(trust->keys, trust->count + 1, sizeof(*keys));
    if (!keys)
        return hf_error(err, HOTFIX_MEMORY, "trust store: out of memory");
    trust->keys = keys;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length > 4 && strcmp(base + length - 4, ".pub") == 0)
        length -= 4;
    keys[trust->count].key = key;
    keys[trust->count].name = strndup(base, length);
    if (!keys[trust->count].name)
        return hf_error(err, HOTFIX_MEMORY, "trust store: out of memory");
    trust->count++;
    return 0;
}

/* Takes a directory entry that is called like a public key, and passes over every other. */
static int add_entry(const char *path, const char *name, struct hf_trust *trust, struct hotfix_error *err)
{
    HF_FREE char *file = NULL;
    size_t length = strlen(name);

    if (name[0] == '.' || length <= 4 || strcmp(name + length - 4, ".pub") != 0)
        return 0;
    if (asprintf(&file, "%s/%s", path, name) < 0) {
        file = NULL;
        return hf_error(err, HOTFIX_MEMORY, "trust store: out of memory");
    }
    return add_file(file, trust, err);
}

static int add_directory(const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    DIR *directory = opendir(path);
    if (!directory)
        return hf_error_sys(err, HOTFIX_IO, "trust store %s: cannot be read", path);

    int failed = 0;
    while (!failed) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (!entry && errno)
            failed = hf_error_sys(err, HOTFIX_IO, "trust store %s: cannot be read", path);
        if (!entry)
            break;
        failed = add_entry(path, entry->d_name, trust, err);
    }
    closedir(directory);
    return failed;
}

int hf_trust_read(const char *path, struct hf_trust *trust, struct hotfix_error *err)
{
    struct hf_trust read = {0};
    struct stat status;

    if (stat(path, &status) != 0)
        return hf_error_sys(err, HOTFIX_IO, "trust store %s: cannot be examined", path);
    bool directory = S_ISDIR(status.st_mode);
    int failed = directory ? check_mode(path, &status, err) : add_file(path, &read, err);
    if (!failed && directory)
        failed = add_directory(path, &read, err);
    if (!failed && read.count == 0)
        failed = hf_error(err, HOTFIX_TRUST, "trust store %s: holds no *.pub key, so nothing can be trusted", path);
    if (failed) {
        hf_trust_deinit(&read);
        return -1;
    }
    qsort(read.keys, read.count, sizeof(*read.keys), compare_keys);
    *trust = read;
    return 0;
}

void hf_trust_deinit(struct hf_trust *trust)
{
    for (size_t i = 0; i < trust->count; i++)
        free(trust->keys[i].name);
    free(trust->keys);
    trust->keys = NULL;
    trust->count = 0;
}

const struct hf_trust_key *hf_trust_find(const struct hf_trust *trust, const uint8_t id[HF_KEY_ID_SIZE])
{
    for (size_t i = 0; i < trust->count; i++)
        if (memcmp(trust->keys[i].key.id, id, HF_KEY_ID_SIZE) == 0)
            return &trust->keys[i];
    return NULL;
}
