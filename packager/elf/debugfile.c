/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/debugfile.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "cleanup.h"
#include "elf/beside.h"
#include "elf/rebuilt.h"
#include "error.h"

/* The contents of .gnu_debuglink. */
struct link {
    const char *name; /* the image's; NULL when there is no such section */
    uint32_t crc;
};

static int out_of_memory(const struct hf_image *image, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", image->path);
}

/* The CRC is the one of zlib (gdb manual, same section). */
static bool has_crc(const char *path, uint32_t expected)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    uint8_t buffer[65536];
    uLong crc = 0;
    ssize_t size;

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    while ((size = read(fd, buffer, sizeof(buffer))) > 0)
        crc = crc32_z(crc, buffer, (size_t)size);
    return size == 0 && crc == expected;
}

static struct link read_link(const struct hf_image *image)
{
    const struct link none = {.name = NULL};
    Elf_Scn *section = hf_image_section(image, ".gnu_debuglink", NULL);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    if (!data || !data->d_buf)
        return none;
    struct link link = {.name = data->d_buf};
    size_t length = strnlen(link.name, data->d_size);
    size_t at = (length + 4) & ~(size_t)3; /* behind the NUL, aligned */
    if (length == 0 || at > data->d_size || data->d_size - at < sizeof(link.crc) || strchr(link.name, '/'))
        return none;
    memcpy(&link.crc, link.name + at, sizeof(link.crc));
    return link;
}

/* What has another build-id: a program that was built once more from the same sources, in another directory perhaps. */
static int check_rebuilt(const struct hf_image *image, const struct hf_image *debug, struct hotfix_error *err)
{
    if (debug->build_id.size == 0 || !hf_rebuilt_is_whole(debug))
        return hf_error(err, HOTFIX_INCOMPATIBLE, "debug file %s belongs to another build than %s: %s", debug->path,
                        image->path, debug->build_id.size ? "their build-ids differ" : "it has no build-id");
    if (hf_rebuilt_check(image, debug, err) != 0)
        return hf_error_prefix(err, "debug file %s belongs to another build than %s", debug->path, image->path);
    return 0;
}

static int check_belongs(const struct hf_image *image, const struct hf_image *debug, struct hotfix_error *err)
{
    const struct hf_build_id *has = &debug->build_id, *wanted = &image->build_id;
    struct link link = read_link(image);

    if (wanted->size == 0 && !link.name)
        return hf_error(err, HOTFIX_UNPROVEN,
                        "nothing tells whether debug file %s belongs to %s, which has neither build-id nor debuglink",
                        debug->path, image->path);
    if (wanted->size == 0 && !has_crc(debug->path, link.crc))
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "debug file %s belongs to another build than %s: its checksum is not the one in the debuglink",
                        debug->path, image->path);
    if (wanted->size > 0 && (has->size != wanted->size || memcmp(has->bytes, wanted->bytes, wanted->size) != 0))
        return check_rebuilt(image, debug, err);
    return 0;
}

int hf_debugfile_open(const struct hf_image *image, const char *path, struct hf_image *debug, struct hotfix_error *err)
{
    struct hf_image opened;

    if (hf_image_open(path, &opened, err) != 0)
        return -1;
    if (check_belongs(image, &opened, err) != 0) {
        hf_image_close(&opened);
        return -1;
    }
    *debug = opened;
    return 0;
}

/* Says in *note that a file was found which somebody else could have put there; closes it. 0 for "not opened". */
static int pass_over(const struct hf_image *image, struct hf_image *found, char **note)
{
    free(*note);
    if (asprintf(note,
                 "debug file %s was passed over: others than root, this user and the owner of %s could have put it "
                 "there; if it is right, give it with --debug",
                 found->path, image->path) < 0)
        *note = NULL;
    hf_image_close(found);
    return 0;
}

/* One candidate by build-id: 1 when it was opened. What exists and does not belong is remembered in *note. */
static int try_build_id(const struct hf_image *image, const char *path, struct hf_image *debug, char **note)
{
    struct hotfix_error why;

    if (access(path, F_OK) != 0)
        return 0;
    if (hf_debugfile_open(image, path, debug, &why) == 0)
        return hf_beside_believed(image, debug->fd) ? 1 : pass_over(image, debug, note);
    free(*note);
    *note = strdup(why.message);
    return 0;
}

static int find_by_build_id(const struct hf_image *image, const char *root, struct hf_image *debug, char **note,
                            struct hotfix_error *err)
{
    char hex[2 * HF_BUILD_ID_MAX + 1];
    HF_FREE char *path = NULL;

    if (image->build_id.size < 2)
        return 0;
    hf_hex_encode(image->build_id.bytes, image->build_id.size, hex);
    if (asprintf(&path, "%s/.build-id/%.2s/%s.debug", root, hex, hex + 2) < 0) {
        path = NULL;
        return out_of_memory(image, err);
    }
    return try_build_id(image, path, debug, note);
}

/* The same below the cache, where nobody else's files are believed. */
static int find_in_cache(const struct hf_image *image, struct hf_image *debug, char **note, struct hotfix_error *err)
{
    const char *given = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool xdg = given && given[0] == '/';
    HF_FREE char *root = NULL;
    struct stat status;

    if (!xdg && !(home && home[0] == '/'))
        return 0;
    if (asprintf(&root, "%s%s/hotfix/debug", xdg ? given : home, xdg ? "" : "/.cache") < 0) {
        root = NULL;
        return out_of_memory(image, err);
    }
    if (stat(root, &status) != 0 || (status.st_uid != geteuid() && status.st_uid != 0) ||
        (status.st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    return find_by_build_id(image, root, debug, note, err);
}

/* One candidate by name: 1 when it was opened. The image itself may be where its own debuglink points. */
static int try_link(const struct hf_image *image, const char *path, uint32_t crc, struct hf_image *debug, char **note)
{
    struct hotfix_error why;
    struct stat status, own;

    if (stat(path, &status) != 0 || fstat(image->fd, &own) != 0 ||
        (status.st_dev == own.st_dev && status.st_ino == own.st_ino))
        return 0;
    if (has_crc(path, crc) && hf_image_open(path, debug, &why) == 0)
        return hf_beside_believed(image, debug->fd) ? 1 : pass_over(image, debug, note);
    free(*note);
    if (asprintf(note, "debug file %s was passed over: it is not the one that %s was stripped from, by its checksum",
                 path, image->path) < 0)
        *note = NULL;
    return 0;
}

static int find_by_link(const struct hf_image *image, const char *root, struct hf_image *debug, char **note,
                        struct hotfix_error *err)
{
    struct link link = read_link(image);
    HF_FREE char *whole = link.name ? realpath(image->path, NULL) : NULL;

    if (!whole)
        return 0;
    const char *directory = dirname(whole);
    const char *const places[][2] = {{"", ""}, {"", "/.debug"}, {root, ""}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        HF_FREE char *path = NULL;
        if (asprintf(&path, "%s%s%s/%s", places[i][0], directory, places[i][1], link.name) < 0) {
            path = NULL;
            return out_of_memory(image, err);
        }
        if (try_link(image, path, link.crc, debug, note) != 0)
            return 1;
    }
    return 0;
}

int hf_debugfile_find(const struct hf_image *image, const char *root, struct hf_image *debug, char **note,
                      struct hotfix_error *err)
{
    HF_FREE char *why = NULL;

    int found = find_by_build_id(image, root, debug, &why, err);
    if (found == 0)
        found = find_in_cache(image, debug, &why, err);
    if (found == 0)
        found = find_by_link(image, root, debug, &why, err);
    if (found != 0)
        return found;
    if (!why && asprintf(&why,
                         "%s has no debug information, and no debug file of it was found; install it or give "
                         "--debug",
                         image->path) < 0) {
        why = NULL;
        return out_of_memory(image, err);
    }
    *note = hf_move(why);
    return 0;
}
