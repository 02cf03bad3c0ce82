/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader's tests share: a target library and patches compiled at test time, bundles made of them with the
 * manifest/ parts, and a picture of the process to compare before and after.
 */
#ifndef HF_TESTS_LOADER_FIXTURE_H
#define HF_TESTS_LOADER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arch.h"
#include "bundle.h"
#include "file.h"
#include "fixup.h"
#include "hotfix.h"
#include "key.h"
#include "pack/restamp.h"
#include "process/module.h"
#include "sanitized.h"
#include "signature.h"
#include "stamp.h"

#define PATH_SIZE     512
#define FIXTURE       static __attribute__((unused))
#define FIXTURE_BELOW 32 /* bundles that one may lie over */

struct fixture {
    char dir[64];
    char trust[80];
    struct hf_private_key *key;
    void *target; /* dlopen handle */
    struct hf_module module;
    struct hf_build_id build_id;
};

static struct hotfix_error fixture_error;

FIXTURE void fixture_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Compiles C source to <dir>/<name>. */
FIXTURE void fixture_compile(const struct fixture *fixture, const char *name, const char *flags, const char *source)
{
    char path[PATH_SIZE], command[5 * PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s.c", fixture->dir, name);
    fixture_write(path, source);
    snprintf(command, sizeof(command), "${CC:-cc} -O1 -g0 -fPIC -shared -Wl,--build-id %s -o %s/%s %s", flags,
             fixture->dir, name, path);
    assert_int_equal(system(command), 0);
}

/* Offset and size of an exported function in a loaded library. */
FIXTURE void fixture_symbol(void *library, const char *name, uint64_t *offset, uint64_t *size)
{
    void *address = dlsym(library, name);
    assert_non_null(address);

    Dl_info info;
    const ElfW(Sym) * symbol;
    assert_int_not_equal(dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT), 0);
    *offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
    *size = symbol->st_size;
}

/* Loads <dir>/<name> as the target. */
FIXTURE void fixture_load(struct fixture *fixture, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
    fixture->target = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!fixture->target)
        fail_msg("%s", dlerror());

    size_t size;
    struct hf_module module = {0};
    assert_int_equal(hf_module_open(dlopen(path, RTLD_NOW), &module, &fixture_error), 0);
    const uint8_t *id = hf_module_note(&module, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &size);
    assert_non_null(id);
    memcpy(fixture->build_id.bytes, id, size);
    fixture->build_id.size = size;
    fixture->module = module;
}

FIXTURE void fixture_setup(struct fixture *fixture)
{
    char path[PATH_SIZE];
    struct hf_public_key public_key;

    memset(fixture, 0, sizeof(*fixture));
    strcpy(fixture->dir, "/tmp/hotfix-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->trust, sizeof(fixture->trust), "%s/trust", fixture->dir);
    assert_int_equal(mkdir(fixture->trust, 0700), 0);
    assert_int_equal(hf_private_key_generate(&fixture->key, &fixture_error), 0);
    assert_int_equal(hf_private_key_public(fixture->key, &public_key, &fixture_error), 0);
    snprintf(path, sizeof(path), "%s/test.pub", fixture->trust);
    assert_int_equal(hf_public_key_write(&public_key, path, &fixture_error), 0);
}

FIXTURE void fixture_teardown(struct fixture *fixture)
{
    char command[PATH_SIZE];

    hf_module_deinit(&fixture->module);
    if (fixture->target)
        dlclose(fixture->target);
    hf_private_key_destroy(fixture->key);
    snprintf(command, sizeof(command), "rm -rf %s", fixture->dir);
    assert_int_equal(system(command), 0);
}

FIXTURE void fixture_id(unsigned number, uint8_t id[HF_ID_SIZE])
{
    memset(id, 0, HF_ID_SIZE);
    id[0] = (uint8_t)number;
    id[HF_ID_SIZE - 1] = (uint8_t)(number >> 8);
}

/* The bundles of a test may lie over each other in any order. */
FIXTURE void fixture_built_on(unsigned number, struct hf_id_list *ids)
{
    unsigned first = number > FIXTURE_BELOW / 2 ? number - FIXTURE_BELOW / 2 : 0;

    ids->items = calloc(FIXTURE_BELOW, HF_ID_SIZE);
    assert_non_null(ids->items);
    for (unsigned i = 0; i < FIXTURE_BELOW; i++)
        if (first + i != number)
            fixture_id(first + i, ids->items[ids->count++]);
}

/* Compiles a patch that carries the stamp of bundle `number`, as pack puts it there. */
FIXTURE void fixture_patch(const struct fixture *fixture, unsigned number, const char *name, const char *flags,
                           const char *source)
{
    char all_flags[2 * PATH_SIZE], path[PATH_SIZE];
    struct hf_manifest stamp;
    uint8_t *elf, *stamped;
    size_t size, stamped_size;

    snprintf(all_flags, sizeof(all_flags), "-nostartfiles -Wl,-z,separate-code %s", flags);
    fixture_compile(fixture, name, all_flags, source);
    hf_manifest_init(&stamp);
    fixture_id(number, stamp.id);
    strcpy(stamp.version, "1");
    char soname[HF_SONAME_MAX];
    hf_stamp_soname(stamp.id, soname);
    stamp.soname = soname;
    snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
    assert_int_equal(hf_file_read(path, HF_PAYLOAD_MAX_SIZE, &elf, &size, &fixture_error), 0);
    if (hf_restamp(&stamp, elf, size, &stamped, &stamped_size, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    assert_int_equal(hf_file_write(path, stamped, stamped_size, 0755, false, &fixture_error), 0);
    free(stamped);
    free(elf);
}

FIXTURE char *fixture_text(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

FIXTURE int fixture_compare(const void *a, const void *b)
{
    uint64_t offset = ((const struct hf_manifest_function *)a)->offset;
    uint64_t other = ((const struct hf_manifest_function *)b)->offset;

    return (offset > other) - (offset < other);
}

/* A manifest for a patch in <dir>/<name> that replaces functions by those of the same name; list ends with NULL. */
FIXTURE void fixture_manifest(const struct fixture *fixture, unsigned number, const char *name,
                              const char *const *functions, struct hf_manifest *manifest, uint8_t **payload)
{
    char path[PATH_SIZE], soname[HF_SONAME_MAX];
    size_t size;

    snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
    assert_int_equal(hf_file_read(path, HF_PAYLOAD_MAX_SIZE, payload, &size, &fixture_error), 0);

    hf_manifest_init(manifest);
    snprintf(manifest->name, sizeof(manifest->name), "fix-%u", number);
    strcpy(manifest->version, "1");
    fixture_id(number, manifest->id);
    hf_stamp_soname(manifest->id, soname);
    fixture_built_on(number, &manifest->built_on);
    manifest->created = 1700000000;
    manifest->advisory = fixture_text("");
    manifest->description = fixture_text("");
    manifest->target_name = fixture_text("target.so");
    manifest->target_build_id = fixture->build_id;
    manifest->arch = fixture_text(hf_arch_host.name);
    manifest->compiler = fixture_text("GNU C");
    manifest->flags = fixture_text("-O1");
    manifest->soname = fixture_text(soname);
    manifest->payload_size = size;
    assert_int_equal(hf_digest_compute(*payload, size, &manifest->payload_digest, &fixture_error), 0);

    size_t count = 0;
    while (functions[count])
        count++;
    manifest->functions = calloc(count, sizeof(*manifest->functions));
    assert_non_null(manifest->functions);
    manifest->function_count = count;

    void *patch = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!patch)
        fail_msg("%s", dlerror());
    for (size_t i = 0; i < count; i++) {
        struct hf_manifest_function *function = &manifest->functions[i];
        function->name = fixture_text(functions[i]);
        function->source = fixture_text("target.c");
        fixture_symbol(fixture->target, functions[i], &function->offset, &function->size);
        fixture_symbol(patch, functions[i], &function->replacement, &function->replacement_size);
        const uint8_t *code = (const uint8_t *)fixture->module.base + function->offset;
        function->detour_skip = (uint32_t)hf_arch_host.landing_pad(code, function->size);
        assert_int_equal(hf_digest_compute(code, function->size, &function->digest, &fixture_error), 0);
    }
    qsort(manifest->functions, count, sizeof(*manifest->functions), fixture_compare);
    if (dlsym(patch, "hotfix_on_apply"))
        fixture_symbol(patch, "hotfix_on_apply", &manifest->on_apply, &size);
    if (dlsym(patch, "hotfix_on_revert"))
        fixture_symbol(patch, "hotfix_on_revert", &manifest->on_revert, &size);
    assert_int_equal(dlclose(patch), 0);
}

/* Signs with key (NULL: no signature) and gives the bundle's bytes. */
FIXTURE void fixture_sign(const struct hf_manifest *manifest, const void *payload, const struct hf_private_key *key,
                          uint8_t **bundle, size_t *bundle_size)
{
    uint8_t *archive;
    struct hf_signed parts = {.signature_count = 0};
    struct hotfix_error *err = &fixture_error;

    if (hf_archive_format(manifest, payload, manifest->payload_size, &archive, &parts.archive_size, err) != 0)
        fail_msg("%s", err->message);
    parts.archive = archive;
    if (key) {
        char statement[HF_STATEMENT_MAX];
        size_t size;
        struct hf_public_key public_key;
        assert_int_equal(hf_statement(archive, parts.archive_size, statement, &size, err), 0);
        assert_int_equal(hf_private_key_sign(key, statement, size, parts.signatures[0].bytes, err), 0);
        assert_int_equal(hf_private_key_public(key, &public_key, err), 0);
        memcpy(parts.signatures[0].key_id, public_key.id, HF_KEY_ID_SIZE);
        parts.signature_count = 1;
    }
    if (hf_signed_format(&parts, bundle, bundle_size, err) != 0)
        fail_msg("%s", err->message);
    free(archive);
}

/* Signs the bundle in a file once more. */
FIXTURE void fixture_sign_again(const char *path, const struct hf_private_key *key)
{
    struct hf_signed parts;
    struct hf_public_key public_key;
    char statement[HF_STATEMENT_MAX];
    uint8_t *bytes, *file;
    size_t size;

    assert_int_equal(hf_file_read(path, HF_BUNDLE_MAX_SIZE, &bytes, &size, &fixture_error), 0);
    assert_int_equal(hf_signed_parse(bytes, size, &parts, &fixture_error), 0);
    struct hf_signature *signature = &parts.signatures[parts.signature_count++];
    assert_int_equal(hf_statement(parts.archive, parts.archive_size, statement, &size, &fixture_error), 0);
    assert_int_equal(hf_private_key_sign(key, statement, size, signature->bytes, &fixture_error), 0);
    assert_int_equal(hf_private_key_public(key, &public_key, &fixture_error), 0);
    memcpy(signature->key_id, public_key.id, HF_KEY_ID_SIZE);
    assert_int_equal(hf_signed_format(&parts, &file, &size, &fixture_error), 0);
    assert_int_equal(hf_file_write(path, file, size, 0644, false, &fixture_error), 0);
    free(file);
    free(bytes);
}

/* Writes <dir>/<name>.hotfix and gives its path. */
FIXTURE void fixture_write_bundle(const struct fixture *fixture, const char *name, const void *bytes, size_t size,
                                  char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s.hotfix", fixture->dir, name);
    assert_int_equal(hf_file_write(path, bytes, size, 0644, false, &fixture_error), 0);
}

/* All of it: a patch compiled with these flags, its manifest, a signed bundle in a file. */
FIXTURE void fixture_bundle_with(const struct fixture *fixture, unsigned number, const char *const *functions,
                                 const char *flags, const char *source, char path[PATH_SIZE])
{
    char name[64];
    struct hf_manifest manifest;
    uint8_t *payload, *bundle;
    size_t size;

    snprintf(name, sizeof(name), "patch-%u.so", number);
    fixture_patch(fixture, number, name, flags, source);
    fixture_manifest(fixture, number, name, functions, &manifest, &payload);
    fixture_sign(&manifest, payload, fixture->key, &bundle, &size);
    fixture_write_bundle(fixture, name, bundle, size, path);
    hf_manifest_deinit(&manifest);
    free(payload);
    free(bundle);
}

FIXTURE void fixture_bundle(const struct fixture *fixture, unsigned number, const char *const *functions,
                            const char *source, char path[PATH_SIZE])
{
    fixture_bundle_with(fixture, number, functions, "", source, path);
}

/* A sanitizer's own allocator maps memory at any time: only mappings of files are compared then. */
FIXTURE bool line_counts(const char *line)
{
#if SANITIZED
    if (!strchr(line, '/'))
        return false;
#endif
    unsigned long begin, end, heap = (unsigned long)sbrk(0); /* qemu-user does not name it */
    bool is_heap = sscanf(line, "%lx-%lx", &begin, &end) == 2 && heap > begin && heap <= end;
    return !is_heap && !strstr(line, "[heap]") && !strstr(line, "[stack]");
}

/* The process as others see it: mappings (the heap, which any allocation moves, aside), descriptors and threads. */
struct picture {
    char *maps;
    size_t descriptors;
    size_t threads;
};

FIXTURE size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

FIXTURE struct picture picture_take(void)
{
    struct picture picture = {0};
    size_t size;
    FILE *out = open_memstream(&picture.maps, &size);
    FILE *in = fopen("/proc/self/maps", "r");
    assert_non_null(out);
    assert_non_null(in);
    for (char line[8192]; fgets(line, sizeof(line), in);)
        if (line_counts(line))
            fputs(line, out);
    fclose(in);
    fclose(out);
    picture.descriptors = count_entries("/proc/self/fd");
    picture.threads = count_entries("/proc/self/task");
    return picture;
}

FIXTURE void picture_assert_same(struct picture *before)
{
    struct picture now = picture_take();

    assert_string_equal(now.maps, before->maps);
    assert_int_equal(now.descriptors, before->descriptors);
    assert_int_equal(now.threads, before->threads);
    free(now.maps);
    free(before->maps);
}

#endif
