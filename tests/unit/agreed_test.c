/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of those who agreed, which of several refusals is believed, and whose revocation lists are. */
#include <openssl/core_names.h>

#include "signed_fixture.h"

static const struct fixture_wish ca = {.authority = true}, code = {0};
static struct fixture_identity root, other;

static int make_identities(void **state)
{
    now = (int64_t)time(NULL);
    root = fixture_identity("root", NULL, ca);
    other = fixture_identity("other", NULL, ca);
    assert_done(hf_statement(archive, sizeof(archive), statement, &statement_size, ERR));
    return fixture_enter(state);
}

static int drop_identities(void **state)
{
    fixture_identity_drop(&root);
    fixture_identity_drop(&other);
    return fixture_leave(state);
}

static const char *two(const char *name)
{
    empty_store(name);
    add_authority(name, "corp.ca.pem", root.certificate);
    add_authority(name, "partner.ca.pem", other.certificate);
    return name;
}

static void without_a_store_everything_is_refused(void **state)
{
    const struct hf_trust none = {.count = 0};

    (void)state;
    assert_refused(hf_signed_verify(&parts, &none, now, NULL, ERR), HOTFIX_TRUST, "no trust store");
}

/* What is written into a state: a second signature for an authority must not take another one's place there. */
static void a_signature_that_counts_no_more_leaves_the_marks_of_others(void **state)
{
    struct fixture_identity signer = fixture_identity("signer", &root, code);
    struct fixture_identity others = fixture_identity("others", &other, code);
    struct fixture_identity again = fixture_identity("again", &root, code);
    const struct fixture_identity *counted[] = {&signer, &others};
    struct hf_signers signers;

    (void)state;
    sign(&signer);
    sign(&others);
    sign(&again);
    assert_done(verify_at(two("marks"), now, &signers, ERR));
    assert_int_equal(signers.count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct hf_certificate_mark mark;
        struct hf_key_owner end;
        assert_done(hf_certificate_mark(counted[i]->certificate, &mark, ERR));
        assert_memory_equal(&signers.marks[i], &mark, sizeof(mark));
        assert_done(hf_key_owner_of(i ? other.certificate : root.certificate, &end, ERR));
        assert_true(hf_key_owner_equal(&signers.ends[i], &end));
    }
    fixture_identity_drop(&signer);
    fixture_identity_drop(&others);
    fixture_identity_drop(&again);
}

/* A certificate of the one between by another issuer, which was valid until a minute ago. */
static X509 *expired_cross(const struct fixture_identity *middle, const struct fixture_identity *issuer)
{
    struct fixture_wish past = {.authority = true, .from = -2L * HOUR, .to = -60};
    struct fixture_identity made_one = fixture_identity("middle", issuer, past);

    X509_set_pubkey(made_one.certificate, middle->key);
    X509_EXTENSION_free(X509_delete_ext(made_one.certificate,
                                        X509_get_ext_by_NID(made_one.certificate, NID_subject_key_identifier, -1)));
    fixture_extension(made_one.certificate, issuer->certificate, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(made_one.certificate, issuer->key, EVP_sha256()) > 0);
    EVP_PKEY_free(made_one.key);
    return made_one.certificate;
}

/* One authority vouches, to another the certificate has expired, and that one's list names it: it is revoked. */
static void that_a_certificate_has_expired_does_not_hide_that_it_was_revoked(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
    X509 *cross = expired_cross(&middle, &other);
    char *named = fixture_list_pem(&middle, leaf.certificate, HOUR);
    char *top = fixture_certificate_pem(root.certificate), *below = fixture_certificate_pem(middle.certificate), *both;
    const char *trust = two("ranks");

    (void)state;
    assert_true(asprintf(&both, "%s%s", top, below) > 0);
    sign_message(&leaf, cross, statement, statement_size);
    assert_refused(verify(trust, ERR), HOTFIX_EXPIRED, "expired");
    write_text(trust, "corp.ca.pem", both);
    assert_done(verify(trust, ERR));
    write_text(trust, "partner.crl.pem", named);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate revoked, by a list of partner");
    free(top);
    free(below);
    free(both);
    free(named);
    X509_free(cross);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

/* The certificate of who issued it lies in bundles alone: that one's list counts once it was seen in a good chain. */
static void a_list_by_one_between_counts_once_it_is_known_to_be_genuine(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca), twin = fixture_identity("middle", NULL, ca);
    struct fixture_identity stolen = fixture_identity("stolen", &middle, code);
    struct fixture_identity good = fixture_identity("good", &middle, code);
    char *pem = fixture_certificate_pem(root.certificate), *own = fixture_list_pem(&root, good.certificate, HOUR);
    /* One's own list names a number of one's own certificates; one in another's name says nothing. */
    struct fixture_identity under_its_name = {.key = root.key, .certificate = middle.certificate};
    char *list = fixture_list_pem(&middle, stolen.certificate, HOUR);
    char *forged = fixture_list_pem(&twin, good.certificate, HOUR);
    char *named = fixture_list_pem(&under_its_name, good.certificate, HOUR), *all;
    struct hf_certificate_mark mark, good_mark;
    struct hf_authority *authority;
    STACK_OF(X509) *others = sk_X509_new_null();

    (void)state;
    sk_X509_push(others, middle.certificate);
    assert_true(asprintf(&all, "%s%s%s%s", own, list, forged, named) > 0);
    assert_done(hf_certificate_mark(stolen.certificate, &mark, ERR));
    assert_done(hf_certificate_mark(good.certificate, &good_mark, ERR));
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &authority, ERR));
    assert_done(hf_authority_revoke(authority, all, strlen(all), "crl", ERR));
    assert_false(hf_authority_doubts(authority, &mark));
    /* A chain that is not good shows nothing. */
    assert_refused(hf_authority_vouch(authority, stolen.certificate, others, now, now, NULL, ERR), HOTFIX_REVOKED, "");
    assert_false(hf_authority_doubts(authority, &mark));
    assert_done(hf_authority_vouch(authority, good.certificate, others, now, now, NULL, ERR));
    assert_true(hf_authority_doubts(authority, &mark));
    assert_false(hf_authority_doubts(authority, &good_mark));
    hf_authority_destroy(authority);
    sk_X509_free(others);
    free(pem);
    free(own);
    free(list);
    free(forged);
    free(named);
    free(all);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&twin);
    fixture_identity_drop(&stolen);
    fixture_identity_drop(&good);
}

/* The end of a chain is believed as it stands in the store, and needs nobody's list. */
static void one_between_can_be_the_authority_itself(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
    char *list = fixture_list_pem(&middle, NULL, HOUR);

    (void)state;
    const char *trust = empty_store("below");
    add_authority(trust, "corp.ca.pem", middle.certificate);
    write_text(trust, "corp.crl.pem", list);
    sign(&leaf);
    assert_done(verify(trust, ERR));
    free(list);
    list = fixture_list_pem(&middle, leaf.certificate, HOUR);
    write_text(trust, "corp.crl.pem", list);
    assert_refused(verify(trust, ERR), HOTFIX_REVOKED, "certificate revoked");
    free(list);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

/* Whose key cannot be told could be anybody's, also between the signer and the authority. */
static void a_key_between_that_is_written_in_another_way_is_refused(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);

    (void)state;
    EVP_PKEY_set_utf8_string_param(middle.key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
    X509_set_pubkey(middle.certificate, middle.key);
    assert_true(X509_sign(middle.certificate, root.key, EVP_sha256()) > 0);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
    sign_message(&leaf, middle.certificate, statement, statement_size);
    add_authority(empty_store("between"), "corp.ca.pem", root.certificate);
    assert_refused(verify("between", ERR), HOTFIX_SIGNATURE, "is a compressed or hybrid point");
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

/* What a list names is a number of its own issuer's. */
static void a_list_in_another_name_revokes_nothing(void **state)
{
    struct fixture_identity middle = fixture_identity("middle", &root, ca);
    struct fixture_identity leaf = fixture_identity("leaf", &middle, code);
    struct fixture_identity under_its_name = {.key = middle.key, .certificate = other.certificate};
    char *pem = fixture_certificate_pem(root.certificate),
         *list = fixture_list_pem(&under_its_name, leaf.certificate, HOUR);
    struct hf_authority *authority, *lister;
    struct hf_chain chain = {.count = 0};
    STACK_OF(X509) *others = sk_X509_new_null();

    (void)state;
    sk_X509_push(others, middle.certificate);
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &authority, ERR));
    assert_done(hf_authority_parse(pem, strlen(pem), "ca", &lister, ERR));
    assert_done(hf_authority_revoke(lister, list, strlen(list), "crl", ERR));
    assert_done(hf_authority_vouch(authority, leaf.certificate, others, now, now, &chain, ERR));
    assert_false(hf_authority_revokes(lister, &chain));
    free(list);
    list = fixture_list_pem(&middle, leaf.certificate, HOUR);
    assert_done(hf_authority_revoke(lister, list, strlen(list), "crl", ERR));
    assert_true(hf_authority_revokes(lister, &chain));
    hf_chain_deinit(&chain);
    hf_authority_destroy(authority);
    hf_authority_destroy(lister);
    sk_X509_free(others);
    free(pem);
    free(list);
    fixture_identity_drop(&middle);
    fixture_identity_drop(&leaf);
}

#define each(test) cmocka_unit_test_setup_teardown(test, fresh, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(without_a_store_everything_is_refused),
        each(a_signature_that_counts_no_more_leaves_the_marks_of_others),
        each(a_list_by_one_between_counts_once_it_is_known_to_be_genuine),
        each(one_between_can_be_the_authority_itself),
        each(a_key_between_that_is_written_in_another_way_is_refused),
        each(a_list_in_another_name_revokes_nothing),
        each(that_a_certificate_has_expired_does_not_hide_that_it_was_revoked),
    };
    return cmocka_run_group_tests(tests, make_identities, drop_identities);
}
