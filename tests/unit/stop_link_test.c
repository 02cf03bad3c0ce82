/* SPDX-License-Identifier: Apache-2.0 */
/* Return addresses as arm64 has them: in a register as long as nothing is called, signed on the stack. */
#include "stop_support.h"

#include "emulated.h"

#if defined(__aarch64__)

/* Spins until *flag is not 0; its return address is in x30 alone. */
extern char spin[];
/* Calls it, with its own return address signed. */
extern char call_spin[], call_spin_end[];
/* Calls that one, likewise: of this function a thread in there has a signed address on its stack alone. */
extern char call_call_spin[], call_call_spin_end[];

__asm__(".text\n"
        ".balign 4\n"
        ".globl spin, call_spin, call_spin_end, call_call_spin, call_call_spin_end\n"
        "spin: ldr w1, [x0]\n"
        "cbz w1, spin\n"
        "ret\n"
        "call_spin: hint #25\n" /* paciasp */
        "stp x29, x30, [sp, #-16]!\n"
        "bl spin\n"
        "ldp x29, x30, [sp], #16\n"
        "hint #29\n" /* autiasp */
        "ret\n"
        "call_spin_end:\n"
        "call_call_spin: hint #25\n"
        "stp x29, x30, [sp, #-16]!\n"
        "bl call_spin\n"
        "ldp x29, x30, [sp], #16\n"
        "hint #29\n"
        "ret\n"
        "call_call_spin_end:\n");

static atomic_int started;
static atomic_int flag;

static void *be_inside(void *arg)
{
    atomic_fetch_add(&started, 1);
    ((void (*)(atomic_int *))(uintptr_t)call_call_spin)(&flag);
    return arg;
}

static void expect(const char *begin, const char *end, enum hf_stop_method method, const char *text)
{
    struct hotfix_error error = {HOTFIX_OK, 0, ""};
    int runs = 0;
    struct hf_busy busy = {.begin = (uintptr_t)begin, .end = (uintptr_t)end};
    struct hf_stop_request request = {.busy = &busy,
                                      .busy_count = 1,
                                      .action = count_run,
                                      .arg = &runs,
                                      .deadline_ns = text ? 150 * NS_PER_MS : PATIENT_NS,
                                      .method = method};

    if (text)
        stop_hindered(&request, text, &error);
    else
        require(hf_stop_run(&request, NULL, &error) == 0);
    require(runs == !text);
}

static void function_is_busy(const char *begin, const char *end, const char *text)
{
    enum hf_stop_method method = emulator_lacks("there is no ptrace") ? HF_STOP_SIGNAL : HF_STOP_PTRACE;
    pthread_t thread;

    require(pthread_create(&thread, NULL, be_inside, NULL) == 0);
    while (atomic_load(&started) == 0)
        pause_ms(1);
    pause_ms(50);
    expect(begin, end, method, text);
    expect(begin, end, HF_STOP_SIGNAL, text);
    atomic_store(&flag, 1);
    pthread_join(thread, NULL);
    expect(begin, end, method, NULL);
}

static void return_address_in_a_register(void)
{
    function_is_busy(call_spin, call_spin_end, " was in the function at ");
}

static void signed_return_address_on_a_stack(void)
{
    function_is_busy(call_call_spin, call_call_spin_end, " had a return address on its stack into the function at ");
}

static void test_return_address_in_a_register(void **state)
{
    (void)state;
    child_run(return_address_in_a_register);
}

static void test_signed_return_address_on_a_stack(void **state)
{
    (void)state;
    child_run(signed_return_address_on_a_stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_return_address_in_a_register),
        cmocka_unit_test(test_signed_return_address_on_a_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    puts("1..0 # SKIP calls put return addresses on the stack here");
    return 0;
}

#endif
