/* SPDX-License-Identifier: Apache-2.0 */
/* The proof that an object went into a target: what it says when memory is short. */
#include "program_fixture.h"

#include "object/object.h"
#include "prove/proof.h"
#include "prove/target.h"
#include "sanitized.h"

/* The allocation that fails, by number, and how many there were. 0: none does. */
static size_t failing, allocations;

#if !SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

static bool fails(void)
{
    return ++allocations == failing;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}
#endif

/* A linker that moves every instruction with a reference away, to where it is. */
static bool displaced(const uint8_t *object, const uint8_t *code, uint64_t address, uint64_t *stub)
{
    (void)object;
    (void)code;
    *stub = address;
    return true;
}

static bool comes_back(const uint8_t *stub, uint64_t address, uint64_t place)
{
    (void)stub;
    return address == place;
}

static void no_allocation_that_fails_is_a_difference(void **state)
{
    struct hf_object *object;
    struct hf_target *target;
    struct hf_proof *proof;

    (void)state;
    if (SANITIZED)
        skip();
    fixture_write("part.c",
                  "int sum;\n__attribute__((noinline)) int add(int by) { sum += by; return sum * 3 + by; }\n");
    fixture_write("main.c", "int add(int); int main(int argc, char **argv) { (void)argv; return add(argc); }\n");
    assert_run("cc -O2 -g -c part.c && cc -O2 -g -Wl,--build-id -o target main.c part.o");
    assert_int_equal(hf_object_open("part.o", "part.o", &object, &fixture_error), 0);
    assert_int_equal(hf_target_open("target", NULL, &target, &fixture_error), 0);
    struct hf_arch_tools arch = *target->arch;
    arch.displaced_size = 4;
    arch.displaced = displaced;
    arch.comes_back = comes_back;
    target->arch = &arch;

    size_t count = 1;
    for (size_t nth = 0; nth <= count; nth++) {
        allocations = 0;
        failing = nth;
        int result = hf_proof_create(object, target, &proof, &fixture_error);
        failing = 0;
        count = nth == 0 ? allocations : count;
        if (result != 0) {
            assert_int_equal(fixture_error.code, HOTFIX_MEMORY);
            continue;
        }
        assert_int_equal(proof->differing_count, 0);
        assert_int_equal(proof->proven_count, 1);
        hf_proof_destroy(proof);
    }
    assert_true(count > 3);
    hf_target_close(target);
    hf_object_close(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_allocation_that_fails_is_a_difference),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
