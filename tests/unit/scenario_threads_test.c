/* SPDX-License-Identifier: Apache-2.0 */
/* Whole applies and reverts while other threads are somewhere awkward: in locks, in system calls, about to begin. */
#include "scenario.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "child.h"

enum { CYCLES = 30, THREADS = 3 };

static const char *const price_only[] = {"price", NULL};
static const char price_source[] = "#ifndef FACTOR\n"
                                   "#define FACTOR 2\n"
                                   "#endif\n"
                                   "int price(int n) { volatile int v = n; return v * FACTOR; }\n";

static struct scenario scenario;
static char bundle[PATH_SIZE];
static int (*price)(int);
static atomic_bool quit;
static atomic_int started;
static atomic_int wrong;

static int setup(void **state)
{
    (void)state;
    scenario_open(&scenario, "", price_source);
    scenario_bundle(&scenario, price_only, "-DFACTOR=3", price_source, bundle);
    price = (int (*)(int))(uintptr_t)scenario_symbol(&scenario, "price");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scenario_close(&scenario);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    atomic_store(&quit, false);
    atomic_store(&started, 0);
    atomic_store(&wrong, 0);
    return 0;
}

static void start(pthread_t *threads, size_t count, void *(*body)(void *))
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i), 0);
    while (atomic_load(&started) < (int)count)
        usleep(100);
}

static void join(const pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void switch_to_and_fro(int cycles)
{
    for (int i = 0; i < cycles; i++) {
        assert_true(scenario_apply(&scenario, bundle));
        assert_int_equal(price(10), 30);
        assert_true(scenario_revert(&scenario));
        assert_int_equal(price(10), 20);
    }
}

static void switch_under(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    start(threads, THREADS, body);
    switch_to_and_fro(CYCLES);
    atomic_store(&quit, true);
    join(threads, THREADS);
    assert_int_equal(atomic_load(&wrong), 0);
}

/* With one arena the caller wants the very lock that stopped threads may hold. */
static void *allocate(void *arg)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        void *volatile small = malloc(40);
        void *volatile large = calloc(1, 100000);
        free(small);
        free(large);
    }
    return arg;
}

static void threads_inside_malloc(void **state)
{
    (void)state;
    mallopt(M_ARENA_MAX, 1);
    switch_under(allocate);
}

/* In the dynamic linker's locks nearly all the time. */
static void *load_and_look_up(void *arg)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
        if (!library || !dlsym(library, "cos") || dlsym(library, "there_is_no_such_function"))
            atomic_fetch_add(&wrong, 1);
        if (library)
            dlclose(library);
    }
    return arg;
}

static void threads_inside_dlopen_and_dlsym(void **state)
{
    (void)state;
    switch_under(load_and_look_up);
}

static sem_t is_inside;
static sem_t may_leave;

static void hold(void)
{
    sem_post(&is_inside);
    while (sem_wait(&may_leave) != 0)
        continue;
}

static void *hold_stdio(void *arg)
{
    flockfile(stdout);
    flockfile(stderr);
    hold();
    funlockfile(stderr);
    funlockfile(stdout);
    return arg;
}

static void thread_that_holds_the_locks_of_stdio(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, hold_stdio, NULL), 0);
    sem_wait(&is_inside);
    bool applied = scenario_apply(&scenario, bundle);
    int got = price(10);
    bool reverted = scenario_revert(&scenario);
    sem_post(&may_leave);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(applied && reverted);
    assert_int_equal(got, 30);
}

/* Its constructor calls back, and so stays inside dlopen() with the dynamic linker's lock held. */
static const char slow_source[] =
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "__attribute__((constructor)) static void begin(void)\n"
    "{ void *f; sscanf(getenv(\"HOTFIX_TEST_HOLD\"), \"%p\", &f); ((void (*)(void))f)(); }\n";

static void *load_slowly(void *arg)
{
    void *library = dlopen(arg, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        atomic_fetch_add(&wrong, 1);
    return library;
}

static void let_go_when_verified(enum hotfix_log_level level, const char *text, void *arg)
{
    (void)level;
    (void)arg;
    if (strncmp(text, "bundle ", strlen("bundle ")) == 0)
        sem_post(&may_leave);
}

/* The apply waits for that lock, as any dlopen() does, and happens then. */
static void thread_in_a_constructor_of_a_library(void **state)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *handle;
    pthread_t thread;
    char path[PATH_SIZE], address[32];
    void *library;

    (void)state;
    fixture_compile(&scenario.fixture, "slow.so", "", slow_source);
    snprintf(path, sizeof(path), "%s/slow.so", scenario.fixture.dir);
    snprintf(address, sizeof(address), "%p", (void *)(uintptr_t)hold);
    setenv("HOTFIX_TEST_HOLD", address, 1);
    options.trust = scenario.fixture.trust;
    options.log = let_go_when_verified;
    assert_int_equal(hotfix_open(&options, &handle, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, load_slowly, path), 0);
    sem_wait(&is_inside);
    assert_int_equal(hotfix_apply_opt(handle, bundle, &patient, NULL), 0);
    assert_int_equal(price(10), 30);
    assert_int_equal(pthread_join(thread, &library), 0);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(scenario_revert(&scenario));
    dlclose(library);
    hotfix_close(handle);
}

/* Each of these blocks until the test lets it go, and must then have done what it was called for. */
static int pipes[2][2];
static int listener;
static atomic_uint futex_word;

static bool call_read(void)
{
    char byte;
    return read(pipes[0][0], &byte, 1) == 1;
}

static bool call_poll(void)
{
    struct pollfd poll_fd = {.fd = pipes[1][0], .events = POLLIN};
    return poll(&poll_fd, 1, -1) == 1;
}

static bool call_accept(void)
{
    int fd = accept(listener, NULL, NULL);
    return fd >= 0 && close(fd) == 0;
}

/* EAGAIN says that the word had changed by the time the thread got to wait. */
static bool call_futex(void)
{
    return syscall(SYS_futex, &futex_word, 0 /* FUTEX_WAIT */, 0, NULL) == 0 ||
           (errno == EAGAIN && atomic_load(&futex_word) == 1);
}

/* Long enough to be under way during the switches; 0 says that it was slept through. */
static bool call_nanosleep(void)
{
    struct timespec length = {.tv_sec = 1};
    return nanosleep(&length, NULL) == 0;
}

typedef bool call_fn(void);
static call_fn *const blocking[] = {call_read, call_poll, call_accept, call_futex, call_nanosleep};
enum { BLOCKING = sizeof(blocking) / sizeof(blocking[0]) };

static void *call_blocking(void *arg)
{
    size_t index = (size_t)(uintptr_t)arg;

    atomic_fetch_add(&started, 1);
    if (!blocking[index]()) {
        fprintf(stderr, "blocking call %zu: %s\n", index, strerror(errno));
        atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void listen_somewhere(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)address, &size), 0);
}

static void let_calls_go(const struct sockaddr_in *address)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(write(pipes[0][1], "", 1), 1);
    assert_int_equal(write(pipes[1][1], "", 1), 1);
    assert_int_equal(connect(client, (const struct sockaddr *)address, sizeof(*address)), 0);
    atomic_store(&futex_word, 1);
    assert_in_range(syscall(SYS_futex, &futex_word, 1 /* FUTEX_WAKE */, 1), 0, 1);
    close(client);
}

static void system_calls_under_way_end_as_if_nothing_had_been(void **state)
{
    struct sockaddr_in address;
    pthread_t threads[BLOCKING];

    (void)state;
    atomic_store(&futex_word, 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
    listen_somewhere(&address);
    start(threads, BLOCKING, call_blocking);
    usleep(50000);
    switch_to_and_fro(CYCLES / 2);
    let_calls_go(&address);
    join(threads, BLOCKING);
    assert_int_equal(atomic_load(&wrong), 0);
    close(listener);
    for (size_t i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
}

/* Makes these system calls fail for this process and all that it starts. */
static void forbid_tracing(void)
{
    static const unsigned calls[] = {SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev};
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[0], 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[1], 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[2], 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    require(syscall(SYS_ptrace, 0, 0, 0, 0) == -1 && errno == EPERM);
}

static void *call_price(void *arg)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        int got = price(10);
        if (got != 20 && got != 30)
            atomic_fetch_add(&wrong, 1);
    }
    return arg;
}

static void under_a_filter(void)
{
    pthread_t threads[THREADS];

    forbid_tracing();
    for (size_t i = 0; i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, call_price, NULL) == 0);
    while (atomic_load(&started) < THREADS)
        usleep(100);
    for (int i = 0; i < CYCLES; i++) {
        require(scenario_apply(&scenario, bundle));
        require(price(10) == 30);
        require(scenario_revert(&scenario));
        require(price(10) == 20);
    }
    atomic_store(&quit, true);
    for (size_t i = 0; i < THREADS; i++)
        require(pthread_join(threads[i], NULL) == 0);
    require(atomic_load(&wrong) == 0);
}

static void seccomp_filter_that_forbids_tracing(void **state)
{
    (void)state;
    child_run(under_a_filter);
}

static void *call_once(void *arg)
{
    int got = price(10);
    if (got != 20 && got != 30)
        atomic_fetch_add(&wrong, 1);
    return arg;
}

static void *spawn(void *arg)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        pthread_t threads[4];
        size_t count = 0;
        while (count < 4 && pthread_create(&threads[count], NULL, call_once, NULL) == 0)
            count++;
        while (count > 0)
            pthread_join(threads[--count], NULL);
    }
    return arg;
}

static void threads_spawned_while_patching(void **state)
{
    (void)state;
    switch_under(spawn);
}

#if defined(__x86_64__)
/* Keeps a pattern of its own in all 16 vector registers, 256 bits each, while it spins in registers alone. */
__attribute__((target("avx"))) static void *keep_vectors(void *arg)
{
    double pattern[4], found[16][4];

    for (size_t i = 0; i < 4; i++)
        pattern[i] = (double)((uintptr_t)arg * 4 + i) + .5;
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&quit)) {
        __asm__ volatile(".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovupd (%0), %%ymm\\i\n .endr\n"
                         "mov $500000, %%ecx\n"
                         "1: dec %%ecx\n"
                         "jnz 1b\n"
                         ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovupd %%ymm\\i, (\\i * 32)(%1)\n .endr\n"
                         "vzeroupper\n"
                         :
                         : "r"(pattern), "r"(found)
                         : "rcx", "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                           "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
        for (size_t i = 0; i < 16; i++)
            if (memcmp(found[i], pattern, sizeof(pattern)) != 0)
                atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void vector_registers_of_stopped_threads_stay_intact(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx"))
        skip();
    switch_under(keep_vectors);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(seccomp_filter_that_forbids_tracing, begin),
        cmocka_unit_test_setup(threads_inside_malloc, begin),
        cmocka_unit_test_setup(threads_inside_dlopen_and_dlsym, begin),
        cmocka_unit_test_setup(thread_that_holds_the_locks_of_stdio, begin),
        cmocka_unit_test_setup(thread_in_a_constructor_of_a_library, begin),
        cmocka_unit_test_setup(system_calls_under_way_end_as_if_nothing_had_been, begin),
        cmocka_unit_test_setup(threads_spawned_while_patching, begin),
#if defined(__x86_64__)
        cmocka_unit_test_setup(vector_registers_of_stopped_threads_stay_intact, begin),
#endif
    };
    sem_init(&is_inside, 0, 0);
    sem_init(&may_leave, 0, 0);
    return cmocka_run_group_tests(tests, setup, teardown);
}
