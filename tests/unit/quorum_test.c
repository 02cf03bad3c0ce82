/* SPDX-License-Identifier: Apache-2.0 */
#include "quorum.h"

#include "manifest_fixture.h"
#include "stamp.h"

#define NOW 1700000000

static const char archive[] = "any bytes: signing does not look inside";

/* Who signs; the first three are in the store, by name, with a role each but the last. */
enum { BUILDER, RELEASE, SPARE, STRANGER, PEOPLE };
static struct fixture_signer people[PEOPLE];
static char builder_name[] = "builder", release_name[] = "release", spare_name[] = "spare";
static char builder_role[] = "builder", release_role[] = "release staging", both_roles[] = "builder release";

static struct hf_trust_key keys[4];
static struct hf_trust trust;
static struct hf_signed parts;
static struct hf_signers signers;

static int make_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        fixture_signer(&people[i]);
    return 0;
}

static int drop_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        hf_private_key_destroy(people[i].key);
    return 0;
}

/* A store of three keys of which two, a builder and a release key, must agree, and an unsigned archive. */
static int begin(void **state)
{
    (void)state;
    keys[0] = (struct hf_trust_key){.name = builder_name, .key = people[BUILDER].public_key, .roles = builder_role};
    keys[1] = (struct hf_trust_key){.name = release_name, .key = people[RELEASE].public_key, .roles = release_role};
    keys[2] = (struct hf_trust_key){.name = spare_name, .key = people[SPARE].public_key};
    trust = (struct hf_trust){.keys = keys, .count = 3, .policy = {.keys = 2, .roles = both_roles}};
    parts = (struct hf_signed){.archive = (const uint8_t *)archive, .archive_size = sizeof(archive)};
    return 0;
}

static void sign(int person)
{
    fixture_sign(&people[person], parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
}

static void refused(enum hotfix_code code, const char *message)
{
    signers.count = 99;
    assert_refused(hf_signed_verify(&parts, &trust, NOW, &signers, ERR), code, message);
    assert_string_equal(fixture_last_error.message, message);
    assert_int_equal(signers.count, 99);
}

static void one_key_of_two_is_not_enough(void **state)
{
    (void)state;
    sign(BUILDER);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder; a key with role 'release' is missing");
    trust.policy.roles = NULL;
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder");
}

static void two_keys_without_the_role_are_not_enough(void **state)
{
    (void)state;
    sign(BUILDER);
    sign(SPARE);
    refused(HOTFIX_SIGNATURE, "2 of 2 keys agree: builder, spare; a key with role 'release' is missing");
}

static void more_keys_than_needed_are_enough(void **state)
{
    (void)state;
    sign(BUILDER);
    sign(SPARE);
    sign(RELEASE);
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    assert_int_equal(signers.count, 3);
    assert_int_equal(hf_signers_short_of(&signers, &trust.policy), 0);
    trust.policy = (struct hf_trust_policy){.keys = 0};
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
}

static void a_role_is_a_whole_word(void **state)
{
    static char longer[] = "releases", shorter[] = "releas";

    (void)state;
    sign(BUILDER);
    sign(SPARE);
    keys[2].roles = longer;
    refused(HOTFIX_SIGNATURE, "2 of 2 keys agree: builder, spare; a key with role 'release' is missing");
    keys[2].roles = shorter;
    refused(HOTFIX_SIGNATURE, "2 of 2 keys agree: builder, spare; a key with role 'release' is missing");
}

static void a_role_without_enough_keys_is_not_enough(void **state)
{
    (void)state;
    keys[1].roles = both_roles;
    sign(RELEASE);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: release");
}

static void two_signatures_by_one_key_are_one(void **state)
{
    (void)state;
    trust.policy.roles = NULL;
    sign(BUILDER);
    sign(BUILDER);
    sign(BUILDER);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder");
}

static void one_key_under_two_names_is_one(void **state)
{
    (void)state;
    trust.policy.roles = NULL;
    keys[2].key = people[BUILDER].public_key;
    sign(BUILDER);
    sign(BUILDER);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder");
}

/* The id of the one is put on the other: each signature counts for the key that made it, and only there. */
static void keys_that_share_an_id_are_told_apart(void **state)
{
    (void)state;
    memcpy(keys[1].key.id, keys[0].key.id, HF_KEY_ID_SIZE);
    sign(RELEASE);
    memcpy(parts.signatures[0].key_id, keys[0].key.id, HF_KEY_ID_SIZE);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: release; a key with role 'builder' is missing");
    sign(BUILDER);
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    assert_int_equal(signers.count, 2);
    assert_ptr_equal(signers.keys[0], &keys[1]);
    assert_ptr_equal(signers.keys[1], &keys[0]);
}

static void strangers_do_not_count(void **state)
{
    (void)state;
    sign(STRANGER);
    sign(BUILDER);
    sign(STRANGER);
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder; a key with role 'release' is missing; 2 signatures are by "
                              "keys that are not in the trust store");
}

static void a_false_signature_of_a_trusted_key_does_not_count_and_the_message_says_so(void **state)
{
    (void)state;
    sign(BUILDER);
    sign(RELEASE);
    parts.signatures[1].bytes[7] ^= 1;
    refused(HOTFIX_SIGNATURE, "1 of 2 keys agree: builder; a key with role 'release' is missing; the signature by key "
                              "release is not over these bytes: the bundle was changed");
    sign(RELEASE);
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    parts.archive_size--;
    refused(HOTFIX_SIGNATURE,
            "0 of 2 keys agree; a key with role 'builder' is missing; a key with role 'release' is missing; the "
            "signature by key builder is not over these bytes: the bundle was changed; the signature by key release "
            "is not over these bytes: the bundle was changed");
}

static void a_revoked_key_never_counts_and_the_message_says_that_it_is_revoked(void **state)
{
    (void)state;
    keys[0].revoked = true;
    sign(BUILDER);
    sign(RELEASE);
    refused(HOTFIX_REVOKED, "1 of 2 keys agree: release; a key with role 'builder' is missing; key builder is revoked");
    trust.policy = (struct hf_trust_policy){.keys = 0};
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    assert_int_equal(signers.count, 1);
    assert_ptr_equal(signers.keys[0], &keys[1]);
    parts.signature_count = 1;
    refused(HOTFIX_REVOKED, "0 of 1 keys agree; key builder is revoked");
    parts.signatures[0].bytes[0] ^= 1;
    assert_refused(hf_signed_verify(&parts, &trust, NOW, NULL, ERR), HOTFIX_SIGNATURE, "not in the trust store");
}

static void a_key_counts_up_to_the_second_of_its_end(void **state)
{
    (void)state;
    trust.policy = (struct hf_trust_policy){.keys = 0};
    sign(BUILDER);
    keys[0].expires = NOW;
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    keys[0].expires = NOW - 1;
    refused(HOTFIX_EXPIRED, "0 of 1 keys agree; key builder expired on 2023-11-14T22:13:19Z");
}

static void the_keys_that_agree_are_given_in_the_order_of_their_signatures(void **state)
{
    char text[HF_SIGNERS_TEXT];

    (void)state;
    sign(STRANGER);
    sign(RELEASE);
    sign(BUILDER);
    sign(RELEASE);
    assert_done(hf_signed_verify(&parts, &trust, NOW, &signers, ERR));
    assert_int_equal(signers.count, 2);
    assert_ptr_equal(signers.keys[0], &keys[1]);
    assert_ptr_equal(signers.keys[1], &keys[0]);
    hf_signers_text(&signers, text);
    assert_string_equal(text, "release, builder");
    assert_done(hf_signed_verify(&parts, &trust, NOW, NULL, ERR));
}

/* On failure and on success: the signatures are the same, the policy is not. */
static void each_signature_is_told_what_it_is_worth(void **state)
{
    static const struct {
        enum hf_opinion_kind kind;
        const struct hf_trust_key *key;
    } wanted[] = {
        {HF_OPINION_COUNTS, &keys[0]},  {HF_OPINION_AGAIN, &keys[0]}, {HF_OPINION_REVOKED, &keys[1]},
        {HF_OPINION_EXPIRED, &keys[2]}, {HF_OPINION_UNKNOWN, NULL},   {HF_OPINION_BAD, &keys[0]},
    };
    struct hf_opinion opinions[HF_SIGNATURE_MAX];

    (void)state;
    keys[1].revoked = true;
    keys[2].expires = NOW - 1;
    sign(BUILDER);
    sign(BUILDER);
    sign(RELEASE);
    sign(SPARE);
    sign(STRANGER);
    sign(BUILDER);
    parts.signatures[5].bytes[0] ^= 1;
    for (size_t needed = 2; needed > 0; needed--) {
        trust.policy = (struct hf_trust_policy){.keys = needed};
        memset(opinions, 0xff, sizeof(opinions));
        assert_int_equal(hf_signed_judge(&parts, &trust, NOW, NULL, opinions, ERR), needed == 1 ? 0 : -1);
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            assert_int_equal(opinions[i].kind, wanted[i].kind);
            assert_ptr_equal(opinions[i].key, wanted[i].key);
            assert_string_equal(opinions[i].reason, "");
        }
    }
}

static void what_is_missing_is_counted(void **state)
{
    static const char roles[] = "builder release auditor";
    const struct hf_signers one = {.keys = {&keys[0]}, .count = 1};
    const char *role = roles;

    (void)state;
    assert_int_equal(hf_signers_short_of(&one, &(struct hf_trust_policy){.keys = 3}), 2);
    assert_int_equal(hf_signers_short_of(&one, &(struct hf_trust_policy){.keys = 0}), 0);
    assert_int_equal(hf_signers_short_of(&(struct hf_signers){.count = 0}, &(struct hf_trust_policy){.keys = 0}), 1);
    assert_int_equal(hf_signers_lack(&one, &role), strlen("release"));
    assert_ptr_equal(role, roles + strlen("builder "));
    role += strlen("release");
    assert_int_equal(hf_signers_lack(&one, &role), strlen("auditor"));
    role += strlen("auditor");
    assert_int_equal(hf_signers_lack(&one, &role), 0);
    role = NULL;
    assert_int_equal(hf_signers_lack(&one, &role), 0);
}

/* As many as a bundle can carry, with names and roles of the greatest length: nothing is written beyond the message. */
static void the_longest_message_is_cut(void **state)
{
    static struct fixture_signer many[HF_SIGNATURE_MAX];
    static struct hf_trust_key long_keys[HF_SIGNATURE_MAX];
    static char name[256], roles[16 * 34];
    size_t at = 0;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    for (int i = 0; i < 16; i++)
        at += (size_t)snprintf(roles + at, sizeof(roles) - at, "%srole-%027d", i ? " " : "", i);
    for (size_t i = 0; i < HF_SIGNATURE_MAX; i++) {
        fixture_signer(&many[i]);
        long_keys[i] = (struct hf_trust_key){.name = name, .key = many[i].public_key, .revoked = i % 2};
        fixture_sign(&many[i], parts.archive, parts.archive_size, &parts.signatures[parts.signature_count++]);
        hf_private_key_destroy(many[i].key);
    }
    trust = (struct hf_trust){
        .keys = long_keys, .count = HF_SIGNATURE_MAX, .policy = {.keys = HF_TRUST_MAX_KEYS, .roles = roles}};
    assert_refused(hf_signed_verify(&parts, &trust, NOW, NULL, ERR), HOTFIX_REVOKED, "16 of 256 keys agree: nnn");
    assert_int_equal(strlen(fixture_last_error.message), HOTFIX_MESSAGE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_key_of_two_is_not_enough, begin),
        cmocka_unit_test_setup(two_keys_without_the_role_are_not_enough, begin),
        cmocka_unit_test_setup(more_keys_than_needed_are_enough, begin),
        cmocka_unit_test_setup(a_role_is_a_whole_word, begin),
        cmocka_unit_test_setup(a_role_without_enough_keys_is_not_enough, begin),
        cmocka_unit_test_setup(two_signatures_by_one_key_are_one, begin),
        cmocka_unit_test_setup(one_key_under_two_names_is_one, begin),
        cmocka_unit_test_setup(keys_that_share_an_id_are_told_apart, begin),
        cmocka_unit_test_setup(strangers_do_not_count, begin),
        cmocka_unit_test_setup(a_false_signature_of_a_trusted_key_does_not_count_and_the_message_says_so, begin),
        cmocka_unit_test_setup(a_revoked_key_never_counts_and_the_message_says_that_it_is_revoked, begin),
        cmocka_unit_test_setup(a_key_counts_up_to_the_second_of_its_end, begin),
        cmocka_unit_test_setup(the_keys_that_agree_are_given_in_the_order_of_their_signatures, begin),
        cmocka_unit_test_setup(each_signature_is_told_what_it_is_worth, begin),
        cmocka_unit_test_setup(what_is_missing_is_counted, begin),
        cmocka_unit_test_setup(the_longest_message_is_cut, begin),
    };
    return cmocka_run_group_tests(tests, make_people, drop_people);
}
