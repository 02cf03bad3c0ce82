/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "process/linker.h"

/* Forks are the readers, the linker's work is the writer, for which new readers must wait. */
static pthread_rwlock_t forks = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Thread_local bool forking;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct timespec patience(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HF_LINKER_PATIENCE;
    return until;
}

/* A constructor of a patch may fork itself: then EDEADLK is returned at once. */
static void before_fork(void)
{
    struct timespec until = patience();

    forking = pthread_rwlock_clockrdlock(&forks, CLOCK_MONOTONIC, &until) == 0;
}

static void after_fork(void)
{
    if (forking)
        pthread_rwlock_unlock(&forks);
    forking = false;
}

/* The threads that held the lock do not exist in the child. */
static void in_child(void)
{
    forks = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    forking = false;
}

/* If there is no memory for the handlers, forks do not wait. */
static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork, in_child);
}

static bool begin(void)
{
    pthread_once(&once, register_handlers);
    struct timespec until = patience();
    return pthread_rwlock_clockwrlock(&forks, CLOCK_MONOTONIC, &until) == 0;
}

static void end(bool begun)
{
    if (begun)
        pthread_rwlock_unlock(&forks);
}

void *hf_linker_open(const char *path, int flags)
{
    bool begun = begin();
    void *handle = dlopen(path, flags);

    end(begun);
    return handle;
}

void hf_linker_close(void *handle)
{
    bool begun = begin();

    dlclose(handle);
    end(begun);
}

void *hf_linker_symbol(const char *name)
{
    bool begun = begin();
    void *address = dlsym(RTLD_DEFAULT, name);

    end(begun);
    return address;
}

int hf_linker_iterate(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    bool begun = begin();
    int result = dl_iterate_phdr(callback, data);

    end(begun);
    return result;
}
