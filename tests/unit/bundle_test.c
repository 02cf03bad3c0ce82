/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <archive.h>
#include <archive_entry.h>

#include "manifest_fixture.h"
#include "tar.h"

static struct fixture_signer signer, stranger;
static struct hf_manifest manifest; /* the fixture's */
static char *text;                  /* of it */
static size_t text_size;
static uint8_t *archive; /* the archive part of a good bundle, and the whole of it */
static size_t archive_size;
static uint8_t *file;
static size_t file_size;

static int make_bundle(void **state)
{
    (void)state;
    fixture_signer(&signer);
    fixture_signer(&stranger);
    fixture_manifest(&manifest);
    if (hf_manifest_format(&manifest, &text, &text_size, NULL) != 0 ||
        hf_archive_format(&manifest, fixture_payload(), FIXTURE_PAYLOAD_SIZE, &archive, &archive_size, NULL) != 0)
        return -1;
    file = fixture_file(&signer, archive, archive_size, &file_size);
    return 0;
}

static int drop_bundle(void **state)
{
    (void)state;
    hf_private_key_destroy(signer.key);
    hf_private_key_destroy(stranger.key);
    hf_manifest_deinit(&manifest);
    free(text);
    free(archive);
    free(file);
    return 0;
}

static int open_at(const void *bytes, size_t size, int64_t now, struct hotfix_error *err)
{
    struct hf_bundle bundle, untouched;

    memset(&bundle, 0x5a, sizeof(bundle));
    untouched = bundle;
    if (hf_bundle_open(bytes, size, &signer.trust, now, &bundle, NULL, err) != 0) {
        assert_memory_equal(&bundle, &untouched, sizeof(bundle));
        return -1;
    }
    hf_bundle_deinit(&bundle);
    return 0;
}

static int open_file(const void *bytes, size_t size, struct hotfix_error *err)
{
    return open_at(bytes, size, FIXTURE_TIME, err);
}

/* A signed archive like this one is refused, and so is the archive by itself. */
static void refuse_archive(const void *bytes, size_t size, const char *message)
{
    struct hf_bundle bundle;
    size_t signed_size;
    uint8_t *exact = malloc(size + !size);
    uint8_t *signed_file = fixture_file(&signer, bytes, size, &signed_size);

    memcpy(exact, bytes, size);
    assert_refused(hf_archive_parse(exact, size, &bundle, ERR), HOTFIX_FORMAT, message);
    assert_refused(open_file(signed_file, signed_size, ERR), HOTFIX_FORMAT, message);
    free(exact);
    free(signed_file);
}

/* Archives that bundles are not, written by libarchive. */
struct made {
    struct archive *writer;
    uint8_t *bytes;
    size_t size;
};

static void made_begin(struct made *made, int (*set_format)(struct archive *))
{
    made->bytes = malloc(1 << 20);
    made->writer = archive_write_new();
    assert_int_equal(set_format(made->writer), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(made->writer, 1);
    assert_int_equal(archive_write_open_memory(made->writer, made->bytes, 1 << 20, &made->size), ARCHIVE_OK);
}

static struct archive_entry *made_entry(const char *name, size_t size)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_mtime(entry, FIXTURE_TIME, 0);
    return entry;
}

static void made_add(struct made *made, struct archive_entry *entry, const void *data)
{
    la_int64_t size = archive_entry_size(entry);

    assert_int_equal(archive_write_header(made->writer, entry), ARCHIVE_OK);
    if (size)
        assert_true(archive_write_data(made->writer, data, (size_t)size) == size);
    archive_entry_free(entry);
}

static void made_manifest(struct made *made, const char *name)
{
    made_add(made, made_entry(name, text_size), text);
}

static void made_payload(struct made *made, const char *name)
{
    made_add(made, made_entry(name, FIXTURE_PAYLOAD_SIZE), fixture_payload());
}

static void made_finish(struct made *made)
{
    assert_int_equal(archive_write_close(made->writer), ARCHIVE_OK);
    archive_write_free(made->writer);
}

static void made_refuse(struct made *made, const char *message)
{
    made_finish(made);
    refuse_archive(made->bytes, made->size, message);
    free(made->bytes);
}

/* Changes bytes of a header block and makes its checksum right again. */
static void patch_header(uint8_t *header, size_t at, const void *bytes, size_t size)
{
    char sum_text[8];
    unsigned sum = 0;

    memcpy(header + at, bytes, size);
    memset(header + 148, ' ', 8);
    for (size_t i = 0; i < HF_TAR_BLOCK; i++)
        sum += header[i];
    snprintf(sum_text, sizeof(sum_text), "%06o", sum);
    memcpy(header + 148, sum_text, 7);
}

static void refuse_header(size_t at, const char *bytes, size_t size, const char *message)
{
    uint8_t *changed = malloc(archive_size);
    size_t second = HF_TAR_BLOCK + hf_tar_padded(text_size);

    memcpy(changed, archive, archive_size);
    patch_header(changed, at, bytes, size);
    refuse_archive(changed, archive_size, message);
    memcpy(changed, archive, archive_size);
    patch_header(changed + second, at, bytes, size);
    refuse_archive(changed, archive_size, message);
    free(changed);
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < file_size; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, file, cut);
        assert_refused(open_file(exact, cut, ERR), HOTFIX_FORMAT, "cut off");
        free(exact);
    }
}

static void a_file_with_any_bit_flipped_is_refused(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * file_size; bit++) {
        struct hotfix_error err;
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (open_file(file, file_size, &err) == 0)
            fail_msg("accepted with bit %zu flipped", bit);
        if (bit / 8 < archive_size && err.code != HOTFIX_SIGNATURE)
            fail_msg("bit %zu of the archive: %s", bit, err.message);
        if (err.code != HOTFIX_SIGNATURE && err.code != HOTFIX_FORMAT)
            fail_msg("bit %zu: code %d", bit, err.code);
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_done(open_file(file, file_size, ERR));
}

/* Nothing of the archive is parsed before the signature holds: garbage is a matter of the signature until it is signed.
 */
static void the_signature_is_verified_before_the_archive_is_looked_at(void **state)
{
    static const char garbage[] = "this is no archive at all";
    size_t size;

    (void)state;
    uint8_t *unknown = fixture_file(&stranger, garbage, sizeof(garbage), &size);
    assert_refused(open_file(unknown, size, ERR), HOTFIX_SIGNATURE, "keys that are not in the trust store");
    free(unknown);
    uint8_t *changed = fixture_file(&signer, garbage, sizeof(garbage), &size);
    changed[3] ^= 1;
    assert_refused(open_file(changed, size, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
    free(changed);
    refuse_archive(garbage, sizeof(garbage), "archive: ");
    refuse_archive("", 0, "archive: ");
}

static void a_bundle_without_a_signature_by_a_trusted_key_is_refused(void **state)
{
    struct hf_signed parts = {.archive = archive, .archive_size = archive_size};
    struct hf_trust none = {0};
    struct hf_bundle bundle;
    uint8_t *bytes;
    size_t size;

    (void)state;
    assert_done(hf_signed_format(&parts, &bytes, &size, ERR));
    assert_refused(open_file(bytes, size, ERR), HOTFIX_SIGNATURE, "not signed");
    free(bytes);
    bytes = fixture_file(&stranger, archive, archive_size, &size);
    assert_refused(open_file(bytes, size, ERR), HOTFIX_SIGNATURE, "keys that are not in the trust store");
    free(bytes);
    assert_refused(hf_bundle_open(file, file_size, &none, FIXTURE_TIME, &bundle, NULL, ERR), HOTFIX_TRUST,
                   "no trust store");
}

static void a_signature_moved_to_another_bundle_is_refused(void **state)
{
    struct hf_signed parts;
    uint8_t *other_archive, *bytes;
    size_t size;

    (void)state;
    assert_done(hf_signed_parse(file, file_size, &parts, ERR));
    manifest.created++;
    assert_done(hf_archive_format(&manifest, fixture_payload(), FIXTURE_PAYLOAD_SIZE, &other_archive,
                                  &parts.archive_size, ERR));
    manifest.created--;
    parts.archive = other_archive;
    assert_done(hf_signed_format(&parts, &bytes, &size, ERR));
    assert_refused(open_file(bytes, size, ERR), HOTFIX_SIGNATURE, "the bundle was changed");
    free(bytes);
    free(other_archive);
}

static void a_bundle_is_refused_from_its_expiry_on(void **state)
{
    (void)state;
    assert_done(open_at(file, file_size, FIXTURE_TIME + 999, ERR));
    assert_refused(open_at(file, file_size, FIXTURE_TIME + 1000, ERR), HOTFIX_EXPIRED,
                   "expired on 2023-11-14T22:30:00Z");
    assert_refused(open_at(file, file_size, INT64_MAX, ERR), HOTFIX_EXPIRED, "expired");
}

static void a_file_above_the_limit_is_refused_unread(void **state)
{
    (void)state;
    assert_refused(open_file(file, HF_BUNDLE_MAX_SIZE + 1ul, ERR), HOTFIX_FORMAT, "of a bundle");
}

static void missing_members_are_refused(void **state)
{
    struct made made;

    (void)state;
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_refuse(&made, "member 'patch.so' is missing");
    made_begin(&made, archive_write_set_format_ustar);
    made_payload(&made, "patch.so");
    made_refuse(&made, "member 'patch.so' where 'manifest.ini' must be");
    made_begin(&made, archive_write_set_format_ustar);
    made_refuse(&made, "member 'manifest.ini' is missing");
}

static void added_reordered_and_repeated_members_are_refused(void **state)
{
    struct made made;

    (void)state;
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_payload(&made, "extra");
    made_refuse(&made, "something other than the end follows the last member");
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_payload(&made, "patch.so");
    made_refuse(&made, "something other than the end follows the last member");
    made_begin(&made, archive_write_set_format_ustar);
    made_payload(&made, "extra");
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_refuse(&made, "member 'extra' where 'manifest.ini' must be");
    made_begin(&made, archive_write_set_format_ustar);
    made_payload(&made, "patch.so");
    made_manifest(&made, "manifest.ini");
    made_refuse(&made, "member 'patch.so' where 'manifest.ini' must be");
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_refuse(&made, "member 'manifest.ini' where 'patch.so' must be");
}

static void renamed_members_and_paths_are_refused(void **state)
{
    static const char *const names[] = {"./manifest.ini", "../manifest.ini", "/manifest.ini",  "a/manifest.ini",
                                        "manifest.ini/",  "MANIFEST.INI",    "manifest.ini\n", "manifest"};
    struct made made;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        made_begin(&made, archive_write_set_format_ustar);
        made_manifest(&made, names[i]);
        made_payload(&made, "patch.so");
        made_refuse(&made, "where 'manifest.ini' must be");
    }
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "./patch.so");
    made_refuse(&made, "member './patch.so' where 'patch.so' must be");
    /* A directory in the prefix field, and bytes behind the name's end. */
    refuse_header(345, "etc", 3, "archive: member 'etc/");
    refuse_header(98, "x", 1, "is not a plain ustar file");
}

static void links_and_special_files_are_refused(void **state)
{
    static const unsigned types[] = {AE_IFLNK, AE_IFDIR, AE_IFIFO, AE_IFCHR, AE_IFBLK};
    struct made made;

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct archive_entry *entry = made_entry("patch.so", 0);
        archive_entry_set_filetype(entry, types[i]);
        if (types[i] == AE_IFLNK)
            archive_entry_set_symlink(entry, "/etc/passwd");
        made_begin(&made, archive_write_set_format_ustar);
        made_manifest(&made, "manifest.ini");
        made_add(&made, entry, NULL);
        made_refuse(&made, types[i] == AE_IFDIR ? "where 'patch.so' must be" : "'patch.so' is not a plain file");
    }
    struct archive_entry *link = made_entry("patch.so", 0);
    archive_entry_set_hardlink(link, "manifest.ini");
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_add(&made, link, NULL);
    made_refuse(&made, "'patch.so' is not a plain file");
    /* Every other type that a header can name. */
    for (int type = 0; type < 256; type++) {
        char byte = (char)type;
        if (type != '0')
            refuse_header(156, &byte, 1, "");
    }
}

static void extensions_of_the_format_are_refused(void **state)
{
    char long_name[160];
    struct made made;

    (void)state;
    struct archive_entry *entry = made_entry("manifest.ini", text_size);
    archive_entry_set_mtime(entry, FIXTURE_TIME, 5);
    made_begin(&made, archive_write_set_format_pax);
    made_add(&made, entry, text);
    made_payload(&made, "patch.so");
    made_refuse(&made, "archive: ");

    entry = made_entry("patch.so", FIXTURE_PAYLOAD_SIZE);
    archive_entry_xattr_add_entry(entry, "user.x", "1", 1);
    made_begin(&made, archive_write_set_format_pax);
    made_manifest(&made, "manifest.ini");
    made_add(&made, entry, fixture_payload());
    made_refuse(&made, "archive: ");

    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    made_begin(&made, archive_write_set_format_gnutar);
    made_manifest(&made, long_name);
    made_payload(&made, "patch.so");
    made_refuse(&made, "where 'manifest.ini' must be");

    made_begin(&made, archive_write_set_format_gnutar);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_refuse(&made, "is not a plain ustar file");
    made_begin(&made, archive_write_set_format_v7tar);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_refuse(&made, "is not a plain ustar file");
    made_begin(&made, archive_write_set_format_cpio_newc);
    made_manifest(&made, "manifest.ini");
    made_payload(&made, "patch.so");
    made_refuse(&made, "archive: ");
}

static void header_fields_in_another_form_are_refused(void **state)
{
    (void)state;
    refuse_header(100, "000755 ", 8, "mode or owner");
    refuse_header(100, "004644 ", 8, "mode or owner");
    refuse_header(100, "0000644", 8, "not a plain ustar file");
    refuse_header(100, "100644 ", 8, "not a plain ustar file");
    refuse_header(108, "000001 ", 8, "mode or owner");
    refuse_header(116, "000001 ", 8, "mode or owner");
    refuse_header(136, "14524770401 ", 12, "");
    refuse_header(136, "\x80\0\0\0\0\0\0\0\x65\x53\xf1\0", 12, "not a plain ustar file");
    refuse_header(157, "target", 6, "not a plain ustar file");
    refuse_header(257, "ustar  ", 8, "not a plain ustar file");
    refuse_header(265, "root", 4, "not a plain ustar file");
    refuse_header(297, "root", 4, "not a plain ustar file");
    refuse_header(329, "000001 ", 8, "not a plain ustar file");
    refuse_header(500, "x", 1, "not a plain ustar file");
}

static void members_of_another_size_are_refused(void **state)
{
    static const char *const sizes[] = {"00000000000 ", "00000001273 ", "00000001275 ",
                                        "77777777777 ", "-0000000001 ", "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"};
    struct hf_manifest large;
    uint8_t *bytes = NULL;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        refuse_header(124, sizes[i], 12, "");
    fixture_manifest(&large);
    large.payload_size++;
    assert_refused(hf_archive_format(&large, fixture_payload(), FIXTURE_PAYLOAD_SIZE, &bytes, &size, ERR),
                   HOTFIX_INTERNAL, "is not the payload's");
    large.payload_size--;
    large.payload_digest.bytes[0] ^= 1;
    assert_refused(hf_archive_format(&large, fixture_payload(), FIXTURE_PAYLOAD_SIZE, &bytes, &size, ERR),
                   HOTFIX_INTERNAL, "is not the payload's");
    assert_refused(hf_archive_format(&large, fixture_payload(), HF_PAYLOAD_MAX_SIZE + 1ul, &bytes, &size, ERR),
                   HOTFIX_USAGE, "more than the");
    hf_manifest_deinit(&large);
    assert_null(bytes);
}

/* An archive with another payload than its manifest describes; the header fits the payload. */
static void a_payload_that_is_not_the_manifests_is_refused(void **state)
{
    uint8_t other[FIXTURE_PAYLOAD_SIZE + 1] = {0};
    struct made made;

    (void)state;
    memcpy(other, fixture_payload(), FIXTURE_PAYLOAD_SIZE);
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_add(&made, made_entry("patch.so", FIXTURE_PAYLOAD_SIZE + 1), other);
    made_refuse(&made, "patch.so: has 701 bytes, the manifest says 700");
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_add(&made, made_entry("patch.so", FIXTURE_PAYLOAD_SIZE - 1), other);
    made_refuse(&made, "patch.so: has 699 bytes, the manifest says 700");
    other[99] ^= 4;
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_add(&made, made_entry("patch.so", FIXTURE_PAYLOAD_SIZE), other);
    made_refuse(&made, "patch.so: its SHA-256 is not the manifest's");
    struct archive_entry *late = made_entry("patch.so", FIXTURE_PAYLOAD_SIZE);
    archive_entry_set_mtime(late, FIXTURE_TIME + 1, 0);
    made_begin(&made, archive_write_set_format_ustar);
    made_manifest(&made, "manifest.ini");
    made_add(&made, late, fixture_payload());
    made_refuse(&made, "the members' time is not the manifest's creation time");
}

static void a_damaged_manifest_is_refused_with_its_line(void **state)
{
    struct made made;

    (void)state;
    char *damaged = strdup(text);
    memcpy(strstr(damaged, "version"), "verzion", 7);
    made_begin(&made, archive_write_set_format_ustar);
    made_add(&made, made_entry("manifest.ini", text_size), damaged);
    made_payload(&made, "patch.so");
    made_refuse(&made, "manifest.ini line 6: unknown key 'verzion'");
    free(damaged);
}

static void data_after_the_archive_is_refused(void **state)
{
    static const size_t more[] = {1, 511, 512, 1024, 10240};
    uint8_t *longer = calloc(1, archive_size + 20480);

    (void)state;
    memcpy(longer, archive, archive_size);
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        refuse_archive(longer, archive_size + more[i], "something other than the end");
    memcpy(longer + archive_size, archive, archive_size);
    refuse_archive(longer, 2 * archive_size, "something other than the end");
    memcpy(longer, archive, archive_size);
    for (size_t at = archive_size - HF_TAR_END; at < archive_size; at++) {
        longer[at] = 1;
        refuse_archive(longer, archive_size, "something other than the end");
        longer[at] = 0;
    }
    /* Padding behind a member's data is zero too. */
    for (size_t at = HF_TAR_BLOCK + text_size; at < HF_TAR_BLOCK + hf_tar_padded(text_size); at++) {
        longer[at] = 1;
        refuse_archive(longer, archive_size, "is not stored plainly");
        longer[at] = 0;
    }
    free(longer);
}

static void an_archive_cut_at_any_byte_is_refused(void **state)
{
    struct hf_bundle bundle;

    (void)state;
    for (size_t cut = 0; cut < archive_size; cut++) {
        uint8_t *exact = malloc(cut + !cut);
        memcpy(exact, archive, cut);
        assert_refused(hf_archive_parse(exact, cut, &bundle, ERR), HOTFIX_FORMAT, "archive: ");
        free(exact);
    }
}

/* Whatever a flipped bit leaves readable (another name, another date in all three places) is still the one archive that
 * its content has. */
static void an_archive_with_any_bit_flipped_is_refused_or_another_good_one(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * archive_size; bit++) {
        struct hf_bundle bundle;
        uint8_t *again;
        size_t again_size;
        archive[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hf_archive_parse(archive, archive_size, &bundle, NULL) == 0) {
            assert_true(bit / 8 >= HF_TAR_BLOCK && bit / 8 < HF_TAR_BLOCK + text_size);
            assert_done(
                hf_archive_format(&bundle.manifest, bundle.payload, bundle.payload_size, &again, &again_size, ERR));
            assert_int_equal(again_size, archive_size);
            assert_memory_equal(again, archive, archive_size);
            free(again);
            hf_bundle_deinit(&bundle);
        }
        archive[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void the_same_inputs_give_the_same_bytes(void **state)
{
    uint8_t *again;
    size_t size;

    (void)state;
    assert_done(hf_archive_format(&manifest, fixture_payload(), FIXTURE_PAYLOAD_SIZE, &again, &size, ERR));
    assert_int_equal(size, archive_size);
    assert_memory_equal(again, archive, size);
    assert_int_equal(size, 2 * HF_TAR_BLOCK + hf_tar_padded(text_size) + hf_tar_padded(FIXTURE_PAYLOAD_SIZE) + 1024);
    free(again);
}

static void a_bundle_opens_as_it_was_written(void **state)
{
    struct hf_bundle bundle;
    struct hf_signers by;

    (void)state;
    assert_done(hf_bundle_open(file, file_size, &signer.trust, FIXTURE_TIME, &bundle, &by, ERR));
    assert_int_equal(by.count, 1);
    assert_ptr_equal(by.keys[0], &signer.entry);
    assert_string_equal(bundle.manifest.name, "webapp-discount");
    assert_int_equal(bundle.manifest.function_count, 2);
    assert_int_equal(bundle.payload_size, FIXTURE_PAYLOAD_SIZE);
    assert_memory_equal(bundle.payload, fixture_payload(), FIXTURE_PAYLOAD_SIZE);
    hf_bundle_deinit(&bundle);
    assert_null(bundle.payload);
}

static void tar_lists_the_two_members_of_a_bundle(void **state)
{
    char command[256], lines[256];
    FILE *out = fopen(fixture_path("fix.hotfix"), "wb");

    (void)state;
    assert_non_null(out);
    assert_int_equal(fwrite(file, 1, file_size, out), file_size);
    assert_int_equal(fclose(out), 0);
    snprintf(command, sizeof(command), "tar tf %s", fixture_path("fix.hotfix"));
    FILE *tar = popen(command, "r");
    assert_non_null(tar);
    size_t size = fread(lines, 1, sizeof(lines) - 1, tar);
    lines[size] = '\0';
    assert_int_equal(pclose(tar), 0);
    assert_string_equal(lines, "manifest.ini\npatch.so\n");
}

static int enter(void **state)
{
    return fixture_enter(state) ? -1 : make_bundle(state);
}

static int leave(void **state)
{
    return fixture_leave(state) ? -1 : drop_bundle(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_with_any_bit_flipped_is_refused),
        cmocka_unit_test(the_signature_is_verified_before_the_archive_is_looked_at),
        cmocka_unit_test(a_bundle_without_a_signature_by_a_trusted_key_is_refused),
        cmocka_unit_test(a_signature_moved_to_another_bundle_is_refused),
        cmocka_unit_test(a_bundle_is_refused_from_its_expiry_on),
        cmocka_unit_test(a_file_above_the_limit_is_refused_unread),
        cmocka_unit_test(missing_members_are_refused),
        cmocka_unit_test(added_reordered_and_repeated_members_are_refused),
        cmocka_unit_test(renamed_members_and_paths_are_refused),
        cmocka_unit_test(links_and_special_files_are_refused),
        cmocka_unit_test(extensions_of_the_format_are_refused),
        cmocka_unit_test(header_fields_in_another_form_are_refused),
        cmocka_unit_test(members_of_another_size_are_refused),
        cmocka_unit_test(a_payload_that_is_not_the_manifests_is_refused),
        cmocka_unit_test(a_damaged_manifest_is_refused_with_its_line),
        cmocka_unit_test(data_after_the_archive_is_refused),
        cmocka_unit_test(an_archive_cut_at_any_byte_is_refused),
        cmocka_unit_test(an_archive_with_any_bit_flipped_is_refused_or_another_good_one),
        cmocka_unit_test(the_same_inputs_give_the_same_bytes),
        cmocka_unit_test(a_bundle_opens_as_it_was_written),
        cmocka_unit_test(tar_lists_the_two_members_of_a_bundle),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
