/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the story reload.t patches. Reads commands: "run" prints what serve() gives and whether its
 * variables are where they were, "trace" shows backtrace() inside traced(), "wait" stays there, "apply FILE" and
 * "revert" do what they say.
 */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hotfix.h>

#include "reload.h"

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof patient, .quiescence = HOTFIX_IMMEDIATE, .deadline_ns = 10000000000u};

enum { FRAMES = 32 };

static void run(void)
{
    static const int *first[2];
    const int *now[2];
    int result = serve(&now[0], &now[1]);

    if (!first[0])
        memcpy(first, now, sizeof first);
    printf("serve %d %s\n", result, memcmp(first, now, sizeof first) == 0 ? "same" : "moved");
}

static void show_frames(void)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    char **text = backtrace_symbols(frames, count);

    for (int i = 0; text && i < count; i++)
        printf("frame %s\n", text[i]);
    free(text);
}

static void wait_here(void)
{
    printf("waiting %d\n", (int)getpid());
    fflush(stdout);
    for (;;)
        pause();
}

static void report(const char *what, int status, struct hotfix_result *result)
{
    printf("%s %s\n", what, status == 0 ? "ok" : result->error.message);
    hotfix_result_deinit(result);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    char line[4096];

    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "run") == 0)
            run();
        else if (strcmp(line, "trace") == 0)
            traced(1, show_frames);
        else if (strcmp(line, "wait") == 0)
            traced(1, wait_here);
        else if (strcmp(line, "revert") == 0)
            report(line, hotfix_revert_opt(hotfix, NULL, &patient, &result), &result);
        else if (strncmp(line, "apply ", 6) == 0)
            report(line, hotfix_apply_opt(hotfix, line + 6, &patient, &result), &result);
        fflush(stdout);
    }
    hotfix_close(hotfix);
    return 0;
}
