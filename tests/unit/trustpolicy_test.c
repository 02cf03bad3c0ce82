/* SPDX-License-Identifier: Apache-2.0 */
#include "trustpolicy.h"

#include "manifest_fixture.h"

/* The public half of RFC 8032, section 7.1, test 1. */
#define PUBLIC "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define ID     "00112233445566778899aabbccddeeff"

static struct hf_trust trust;

static int begin(void **state)
{
    struct fixture_signer signer;

    (void)state;
    trust = (struct hf_trust){.count = 0};
    fixture_signer(&signer);
    hf_private_key_destroy(signer.key);
    return hf_trust_add(&trust, "release", &signer.public_key, ERR);
}

static int end(void **state)
{
    (void)state;
    hf_trust_deinit(&trust);
    return 0;
}

static int parse(const char *text)
{
    end(NULL);
    begin(NULL);
    return hf_trust_policy_parse("trust.ini", text, strlen(text), &trust, ERR);
}

static void refused(const char *text, enum hotfix_code code, const char *message)
{
    assert_refused(parse(text), code, message);
}

static void what_is_not_in_the_format_is_refused_with_its_line(void **state)
{
    (void)state;
    refused("", HOTFIX_FORMAT, "trust.ini: is empty");
    refused("[policies]\nkeys = 1\n", HOTFIX_FORMAT, "trust.ini line 1: section [policies] is unknown");
    refused("[key.]\nrole = a\n", HOTFIX_FORMAT, "line 1: section [key.] is unknown");
    refused("[key.release]\nrole = a\n\n[policy]\nkey = 2\n", HOTFIX_FORMAT,
            "line 5: unknown key 'key' in section [policy]");
    refused("[key.release]\nroles = a\n", HOTFIX_FORMAT, "line 2: unknown key 'roles' in section [key.release]");
    refused("[policy]\nkeys = 2\n\n[policy]\nkeys = 1\n", HOTFIX_FORMAT,
            "line 4: section [policy] stands in line 1 already");
    refused("[policy]\nkeys = 2\n\n[freshness]\nstart = 1\n\n[policy]\nkeys = 1\n", HOTFIX_FORMAT,
            "line 7: section [policy] stands in line 1 already");
    refused("[policy]\nkeys = 2\nkeys = 1\n", HOTFIX_FORMAT, "line 3: repeated key keys");
    refused("[policy]\nkeys=2\n", HOTFIX_FORMAT,
            "line 2: not a line 'key = value', which has one blank on either side");
    refused("[policy]\r\nkeys = 2\r\n", HOTFIX_FORMAT, "trust.ini line 1: ends with CR and LF, as lines of Windows do");
    refused("# who\n[policy]\nkeys = 2\n", HOTFIX_FORMAT, "line 1: a comment, which this format does not have");
    refused("\xef\xbb\xbf[policy]\nkeys = 2\n", HOTFIX_FORMAT, "line 1: begins with a byte order mark; save it");
}

static void values_out_of_range_are_refused(void **state)
{
    static const char *const keys[] = {"0",
                                       "01",
                                       "-1",
                                       "+1",
                                       "257",
                                       "1 ",
                                       "2x",
                                       "1e1",
                                       "99999999999999999999",
                                       "18446744073709551618" /* 2 and 2^64 */};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "[policy]\nkeys = %s\n", keys[i]);
        assert_int_equal(parse(text), -1);
        assert_int_equal(fixture_last_error.code, HOTFIX_FORMAT);
    }
    refused("[freshness]\nmax-step = 0\n", HOTFIX_FORMAT, "line 2: max-step is not a positive decimal number");
    refused("[freshness]\nstart = 0\n", HOTFIX_FORMAT, "line 2: start is not a positive decimal number");
    refused("[freshness]\nstart = 12x\n", HOTFIX_FORMAT, "line 2: start is not a positive decimal number");
    refused("[freshness]\nlost-state = maybe\n", HOTFIX_FORMAT, "lost-state is not refuse or accept");
    refused("[key.release]\nexpires = 2026-02-30\n", HOTFIX_FORMAT, "expires is not a date");
    refused("[key.release]\nexpires = 1969-12-31\n", HOTFIX_FORMAT, "expires is not a date");
    /* What would be kept as never. */
    refused("[key.release]\nexpires = 1970-01-01T00:00:00Z\n", HOTFIX_FORMAT, "expires is not a date");
    refused("[policy]\ncertificate-time = then\n", HOTFIX_FORMAT, "certificate-time is not now or signing");
    assert_done(parse("[policy]\ncertificate-time = now\n\n[freshness]\nlost-state = refuse\n"));
    assert_false(trust.policy.at_signing || trust.policy.lost_state_accepted);
    assert_done(parse("[policy]\ncertificate-time = signing\n"));
    assert_true(trust.policy.at_signing);
    refused("[revoked.0011]\nreason = x\n", HOTFIX_FORMAT, "[revoked.0011] does not name a bundle's id");
    refused("[revoked." ID "0]\nreason = x\n", HOTFIX_FORMAT, "not a section header");
}

#define ROLE "a-role-of-thirty-two-bytes-exact"

static void values_are_taken_up_to_their_limits(void **state)
{
    char text[128];

    (void)state;
    _Static_assert(sizeof(ROLE) - 1 == HF_TRUST_ROLE_MAX, "the longest role");
    assert_done(parse("[policy]\nkeys = 256\n\n[freshness]\nstart = 999999999999999999\nmax-step = 1\n"));
    assert_int_equal(trust.policy.keys, 256);
    assert_true(trust.policy.start == UINT64_C(999999999999999999) && trust.policy.max_step == 1);
    refused("[freshness]\nstart = 1000000000000000000\n", HOTFIX_FORMAT, "line 2: start is not");
    refused("[freshness]\nmax-step = \n", HOTFIX_FORMAT, "line 2: a value is missing");
    assert_done(parse("[policy]\nroles = " ROLE "\n"));
    assert_string_equal(trust.policy.roles, ROLE);
    snprintf(text, sizeof(text), "[policy]\nroles = %sx\n", ROLE);
    refused(text, HOTFIX_FORMAT, "line 2: roles is not a list of different roles");
}

/* What somebody writes who means the opposite must not revoke, and what is meant to must not be passed over. */
static void a_key_is_revoked_by_yes_alone(void **state)
{
    (void)state;
    refused("[key.release]\nrevoked = no\n", HOTFIX_FORMAT, "revoked is not yes");
    refused("[key.release]\nrevoked = Yes\n", HOTFIX_FORMAT, "revoked is not yes");
    assert_done(parse("[key.release]\nrevoked = yes\n"));
    assert_true(trust.keys[0].revoked);
}

static void roles_are_words_separated_by_one_blank(void **state)
{
    static const char *const lists[] = {"a  b",  "a, b", "Builder",
                                        "a b a", "a_b",  "a-role-of-more-than-thirty-two-bytes"};

    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "[policy]\nroles = %s\n", lists[i]);
        refused(text, HOTFIX_FORMAT, "line 2: roles is not a list of different roles");
        snprintf(text, sizeof(text), "[key.release]\nrole = %s\n", lists[i]);
        refused(text, HOTFIX_FORMAT, "line 2: role is not a list of different roles");
    }
    assert_done(parse("[policy]\nroles = a b ab\n"));
    assert_string_equal(trust.policy.roles, "a b ab");
}

static void a_key_that_is_not_there_is_refused(void **state)
{
    (void)state;
    refused("[key.releas]\nrevoked = yes\n", HOTFIX_TRUST, "line 1: there is no key releas");
}

static void a_key_in_the_policy_must_be_one_and_have_a_name_of_its_own(void **state)
{
    (void)state;
    refused("[key.other]\npublic = garbage\n", HOTFIX_TRUST, "trust.ini line 2: holds no PEM public key");
    refused("[key.release]\npublic = " PUBLIC "\n", HOTFIX_TRUST, "trust.ini line 2: two keys are called release");
    assert_done(parse("[key.other]\nrole = builder\npublic = " PUBLIC "\n"));
    assert_int_equal(trust.count, 2);
    assert_string_equal(hf_trust_named(&trust, "other")->roles, "builder");
}

static void a_policy_that_can_never_be_met_is_refused(void **state)
{
    (void)state;
    assert_done(parse("[policy]\nkeys = 2\n"));
    assert_refused(hf_trust_policy_check(&trust, ERR), HOTFIX_TRUST,
                   "2 different keys must agree, but only 1 are there that are not revoked");
    assert_done(parse("[key.release]\nrevoked = yes\n"));
    assert_refused(hf_trust_policy_check(&trust, ERR), HOTFIX_TRUST, "1 different keys must agree, but only 0");
    assert_done(parse("[policy]\nroles = builder\n"));
    assert_refused(hf_trust_policy_check(&trust, ERR), HOTFIX_TRUST, "a key with role 'builder' must agree");
    assert_done(parse("[policy]\nroles = builder\n\n[key.release]\nrole = release builder\n"));
    assert_done(hf_trust_policy_check(&trust, ERR));
    assert_done(
        parse("[policy]\nroles = builder\n\n[key.other]\npublic = " PUBLIC "\nrole = builder\nrevoked = yes\n"));
    assert_refused(hf_trust_policy_check(&trust, ERR), HOTFIX_TRUST, "a key with role 'builder' must agree");
}

static void all_that_a_policy_says_is_kept(void **state)
{
    uint8_t id[HF_ID_SIZE] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                              0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

    (void)state;
    assert_done(parse("[policy]\nkeys = 2\nroles = builder release\n\n"
                      "[freshness]\nmax-step = 25\nlost-state = accept\n\n"
                      "[key.release]\nrole = release\nexpires = 2026-12-31\n\n"
                      "[key.other]\npublic = " PUBLIC "\nrole = builder\n\n"
                      "[revoked." ID "]\nreason = prices%3B all wrong\n"));
    assert_done(hf_trust_policy_check(&trust, ERR));
    assert_int_equal(trust.policy.keys, 2);
    assert_string_equal(trust.policy.roles, "builder release");
    assert_true(trust.policy.fresh);
    assert_int_equal(trust.policy.max_step, 25);
    assert_true(trust.policy.lost_state_accepted);
    assert_int_equal(hf_trust_named(&trust, "release")->expires, 1798761599);
    assert_string_equal(hf_trust_policy_revoked(&trust.policy, id)->reason, "prices; all wrong");
    id[15] ^= 1;
    assert_null(hf_trust_policy_revoked(&trust.policy, id));
    assert_done(parse("[policy]\nkeys = 1\n"));
    assert_false(trust.policy.fresh);
    assert_int_equal(trust.policy.revoked_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_in_the_format_is_refused_with_its_line),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(values_are_taken_up_to_their_limits),
        cmocka_unit_test(a_key_is_revoked_by_yes_alone),
        cmocka_unit_test(roles_are_words_separated_by_one_blank),
        cmocka_unit_test(a_key_that_is_not_there_is_refused),
        cmocka_unit_test(a_key_in_the_policy_must_be_one_and_have_a_name_of_its_own),
        cmocka_unit_test(a_policy_that_can_never_be_met_is_refused),
        cmocka_unit_test(all_that_a_policy_says_is_kept),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
