/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ratchet.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "certificate_fixture.h"
#include "file.h"
#include "verify/ratchetfile.h"

#define SECOND_NS UINT64_C(1000000000)
#define EMPTY     "[state]\nformat = 2\n"
#define OLD       "[state]\nformat = 1\n"
#define ZEROS     "0000000000000000000000000000000000000000000000000000000000000000"
#define RECORD    "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = 0a\nsequence = 5\n"

static struct fixture_signer alice, bob;
static struct hf_trust_key keys[2];
static struct hf_trust trust;
static struct hf_manifest manifest;
static char target_name[] = "webapp", other_name[] = "worker", alice_name[] = "alice", bob_name[] = "bob";
static char *path;

static const struct hf_build_id first_build = {{0xaa, 0xbb}, 2}, next_build = {{0xaa, 0xbc}, 2};

static struct hf_signers by(int who)
{
    struct hf_signers signers = {.keys = {&keys[who]}, .count = 1};
    return signers;
}

static void write_state(const char *text)
{
    fixture_write(path, text, strlen(text), 0600);
}

static char *read_state(void)
{
    uint8_t *text;
    size_t size;

    assert_done(hf_file_read(path, HF_RATCHET_MAX_SIZE, &text, &size, ERR));
    return (char *)text;
}

static int begin(void **state)
{
    (void)state;
    keys[0] = (struct hf_trust_key){.name = alice_name, .key = alice.public_key};
    keys[1] = (struct hf_trust_key){.name = bob_name, .key = bob.public_key};
    trust = (struct hf_trust){.keys = keys, .count = 2};
    manifest.target_name = target_name;
    manifest.target_build_id = first_build;
    unlink(path);
    write_state(EMPTY);
    return 0;
}

static int advance(int who, uint64_t sequence)
{
    struct hf_signers signers = by(who);

    manifest.sequence = sequence;
    return hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR);
}

static int check(uint64_t sequence)
{
    manifest.sequence = sequence;
    return hf_ratchet_check(path, &trust, &manifest, ERR);
}

static void without_a_state_nothing_is_applied(void **state)
{
    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_refused(check(1), HOTFIX_REPLAYED, "is missing, so what was applied before is not known");
    assert_refused(advance(0, 1), HOTFIX_REPLAYED, "is missing");
    assert_int_not_equal(access(path, F_OK), 0);
    trust.policy.lost_state_accepted = true;
    assert_done(check(1));
    assert_done(advance(0, 7));
    trust.policy.lost_state_accepted = false;
    assert_refused(check(6), HOTFIX_REPLAYED, "is an old one");
}

static void a_state_that_is_damaged_is_as_good_as_none(void **state)
{
    static const char *const texts[] = {
        "",
        "garbage",
        "[state]\nformat = 3\n",
        "[state]\nformat = 2\nrecords = 1\n",
        "[newest]\nformat = 2\n",
        "[state]\nrecords = 2\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = 00\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nsequence = 5\ntarget = webapp\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nsequence = 05\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nsequence = 0\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nsequence = -1\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nsequence = 9223372036854775808\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nsequence = 5\nmore = 1\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = 0\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = 0A\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nissuer = " ZEROS "\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nissuer = 00\nserial = 01\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nserial = 01\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\nissuer = " ZEROS "\nserial = 000102030405060708091011121314151617181920\n"
              "target = webapp\nsequence = 5\n",
        OLD "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = 0a\nsequence = 5\n",
        OLD "\n[newest]\nkey = " ZEROS "\nissuer = " ZEROS "\nserial = 01\ntarget = webapp\nsequence = 5\n",
        EMPTY "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = " ZEROS ZEROS "00\nsequence = 5\n",
        EMPTY "\n[oldest]\nkey = " ZEROS "\ntarget = webapp\nsequence = 5\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        trust.policy.lost_state_accepted = false;
        write_state(texts[i]);
        assert_refused(check(1), HOTFIX_REPLAYED, "what was applied before is not known");
        assert_refused(advance(0, 1), HOTFIX_REPLAYED, "what was applied before is not known");
        char *now = read_state();
        assert_string_equal(now, texts[i]);
        free(now);
        trust.policy.lost_state_accepted = true;
        assert_done(advance(0, 1));
    }
}

/* Cut anywhere, it is damaged or has one record less, which must not happen unnoticed; renaming makes sure of that. */
static void a_state_cut_off_within_a_record_is_damaged(void **state)
{
    static const char whole[] = EMPTY RECORD;
    struct hf_ratchet_records records = {0};

    (void)state;
    for (size_t size = 0; size < strlen(whole); size++) {
        if (size == strlen(EMPTY))
            continue;
        assert_refused(hf_ratchet_parse(whole, size, &records, ERR), HOTFIX_FORMAT, "the state");
        assert_null(records.items);
    }
    assert_done(hf_ratchet_parse(whole, strlen(whole), &records, ERR));
    assert_int_equal(records.count, 1);
    hf_ratchet_records_deinit(&records);
}

static void a_bundle_without_a_number_is_refused(void **state)
{
    (void)state;
    assert_refused(check(0), HOTFIX_REPLAYED, "has no sequence number");
    assert_refused(advance(0, 0), HOTFIX_REPLAYED, "has no sequence number");
}

static void an_older_bundle_is_refused_whoever_signed_it(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    for (int who = 0; who < 2; who++)
        assert_refused(advance(who, 4), HOTFIX_REPLAYED,
                       "the bundle is an old one: its sequence number is 4, and 5 was applied to webapp before");
    assert_done(advance(0, 5));
    assert_done(advance(1, 5));
    assert_done(advance(1, 6));
    assert_refused(check(5), HOTFIX_REPLAYED, "and 6 was applied");
}

static void each_target_has_numbers_of_its_own(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    manifest.target_name = other_name;
    manifest.target_build_id = next_build;
    assert_done(advance(0, 2));
    assert_refused(check(1), HOTFIX_REPLAYED, "and 2 was applied to worker before");
    manifest.target_name = target_name;
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied to webapp before");
}

/* The target is found by its build-id, and what a bundle calls it is anybody's choice. */
static void another_name_for_the_same_build_escapes_nothing(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    manifest.target_name = other_name;
    assert_refused(check(4), HOTFIX_REPLAYED, "is an old one");
    assert_done(advance(1, 6));
    manifest.target_name = target_name;
    assert_refused(check(5), HOTFIX_REPLAYED, "is an old one");
    manifest.target_build_id = next_build;
    assert_refused(check(4), HOTFIX_REPLAYED, "is an old one");
}

/* Neither its beginning nor none is a build. */
static void builds_that_only_begin_alike_are_others(void **state)
{
    const struct hf_build_id longer = {{0xaa, 0xbb, 0xcc}, 3};
    char text[512], hex[2 * HF_KEY_SIZE + 1];

    (void)state;
    manifest.target_build_id = longer;
    assert_done(advance(0, 5));
    manifest.target_name = other_name;
    manifest.target_build_id = first_build;
    assert_done(check(4));
    manifest.target_build_id = longer;
    assert_refused(check(4), HOTFIX_REPLAYED, "is an old one");
    hf_hex_encode(alice.public_key.bytes, HF_KEY_SIZE, hex);
    snprintf(text, sizeof(text), OLD "\n[newest]\nkey = %s\ntarget = webapp\nsequence = 5\n", hex);
    write_state(text);
    manifest.target_build_id = (struct hf_build_id){.size = 0};
    assert_done(check(4));
}

/* A key that was an authority's, or a state that somebody edited. */
static void a_certificate_says_nothing_of_a_plain_key(void **state)
{
    char text[512], hex[2 * HF_KEY_SIZE + 1];

    (void)state;
    hf_hex_encode(alice.public_key.bytes, HF_KEY_SIZE, hex);
    snprintf(text, sizeof(text),
             EMPTY "\n[newest]\nkey = %s\nissuer = " ZEROS "\nserial = 01\ntarget = webapp\nsequence = 5\n", hex);
    write_state(text);
    assert_refused(check(4), HOTFIX_REPLAYED, "is an old one");
    assert_done(check(5));
}

/* Records of one key are apart by name, build and certificate: one must not take another's place. */
static void each_name_and_build_and_certificate_has_a_record(void **state)
{
    struct hf_signers signers = by(0);
    struct hf_ratchet_records records = {0};
    struct hf_ratchet_record record = {.target = target_name, .sequence = 3, .mark = {.serial_size = 1}};
    bool changed = false;

    (void)state;
    assert_done(advance(0, 5));
    manifest.target_name = other_name;
    assert_done(advance(0, 7));
    manifest.target_build_id = next_build;
    assert_refused(check(6), HOTFIX_REPLAYED, "and 7 was applied to worker before");
    begin(NULL);
    assert_done(advance(0, 5));
    manifest.target_build_id = next_build;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    assert_done(advance(0, 7));
    manifest.target_name = other_name;
    assert_refused(check(6), HOTFIX_REPLAYED, "and 7 was applied to worker before");
    for (int i = 0; i < 3; i++) {
        record.mark.issuer[31] = (uint8_t)(i == 1);
        record.mark.serial[0] = (uint8_t)(i == 2);
        assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    }
    assert_int_equal(records.count, 3);
    hf_ratchet_records_deinit(&records);
}

static void a_state_of_the_first_format_goes_on(void **state)
{
    char text[512], hex[2 * HF_KEY_SIZE + 1];

    (void)state;
    hf_hex_encode(alice.public_key.bytes, HF_KEY_SIZE, hex);
    snprintf(text, sizeof(text), OLD "\n[newest]\nkey = %s\ntarget = webapp\nsequence = 5\n", hex);
    write_state(text);
    assert_refused(check(4), HOTFIX_REPLAYED, "is an old one");
    assert_done(advance(0, 6));
    assert_refused(check(5), HOTFIX_REPLAYED, "is an old one");
    snprintf(text, sizeof(text),
             EMPTY "\n[newest]\nkey = %s\ntarget = webapp\nsequence = 5\n"
                   "\n[newest]\nkey = %s\ntarget = webapp\nbuild-id = aabb\nsequence = 6\n",
             hex, hex);
    char *now = read_state();
    assert_string_equal(now, text);
    free(now);
}

static void a_leap_is_refused_where_the_policy_has_a_limit(void **state)
{
    (void)state;
    trust.policy.max_step = 10;
    assert_refused(advance(0, 11), HOTFIX_REPLAYED, "leaps ahead: its sequence number is 11, and after 0");
    trust.policy.start = 1000;
    assert_refused(advance(0, 999), HOTFIX_REPLAYED, "is an old one");
    assert_refused(advance(0, 1011), HOTFIX_REPLAYED, "leaps ahead");
    assert_done(advance(0, 1000));
    assert_refused(advance(0, 1011), HOTFIX_REPLAYED,
                   "leaps ahead: its sequence number is 1011, and after 1000 the "
                   "policy allows at most 1010");
    assert_refused(advance(1, INT64_MAX), HOTFIX_REPLAYED, "leaps ahead");
    assert_done(advance(1, 1010));
    assert_done(advance(1, 1011));
    trust.policy.max_step = 0;
    assert_done(advance(0, INT64_MAX));
}

static void the_leap_of_a_stolen_key_ends_with_its_revocation(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    assert_done(advance(1, INT64_MAX));
    assert_refused(check(6), HOTFIX_REPLAYED, "is an old one");
    keys[1].revoked = true;
    assert_done(check(6));
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
    trust.policy.max_step = 10;
    assert_done(check(6));
    trust.policy.max_step = 0;
    keys[1].revoked = false;
    trust.count = 1;
    assert_done(check(6));
    trust.count = 2;
    assert_refused(check(6), HOTFIX_REPLAYED, "is an old one");
}

/* Else what other keys signed before could come back. */
static void numbers_of_a_revoked_key_stay_as_far_as_a_step_goes(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    assert_done(advance(1, 9));
    keys[1].revoked = true;
    assert_done(check(5));
    trust.policy.max_step = 4;
    assert_refused(check(8), HOTFIX_REPLAYED, "and 9 was applied");
    assert_done(check(9));
    trust.count = 1;
    assert_refused(check(8), HOTFIX_REPLAYED, "and 9 was applied");
    trust.policy.max_step = 3;
    assert_done(check(8));
    assert_refused(check(9), HOTFIX_REPLAYED, "leaps ahead");
}

/* In whichever order the records stand, and of this target alone. */
static void the_highest_number_of_a_revoked_key_counts(void **state)
{
    (void)state;
    assert_done(advance(0, 5));
    assert_done(advance(1, 9));
    manifest.target_name = other_name;
    manifest.target_build_id = next_build;
    assert_done(advance(1, 8));
    manifest.target_build_id = first_build;
    keys[1].revoked = true;
    trust.policy.max_step = 4;
    manifest.target_name = target_name;
    assert_refused(check(8), HOTFIX_REPLAYED, "and 9 was applied");
    begin(NULL);
    assert_done(advance(0, 5));
    manifest.target_name = other_name;
    manifest.target_build_id = next_build;
    assert_done(advance(1, 9));
    manifest.target_name = target_name;
    manifest.target_build_id = first_build;
    assert_done(advance(1, 7));
    keys[1].revoked = true;
    trust.policy.max_step = 4;
    assert_done(check(7));
    assert_refused(check(6), HOTFIX_REPLAYED, "and 7 was applied");
    /* By name and by build: the later of two records is the lower one. */
    begin(NULL);
    assert_done(advance(0, 5));
    assert_done(advance(1, 9));
    manifest.target_build_id = next_build;
    keys[1].revoked = true;
    assert_done(advance(1, 7));
    manifest.target_build_id = first_build;
    trust.policy.max_step = 4;
    assert_refused(check(8), HOTFIX_REPLAYED, "and 9 was applied");
}

/* Signed by a certificate: it is the certificate that is revoked, while its authority stays. */
static void the_leap_of_a_stolen_certificate_ends_with_its_revocation(void **state)
{
    const struct fixture_wish ca = {.authority = true}, code = {0};
    struct fixture_identity root = fixture_identity("root", NULL, ca), other = fixture_identity("root", NULL, ca);
    struct fixture_identity stolen = fixture_identity("stolen", &root, code),
                            good = fixture_identity("good", &root, code);
    char *pem = fixture_certificate_pem(root.certificate), *list = fixture_list_pem(&root, stolen.certificate, -60);
    char *forged = fixture_list_pem(&other, good.certificate, HOUR);
    struct hf_signers signers = {.keys = {&keys[0]}, .count = 1};

    (void)state;
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &keys[0].authority, ERR));
    assert_done(hf_certificate_mark(good.certificate, &signers.marks[0], ERR));
    assert_done(hf_key_owner_of(root.certificate, &signers.ends[0], ERR));
    manifest.sequence = 5;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    assert_done(hf_certificate_mark(stolen.certificate, &signers.marks[0], ERR));
    manifest.sequence = 999999999999999999;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    assert_refused(check(6), HOTFIX_REPLAYED, "is an old one");
    /* A list that is somebody else's takes nothing back; one that is out of date does. */
    assert_done(hf_authority_revoke(keys[0].authority, forged, strlen(forged), "crl", ERR));
    assert_refused(check(4), HOTFIX_REPLAYED, "and 999999999999999999 was applied");
    assert_done(hf_authority_revoke(keys[0].authority, list, strlen(list), "crl", ERR));
    assert_done(check(6));
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
    hf_authority_destroy(keys[0].authority);
    free(pem);
    free(list);
    free(forged);
    fixture_identity_drop(&root);
    fixture_identity_drop(&other);
    fixture_identity_drop(&stolen);
    fixture_identity_drop(&good);
}

/* Gives a key of the store an authority with these certificates. */
static void believe(struct hf_trust_key *key, X509 *one, X509 *other)
{
    char *pem = fixture_certificate_pem(one), *more = other ? fixture_certificate_pem(other) : strdup(""), *both;

    hf_authority_destroy(key->authority);
    assert_true(asprintf(&both, "%s%s", pem, more) > 0);
    assert_done(hf_authority_parse(both, strlen(both), "ca", &key->authority, ERR));
    assert_done(hf_authority_digest(key->authority, key->key.bytes, ERR));
    free(pem);
    free(more);
    free(both);
}

/* A renewed certificate's predecessor is on the list, and so is that of somebody who left. */
static void a_certificate_that_was_replaced_keeps_its_numbers(void **state)
{
    static const struct {
        long why;
        bool kept;
    } reasons[] = {
        {CRL_REASON_SUPERSEDED, true},          {CRL_REASON_CESSATION_OF_OPERATION, true},
        {CRL_REASON_AFFILIATION_CHANGED, true}, {CRL_REASON_NONE, false},
        {CRL_REASON_UNSPECIFIED, false},        {CRL_REASON_KEY_COMPROMISE, false},
        {CRL_REASON_CA_COMPROMISE, false},      {CRL_REASON_PRIVILEGE_WITHDRAWN, false},
    };
    const struct fixture_wish ca = {.authority = true}, code = {0};
    struct fixture_identity root = fixture_identity("root", NULL, ca), signer = fixture_identity("signer", &root, code);
    struct hf_signers signers = {.keys = {&keys[0]}, .count = 1};

    (void)state;
    assert_done(hf_certificate_mark(signer.certificate, &signers.marks[0], ERR));
    assert_done(hf_key_owner_of(root.certificate, &signers.ends[0], ERR));
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        char *list = fixture_list_pem_why(&root, signer.certificate, reasons[i].why, HOUR);
        begin(NULL);
        believe(&keys[0], root.certificate, NULL);
        manifest.sequence = 5;
        assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
        assert_done(hf_authority_revoke(keys[0].authority, list, strlen(list), "crl", ERR));
        if (reasons[i].kept)
            assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
        else
            assert_done(check(4));
        hf_authority_destroy(keys[0].authority);
        free(list);
    }
    fixture_identity_drop(&root);
    fixture_identity_drop(&signer);
}

/* Whoever renews an authority's certificate, or adds another one before it, must not bring old bundles back. */
static void numbers_of_an_authority_go_with_its_key(void **state)
{
    const struct fixture_wish ca = {.authority = true}, code = {0};
    struct fixture_identity root = fixture_identity("root", NULL, ca), later = fixture_identity("later", NULL, ca);
    struct fixture_identity good = fixture_identity("good", &root, code);
    X509 *renewed = X509_dup(root.certificate);
    struct hf_signers signers = {.keys = {&keys[0]}, .count = 1};

    (void)state;
    ASN1_INTEGER_set(X509_get_serialNumber(renewed), 4711);
    assert_true(X509_sign(renewed, root.key, EVP_sha256()) > 0);
    believe(&keys[0], root.certificate, NULL);
    assert_done(hf_certificate_mark(good.certificate, &signers.marks[0], ERR));
    assert_done(hf_key_owner_of(root.certificate, &signers.ends[0], ERR));
    manifest.sequence = 5;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
    believe(&keys[0], renewed, NULL);
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
    believe(&keys[0], later.certificate, renewed);
    assert_refused(check(4), HOTFIX_REPLAYED, "and 5 was applied");
    keys[0].revoked = true;
    assert_done(check(4));
    keys[0].revoked = false;
    believe(&keys[0], later.certificate, NULL);
    assert_done(check(4));
    hf_authority_destroy(keys[0].authority);
    X509_free(renewed);
    fixture_identity_drop(&root);
    fixture_identity_drop(&later);
    fixture_identity_drop(&good);
}

/* Whoever starts a setuid program chooses its umask. */
static void the_umask_closes_no_file_to_its_owner(void **state)
{
    char *lock;
    struct stat status;

    (void)state;
    assert_true(asprintf(&lock, "%s.lock", path) > 0);
    unlink(lock);
    assert_int_equal(unlink(path), 0);
    trust.policy.lost_state_accepted = true;
    mode_t before = umask(0777);
    int advanced = advance(0, 5);
    umask(before);
    assert_int_equal(advanced, 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(lock, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(chmod(path, 0400), 0);
    assert_done(advance(0, 6));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0400);
    free(lock);
}

static void nothing_is_written_where_nothing_changes(void **state)
{
    struct stat before, after;

    (void)state;
    assert_done(advance(0, 5));
    assert_int_equal(stat(path, &before), 0);
    assert_done(advance(0, 5));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mode & 07777, 0600);
}

static void all_keys_that_signed_are_written_down(void **state)
{
    struct hf_signers signers = {.keys = {&keys[0], &keys[1]}, .count = 2};
    struct hf_ratchet_records records = {0};

    (void)state;
    manifest.sequence = 8;
    assert_done(hf_ratchet_advance(path, &trust, &signers, &manifest, SECOND_NS, ERR));
    char *text = read_state();
    assert_done(hf_ratchet_parse(text, strlen(text), &records, ERR));
    assert_int_equal(records.count, 2);
    assert_memory_equal(records.items[1].key, bob.public_key.bytes, HF_KEY_SIZE);
    assert_string_equal(records.items[1].target, "webapp");
    assert_int_equal(records.items[1].sequence, 8);
    hf_ratchet_records_deinit(&records);
    free(text);
}

static void a_state_in_unsafe_hands_is_refused_even_if_its_loss_is_accepted(void **state)
{
    char *directory = strdup(fixture_path("shared")), *inside = strdup(fixture_path("shared/state")), *resolved;
    struct hf_signers signers = by(0);

    (void)state;
    trust.policy.lost_state_accepted = true;
    assert_int_equal(chmod(path, 0620), 0);
    assert_refused(check(1), HOTFIX_TRUST, "may be written by other users");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_refused(check(1), HOTFIX_IO, "cannot be opened");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(check(1), HOTFIX_IO, "is not a regular file");
    assert_int_equal(unlink(path), 0);
    write_state("");
    if (truncate(path, INT64_C(8) << 30) == 0)
        assert_refused(advance(0, 1), HOTFIX_FORMAT, "8589934592 bytes");
    write_state(EMPTY);
    /* A namespace may know of no other user. */
    if (geteuid() == 0 && (chown(path, 12345, 12345) == 0 || errno != EINVAL)) {
        assert_refused(advance(0, 1), HOTFIX_TRUST, "belongs to user 12345");
        assert_int_equal(chown(path, 0, 0), 0);
    }

    assert_int_equal(mkdir(directory, 0700), 0);
    assert_done(hf_ratchet_path(inside, &resolved, ERR));
    assert_int_equal(chmod(directory, 0770), 0);
    assert_refused(hf_ratchet_check(resolved, &trust, &manifest, ERR), HOTFIX_TRUST, "may be written");
    assert_refused(hf_ratchet_advance(resolved, &trust, &signers, &manifest, 0, ERR), HOTFIX_TRUST, "may be written");
    free(resolved);
    assert_refused(hf_ratchet_path(inside, &resolved, ERR), HOTFIX_TRUST, "may be written");
    /* And what lies above it, each time anew. */
    char *below = strdup(fixture_path("shared/below"));
    assert_int_equal(mkdir(below, 0700), 0);
    assert_int_equal(chmod(directory, 0700), 0);
    assert_done(hf_ratchet_path(fixture_path("shared/below/state"), &resolved, ERR));
    fixture_write(resolved, EMPTY, strlen(EMPTY), 0600);
    assert_done(hf_ratchet_check(resolved, &trust, &manifest, ERR));
    assert_int_equal(chmod(directory, 0777), 0);
    assert_refused(hf_ratchet_check(resolved, &trust, &manifest, ERR), HOTFIX_TRUST, "shared: may be written");
    free(resolved);
    free(below);
    assert_int_equal(symlink("/tmp", inside), 0);
    char *through;
    assert_true(asprintf(&through, "%s/state", inside) > 0);
    assert_refused(hf_ratchet_path(through, &resolved, ERR), HOTFIX_TRUST, "may be written");
    assert_int_equal(unlink(inside), 0);
    free(through);
    assert_refused(hf_ratchet_path(fixture_path("none/state"), &resolved, ERR), HOTFIX_IO, "cannot be found");
    assert_refused(hf_ratchet_path("/", &resolved, ERR), HOTFIX_TRUST, "is not the name of a file");
    assert_refused(hf_ratchet_path("..", &resolved, ERR), HOTFIX_TRUST, "is not the name of a file");
    free(directory);
    free(inside);
}

/* Each counts one further than it finds; without the lock some would overwrite what others wrote. */
static void processes_that_share_a_state_lose_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        if (fork() != 0)
            continue;
        keys[0].key.bytes[0] = (uint8_t)i;
        struct hf_signers signers = by(0);
        manifest.sequence = 9;
        for (int round = 0; round < 10; round++) {
            char name[2] = {(char)('a' + round), '\0'};
            manifest.target_name = name;
            manifest.target_build_id.bytes[0] = (uint8_t)round;
            if (hf_ratchet_advance(path, &trust, &signers, &manifest, 60 * SECOND_NS, NULL) != 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0, status; i < 4; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    struct hf_ratchet_records records = {0};
    char *text = read_state();
    assert_done(hf_ratchet_parse(text, strlen(text), &records, ERR));
    assert_int_equal(records.count, 40);
    hf_ratchet_records_deinit(&records);
    free(text);
}

#define RACERS 16

/* The highest number of the state; it must be whole whenever it is looked at. */
static uint64_t highest(void)
{
    struct hf_ratchet_records records = {0};
    char *text = read_state();
    uint64_t sequence = 0;

    if (hf_ratchet_parse(text, strlen(text), &records, ERR) != 0)
        return UINT64_MAX;
    for (size_t i = 0; i < records.count; i++)
        sequence = records.items[i].sequence > sequence ? records.items[i].sequence : sequence;
    hf_ratchet_records_deinit(&records);
    free(text);
    return sequence;
}

/* Applies what it can of numbers that rise at another pace than those of the others. */
static int race(int who)
{
    uint64_t seen = 0;

    for (uint64_t sequence = 1; sequence <= 60; sequence += 1 + (uint64_t)who % 5) {
        struct hotfix_error error = {.code = HOTFIX_OK};
        struct hf_signers signers = by(who % 2);
        manifest.sequence = sequence;
        int result = hf_ratchet_advance(path, &trust, &signers, &manifest, 120 * SECOND_NS, &error);
        uint64_t now = highest();
        if (now == UINT64_MAX || now < seen || (result == 0 && now < sequence) ||
            (result != 0 && (error.code != HOTFIX_REPLAYED || now <= sequence)))
            return 1;
        seen = now;
    }
    return 0;
}

/* Of one target: no number goes back, whoever writes, and what was refused was older than what is there. */
static void processes_that_race_never_turn_back(void **state)
{
    (void)state;
    for (int i = 0; i < RACERS; i++)
        if (fork() == 0)
            _exit(race(i));
    for (int i = 0, status; i < RACERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(highest(), 60);
}

static void a_state_that_another_process_keeps_is_waited_for_until_the_deadline(void **state)
{
    char *lock;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct hf_signers signers = by(0);

    (void)state;
    assert_true(asprintf(&lock, "%s.lock", path) > 0);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
    manifest.sequence = 1;
    assert_refused(hf_ratchet_advance(path, &trust, &signers, &manifest, 1, ERR), HOTFIX_BUSY, "still writing it");
    close(fd);
    assert_done(advance(0, 1));
    free(lock);
}

/* What cannot be written down must not be applied. */
static void a_number_that_cannot_be_kept_is_refused(void **state)
{
    struct hf_ratchet_records records = {0};
    struct hf_ratchet_record record = {.target = other_name, .sequence = 1};
    struct rlimit before, small;
    bool changed;
    char *text;
    size_t size;

    (void)state;
    assert_done(advance(0, 5));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){10, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_refused(advance(0, 6), HOTFIX_IO, "RLIMIT_FSIZE");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    for (uint32_t i = 0; i < HF_RATCHET_MAX_RECORDS; i++) {
        memcpy(record.key, &i, sizeof(i));
        assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    }
    assert_done(hf_ratchet_format(&records, &text, &size, ERR));
    assert_done(hf_file_write(path, text, size, 0600, false, ERR));
    assert_refused(advance(0, 6), HOTFIX_REPLAYED, "4096 records already");
    hf_ratchet_records_deinit(&records);
    free(text);
}

static int enter(void **state)
{
    if (fixture_enter(state) != 0)
        return -1;
    fixture_signer(&alice);
    fixture_signer(&bob);
    return hf_ratchet_path(fixture_path("state"), &path, ERR);
}

static int leave(void **state)
{
    free(path);
    hf_private_key_destroy(alice.key);
    hf_private_key_destroy(bob.key);
    return fixture_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_state_nothing_is_applied, begin),
        cmocka_unit_test_setup(a_state_that_is_damaged_is_as_good_as_none, begin),
        cmocka_unit_test_setup(a_state_cut_off_within_a_record_is_damaged, begin),
        cmocka_unit_test_setup(a_bundle_without_a_number_is_refused, begin),
        cmocka_unit_test_setup(an_older_bundle_is_refused_whoever_signed_it, begin),
        cmocka_unit_test_setup(each_target_has_numbers_of_its_own, begin),
        cmocka_unit_test_setup(a_leap_is_refused_where_the_policy_has_a_limit, begin),
        cmocka_unit_test_setup(the_leap_of_a_stolen_key_ends_with_its_revocation, begin),
        cmocka_unit_test_setup(numbers_of_a_revoked_key_stay_as_far_as_a_step_goes, begin),
        cmocka_unit_test_setup(the_leap_of_a_stolen_certificate_ends_with_its_revocation, begin),
        cmocka_unit_test_setup(builds_that_only_begin_alike_are_others, begin),
        cmocka_unit_test_setup(a_certificate_says_nothing_of_a_plain_key, begin),
        cmocka_unit_test_setup(another_name_for_the_same_build_escapes_nothing, begin),
        cmocka_unit_test_setup(a_state_of_the_first_format_goes_on, begin),
        cmocka_unit_test_setup(each_name_and_build_and_certificate_has_a_record, begin),
        cmocka_unit_test_setup(the_highest_number_of_a_revoked_key_counts, begin),
        cmocka_unit_test_setup(a_certificate_that_was_replaced_keeps_its_numbers, begin),
        cmocka_unit_test_setup(numbers_of_an_authority_go_with_its_key, begin),
        cmocka_unit_test_setup(the_umask_closes_no_file_to_its_owner, begin),
        cmocka_unit_test_setup(nothing_is_written_where_nothing_changes, begin),
        cmocka_unit_test_setup(all_keys_that_signed_are_written_down, begin),
        cmocka_unit_test_setup(a_state_in_unsafe_hands_is_refused_even_if_its_loss_is_accepted, begin),
        cmocka_unit_test_setup(processes_that_share_a_state_lose_nothing, begin),
        cmocka_unit_test_setup(processes_that_race_never_turn_back, begin),
        cmocka_unit_test_setup(a_number_that_cannot_be_kept_is_refused, begin),
        cmocka_unit_test_setup(a_state_that_another_process_keeps_is_waited_for_until_the_deadline, begin),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
