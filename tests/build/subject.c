/* SPDX-License-Identifier: Apache-2.0 */
/* What is patched: compiled once as it is, and once with -DFIXED. Every difference is behind that macro. */
#define _GNU_SOURCE
#include "subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FIXED
#define STEP 10
static int fresh_total = 7; /* new, with an initialiser */
static int fresh_zero;      /* new, zero */
static const char *const fresh_words[] = {"fresh", "words"};

__attribute__((noinline)) static int fresh_function(int by)
{
    static int calls; /* new static local */
    fresh_total += by;
    fresh_zero++;
    return ++calls + fresh_zero;
}
#else
#define STEP 1
#endif

static int count; /* also in other.c */
static int values[] = {1, 2, 3, 4};
int common_count __attribute__((common));
static __thread int thread_count = 5;
extern int shared_total;

int total(int by)
{
    count += by * STEP;
    shared_total++;
#ifdef FIXED
    return count + fresh_function(by) * 1000000;
#else
    return count;
#endif
}

#ifdef FIXED
/* Moves the numbers that the compiler gives to static locals. */
__attribute__((noinline, used)) int fresh_user(void)
{
    static int calls = 100;
    static int state = 200;
    return ++calls + ++state;
}
#endif

__attribute__((noinline)) int local_static(int by)
{
    static int calls;
    calls += by;
    return calls * STEP;
}

int same_name_a(void)
{
    static int state = 10;
    state++;
    return state * STEP;
}

int same_name_b(void)
{
    static int state = 20;
    if (state > 0) {
        static int state = 30;
        state += 2;
        shared_total += state * 0;
        return state * STEP;
    }
    state += 3;
    return state;
}

int thread_total(int by)
{
    thread_count += by;
    other_thread += by;
    return (thread_count + other_thread) * STEP;
}

int choose(int what)
{
    switch (what) {
    case 0:
        return other_add(1) + STEP;
    case 1:
        return abs(-3);
    case 2:
        return atoi("17");
    case 3:
        return 33 * STEP + other_add(0) * 0;
    case 4:
        return other_add(4);
    case 5:
        return 55 + STEP;
    case 6:
        return other_add(6) - 6;
    default:
        return -1;
    }
}

int interpret(const char *program)
{
    static const void *const labels[] = {&&do_a, &&do_b, &&do_end};
    int value = 0;

next:
    goto *labels[*program == 'a' ? 0 : *program == 'b' ? 1 : 2];
do_a:
    value += STEP;
    program++;
    goto next;
do_b:
    value *= 3;
    program++;
    goto next;
do_end:
    return value;
}

const char *own_name(void)
{
#ifdef FIXED
    puts(fresh_words[STEP > 5]);
#endif
    return __func__;
}

static int called_back(int value)
{
    if (value > 1000)
        count++;
    return value * STEP;
}

int (*callback(void))(int)
{
#ifdef FIXED
    shared_total++;
#endif
    return called_back;
}

__attribute__((noinline)) static int sum(const int *from, const int *to)
{
    int result = 0;

    while (from < to)
        result += *from++;
    return result;
}

int sum_all(void)
{
    values[0] += STEP;
    return sum(values, values + sizeof values / sizeof values[0]);
}

__attribute__((weak)) int weak_one(void)
{
    return shared_total > 0 ? STEP : 0;
}

int aliased_body(void)
{
    return shared_total > 0 ? 40 + STEP : 0;
}
extern __typeof(aliased_body) aliased __attribute__((alias("aliased_body")));

int common_total(void)
{
    common_count += STEP;
    return common_count;
}

static int plain_implementation(int what)
{
    return what + 100;
}

static int (*resolve_indirect(void))(int)
{
    return plain_implementation;
}

int indirect(int what) __attribute__((ifunc("resolve_indirect")));

int indirect_user(int what)
{
    return indirect(what) * STEP;
}

const char *describe(int what, char *text, size_t size)
{
    errno = 0;
    snprintf(text, size, "%s %d %s", STEP > 5 ? "new" : "old", what * STEP, strerror(errno));
#ifdef FIXED
    /* A variable of another library that the target does not import. */
    if (getenv("HOTFIX_NOT_SET") || strcmp(program_invocation_short_name, "host") != 0)
        strncat(text, "!", size - strlen(text) - 1);
#endif
    return text;
}

double scale(double by)
{
    return by * 1.25 + STEP;
}

void to_stderr(void)
{
    fprintf(stderr, "stderr %d\n", STEP);
    fflush(stderr);
}
