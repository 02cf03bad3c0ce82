/* SPDX-License-Identifier: Apache-2.0 */
/* What programs do with functions, done with functions that are switched: calls, jumps out of them, unwinding. */
#include "scenario.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

typedef int hook_fn(int);
typedef int visit_fn(int, hook_fn *);

/*
 * What most scenarios switch: visit() calls the program back in the middle. The call lies behind the bytes that a
 * detour takes, and so does every other one here that is under way when its caller is switched: its return address
 * would hold the switch up.
 */
static const char visit_source[] = "#ifndef ADDED\n"
                                   "#define ADDED 1\n"
                                   "#endif\n"
                                   "int visit(int n, int (*hook)(int))\n"
                                   "{ volatile int sum = n; sum = hook(sum) + ADDED; return sum; }\n";
static const char *const visit_only[] = {"visit", NULL};

struct visited {
    struct scenario scenario;
    char path[PATH_SIZE];
    visit_fn *visit;
};

/* As released visit() adds 1, with the patch 1000. */
static void visited_open(struct visited *visited)
{
    scenario_open(&visited->scenario, "-fexceptions", visit_source);
    scenario_bundle(&visited->scenario, visit_only, "-fexceptions -DADDED=1000", visit_source, visited->path);
    visited->visit = (visit_fn *)(uintptr_t)scenario_symbol(&visited->scenario, "visit");
}

static void visited_close(struct visited *visited)
{
    scenario_close(&visited->scenario);
}

static int identity(int n)
{
    return n;
}

typedef double many_fn(long, long, long, long, long, long, long, long, long, long, double, double, double, double,
                       double, double, double, double, double, double);

static void ten_integer_and_ten_floating_point_arguments_survive(void **state)
{
    static const char source[] =
        "#ifndef FACTOR\n"
        "#define FACTOR 1\n"
        "#endif\n"
        "double many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, double k,\n"
        "            double l, double m, double n, double o, double p, double q, double r, double s, double t)\n"
        "{\n"
        "    long whole = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;\n"
        "    double part = k + 2 * l + 3 * m + 4 * n + 5 * o + 6 * p + 7 * q + 8 * r + 9 * s + 10 * t;\n"
        "    return FACTOR * (1000000 * (double)whole + part);\n"
        "}\n";
    static const char *const functions[] = {"many", NULL};
    struct scenario scenario;
    char path[PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "", source);
    scenario_bundle(&scenario, functions, "-DFACTOR=-1", source, path);
    many_fn *many = (many_fn *)(uintptr_t)scenario_symbol(&scenario, "many");
    double before = many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5);
    assert_true(before == 385000000 + 357.5);
    assert_true(scenario_apply(&scenario, path));
    assert_true(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5) == -before);
    assert_true(scenario_revert(&scenario));
    assert_true(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5) == before);
    scenario_close(&scenario);
}

static const struct visited *being_visited;

static int apply_at_three(int n)
{
    if (n == 3 && !scenario_apply(&being_visited->scenario, being_visited->path))
        return -1;
    return n;
}

/* Each level calls the next one by its entry: those below the switch are of the new version. */
static void self_recursive_function_switches_in_mid_recursion(void **state)
{
    static const char source[] = "#ifndef ADDED\n"
                                 "#define ADDED 1\n"
                                 "#endif\n"
                                 "int visit(int n, int (*hook)(int))\n"
                                 "{\n"
                                 "    volatile int at = n;\n"
                                 "    hook(at);\n"
                                 "    volatile int below = n > 0 ? visit(n - 1, hook) : 0;\n"
                                 "    return below + ADDED;\n"
                                 "}\n";
    struct visited visited;

    (void)state;
    scenario_open(&visited.scenario, "", source);
    scenario_bundle(&visited.scenario, visit_only, "-DADDED=100", source, visited.path);
    visited.visit = (visit_fn *)(uintptr_t)scenario_symbol(&visited.scenario, "visit");
    being_visited = &visited;
    assert_int_equal(visited.visit(5, apply_at_three), 3 * 1 + 3 * 100);
    assert_int_equal(visited.visit(5, identity), 6 * 100);
    assert_true(scenario_revert(&visited.scenario));
    assert_int_equal(visited.visit(5, identity), 6 * 1);
    visited_close(&visited);
}

static void mutually_recursive_functions_switch_in_mid_recursion(void **state)
{
    static const char source[] = "#ifndef ADDED\n"
                                 "#define ADDED 1\n"
                                 "#endif\n"
                                 "int other(int n, int (*hook)(int));\n"
                                 "int visit(int n, int (*hook)(int))\n"
                                 "{\n"
                                 "    volatile int at = n;\n"
                                 "    hook(at);\n"
                                 "    volatile int below = n > 0 ? other(n - 1, hook) : 0;\n"
                                 "    return below + ADDED;\n"
                                 "}\n"
                                 "int other(int n, int (*hook)(int))\n"
                                 "{\n"
                                 "    volatile int at = n;\n"
                                 "    hook(at);\n"
                                 "    volatile int below = n > 0 ? visit(n - 1, hook) : 0;\n"
                                 "    return below + 10 * ADDED;\n"
                                 "}\n";
    static const char *const functions[] = {"visit", "other", NULL};
    struct visited visited;

    (void)state;
    scenario_open(&visited.scenario, "", source);
    scenario_bundle(&visited.scenario, functions, "-DADDED=100", source, visited.path);
    visited.visit = (visit_fn *)(uintptr_t)scenario_symbol(&visited.scenario, "visit");
    being_visited = &visited;
    assert_int_equal(visited.visit(5, apply_at_three), 1 + 10 + 1 + 1000 + 100 + 1000);
    assert_int_equal(visited.visit(5, identity), 3 * 1100);
    assert_true(scenario_revert(&visited.scenario));
    assert_int_equal(visited.visit(5, identity), 3 * 11);
    visited_close(&visited);
}

static void pointer_taken_before_the_switch_reaches_the_new_function(void **state)
{
    struct visited visited;

    (void)state;
    visited_open(&visited);
    visit_fn *volatile taken = visited.visit;
    assert_int_equal(taken(5, identity), 6);
    assert_true(scenario_apply(&visited.scenario, visited.path));
    assert_int_equal(taken(5, identity), 1005);
    assert_ptr_equal((void *)(uintptr_t)taken, scenario_symbol(&visited.scenario, "visit"));
    assert_true(scenario_revert(&visited.scenario));
    assert_int_equal(taken(5, identity), 6);
    visited_close(&visited);
}

/* At -O2 outer() jumps to inner(), and so do the versions in the patch. */
static void functions_that_tail_call_are_switched(void **state)
{
    static const char source[] =
        "#ifndef ADDED\n"
        "#define ADDED 1\n"
        "#endif\n"
        "int inner(int n, int (*hook)(int)) { volatile int sum = n; sum += ADDED; return hook(sum); }\n"
        "int outer(int n, int (*hook)(int)) { return inner(n * 10 * ADDED, hook); }\n";
    static const char *const inner_only[] = {"inner", NULL};
    static const char *const both[] = {"inner", "outer", NULL};
    struct scenario scenario;
    char path[2][PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "-O2", source);
    scenario_bundle(&scenario, inner_only, "-O2 -DADDED=2", source, path[0]);
    scenario_bundle(&scenario, both, "-O2 -DADDED=3", source, path[1]);
    visit_fn *outer = (visit_fn *)(uintptr_t)scenario_symbol(&scenario, "outer");
    assert_int_equal(outer(1, identity), 11);
    assert_true(scenario_apply(&scenario, path[0]));
    assert_int_equal(outer(1, identity), 12);
    assert_true(scenario_apply(&scenario, path[1]));
    assert_int_equal(outer(1, identity), 33);
    assert_true(scenario_revert(&scenario));
    assert_int_equal(outer(1, identity), 12);
    assert_true(scenario_revert(&scenario));
    assert_int_equal(outer(1, identity), 11);
    scenario_close(&scenario);
}

static jmp_buf way_out;

static int jump_out(int n)
{
    longjmp(way_out, n);
}

static int apply_and_jump_out(int n)
{
    scenario_apply(&being_visited->scenario, being_visited->path);
    longjmp(way_out, n);
}

static void longjmp_leaves_old_and_new_functions(void **state)
{
    static struct visited visited;

    (void)state;
    visited_open(&visited);
    being_visited = &visited;
    if (setjmp(way_out) == 0)
        visited.visit(7, apply_and_jump_out);
    assert_int_equal(visited.visit(5, identity), 1005);
    int got = setjmp(way_out);
    if (got == 0)
        visited.visit(9, jump_out);
    assert_int_equal(got, 9);
    assert_true(scenario_revert(&visited.scenario));
    assert_int_equal(visited.visit(5, identity), 6);
    visited_close(&visited);
}

static const char handler_source[] = "#ifndef ADDED\n"
                                     "#define ADDED 1\n"
                                     "#endif\n"
                                     "volatile int *count;\n"
                                     "void count_in(volatile int *in) { count = in; }\n"
                                     "void handle(int signal) { volatile int by = ADDED; *count += signal * by; }\n";

/* The patch has a pointer of its own. */
static void signal_handler_is_switched(void **state)
{
    static const char *const functions[] = {"handle", "count_in", NULL};
    static volatile int count;
    struct sigaction old;
    struct scenario scenario;
    char path[PATH_SIZE];

    (void)state;
    scenario_open(&scenario, "", handler_source);
    scenario_bundle(&scenario, functions, "-DADDED=100", handler_source, path);
    void (*count_in)(volatile int *) = (void (*)(volatile int *))(uintptr_t)scenario_symbol(&scenario, "count_in");
    struct sigaction action = {.sa_handler = (void (*)(int))(uintptr_t)scenario_symbol(&scenario, "handle")};
    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    count_in(&count);
    raise(SIGUSR1);
    assert_int_equal(count, SIGUSR1);
    assert_true(scenario_apply(&scenario, path));
    count_in(&count);
    raise(SIGUSR1);
    assert_int_equal(count, 101 * SIGUSR1);
    assert_true(scenario_revert(&scenario));
    raise(SIGUSR1);
    assert_int_equal(count, 102 * SIGUSR1);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
    scenario_close(&scenario);
}

static volatile sig_atomic_t handled;
static volatile sig_atomic_t handled_wrongly;

static void visit_from_handler(int signal)
{
    int got = being_visited->visit(5, identity);

    (void)signal;
    handled++;
    if (got != 6 && got != 1005)
        handled_wrongly++;
}

static void handlers_call_the_function_while_it_is_switched(void **state)
{
    static const struct itimerval often = {{0, 500}, {0, 500}};
    static const struct itimerval never;
    struct sigaction action = {.sa_handler = visit_from_handler, .sa_flags = SA_RESTART};
    struct sigaction old;
    struct visited visited;

    (void)state;
    visited_open(&visited);
    being_visited = &visited;
    handled = 0;
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 20 || handled < 100; i++) {
        assert_true(scenario_apply(&visited.scenario, visited.path));
        assert_true(scenario_revert(&visited.scenario));
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_int_equal(handled_wrongly, 0);
    visited_close(&visited);
}

static sem_t is_inside;
static atomic_int cleaned_up;

static int wait_to_be_cancelled(int n)
{
    sem_post(&is_inside);
    for (;;)
        pause();
    return n;
}

static void clean_up(void *arg)
{
    (void)arg;
    atomic_fetch_add(&cleaned_up, 1);
}

static void *visit_until_cancelled(void *arg)
{
    const struct visited *visited = arg;

    pthread_cleanup_push(clean_up, NULL);
    visited->visit(1, wait_to_be_cancelled);
    pthread_cleanup_pop(0);
    return NULL;
}

static void assert_cancelled(pthread_t thread, int cleaned)
{
    void *result;

    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(atomic_load(&cleaned_up), cleaned);
}

static void threads_are_cancelled_through_old_and_new_functions(void **state)
{
    struct visited visited;
    pthread_t old, new;

    (void)state;
    visited_open(&visited);
    sem_init(&is_inside, 0, 0);
    atomic_store(&cleaned_up, 0);
    assert_int_equal(pthread_create(&old, NULL, visit_until_cancelled, &visited), 0);
    sem_wait(&is_inside);
    assert_true(scenario_apply(&visited.scenario, visited.path));
    assert_int_equal(pthread_create(&new, NULL, visit_until_cancelled, &visited), 0);
    sem_wait(&is_inside);
    assert_cancelled(old, 1);
    assert_cancelled(new, 2);
    assert_true(scenario_revert(&visited.scenario));
    visited_close(&visited);
}

/* What is thrown passes the frame of visit(), whose destructor runs, or is thrown there. */
static const char throwing_source[] =
    "#ifndef ADDED\n"
    "#define ADDED 1\n"
    "#endif\n"
    "extern \"C\" {\n"
    "typedef int hook_fn(int);\n"
    "int visit(int n, hook_fn *hook);\n"
    "int guarded(int n, hook_fn *hook);\n"
    "int thrower(int n);\n"
    "}\n"
    "static volatile int destroyed;\n"
    "struct guard { ~guard() { destroyed = destroyed + ADDED; } };\n"
    "int thrower(int n) { throw n; }\n"
    "int visit(int n, hook_fn *hook)\n"
    "{ guard here; destroyed = 0; volatile int got = hook(n); if (got > 50) throw got + ADDED; return got; }\n"
    "int guarded(int n, hook_fn *hook)\n"
    "{ try { return visit(n, hook); } catch (int thrown) { return 10000 + thrown; } }\n";

static void exceptions_pass_switched_functions(void **state)
{
    static const char *const compilers[] = {"g++", "clang++"};
    static const char flags[] = "-x c++ -Wl,--no-as-needed -lstdc++";
    char *usual = getenv("CC") ? strdup(getenv("CC")) : NULL;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scenario scenario;
        char path[PATH_SIZE];
        char patch_flags[128];
        setenv("CC", compilers[i], 1);
        snprintf(patch_flags, sizeof(patch_flags), "%s -DADDED=100", flags);
        scenario_open(&scenario, flags, throwing_source);
        scenario_bundle(&scenario, visit_only, patch_flags, throwing_source, path);
        visit_fn *guarded = (visit_fn *)(uintptr_t)scenario_symbol(&scenario, "guarded");
        hook_fn *thrower = (hook_fn *)(uintptr_t)scenario_symbol(&scenario, "thrower");
        assert_int_equal(guarded(5, thrower), 10005);
        assert_int_equal(guarded(60, identity), 10061);
        assert_true(scenario_apply(&scenario, path));
        assert_int_equal(guarded(5, thrower), 10005);
        assert_int_equal(guarded(60, identity), 10160);
        assert_int_equal(guarded(5, identity), 5);
        assert_true(scenario_revert(&scenario));
        assert_int_equal(guarded(60, identity), 10061);
        scenario_close(&scenario);
    }
    if (usual)
        setenv("CC", usual, 1);
    else
        unsetenv("CC");
    free(usual);
}

/* An exception that is thrown while the function it passes is being switched leaves the old version. */
static void exception_leaves_a_function_that_was_switched_meanwhile(void **state)
{
    static const char source[] = "extern \"C\" {\n"
                                 "typedef int hook_fn(int);\n"
                                 "int visit(int n, hook_fn *hook);\n"
                                 "int guarded(int n, hook_fn *hook);\n"
                                 "}\n"
                                 "int visit(int n, hook_fn *hook)\n"
                                 "{ volatile int got = n; got = hook(got); if (got > 0) throw got; return got; }\n"
                                 "int guarded(int n, hook_fn *hook)\n"
                                 "{ try { return visit(n, hook); } catch (int thrown) { return 10000 + thrown; } }\n";
    static const char patch[] = "extern \"C\" int visit(int n, int (*hook)(int));\n"
                                "int visit(int n, int (*hook)(int)) { volatile int got = hook(n); return -got; }\n";
    struct visited visited;

    (void)state;
    scenario_open(&visited.scenario, "-x c++ -Wl,--no-as-needed -lstdc++", source);
    scenario_bundle(&visited.scenario, visit_only, "-x c++", patch, visited.path);
    visited.visit = (visit_fn *)(uintptr_t)scenario_symbol(&visited.scenario, "guarded");
    being_visited = &visited;
    assert_int_equal(visited.visit(3, apply_at_three), 10003);
    assert_int_equal(visited.visit(3, identity), -3);
    assert_true(scenario_revert(&visited.scenario));
    visited_close(&visited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_integer_and_ten_floating_point_arguments_survive),
        cmocka_unit_test(self_recursive_function_switches_in_mid_recursion),
        cmocka_unit_test(mutually_recursive_functions_switch_in_mid_recursion),
        cmocka_unit_test(pointer_taken_before_the_switch_reaches_the_new_function),
        cmocka_unit_test(functions_that_tail_call_are_switched),
        cmocka_unit_test(longjmp_leaves_old_and_new_functions),
        cmocka_unit_test(signal_handler_is_switched),
        cmocka_unit_test(handlers_call_the_function_while_it_is_switched),
        cmocka_unit_test(threads_are_cancelled_through_old_and_new_functions),
        cmocka_unit_test(exceptions_pass_switched_functions),
        cmocka_unit_test(exception_leaves_a_function_that_was_switched_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
