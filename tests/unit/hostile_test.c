/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files made of good bundles by somebody without a key: pieces of two put together, bytes put in or taken out anywhere,
 * bundles within and behind each other. Nothing but the two bundles themselves is ever opened.
 */
#include <archive.h>
#include <archive_entry.h>

#include "manifest_fixture.h"
#include "tar.h"

static struct fixture_signer signer;

/* Two bundles by one signer, of the same size, so that each byte of one has its place in the other. */
struct sample {
    struct hf_manifest manifest;
    uint8_t payload[FIXTURE_PAYLOAD_SIZE];
    uint8_t *archive, *file;
    size_t archive_size, size;
};
static struct sample first, second;

static int sample_make(struct sample *sample, uint8_t difference)
{
    fixture_manifest(&sample->manifest);
    memcpy(sample->payload, fixture_payload(), sizeof(sample->payload));
    sample->payload[0] ^= difference;
    sample->manifest.description[0] = (char)('a' + difference);
    if (hf_digest_compute(sample->payload, sizeof(sample->payload), &sample->manifest.payload_digest, NULL) != 0 ||
        hf_archive_format(&sample->manifest, sample->payload, sizeof(sample->payload), &sample->archive,
                          &sample->archive_size, NULL) != 0)
        return -1;
    sample->file = fixture_file(&signer, sample->archive, sample->archive_size, &sample->size);
    return 0;
}

static int make_samples(void **state)
{
    (void)state;
    fixture_signer(&signer);
    if (sample_make(&first, 0) != 0 || sample_make(&second, 1) != 0)
        return -1;
    return first.size == second.size ? 0 : -1;
}

static void sample_drop(struct sample *sample)
{
    hf_manifest_deinit(&sample->manifest);
    free(sample->archive);
    free(sample->file);
}

static int drop_samples(void **state)
{
    (void)state;
    sample_drop(&first);
    sample_drop(&second);
    hf_private_key_destroy(signer.key);
    return 0;
}

static int open_file(const uint8_t *bytes, size_t size, struct hotfix_error *err)
{
    struct hf_bundle bundle;

    if (hf_bundle_open(bytes, size, &signer.trust, FIXTURE_TIME, &bundle, NULL, err) != 0)
        return -1;
    hf_bundle_deinit(&bundle);
    return 0;
}

/* Refused for its form or its signature, never for what lies behind them. */
static void refuse_file(const uint8_t *bytes, size_t size, const char *what, size_t at)
{
    struct hotfix_error err;

    if (open_file(bytes, size, &err) == 0)
        fail_msg("%s %zu is accepted", what, at);
    if (err.code != HOTFIX_SIGNATURE && err.code != HOTFIX_FORMAT)
        fail_msg("%s %zu: code %d, %s", what, at, err.code, err.message);
}

static bool is_sample(const uint8_t *bytes)
{
    return memcmp(bytes, first.file, first.size) == 0 || memcmp(bytes, second.file, second.size) == 0;
}

static void two_bundles_spliced_at_any_byte_are_refused(void **state)
{
    uint8_t *spliced = malloc(first.size);
    size_t refused = 0;

    (void)state;
    for (size_t at = 0; at <= first.size; at++) {
        memcpy(spliced, first.file, at);
        memcpy(spliced + at, second.file + at, second.size - at);
        if (is_sample(spliced)) {
            assert_done(open_file(spliced, first.size, ERR));
            continue;
        }
        refuse_file(spliced, first.size, "splice at byte", at);
        refused++;
    }
    assert_true(refused > 0);
    free(spliced);
}

static void a_byte_put_in_anywhere_is_refused(void **state)
{
    static const uint8_t bytes[] = {0, 1, 0xff};
    uint8_t *longer = malloc(first.size + 1);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        for (size_t at = 0; at <= first.size; at++) {
            memcpy(longer, first.file, at);
            longer[at] = bytes[i];
            memcpy(longer + at + 1, first.file + at, first.size - at);
            refuse_file(longer, first.size + 1, "byte put in at", at);
        }
    free(longer);
}

static void a_byte_taken_out_anywhere_is_refused(void **state)
{
    uint8_t *shorter = malloc(first.size);

    (void)state;
    for (size_t at = 0; at < first.size; at++) {
        memcpy(shorter, first.file, at);
        memcpy(shorter + at, first.file + at + 1, first.size - at - 1);
        refuse_file(shorter, first.size - 1, "byte taken out at", at);
    }
    free(shorter);
}

/* A tar reader that goes on behind an end of archive, or one that begins at the last header, would see another bundle.
 */
static void blocks_put_in_or_taken_out_anywhere_are_refused(void **state)
{
    uint8_t *changed = malloc(first.size + HF_TAR_BLOCK);

    (void)state;
    for (size_t at = 0; at <= first.archive_size; at += HF_TAR_BLOCK) {
        memcpy(changed, first.file, at);
        memset(changed + at, 0, HF_TAR_BLOCK);
        memcpy(changed + at + HF_TAR_BLOCK, first.file + at, first.size - at);
        refuse_file(changed, first.size + HF_TAR_BLOCK, "block put in at", at);
        if (at == first.archive_size)
            break;
        memcpy(changed + at, first.file + at + HF_TAR_BLOCK, first.size - at - HF_TAR_BLOCK);
        refuse_file(changed, first.size - HF_TAR_BLOCK, "block taken out at", at);
    }
    free(changed);
}

struct piece {
    const uint8_t *bytes;
    size_t size;
};

static void refuse_pieces(const struct piece *pieces, size_t count, const char *what)
{
    uint8_t *joined = malloc(8 * first.size);
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(joined + size, pieces[i].bytes, pieces[i].size);
        size += pieces[i].size;
    }
    refuse_file(joined, size, what, count);
    free(joined);
}

static void bundles_behind_and_within_each_other_are_refused(void **state)
{
    const struct piece a = {first.file, first.size}, b = {second.file, second.size};
    const struct piece a_archive = {first.file, first.archive_size}, b_archive = {second.file, second.archive_size};
    const struct piece a_block = {first.file + first.archive_size, first.size - first.archive_size};
    const struct piece b_block = {second.file + second.archive_size, second.size - second.archive_size};

    (void)state;
    refuse_pieces((const struct piece[]){a, b}, 2, "a bundle behind another, pieces");
    refuse_pieces((const struct piece[]){a, a}, 2, "a bundle behind itself, pieces");
    refuse_pieces((const struct piece[]){a, a_block}, 2, "a block behind a bundle, pieces");
    refuse_pieces((const struct piece[]){a, b_block}, 2, "another's block behind a bundle, pieces");
    refuse_pieces((const struct piece[]){a_archive, b_block}, 2, "another's block, pieces");
    refuse_pieces((const struct piece[]){a_archive, a_block, b_block}, 3, "both blocks, pieces");
    refuse_pieces((const struct piece[]){a_archive, b_archive, a_block}, 3, "two archives, pieces");
    refuse_pieces((const struct piece[]){b_archive, a_archive, a_block}, 3, "two archives, pieces");
    refuse_pieces((const struct piece[]){a_block}, 1, "no archive, pieces");
    refuse_pieces((const struct piece[]){a_block, a}, 2, "a block in front, pieces");
}

/* The manifest of one and the patch of the other, under the signatures of both. */
static void members_of_two_bundles_are_refused_under_either_signature(void **state)
{
    struct hf_signed one, other, mixed;
    uint8_t *archive = malloc(first.archive_size), *file;
    size_t size, payload = first.archive_size - HF_TAR_END - HF_TAR_BLOCK - hf_tar_padded(FIXTURE_PAYLOAD_SIZE);

    (void)state;
    assert_done(hf_signed_parse(first.file, first.size, &one, ERR));
    assert_done(hf_signed_parse(second.file, second.size, &other, ERR));
    memcpy(archive, first.archive, payload);
    memcpy(archive + payload, second.archive + payload, second.archive_size - payload);
    mixed = (struct hf_signed){.archive = archive, .archive_size = first.archive_size, .signature_count = 2};
    mixed.signatures[0] = one.signatures[0];
    mixed.signatures[1] = other.signatures[0];
    assert_done(hf_signed_format(&mixed, &file, &size, ERR));
    assert_refused(open_file(file, size, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
    free(file);
    /* Signed as a whole it would still be no bundle. */
    file = fixture_file(&signer, archive, first.archive_size, &size);
    assert_refused(open_file(file, size, ERR), HOTFIX_FORMAT, "its SHA-256 is not the manifest's");
    free(file);
    free(archive);
}

/* One good signature between others that are not: its neighbours neither help nor hinder it, in any order. */
static void a_good_signature_counts_at_any_place_and_only_for_its_own_bundle(void **state)
{
    struct hf_signed own, other, crowd;
    uint8_t *file;
    size_t size;

    (void)state;
    assert_done(hf_signed_parse(first.file, first.size, &own, ERR));
    assert_done(hf_signed_parse(second.file, second.size, &other, ERR));
    crowd = own;
    crowd.signature_count = HF_SIGNATURE_MAX;
    for (size_t good = 0; good <= HF_SIGNATURE_MAX; good++) {
        for (size_t i = 0; i < HF_SIGNATURE_MAX; i++)
            crowd.signatures[i] = i == good ? own.signatures[0] : other.signatures[0];
        assert_done(hf_signed_format(&crowd, &file, &size, ERR));
        if (good < HF_SIGNATURE_MAX)
            assert_done(open_file(file, size, ERR));
        else
            assert_refused(open_file(file, size, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
        free(file);
    }
}

/* A signed archive whose patch.so has a map of holes. */
static void sparse_members_are_refused(void **state)
{
    uint8_t *bytes = malloc(1 << 16), *file;
    size_t used = 0, text_size, size;
    char *text;

    (void)state;
    assert_done(hf_manifest_format(&first.manifest, &text, &text_size, ERR));
    struct archive *writer = archive_write_new();
    assert_int_equal(archive_write_set_format_pax(writer), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(writer, bytes, 1 << 16, &used), ARCHIVE_OK);
    for (int member = 0; member < 2; member++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, member ? HF_TAR_PAYLOAD : HF_TAR_MANIFEST);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, FIXTURE_TIME, 0);
        archive_entry_set_size(entry, member ? FIXTURE_PAYLOAD_SIZE : (la_int64_t)text_size);
        if (member)
            archive_entry_sparse_add_entry(entry, 0, 512);
        assert_int_equal(archive_write_header(writer, entry), ARCHIVE_OK);
        assert_true(archive_write_data(writer, member ? (const void *)first.payload : text,
                                       member ? FIXTURE_PAYLOAD_SIZE : text_size) > 0);
        archive_entry_free(entry);
    }
    archive_write_free(writer);
    file = fixture_file(&signer, bytes, used, &size);
    assert_refused(open_file(file, size, ERR), HOTFIX_FORMAT, "archive: ");
    free(file);
    free(bytes);
    free(text);
}

/* Extended headers that rename, resize or replace what follows them, in front of each member of a good archive. */
static void extended_headers_in_front_of_a_member_are_refused(void **state)
{
    static const char *const records[] = {
        "18 path=patch.so\n",      "24 path=../manifest.ini\n",   "11 size=700\n",      "25 linkpath=/etc/passwd\n",
        "22 GNU.sparse.major=1\n", "26 SCHILY.realsize=999999\n", "17 hdrcharset=BIN\n"};
    static const char types[] = "xgLKVS";
    size_t members[] = {0, first.archive_size - HF_TAR_END - HF_TAR_BLOCK - hf_tar_padded(FIXTURE_PAYLOAD_SIZE),
                        first.archive_size - HF_TAR_END};
    uint8_t *bytes = malloc(first.archive_size + 2 * HF_TAR_BLOCK), *file;
    size_t size;

    (void)state;
    for (size_t r = 0; r < sizeof(records) / sizeof(records[0]); r++)
        for (size_t t = 0; t < sizeof(types) - 1; t++)
            for (size_t m = 0; m < 3; m++) {
                uint8_t *header = bytes + members[m];
                unsigned sum = 0;
                memcpy(bytes, first.archive, members[m]);
                assert_int_equal(hf_tar_header("extended", strlen(records[r]), FIXTURE_TIME, header), 0);
                header[156] = (uint8_t)types[t];
                memset(header + 148, ' ', 8);
                for (size_t i = 0; i < HF_TAR_BLOCK; i++)
                    sum += header[i];
                snprintf((char *)header + 148, 8, "%06o", sum);
                memset(header + HF_TAR_BLOCK, 0, HF_TAR_BLOCK);
                memcpy(header + HF_TAR_BLOCK, records[r], strlen(records[r]));
                memcpy(header + 2 * HF_TAR_BLOCK, first.archive + members[m], first.archive_size - members[m]);
                file = fixture_file(&signer, bytes, first.archive_size + 2 * HF_TAR_BLOCK, &size);
                assert_refused(open_file(file, size, ERR), HOTFIX_FORMAT, "archive: ");
                free(file);
            }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bundles_spliced_at_any_byte_are_refused),
        cmocka_unit_test(a_byte_put_in_anywhere_is_refused),
        cmocka_unit_test(a_byte_taken_out_anywhere_is_refused),
        cmocka_unit_test(blocks_put_in_or_taken_out_anywhere_are_refused),
        cmocka_unit_test(bundles_behind_and_within_each_other_are_refused),
        cmocka_unit_test(members_of_two_bundles_are_refused_under_either_signature),
        cmocka_unit_test(a_good_signature_counts_at_any_place_and_only_for_its_own_bundle),
        cmocka_unit_test(sparse_members_are_refused),
        cmocka_unit_test(extended_headers_in_front_of_a_member_are_refused),
    };
    return cmocka_run_group_tests(tests, make_samples, drop_samples);
}
