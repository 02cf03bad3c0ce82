/* SPDX-License-Identifier: Apache-2.0 */
#include "quorum.h"
#include "signature.h"

#include "cms.h"
#include "cursor.h"
#include "manifest_fixture.h"

#include <sys/mman.h>

static const char archive[] = "any bytes: signing does not look inside";
static struct fixture_signer signer, stranger;

static int make_signers(void **state)
{
    (void)state;
    fixture_signer(&signer);
    fixture_signer(&stranger);
    return 0;
}

static int drop_signers(void **state)
{
    (void)state;
    hf_private_key_destroy(signer.key);
    hf_private_key_destroy(stranger.key);
    return 0;
}

static struct hf_signed unsigned_parts(void)
{
    return (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive)};
}

static void sign_by(const struct fixture_signer *by, struct hf_signed *parts)
{
    fixture_sign(by, parts->archive, parts->archive_size, &parts->signatures[parts->signature_count++]);
}

static void without_a_trust_store_everything_is_refused(void **state)
{
    struct hf_signed parts = unsigned_parts();
    struct hf_trust none = {0};

    (void)state;
    sign_by(&signer, &parts);
    assert_refused(hf_signed_verify(&parts, &none, 0, NULL, ERR), HOTFIX_TRUST, "no trust store");
}

static void an_unsigned_archive_is_refused(void **state)
{
    struct hf_signed parts = unsigned_parts();

    (void)state;
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "not signed");
}

static void signatures_by_unknown_keys_are_refused_and_the_keys_named(void **state)
{
    struct hf_signed parts = unsigned_parts();
    char id[2 * HF_KEY_ID_SIZE + 1];

    (void)state;
    sign_by(&stranger, &parts);
    hf_hex_encode(stranger.public_key.id, HF_KEY_ID_SIZE, id);
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, id);
    for (int i = 0; i < 5; i++)
        sign_by(&stranger, &parts);
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "and others)");
}

static void a_signature_over_other_bytes_is_refused(void **state)
{
    struct hf_signed parts = unsigned_parts();
    char other[sizeof(archive)];

    (void)state;
    sign_by(&signer, &parts);
    memcpy(other, archive, sizeof(archive));
    other[5] ^= 1;
    parts.archive = (const uint8_t *)other;
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
    parts.archive = (const uint8_t *)archive;
    parts.archive_size--;
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
}

static void a_signature_under_the_id_of_another_key_is_refused(void **state)
{
    struct hf_signed parts = unsigned_parts();

    (void)state;
    sign_by(&stranger, &parts);
    memcpy(parts.signatures[0].key_id, signer.public_key.id, HF_KEY_ID_SIZE);
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
}

static void the_statement_itself_is_not_a_signed_archive(void **state)
{
    struct hf_signed parts = unsigned_parts();
    char statement[HF_STATEMENT_MAX];
    size_t size;

    (void)state;
    sign_by(&signer, &parts);
    assert_done(hf_statement(archive, sizeof(archive), statement, &size, ERR));
    parts.archive = (const uint8_t *)statement;
    parts.archive_size = size;
    assert_refused(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
}

static void one_good_signature_among_others_is_enough(void **state)
{
    struct hf_signed parts = unsigned_parts();
    struct hf_signers by = {.count = 0};

    (void)state;
    sign_by(&stranger, &parts);
    sign_by(&signer, &parts);
    sign_by(&stranger, &parts);
    assert_done(hf_signed_verify(&parts, &signer.trust, 0, &by, ERR));
    assert_int_equal(by.count, 1);
    assert_ptr_equal(by.keys[0], &signer.entry);
    assert_done(hf_signed_verify(&parts, &signer.trust, 0, NULL, ERR));
}

/* An id is a shortened digest: a key that shares it must not hide the one that signed. */
static void every_key_with_the_id_is_tried(void **state)
{
    struct hf_signed parts = unsigned_parts();
    struct hf_trust_key keys[2] = {stranger.entry, signer.entry};
    struct hf_trust trust = {.keys = keys, .count = 2};
    struct hf_signers by;

    (void)state;
    memcpy(keys[0].key.id, signer.public_key.id, HF_KEY_ID_SIZE);
    sign_by(&signer, &parts);
    assert_done(hf_signed_verify(&parts, &trust, 0, &by, ERR));
    assert_int_equal(by.count, 1);
    assert_ptr_equal(by.keys[0], &keys[1]);
}

static void the_statement_is_the_documented_text(void **state)
{
    char statement[HF_STATEMENT_MAX];
    size_t size;

    (void)state;
    assert_done(hf_statement("abc", 3, statement, &size, ERR));
    assert_string_equal(statement, "hotfix bundle 1\nsize 3\n"
                                   "sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    assert_int_equal(size, strlen(statement));
}

static uint8_t *signed_file(size_t signatures, size_t *size)
{
    struct hf_signed parts = unsigned_parts();
    uint8_t *file;

    for (size_t i = 0; i < signatures; i++)
        sign_by(&signer, &parts);
    assert_done(hf_signed_format(&parts, &file, size, ERR));
    return file;
}

static void refuse_changed(size_t from_end, uint64_t value, size_t width, const char *message)
{
    struct hf_signed parts = {.archive_size = 4711};
    size_t size;
    uint8_t *file = signed_file(1, &size);

    hf_put(file + size - from_end, value, width);
    assert_refused(hf_signed_parse(file, size, &parts, ERR), HOTFIX_FORMAT, message);
    assert_int_equal(parts.archive_size, 4711);
    free(file);
}

#define TRAILER 16
#define ENTRY   88
#define BLOCK   (12 + ENTRY)

static void a_damaged_trailer_or_block_is_refused(void **state)
{
    (void)state;
    refuse_changed(1, '\r', 1, "does not end with the bundle trailer");
    refuse_changed(2, '2', 1, "does not end with the bundle trailer");
    refuse_changed(12, 1, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, 0, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, 11, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, UINT32_MAX, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, HF_SIGNATURE_BLOCK_MAX + 1, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, BLOCK + sizeof(archive) + 1, 4, "bundle trailer: damaged");
    refuse_changed(TRAILER, BLOCK - 1, 4, "signature block: ");
    refuse_changed(TRAILER, BLOCK + 1, 4, "signature block: ");
    refuse_changed(TRAILER + BLOCK, 'h', 1, "does not begin with its magic");
    refuse_changed(TRAILER + BLOCK - 8, 0, 4, "bytes after the last signature");
    refuse_changed(TRAILER + BLOCK - 8, 2, 4, "signature block: cut off");
    refuse_changed(TRAILER + BLOCK - 8, HF_SIGNATURE_MAX + 1, 4, "more than 32 signatures");
    refuse_changed(TRAILER + BLOCK - 8, UINT32_MAX, 4, "more than 32 signatures");
    refuse_changed(TRAILER + ENTRY, 0, 2, "signature type 0 is not known");
    refuse_changed(TRAILER + ENTRY, 3, 2, "signature type 3 is not known");
    refuse_changed(TRAILER + ENTRY - 2, HF_KEY_ID_SIZE - 1, 2, "wrong size");
    refuse_changed(TRAILER + ENTRY - 4, UINT32_MAX, 4, "wrong size");
}

static void cms_entries_of_another_size_are_refused(void **state)
{
    struct hf_signed parts = unsigned_parts(), parsed;
    const size_t entry = sizeof(archive) + 12;
    uint8_t *cms = calloc(1, HF_CMS_MAX + 1), *file;
    static const size_t sizes[] = {0, HF_CMS_MAX + 1};
    size_t size;

    (void)state;
    parts.signature_count = 1;
    parts.signatures[0].cms = cms;
    for (size_t i = 0; i < 2; i++) {
        parts.signatures[0].cms_size = sizes[i];
        assert_done(hf_signed_format(&parts, &file, &size, ERR));
        assert_refused(hf_signed_parse(file, size, &parsed, ERR), HOTFIX_FORMAT, "a CMS entry has the wrong size");
        free(file);
    }
    parts.signatures[0].cms_size = 700;
    assert_done(hf_signed_format(&parts, &file, &size, ERR));
    hf_put(file + entry + 2, HF_KEY_ID_SIZE + 1, 2);
    assert_refused(hf_signed_parse(file, size, &parsed, ERR), HOTFIX_FORMAT, "a CMS entry has the wrong size");
    free(file);
    /* Five of the largest are more than a block may hold. */
    for (parts.signature_count = 0; parts.signature_count < 5; parts.signature_count++) {
        parts.signatures[parts.signature_count].cms = cms;
        parts.signatures[parts.signature_count].cms_size = HF_CMS_MAX;
    }
    assert_refused(hf_signed_format(&parts, &file, &size, ERR), HOTFIX_FORMAT, "no room for another");
    free(cms);
}

static void cms_entries_read_as_they_were_written(void **state)
{
    struct hf_signed parts = unsigned_parts(), parsed;
    uint8_t cms[300], *file, *again;
    size_t size, again_size;

    (void)state;
    memset(cms, 0x30, sizeof(cms));
    sign_by(&signer, &parts);
    parts.signatures[1] = (struct hf_signature){.key_id = {9}, .cms = cms, .cms_size = sizeof(cms)};
    parts.signature_count = 2;
    sign_by(&signer, &parts);
    assert_done(hf_signed_format(&parts, &file, &size, ERR));
    assert_done(hf_signed_parse(file, size, &parsed, ERR));
    assert_int_equal(parsed.signature_count, 3);
    assert_null(parsed.signatures[0].cms);
    assert_int_equal(parsed.signatures[1].cms_size, sizeof(cms));
    assert_memory_equal(parsed.signatures[1].cms, cms, sizeof(cms));
    assert_null(parsed.signatures[2].cms);
    assert_done(hf_signed_format(&parsed, &again, &again_size, ERR));
    assert_int_equal(again_size, size);
    assert_memory_equal(again, file, size);
    free(file);
    free(again);
}

/* The block itself, before a whole trailer. */
static void a_block_cut_at_any_byte_is_refused(void **state)
{
    struct hf_signed parts;
    size_t size;
    uint8_t *file = signed_file(2, &size);
    const size_t block = 12 + 2 * ENTRY;

    (void)state;
    for (size_t cut = 0; cut < block; cut++) {
        uint8_t *exact = malloc(size - block + cut);
        memcpy(exact, file, size - TRAILER - block + cut);
        memcpy(exact + size - TRAILER - block + cut, file + size - TRAILER, TRAILER);
        hf_put(exact + size - TRAILER - block + cut, cut, 4);
        assert_refused(hf_signed_parse(exact, size - block + cut, &parts, ERR), HOTFIX_FORMAT,
                       cut < 12 ? "bundle trailer: damaged" : "signature block: cut off");
        free(exact);
    }
    free(file);
}

/* What lies before it is not read. */
static void a_file_shorter_than_a_trailer_is_refused(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct hf_signed parts;

    (void)state;
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages, page, PROT_NONE), 0);
    for (size_t size = 0; size < TRAILER; size++)
        assert_refused(hf_signed_parse(pages + page, size, &parts, ERR), HOTFIX_FORMAT, "or cut off: only");
    assert_refused(hf_signed_parse(pages + page, TRAILER, &parts, ERR), HOTFIX_FORMAT, "with the bundle trailer");
    munmap(pages, 2 * page);
}

static void a_block_may_be_as_large_as_the_limit(void **state)
{
    struct hf_signed parts = unsigned_parts(), parsed;
    uint8_t *cms = calloc(1, HF_CMS_MAX), *file;
    const size_t entry = 24, largest = 12 + 3 * (entry + HF_CMS_MAX), last = HF_SIGNATURE_BLOCK_MAX - largest - entry;
    size_t size;

    (void)state;
    for (parts.signature_count = 0; parts.signature_count < 4; parts.signature_count++)
        parts.signatures[parts.signature_count] =
            (struct hf_signature){.cms = cms, .cms_size = parts.signature_count < 3 ? HF_CMS_MAX : last};
    assert_done(hf_signed_format(&parts, &file, &size, ERR));
    assert_done(hf_signed_parse(file, size, &parsed, ERR));
    assert_int_equal(parsed.signature_count, 4);
    assert_int_equal(parsed.signatures[0].cms_size, HF_CMS_MAX);
    hf_put(file + size - TRAILER, HF_SIGNATURE_BLOCK_MAX + 1, 4);
    assert_refused(hf_signed_parse(file, size, &parsed, ERR), HOTFIX_FORMAT, "bundle trailer: damaged");
    free(file);
    parts.signatures[3].cms_size++;
    assert_refused(hf_signed_format(&parts, &file, &size, ERR), HOTFIX_FORMAT, "no room for another");
    /* Nothing but a block. */
    parts = (struct hf_signed){.archive = (const uint8_t *)archive};
    assert_done(hf_signed_format(&parts, &file, &size, ERR));
    assert_done(hf_signed_parse(file, size, &parsed, ERR));
    assert_int_equal(parsed.archive_size, 0);
    free(file);
    free(cms);
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    struct hf_signed parts;
    size_t size;
    uint8_t *file = signed_file(2, &size);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, file, cut);
        assert_refused(hf_signed_parse(exact, cut, &parts, ERR), HOTFIX_FORMAT, "cut off");
        free(exact);
    }
    free(file);
}

static void more_signatures_than_the_limit_are_not_written(void **state)
{
    struct hf_signed parts = unsigned_parts();
    uint8_t *file = NULL;
    size_t size;

    (void)state;
    parts.signature_count = HF_SIGNATURE_MAX + 1;
    assert_refused(hf_signed_format(&parts, &file, &size, ERR), HOTFIX_INTERNAL, "more than 32 signatures");
    assert_null(file);
}

static void a_file_reads_as_it_was_written(void **state)
{
    static const size_t counts[] = {0, 1, 2, HF_SIGNATURE_MAX};
    struct hf_signed parts;
    size_t size, again_size;
    uint8_t *again;

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint8_t *file = signed_file(counts[i], &size);
        assert_int_equal(size, sizeof(archive) + 12 + counts[i] * ENTRY + TRAILER);
        assert_done(hf_signed_parse(file, size, &parts, ERR));
        assert_ptr_equal(parts.archive, file);
        assert_int_equal(parts.archive_size, sizeof(archive));
        assert_int_equal(parts.signature_count, counts[i]);
        assert_done(hf_signed_format(&parts, &again, &again_size, ERR));
        assert_int_equal(again_size, size);
        assert_memory_equal(again, file, size);
        free(again);
        free(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_trust_store_everything_is_refused),
        cmocka_unit_test(an_unsigned_archive_is_refused),
        cmocka_unit_test(signatures_by_unknown_keys_are_refused_and_the_keys_named),
        cmocka_unit_test(a_signature_over_other_bytes_is_refused),
        cmocka_unit_test(a_signature_under_the_id_of_another_key_is_refused),
        cmocka_unit_test(the_statement_itself_is_not_a_signed_archive),
        cmocka_unit_test(one_good_signature_among_others_is_enough),
        cmocka_unit_test(every_key_with_the_id_is_tried),
        cmocka_unit_test(the_statement_is_the_documented_text),
        cmocka_unit_test(a_damaged_trailer_or_block_is_refused),
        cmocka_unit_test(cms_entries_of_another_size_are_refused),
        cmocka_unit_test(cms_entries_read_as_they_were_written),
        cmocka_unit_test(a_block_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_shorter_than_a_trailer_is_refused),
        cmocka_unit_test(a_block_may_be_as_large_as_the_limit),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(more_signatures_than_the_limit_are_not_written),
        cmocka_unit_test(a_file_reads_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, make_signers, drop_signers);
}
