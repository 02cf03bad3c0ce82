/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waits KIND: sleeps in one kind of system call, the first of which must not end with EINTR, until SIGUSR1's file "go"
 * is there; says what became of errno and of the call, and what fee() is. Never linked with libhotfix.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

int fee(int value);

static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ready;

/* Never sleeps, so that it is no thread to be used. */
static void *spin(void *kind)
{
    while (access("go", F_OK) != 0)
        ;
    if (strcmp(kind, "sem") == 0)
        sem_post(&semaphore);
    pthread_mutex_lock(&mutex);
    ready = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static pthread_t spinner(const char *kind)
{
    pthread_t thread;

    pthread_create(&thread, NULL, spin, (void *)kind);
    return thread;
}

static void *lock_too(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static long wait_on_condition(void)
{
    pthread_mutex_lock(&mutex);
    while (!ready)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static long run_accept(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    bind(fd, (struct sockaddr *)&address, sizeof(address));
    listen(fd, 1);
    puts("ready");
    return accept(fd, NULL, NULL) < 0 ? -1 : 0;
}

static long run_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = epoll_create1(0);

    epoll_ctl(fd, EPOLL_CTL_ADD, 0, &event);
    return epoll_wait(fd, &event, 1, -1);
}

static long run_sleep(void)
{
    struct timespec begin, end, length = {.tv_sec = 3}, left = {0};

    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (nanosleep(&length, &left) != 0)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9 >= 3.0 ? 1 : -2;
}

static long run_sigwait(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    puts("ready");
    return sigwaitinfo(&set, NULL) == SIGUSR1 ? 1 : -1;
}

/* Sleeps until the input has something. */
static long sleep_here(void)
{
    char byte;

    return read(0, &byte, 1) == 1 ? 0 : -1;
}

static void handle(int signal)
{
    int saved = errno;

    (void)signal;
    sleep_here();
    errno = saved;
}

static int compare(const void *a, const void *b)
{
    (void)a;
    (void)b;
    sleep_here();
    return 0;
}

static ucontext_t home, away;

static void go_away(void)
{
    sleep_here();
}

static long run_coroutine(void)
{
    static char stack[65536];

    getcontext(&away);
    away.uc_stack.ss_sp = stack;
    away.uc_stack.ss_size = sizeof(stack);
    away.uc_link = &home;
    makecontext(&away, go_away, 0);
    return swapcontext(&home, &away);
}

/* Where a library would be initialised with the dynamic linker's lock held. */
static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    (void)data;
    return sleep_here() == 0 ? 1 : 2;
}

static const char *last_kind;

static void leave(void)
{
    if (strcmp(last_kind, "exit") == 0)
        sleep_here();
}

/* Kinds in which no thread may be used. */
static long run_unsafe(const char *kind)
{
    int pair[2] = {1, 2};

    if (strcmp(kind, "stdio") == 0)
        return getchar() == EOF ? -1 : 0;
    if (strcmp(kind, "handler") == 0) {
        signal(SIGUSR2, handle);
        return raise(SIGUSR2);
    }
    if (strcmp(kind, "qsort") == 0) {
        qsort(pair, 2, sizeof(pair[0]), compare);
        return 0;
    }
    if (strcmp(kind, "coroutine") == 0)
        return run_coroutine();
    if (strcmp(kind, "linker") == 0)
        return dl_iterate_phdr(visit, NULL) == 1 ? 0 : -1;
    return strcmp(kind, "exit") == 0 ? 0 : -3;
}

static long run(const char *kind)
{
    char byte;
    fd_set set;
    pthread_t thread;

    FD_ZERO(&set);
    FD_SET(0, &set);
    if (strcmp(kind, "read") == 0)
        return read(0, &byte, 1);
    if (strcmp(kind, "poll") == 0)
        return poll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, 60000);
    if (strcmp(kind, "ppoll") == 0)
        return ppoll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, NULL, &(sigset_t){{0}});
    if (strcmp(kind, "select") == 0)
        return select(1, &set, NULL, NULL, NULL);
    if (strcmp(kind, "pselect") == 0)
        return pselect(1, &set, NULL, NULL, NULL, &(sigset_t){{0}});
    if (strcmp(kind, "epoll") == 0)
        return run_epoll();
    if (strcmp(kind, "accept") == 0)
        return run_accept();
    if (strcmp(kind, "nanosleep") == 0)
        return run_sleep();
    if (strcmp(kind, "sigwait") == 0)
        return run_sigwait();
    long unsafe = run_unsafe(kind);
    if (unsafe != -3)
        return unsafe;
    thread = spinner(kind);
    if (strcmp(kind, "join") == 0)
        return pthread_join(thread, NULL);
    if (strcmp(kind, "cond") == 0)
        return wait_on_condition();
    if (strcmp(kind, "sem") == 0)
        return sem_wait(&semaphore);
    if (strcmp(kind, "mutex") == 0) {
        pthread_mutex_lock(&mutex);
        pthread_create(&thread, NULL, lock_too, NULL);
        while (access("go", F_OK) != 0)
            ;
        pthread_mutex_unlock(&mutex);
        errno = 4242;
        return 0;
    }
    return -3;
}

int main(int argc, char **argv)
{
    int (*volatile called)(int value) = fee;

    (void)argc;
    last_kind = argv[1];
    atexit(leave);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&semaphore, 0, 0);
    if (strcmp(argv[1], "accept") != 0 && strcmp(argv[1], "sigwait") != 0)
        puts("ready");
    errno = 4242;
    long result = run(argv[1]);
    int seen = errno;
    printf("%s %s, errno %d, fee %d\n", argv[1], result >= 0 ? "done" : "FAILED", seen, called(3));
    return 0;
}
