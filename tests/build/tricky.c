/* SPDX-License-Identifier: Apache-2.0 */
/* Names that compilers make up and number, functions that they cut up, and things that move: -DFIXED is the fix. */
#include "tricky.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef FIXED
#define STEP 100
int new_file_value(int by);

/* Takes the first number for its own "n". */
int newcomer(void)
{
    static int n = 9000;
    return n += STEP;
}
#else
#define STEP 1
#endif

int migrated = 1;
extern int not_there(void) __attribute__((weak));

int first_count(void)
{
    static int n = 10;
#ifdef FIXED
    migrated += newcomer() > 0 ? 0 : 1;
#endif
    return n += STEP;
}

int second_count(void)
{
    static int n = 20;
    n += STEP;
    {
        static int n = 30;
        n += STEP;
        migrated += n * 0;
    }
    return n;
}

int third_count(void)
{
    static int n = 40;
    return n += STEP;
}

/* The static local moves from the function into its helper. */
#ifdef FIXED
__attribute__((noinline)) static int mover_helper(void)
{
    static int moved = 50;
    return moved += STEP;
}
int mover(void)
{
    return mover_helper();
}
#else
int mover(void)
{
    static int moved = 50;
    return moved += STEP;
}
#endif

/* .constprop: always called with one constant. */
__attribute__((noinline)) static int constant_user(int value, int factor)
{
    for (int i = 0; i < factor; i++)
        value += migrated * STEP;
    return value;
}

int early(int value)
{
    return constant_user(value, 3) + constant_user(value + 1, 3);
}

/* .isra: takes apart what it is given. */
struct pair {
    int left;
    int right;
};

__attribute__((noinline)) static int sum_of(const struct pair *pair)
{
    return (pair->left + pair->right) * STEP;
}

int scaled(int value)
{
    struct pair pair = {value, migrated};
    return sum_of(&pair);
}

/* .part: a cheap test in front of much work. */
static int much_work(int *value)
{
    if (!value)
        return 0;
    for (int i = 0; i < 20; i++) {
        *value = *value * 3 + i * STEP;
        if (*value > 100000)
            *value /= 7;
        if (*value < -100000)
            *value = abs(*value) + migrated;
        printf("%s", *value == 123456789 ? "never" : "");
    }
    return *value;
}

int partly(int *value)
{
    return much_work(value) + STEP;
}

__attribute__((noinline)) int partly_too(int *value)
{
    return much_work(value) - STEP;
}

/* .cold: only the unlikely half changes. */
__attribute__((cold, noinline)) static int complain(int value)
{
    return value - STEP;
}

int checked(int value)
{
    if (__builtin_expect(value < 0, 0)) {
        int result = complain(value);
        for (int i = 0; i < 3; i++)
            result += complain(result) * STEP;
        return result;
    }
    return value + migrated;
}

__attribute__((noinline)) static int tail_end(int value)
{
    return value * STEP + migrated;
}

int tail(int value)
{
    return tail_end(value + 1);
}

/* Only a table refers to these. */
static int by_table_a(int value)
{
    return value + STEP + migrated;
}

static int by_table_b(int value)
{
    return value * 2 + migrated + 0 * STEP;
}

static int (*const table[])(int) = {by_table_a, by_table_b};

int dispatch(int which, int value)
{
    return table[which](value);
}

int across(int value)
{
    return value > 3 ? value : across_back(value + STEP) + 1;
}

int optional(void)
{
    return not_there ? not_there() : STEP;
}

int self_reference(void)
{
    static void *self = &self;
    return self == (void *)&self ? STEP : -1;
}

/* Nothing but data refers to this static local. */
int only_by_data(int which)
{
    static int n = 60;
    static int spare = 0;
    static int *const where[] = {&n, &spare};
    return *where[which] += STEP;
}

/* Its static local is one, wherever it is inlined. */
static inline int inlined_count(void)
{
    static int n = 70;
    return n += STEP;
}

int inlined_first(void)
{
    return inlined_count();
}

int inlined_second(void)
{
    return inlined_count() + migrated * 0;
}

/* A symbol without a size, and the end of an array that lies beside it. */
static int none[0];

int no_size(void)
{
    int *volatile begin = none;
    return begin == none + 0 * STEP ? STEP : -1;
}

static void *thread_body(void *arg)
{
    *(int *)arg += STEP + migrated * 0;
    return NULL;
}

int by_thread(int value)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, thread_body, &value) != 0 || pthread_join(thread, NULL) != 0)
        return -1;
    return value + STEP;
}

#ifndef FIXED
static
#endif
    __attribute__((noinline)) int
    linkage_changes(int value)
{
    return value + migrated + STEP;
}

int became_global(int value)
{
    return linkage_changes(value);
}

#ifdef FIXED
int far_away(int value)
{
    return new_file_value(value);
}

int hotfix_on_apply(void);
__attribute__((visibility("default"))) int hotfix_on_apply(void)
{
    migrated += 1000;
    return 0;
}
#else
int far_away(int value)
{
    return value * 3 + migrated;
}
#endif
