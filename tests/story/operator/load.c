/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load THREADS: threads that call fee(), allocate, print and open libraries as fast as they can, and some that sleep
 * and wake in between; says at the end of its input how many answers were right before and after the fix, and how many
 * wrong.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int fee(int value);

static volatile int over;
static unsigned long old, fixed, wrong;

static void *work(void *arg)
{
    int (*volatile called)(int value) = fee;
    long number = (long)arg;
    FILE *out = fopen("/dev/null", "w");

    while (!over) {
        char *text = malloc((size_t)(number + 1) * 1000);
        int got = called(3);
        __atomic_fetch_add(got == 8 ? &old : got == 10 ? &fixed : &wrong, 1, __ATOMIC_RELAXED);
        snprintf(text, 100, "%d", got);
        fputs(text, out);
        fflush(out);
        free(text);
        if (number % 3 == 1)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        if (number % 3 == 2) {
            void *library = dlopen("libm.so.6", RTLD_NOW);
            if (library)
                dlclose(library);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    fclose(out);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count = argc > 1 ? atoi(argv[1]) : 4;
    char byte;

    for (long i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    write(1, "ready\n", 6);
    if (strcmp(argv[0], "./sleepless") == 0)
        while (access("go", F_OK) != 0)
            ;
    while (read(0, &byte, 1) > 0)
        ;
    over = 1;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%s before, %s after, %lu wrong\n", old ? "some" : "none", fixed ? "some" : "none", wrong);
    return 0;
}
