/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/debugfile.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define DEBUG_FILE_MAX (4ul << 30)

static bool same_build(const struct hf_image *image, const struct hf_image *debug)
{
    return image->build_id.size > 0 && image->build_id.size == debug->build_id.size &&
           memcmp(image->build_id.bytes, debug->build_id.bytes, image->build_id.size) == 0;
}

int hf_debugfile_open(const struct hf_image *image, const char *path, struct hf_image *debug, struct hotfix_error *err)
{
    struct hf_image opened;

    if (hf_image_open(path, &opened, err) != 0)
        return -1;
    if (!same_build(image, &opened)) {
        hf_image_close(&opened);
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "debug file %s belongs to another build than %s (their build-ids differ)", path, image->path);
    }
    *debug = opened;
    return 0;
}

/* One candidate by build-id: 1 when it was opened. What exists and does not belong is remembered in *note. */
static int try_build_id(const struct hf_image *image, const char *path, struct hf_image *debug, char **note)
{
    struct hotfix_error why;

    if (access(path, F_OK) != 0)
        return 0;
    if (hf_debugfile_open(image, path, debug, &why) == 0)
        return 1;
    free(*note);
    *note = strdup(why.message);
    return 0;
}

static int find_by_build_id(const struct hf_image *image, struct hf_image *debug, char **note, struct hotfix_error *err)
{
    char hex[2 * HF_BUILD_ID_MAX + 1];
    HF_FREE char *path = NULL;

    if (image->build_id.size < 2)
        return 0;
    hf_hex_encode(image->build_id.bytes, image->build_id.size, hex);
    if (asprintf(&path, HF_DEBUG_ROOT "/.build-id/%.2s/%s.debug", hex, hex + 2) < 0) {
        path = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    return try_build_id(image, path, debug, note);
}

/* The CRC that .gnu_debuglink carries is the one of zlib (gdb manual, same section). */
static bool has_crc(const char *path, uint32_t expected)
{
    HF_FREE uint8_t *bytes = NULL;
    size_t size;

    if (hf_file_read(path, DEBUG_FILE_MAX, &bytes, &size, NULL) != 0)
        return false;
    return crc32_z(0, bytes, size) == expected;
}

static int try_link(const char *path, uint32_t crc, struct hf_image *debug, char **note)
{
    struct hotfix_error why;

    if (access(path, F_OK) != 0)
        return 0;
    free(*note);
    *note = NULL;
    if (!has_crc(path, crc)) {
        if (asprintf(note, "debug file %s was passed over: its checksum is not the one in .gnu_debuglink", path) < 0)
            *note = NULL;
        return 0;
    }
    if (hf_image_open(path, debug, &why) == 0)
        return 1;
    *note = strdup(why.message);
    return 0;
}

static int find_by_link(const struct hf_image *image, struct hf_image *debug, char **note, struct hotfix_error *err)
{
    GElf_Shdr header;
    Elf_Scn *section = hf_image_section(image, ".gnu_debuglink", &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    if (!data || !data->d_buf)
        return 0;
    const char *name = data->d_buf;
    size_t length = strnlen(name, data->d_size);
    size_t at = (length + 4) & ~(size_t)3;
    uint32_t crc;
    if (length == 0 || length == data->d_size || at > data->d_size || data->d_size - at < sizeof(crc) ||
        strchr(name, '/'))
        return 0;
    memcpy(&crc, name + at, sizeof(crc));

    HF_FREE char *whole = realpath(image->path, NULL);
    if (!whole)
        return 0;
    const char *directory = dirname(whole);
    static const char *const places[][2] = {{"", ""}, {"", "/.debug"}, {HF_DEBUG_ROOT, ""}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        HF_FREE char *path = NULL;
        if (asprintf(&path, "%s%s%s/%s", places[i][0], directory, places[i][1], name) < 0) {
            path = NULL;
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        }
        if (try_link(path, crc, debug, note) != 0)
            return 1;
    }
    return 0;
}

int hf_debugfile_find(const struct hf_image *image, struct hf_image *debug, char **note, struct hotfix_error *err)
{
    HF_FREE char *why = NULL;

    int found = find_by_build_id(image, debug, &why, err);
    if (found == 0)
        found = find_by_link(image, debug, &why, err);
    if (found != 0)
        return found;
    if (!why && asprintf(&why, "%s has no debug information and no debug file was found; install it or give --debug",
                         image->path) < 0) {
        why = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    *note = hf_move(why);
    return 0;
}
