/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a bundle file: never opened, as nobody can sign by chance. What its parts are parsed to, signatures and
 * archive alike, is exactly what formatting writes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "stamp.h"
#include "tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* A trusted key whose private part nobody has. */
static char key_name[] = "release";
static struct hf_trust_key key = {.name = key_name, .key = {.bytes = {5}, .id = {7}}};
static const struct hf_trust trust = {.keys = &key, .count = 1};

static void check_same(const uint8_t *made, size_t made_size, const uint8_t *data, size_t size)
{
    if (made_size != size || memcmp(made, data, size) != 0)
        abort();
}

static void check_archive(const uint8_t *data, size_t size)
{
    struct hf_bundle bundle;
    uint8_t *archive;
    size_t archive_size;

    if (hf_archive_parse(data, size, &bundle, NULL) != 0)
        return;
    if (hf_archive_format(&bundle.manifest, bundle.payload, bundle.payload_size, &archive, &archive_size, NULL) != 0)
        abort();
    check_same(archive, archive_size, data, size);
    free(archive);
    hf_bundle_deinit(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_bundle bundle;
    struct hf_signed parts;
    uint8_t *file;
    size_t file_size;

    if (hf_bundle_open(data, size, &trust, 0, &bundle, NULL, NULL) == 0)
        abort();
    if (hf_signed_parse(data, size, &parts, NULL) != 0) {
        check_archive(data, size);
        return 0;
    }
    if (hf_signed_format(&parts, &file, &file_size, NULL) != 0)
        abort();
    check_same(file, file_size, data, size);
    free(file);
    check_archive(parts.archive, parts.archive_size);
    return 0;
}

/* A good bundle in all but its signature. */
static size_t seed_bundle(uint8_t *data, size_t max_size)
{
    static char target[] = "webapp", arch[] = "x86_64", compiler[] = "GNU C17 12.2.0",
                function_name[] = "calc_discount";
    static const uint8_t payload[64] = {0x7f, 'E', 'L', 'F'};
    struct hf_manifest_function function = {.name = function_name,
                                            .offset = 4096,
                                            .size = 64,
                                            .replacement = 8192,
                                            .replacement_size = 80,
                                            .detour_skip = 4};
    char soname[HF_SONAME_MAX];
    struct hf_manifest manifest;
    struct hf_signed parts = {.signature_count = 1, .signatures = {{.key_id = {7}}}};
    uint8_t *archive, *file;
    size_t size;

    hf_manifest_init(&manifest);
    strcpy(manifest.name, "fix");
    strcpy(manifest.version, "1");
    manifest.target_name = target;
    manifest.target_build_id.size = 20;
    manifest.arch = arch;
    manifest.compiler = compiler;
    manifest.payload_size = sizeof(payload);
    hf_stamp_soname(manifest.id, soname);
    manifest.soname = soname;
    manifest.functions = &function;
    manifest.function_count = 1;
    if (hf_digest_compute(payload, sizeof(payload), &manifest.payload_digest, NULL) != 0 ||
        hf_archive_format(&manifest, payload, sizeof(payload), &archive, &parts.archive_size, NULL) != 0)
        abort();
    parts.archive = archive;
    if (hf_signed_format(&parts, &file, &size, NULL) != 0)
        abort();
    size = size <= max_size ? size : max_size;
    memcpy(data, file, size);
    free(archive);
    free(file);
    return size;
}

/* Makes the checksum of a header right again, where there may be one. */
static void repair_header(uint8_t *header)
{
    char digits[8];
    unsigned sum = 0;

    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < HF_TAR_BLOCK; i++)
        sum += header[i];
    snprintf(digits, sizeof(digits), "%06o", sum);
    memcpy(header + 148, digits, 7);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (size < 16)
        return seed_bundle(data, max_size);
    size = LLVMFuzzerMutate(data, size, max_size);
    /* Without this no mutated header would get past the checksum. */
    for (size_t at = 0; seed % 2 && at + HF_TAR_BLOCK <= size; at += HF_TAR_BLOCK)
        if (memcmp(data + at + 257, "ustar", 5) == 0)
            repair_header(data + at);
    return size;
}
