/* SPDX-License-Identifier: Apache-2.0 */
#include "source/products.h"

#include <ar.h>
#include <elf.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "compiler/thin.h"
#include "error.h"

static void close_walk(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

static bool is_libtool(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".lo") == 0 || strcmp(dot, ".la") == 0);
}

static bool is_product(const char *path, const char *name)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char magic[SARMAG];

    if (fd < 0 || pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic))
        return false;
    return memcmp(magic, ELFMAG, SELFMAG) == 0 || memcmp(magic, ARMAG, SARMAG) == 0 || hf_thin_is(fd) ||
           is_libtool(name);
}

/* Calls visit for each file until that returns something other than 0. */
static int each(const char *tree,
                int (*visit)(const FTSENT *entry, const struct timespec *now, struct hotfix_error *err),
                struct hotfix_error *err)
{
    char *const roots[] = {(char *)tree, NULL};
    __attribute__((cleanup(close_walk))) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    struct timespec now;
    int stop = 0;

    if (!walk || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", tree);
    for (FTSENT *entry; !stop && (entry = fts_read(walk));)
        if (entry->fts_info == FTS_F)
            stop = visit(entry, &now, err);
    return stop;
}

static int find_one(const FTSENT *entry, const struct timespec *now, struct hotfix_error *err)
{
    (void)now;
    (void)err;
    return is_product(entry->fts_accpath, entry->fts_name) ? 1 : 0;
}

int hf_products_find(const char *tree, bool *found, struct hotfix_error *err)
{
    int result = each(tree, find_one, err);

    if (result < 0)
        return -1;
    *found = result > 0;
    return 0;
}

static int renew_one(const FTSENT *entry, const struct timespec *now, struct hotfix_error *err)
{
    const struct timespec times[] = {*now, *now};

    if (is_product(entry->fts_accpath, entry->fts_name) ||
        utimensat(AT_FDCWD, entry->fts_accpath, times, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return hf_error_sys(err, HOTFIX_IO, "%s: its time cannot be set", entry->fts_path);
}

int hf_products_outdate(const char *tree, struct hotfix_error *err)
{
    return each(tree, renew_one, err);
}
