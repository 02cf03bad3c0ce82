/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/host.h"

#include <stdlib.h>
#include <string.h>

#include "check/name.h"
#include "cleanup.h"
#include "elf/dynamic.h"
#include "error.h"
#include "ui/plain.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A program's own symbols come before those of all that it loads. */
static size_t find_symbols(const struct hf_dynamic *host, const struct hf_dynamic *patch, const char **names)
{
    size_t count = 0;

    for (size_t i = 0; i < patch->symbol_count; i++) {
        const struct hf_dynamic_symbol *symbol = &patch->symbols[i];
        if (!symbol->defined && symbol->name[0] != '\0' && hf_dynamic_find(host, symbol->name, symbol->version))
            names[count++] = symbol->name;
    }
    qsort(names, count, sizeof(*names), by_text);
    return count;
}

/* Each once, with a blank between them; NULL when memory is out. */
static char *join(const char **names, size_t count)
{
    size_t size = 1;

    for (size_t i = 0; i < count; i++)
        size += strlen(names[i]) + 1;
    char *text = calloc(1, size), *end = text;
    for (size_t i = 0; text && i < count; i++) {
        if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
            continue;
        if (end > text)
            *end++ = ' ';
        end = stpcpy(end, names[i]);
    }
    return text;
}

static int fill(const struct hf_check_subject *subject, const struct hf_dynamic *host, const struct hf_dynamic *patch,
                struct hf_manifest *manifest, struct hotfix_error *err)
{
    HF_FREE const char **names = calloc(patch->symbol_count + 1, sizeof(const char *));
    size_t count = names ? find_symbols(host, patch, names) : 0;
    const char *path = subject->host->path;

    if (names && count == 0)
        return 0;
    if (names && subject->host->build_id.size == 0)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "--host: %s has no build-id, by which a process could be told to run it: link it with "
                        "-Wl,--build-id",
                        path);
    manifest->host_build_id = subject->host->build_id;
    manifest->host_name = hf_plain_copy(hf_base_name(path));
    manifest->host_symbols = names ? join(names, count) : NULL;
    if (!manifest->host_name || !manifest->host_symbols)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    if (strlen(manifest->host_symbols) > HF_MANIFEST_MAX_VALUE)
        return hf_error(err, HOTFIX_INCOMPATIBLE,
                        "--host: the patch uses %zu symbols of %s, and their names have more than the %u bytes that a "
                        "bundle has room for",
                        count, path, HF_MANIFEST_MAX_VALUE);
    return 0;
}

int hf_compose_host(const struct hf_check_subject *subject, struct hf_manifest *manifest, struct hotfix_error *err)
{
    struct hf_dynamic host, patch;

    if (!subject->host)
        return 0;
    if (hf_dynamic_read(subject->host, &host, err) != 0)
        return -1;
    int result = hf_dynamic_read(&subject->patch->image, &patch, err);
    if (result == 0) {
        result = fill(subject, &host, &patch, manifest, err);
        hf_dynamic_deinit(&patch);
    }
    hf_dynamic_deinit(&host);
    return result;
}
