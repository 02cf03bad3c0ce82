/* SPDX-License-Identifier: Apache-2.0 */
/* Which finds in code are nothing, and that no real reference is one of these. Each function lies at ADDRESS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch.h"

#define ADDRESS 0x401000
#define TO      (ADDRESS - 0x20) /* what is looked for; -0x20 is e0, -0x22 is de */
#define RET     0xc3
#define CODE(...)                                                                                                      \
    (const uint8_t[])                                                                                                  \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define SIZE(...) sizeof((const uint8_t[]){__VA_ARGS__})

/* Is the first find nothing, in code that has further entries? There must be one. */
static bool nothing_at(const uint8_t *code, size_t size, const uint64_t *entries, size_t entry_count)
{
    const struct hf_arch_tools *tools = &hf_arch_tools_x86_64;
    const struct hf_arch_function function = {code, size, ADDRESS, entries, entry_count};
    size_t at = tools->mention(code, size, ADDRESS, TO, true, 0);

    assert_in_range(at, 0, size - 1);
    return tools->by_chance(&function, at, TO);
}
#define NOTHING(...) assert_true(nothing_at(CODE(__VA_ARGS__), SIZE(__VA_ARGS__), NULL, 0))
#define COUNTS(...)  assert_false(nothing_at(CODE(__VA_ARGS__), SIZE(__VA_ARGS__), NULL, 0))

static void real_references_count(void **state)
{
    (void)state;
    COUNTS(0xeb, 0xde);                                           /* jmp */
    COUNTS(0x74, 0xde, RET);                                      /* je */
    COUNTS(0xe2, 0xde, RET);                                      /* loop */
    COUNTS(0xe3, 0xde, RET);                                      /* jrcxz */
    COUNTS(0x67, 0xe3, 0xdd, RET);                                /* jecxz */
    COUNTS(0xe8, 0xdb, 0xff, 0xff, 0xff, RET);                    /* call */
    COUNTS(0x0f, 0x85, 0xda, 0xff, 0xff, 0xff, RET);              /* jne */
    COUNTS(0xf2, 0xe9, 0xda, 0xff, 0xff, 0xff);                   /* bnd jmp */
    COUNTS(0x48, 0x8d, 0x05, 0xd9, 0xff, 0xff, 0xff, RET);        /* lea to(%rip), %rax */
    COUNTS(0xff, 0x35, 0xda, 0xff, 0xff, 0xff, RET);              /* push to(%rip) */
    COUNTS(0xb8, 0xe0, 0x0f, 0x40, 0x00, RET);                    /* mov $to, %eax */
    COUNTS(0x48, 0xc7, 0xc0, 0xe0, 0x0f, 0x40, 0x00, RET);        /* mov $to, %rax */
    COUNTS(0x68, 0xe0, 0x0f, 0x40, 0x00, RET);                    /* push $to */
    COUNTS(0x48, 0xb8, 0xe0, 0x0f, 0x40, 0x00, 0, 0, 0, 0, RET);  /* movabs $to, %rax */
    COUNTS(0xff, 0x14, 0x25, 0xe0, 0x0f, 0x40, 0x00, RET);        /* call *to */
    COUNTS(0x48, 0x8d, 0x87, 0xe0, 0x0f, 0x40, 0x00, RET);        /* lea to(%rdi), %rax */
    COUNTS(0x85, 0xff, 0x75, 0x01, RET, 0xeb, 0xd9);              /* behind a conditional jump */
    COUNTS(0xff, 0xd0, 0xeb, 0xdc);                               /* behind a call */
    COUNTS(0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0xfe, 0xeb, 0xd7); /* in code that is called */
}

static void bytes_in_other_instructions_are_nothing(void **state)
{
    (void)state;
    NOTHING(0xb8, 0xeb, 0xdd, 0x00, 0x00, RET);                          /* mov $0xddeb, %eax */
    NOTHING(0x81, 0xff, 0x74, 0xdc, 0x00, 0x00, RET);                    /* cmp $0xdc74, %edi */
    NOTHING(0x48, 0x8b, 0x05, 0xeb, 0xdb, 0x00, 0x00, RET);              /* mov 0xdbeb(%rip), %rax */
    NOTHING(0x48, 0xb8, 0xe8, 0xd9, 0xff, 0xff, 0xff, 0, 0, 0, RET);     /* movabs */
    NOTHING(0xb8, 0xeb, 0xdd, 0x00, 0x00, 0x48, 0xff, 0x25, 0, 0, 0, 0); /* then an import is jumped to */
    NOTHING(0xff, 0xd0, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);              /* behind a call */
    NOTHING(0x85, 0xff, 0x75, 0x01, RET, 0xb8, 0xeb, 0xd8, 0x00, 0x00, RET);
    NOTHING(0x85, 0xff, 0xeb, 0x02, 0x90, 0x90, 0xb8, 0xeb, 0xd7, 0x00, 0x00, RET);
}

/* What a walk through all bytes in their order would miss or take for something else. */
static void data_between_instructions_proves_nothing(void **state)
{
    static const uint64_t third = 3;

    (void)state;
    COUNTS(0xeb, 0x01, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);        /* jmp over a byte that swallows a jmp */
    COUNTS(0x75, 0x01, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);        /* the byte is run, too: both ways are gone */
    COUNTS(RET, 0xb8, 0xeb, 0xdc, 0x00, 0x00, RET);               /* nothing is known to lead there */
    COUNTS(0x0f, 0x0b, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);        /* ud2 */
    COUNTS(0xf4, 0xb8, 0xeb, 0xdc, 0x00, 0x00, RET);              /* hlt */
    COUNTS(0xeb, 0x05, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);        /* jumped over */
    COUNTS(0xb8, 0xeb, 0xdd, 0x00, 0x00, 0x06, RET);              /* does not decode */
    COUNTS(0xb8, 0xeb, 0xdd, 0x00);                               /* is cut off */
    COUNTS(0xb8, 0xeb, 0xdd, 0x00, 0x00, 0xe8, 0, 0, 0);          /* likewise, later */
    COUNTS(0xb8, 0xeb, 0xdd, 0x00, 0x00, 0xff, 0xe0);             /* jmp *%rax may have a table */
    COUNTS(0xb8, 0xeb, 0xdd, 0, 0, 0xff, 0x24, 0xc5, 0, 0, 0, 0); /* so has jmp *table(,%rax,8) */
    COUNTS(0xb8, 0xeb, 0xdd, 0, 0, 0x3e, 0xff, 0xe0);             /* notrack */

    /* A name in the middle of an instruction: who comes by it runs another one. */
    const uint8_t *overlapping = CODE(0x90, 0x90, 0xb8, 0xeb, 0xdb, 0x00, 0x00, RET);
    assert_true(nothing_at(overlapping, 8, NULL, 0));
    assert_false(nothing_at(overlapping, 8, &third, 1));
    /* lock cmpxchg, of which the prefix is jumped over */
    NOTHING(0x74, 0x01, 0xf0, 0x0f, 0xb1, 0x0d, 0xeb, 0xd8, 0, 0, RET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_references_count),
        cmocka_unit_test(bytes_in_other_instructions_are_nothing),
        cmocka_unit_test(data_between_instructions_proves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
