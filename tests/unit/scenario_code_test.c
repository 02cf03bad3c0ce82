/* SPDX-License-Identifier: Apache-2.0 */
/* Where functions lie and what their pages are like: entries across boundaries, landing pads, red zones, protection. */
#include "scenario.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

static const char *const edge_only[] = {"edge", NULL};
static const char edge_patch[] = "int edge(int n) { volatile int v = n; return v + 1000; }\n";

static char *line_of_map(const void *address, char *line, size_t size)
{
    uintptr_t begin, end;
    FILE *in = fopen("/proc/self/maps", "re");

    assert_non_null(in);
    while (fgets(line, (int)size, in)) {
        if (sscanf(line, "%zx-%zx", &begin, &end) == 2 && (uintptr_t)address >= begin && (uintptr_t)address < end)
            break;
    }
    fclose(in);
    return line;
}

static void assert_text_is_read_only(const void *address)
{
    char line[PATH_SIZE];
    assert_non_null(strstr(line_of_map(address, line, sizeof(line)), " r-xp "));
}

static char maps_seen[1048576];

/* Threads are stopped here: read() alone is called. */
static void read_maps(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t fill = 0;

    for (ssize_t got; (got = read(fd, maps_seen + fill, sizeof(maps_seen) - 1 - fill)) > 0;)
        fill += (size_t)got;
    maps_seen[fill] = '\0';
    close(fd);
}

static int look_and_apply(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error)
{
    int status = hotfix_builtin_patcher()->apply(request, arg, state, error);
    read_maps();
    return status;
}

static void no_page_is_writable_and_executable_and_text_stays_read_only(void **state)
{
    struct hotfix_patcher looking = *hotfix_builtin_patcher();
    struct hotfix_apply_options options = patient;
    struct scenario scenario;
    char path[PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "", "int edge(int n) { volatile int v = n; return v + 1; }\n");
    scenario_bundle(&scenario, edge_only, "", edge_patch, path);
    int (*edge)(int) = (int (*)(int))(uintptr_t)scenario_symbol(&scenario, "edge");
    looking.apply = look_and_apply;
    options.patcher = &looking;
    assert_text_is_read_only((void *)(uintptr_t)edge);
    assert_int_equal(hotfix_apply_opt(scenario.handle, path, &options, NULL), 0);
    assert_non_null(strstr(maps_seen, "r-xp"));
    assert_null(strstr(maps_seen, "rwx"));
    assert_null(strstr(maps_seen, "-wx"));
    assert_text_is_read_only((void *)(uintptr_t)edge);
    assert_int_equal(edge(5), 1005);
    assert_true(scenario_revert(&scenario));
    assert_text_is_read_only((void *)(uintptr_t)edge);
    scenario_close(&scenario);
}

#if defined(__x86_64__)
/* edge() begins 3 bytes before a boundary: any detour lies on both sides of it. */
static const char edge_target[] = "#define TEXT_OF(x) #x\n"
                                  "#define TEXT(x) TEXT_OF(x)\n"
                                  "__asm__(\".pushsection .text.edge, \\\"ax\\\", @progbits\\n\"\n"
                                  "        \".balign 4096\\n\"\n"
                                  "        \".skip \" TEXT(BOUNDARY) \" - 3, 0xcc\\n\"\n"
                                  "        \".globl edge\\n\"\n"
                                  "        \".type edge, @function\\n\"\n"
                                  "        \"edge: leal 1(%rdi), %eax\\n\"\n"
                                  "        \"xorl %ecx, %ecx\\n\"\n"
                                  "        \"addl %ecx, %eax\\n\"\n"
                                  "        \"ret\\n\"\n"
                                  "        \".size edge, . - edge\\n\"\n"
                                  "        \".popsection\");\n";

static int (*edge_called)(int);
static atomic_bool stop_calling;
static atomic_int wrong_results;
static atomic_int calls;

static void *call_edge(void *arg)
{
    while (!atomic_load(&stop_calling)) {
        int got = edge_called(5);
        if (got != 6 && got != 1005)
            atomic_fetch_add(&wrong_results, 1);
        atomic_fetch_add(&calls, 1);
    }
    return arg;
}

static void switch_entry_across(unsigned boundary)
{
    struct scenario scenario;
    pthread_t threads[2];
    char path[PATH_SIZE], flags[32];

    snprintf(flags, sizeof(flags), "-DBOUNDARY=%u", boundary);
    scenario_open(&scenario, flags, edge_target);
    scenario_bundle(&scenario, edge_only, "", edge_patch, path);
    edge_called = (int (*)(int))(uintptr_t)scenario_symbol(&scenario, "edge");
    assert_int_equal((uintptr_t)edge_called % boundary, boundary - 3);
    atomic_store(&stop_calling, false);
    atomic_store(&calls, 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_edge, NULL), 0);
    for (int i = 0; i < 20 || atomic_load(&calls) < 1000; i++) {
        assert_true(scenario_apply(&scenario, path));
        assert_int_equal(edge_called(5), 1005);
        assert_true(scenario_revert(&scenario));
        assert_int_equal(edge_called(5), 6);
    }
    atomic_store(&stop_calling, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&wrong_results), 0);
    scenario_close(&scenario);
}

static void entry_that_straddles_a_page_is_switched(void **state)
{
    (void)state;
    switch_entry_across(4096);
}

static void entry_that_straddles_a_cache_line_is_switched(void **state)
{
    (void)state;
    switch_entry_across(64);
}

static void landing_pad_stays_valid(void **state)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct scenario scenario;
    char path[PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "-fcf-protection=branch", "int edge(int n) { volatile int v = n; return v + 1; }\n");
    scenario_bundle(&scenario, edge_only, "-fcf-protection=branch", edge_patch, path);
    const uint8_t *edge = scenario_symbol(&scenario, "edge");
    assert_memory_equal(edge, endbr64, sizeof(endbr64));
    assert_int_equal(hotfix_apply_opt(scenario.handle, path, &patient, &result), 0);
    assert_int_equal(result.functions[0].entry_skip, sizeof(endbr64));
    assert_memory_equal(edge, endbr64, sizeof(endbr64));
    assert_memory_equal(result.functions[0].new_address, endbr64, sizeof(endbr64));
    assert_int_equal(((int (*)(int))(uintptr_t)edge)(5), 1005);
    hotfix_result_deinit(&result);
    assert_true(scenario_revert(&scenario));
    assert_memory_equal(edge, endbr64, sizeof(endbr64));
    scenario_close(&scenario);
}

/*
 * spin() keeps what it counts with in its red zone, and sees whether all 128 bytes stay as they are while it is stopped
 * and switched. Its loop lies behind the bytes that a detour takes.
 */
static const char spin_target[] =
    "long spin(volatile int *stop, volatile int *in)\n"
    "{\n"
    "    long lost;\n"
    "    __asm__ volatile(\n"
    "        \"mov $16, %%rcx\\n\"\n"
    "        \"1: neg %%rcx\\n mov %%rcx, (%%rsp,%%rcx,8)\\n neg %%rcx\\n dec %%rcx\\n\"\n"
    "        \"jnz 1b\\n\"\n"
    "        \"movl $1, (%2)\\n\"\n"
    "        \"2: pause\\n cmpl $0, (%1)\\n je 2b\\n\"\n"
    "        \"xor %0, %0\\n mov $-16, %%rcx\\n\"\n"
    "        \"3: cmp %%rcx, (%%rsp,%%rcx,8)\\n je 4f\\n inc %0\\n\"\n"
    "        \"4: inc %%rcx\\n jnz 3b\\n\"\n"
    "        : \"=&r\"(lost) : \"r\"(stop), \"r\"(in) : \"rcx\", \"cc\", \"memory\");\n"
    "    return lost;\n"
    "}\n";
static const char spin_patch[] = "long spin(volatile int *stop, volatile int *in)\n"
                                 "{ volatile long found = *stop + *in; return found + 1000; }\n";
static long (*spin)(volatile int *, volatile int *);
static volatile int spin_stop;
static volatile int spin_inside;
static long spin_lost;

static void *call_spin(void *arg)
{
    spin_lost = spin(&spin_stop, &spin_inside);
    return arg;
}

static void red_zone_of_a_stopped_function_is_preserved(void **state)
{
    static const char *const functions[] = {"spin", NULL};
    struct scenario scenario;
    pthread_t thread;
    char path[PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "-fomit-frame-pointer", spin_target);
    scenario_bundle(&scenario, functions, "", spin_patch, path);
    spin = (long (*)(volatile int *, volatile int *))(uintptr_t)scenario_symbol(&scenario, "spin");
    assert_int_equal(pthread_create(&thread, NULL, call_spin, NULL), 0);
    while (!spin_inside)
        usleep(100);
    for (int i = 0; i < 20; i++) {
        assert_true(scenario_apply(&scenario, path));
        assert_int_equal(spin(&spin_stop, &spin_inside), 1001);
        assert_true(scenario_revert(&scenario));
    }
    spin_stop = 1;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(spin_lost, 0);
    scenario_close(&scenario);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_page_is_writable_and_executable_and_text_stays_read_only),
#if defined(__x86_64__)
        cmocka_unit_test(entry_that_straddles_a_page_is_switched),
        cmocka_unit_test(entry_that_straddles_a_cache_line_is_switched),
        cmocka_unit_test(landing_pad_stays_valid),
        cmocka_unit_test(red_zone_of_a_stopped_function_is_preserved),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
