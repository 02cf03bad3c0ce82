/* SPDX-License-Identifier: Apache-2.0 */
/* The text of the state, up to its limits. */
#include "verify/ratchetfile.h"

#include "cleanup.h"
#include "manifest_fixture.h"
#include "verify/ratchet.h"

#define HEAD   "[state]\nformat = 2\n"
#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define RECORD "\n[newest]\nkey = " ZEROS "\ntarget = webapp\nbuild-id = 0a\nsequence = 5\n"

static char target_name[] = "webapp";

static void the_longest_record_comes_back(void **state)
{
    static const char text[] = HEAD "\n[newest]\nkey = " ZEROS "\nissuer = " ZEROS
                                    "\nserial = 7f01020304050607080910111213141516171819\ntarget = webapp\n"
                                    "build-id = " ZEROS ZEROS "\nsequence = 9223372036854775807\n";
    struct hf_ratchet_records records = {0};
    HF_FREE char *again = NULL;
    size_t size;

    (void)state;
    assert_done(hf_ratchet_parse(text, strlen(text), &records, ERR));
    assert_int_equal(records.count, 1);
    assert_int_equal(records.items[0].mark.serial_size, HF_CERTIFICATE_SERIAL);
    assert_int_equal(records.items[0].build_id.size, HF_BUILD_ID_MAX);
    assert_done(hf_ratchet_format(&records, &again, &size, ERR));
    hf_ratchet_records_deinit(&records);
    assert_done(hf_ratchet_parse(again, size, &records, ERR));
    assert_int_equal(records.count, 1);
    assert_int_equal(records.items[0].mark.serial_size, HF_CERTIFICATE_SERIAL);
    assert_int_equal(records.items[0].build_id.size, HF_BUILD_ID_MAX);
    assert_true(records.items[0].sequence == INT64_MAX);
    hf_ratchet_records_deinit(&records);
}

static void a_state_with_too_many_records_is_refused(void **state)
{
    struct hf_ratchet_records records = {0};
    struct hf_ratchet_record record = {.target = target_name, .sequence = 1};
    bool changed = false;

    (void)state;
    for (uint32_t i = 0; i < HF_RATCHET_MAX_RECORDS; i++) {
        memcpy(record.key, &i, sizeof(i));
        assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    }
    record.key[HF_KEY_SIZE - 1] = 1;
    assert_refused(hf_ratchet_raise(&records, &record, &changed, ERR), HOTFIX_REPLAYED, "4096 records");
    HF_FREE char *text = NULL, *more = NULL;
    size_t size;
    assert_done(hf_ratchet_format(&records, &text, &size, ERR));
    assert_true(size < HF_RATCHET_MAX_SIZE);
    hf_ratchet_records_deinit(&records);
    assert_done(hf_ratchet_parse(text, size, &records, ERR));
    assert_int_equal(records.count, HF_RATCHET_MAX_RECORDS);
    hf_ratchet_records_deinit(&records);
    assert_true(asprintf(&more, "%s" RECORD, text) > 0);
    assert_refused(hf_ratchet_parse(more, strlen(more), &records, ERR), HOTFIX_FORMAT, "more than 4096 records");
}

/* One for each certificate, and no more: the state would fill up with every apply. */
static void a_certificate_has_one_record(void **state)
{
    struct hf_ratchet_records records = {0};
    struct hf_ratchet_record record = {.target = target_name, .sequence = 5, .mark = {{1}, {7, 7}, 1}};
    bool changed = false;

    (void)state;
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    assert_true(changed);
    changed = false;
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    record.sequence = 4;
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    assert_false(changed);
    assert_int_equal(records.count, 1);
    assert_int_equal(records.items[0].sequence, 5);
    record.sequence = 6;
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    assert_true(changed);
    assert_int_equal(records.count, 1);
    assert_int_equal(records.items[0].sequence, 6);
    record.mark.serial_size = 2; /* which begins alike */
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    record.mark.serial_size = 1;
    record.mark.issuer[0] = 2;
    assert_done(hf_ratchet_raise(&records, &record, &changed, ERR));
    assert_int_equal(records.count, 3);
    hf_ratchet_records_deinit(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_record_comes_back),
        cmocka_unit_test(a_state_with_too_many_records_is_refused),
        cmocka_unit_test(a_certificate_has_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
