/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the build stories patch. Reads commands: "run" calls everything and prints what comes back, "apply
 * FILE" and "revert" do what they say, "thread" runs once more on a thread that was there before the patch.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <hotfix.h>

#include "subject.h"

static sem_t wanted;
static sem_t done;

static void *thread_main(void *arg)
{
    for (;;) {
        sem_wait(&wanted);
        printf("thread %d\n", thread_total(1));
        sem_post(&done);
    }
    return arg;
}

int (*registered)(int) = NULL;

static void run(void)
{
    char text[64];

    if (!registered)
        registered = callback();
    printf("total %d\n", total(1));
    printf("local %d\n", local_static(1));
    printf("same %d %d\n", same_name_a(), same_name_b());
    printf("thread %d\n", thread_total(1));
    printf("table %d %d %d\n", choose(0), choose(3), choose(5));
    printf("goto %d\n", interpret("aabz"));
    printf("name %s\n", own_name());
    printf("identity %d %d\n", callback() == registered, registered(4));
    printf("end %d\n", sum_all());
    printf("weak %d alias %d common %d\n", weak_one(), aliased(), common_total());
    printf("indirect %d\n", indirect_user(3));
    printf("text %s\n", describe(2, text, sizeof text));
    printf("double %.2f\n", scale(2.0));
    fflush(stdout);
    to_stderr();
}

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof patient, .quiescence = HOTFIX_IMMEDIATE, .deadline_ns = 10000000000u};

static void report(const char *what, int result, const struct hotfix_result *outcome)
{
    printf("%s %s\n", what, result == 0 ? "ok" : outcome->error.message);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *hotfix = NULL;
    struct hotfix_error error;
    pthread_t thread;
    char line[4096];

    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sem_init(&wanted, 0, 0);
    sem_init(&done, 0, 0);
    pthread_create(&thread, NULL, thread_main, NULL);
    while (fgets(line, sizeof line, stdin)) {
        struct hotfix_result result = HOTFIX_RESULT_INIT;
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "run") == 0) {
            run();
        } else if (strcmp(line, "thread") == 0) {
            sem_post(&wanted);
            sem_wait(&done);
        } else if (strncmp(line, "apply ", 6) == 0) {
            report("apply", hotfix_apply_opt(hotfix, line + 6, &patient, &result), &result);
        } else if (strncmp(line, "revert ", 7) == 0) {
            report("revert", hotfix_revert_opt(hotfix, line + 7, &patient, &result), &result);
        }
        hotfix_result_deinit(&result);
        fflush(stdout);
    }
    return 0;
}
