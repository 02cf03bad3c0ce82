/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of /proc/PID/maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "live/mapping.h"

static int read_text(const char *text, struct hf_mappings *mappings, struct hotfix_error *err)
{
    HF_FCLOSE FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

    assert_non_null(file);
    return hf_mappings_read(file, mappings, err);
}

static void a_line_that_is_not_understood_is_named(void **state)
{
    static const char *const lines[] = {"x\n", "1000 r-xp 00000000 fe:00 1 /bin/x\n", "1000-2000\n",
                                        "1000-zz r-xp 0 0 0\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct hf_mappings mappings = {.count = 77};
        struct hotfix_error error;
        char text[128], message[128];
        snprintf(text, sizeof(text), "1000-2000 r-xp 00000000 fe:00 1 /bin/x\n%s", lines[i]);
        snprintf(message, sizeof(message), "its map is not understood: %.*s", (int)strcspn(lines[i], "\n"), lines[i]);
        assert_int_equal(read_text(text, &mappings, &error), -1);
        assert_int_equal(error.code, HOTFIX_IO);
        assert_string_equal(error.message, message);
        assert_int_equal(mappings.count, 77);
    }
}

static void lines_read_as_the_kernel_writes_them(void **state)
{
    static const char text[] = "557a12ed3000-557a12ed5000 r--p 00000000 fe:00 248056                     /usr/bin/a b\n"
                               "557a12ed5000-557a12eda000 r-xp 00002000 fe:00 248056                     "
                               "/usr/bin/a b (deleted)\n"
                               "7f0000000000-7f0000001000 rw-s 00000000 00:00 0 \n"
                               "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
    struct hf_mappings mappings;

    (void)state;
    assert_int_equal(read_text(text, &mappings, NULL), 0);
    assert_int_equal(mappings.count, 4);
    assert_true(mappings.items[0].begin == UINT64_C(0x557a12ed3000) &&
                mappings.items[0].end == UINT64_C(0x557a12ed5000));
    assert_true(mappings.items[0].readable && !mappings.items[0].writable && !mappings.items[0].executable);
    assert_string_equal(mappings.items[0].path, "/usr/bin/a b");
    assert_false(mappings.items[0].deleted);
    assert_true(mappings.items[1].executable && mappings.items[1].deleted && mappings.items[1].offset == 0x2000);
    assert_string_equal(mappings.items[1].path, "/usr/bin/a b");
    assert_true(mappings.items[2].writable);
    assert_string_equal(mappings.items[2].path, "");
    assert_string_equal(mappings.items[3].path, "[vsyscall]");
    assert_null(hf_mappings_find(&mappings, UINT64_C(0x557a12ed2fff)));
    assert_ptr_equal(hf_mappings_find(&mappings, UINT64_C(0x557a12ed4fff)), &mappings.items[0]);
    assert_ptr_equal(hf_mappings_find(&mappings, UINT64_C(0x557a12ed5000)), &mappings.items[1]);
    assert_null(hf_mappings_find(&mappings, UINT64_C(0x7f0000001000)));
    hf_mappings_deinit(&mappings);
    assert_int_equal(mappings.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_that_is_not_understood_is_named),
        cmocka_unit_test(lines_read_as_the_kernel_writes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
