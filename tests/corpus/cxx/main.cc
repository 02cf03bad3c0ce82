// SPDX-License-Identifier: Apache-2.0
// Runs what a fix is about, PROGRAM.cc's effect(), before the bundle of the command line is applied, after, and when it
// is reverted. Each time in a child, which may crash or hang.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

#include "hotfix.h"

void effect(const char *input);

static void show(const char *when, const char *input)
{
    printf("%s: ", when);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(5);
        effect(input);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s", WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    printf("\n");
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_apply_options how = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    if (argc < 3)
        return 2;
    options.trust = argv[1];
    how.deadline_ns = 20000000000u;
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        printf("%s\n", error.message);
        return 1;
    }
    show("old", argv[3]);
    if (hotfix_apply_opt(hotfix, argv[2], &how, &result) != 0) {
        printf("loader: %s\n", result.error.message);
        return 1;
    }
    printf("functions %zu\n", result.function_count);
    hotfix_result_deinit(&result);
    show("new", argv[3]);
    if (hotfix_revert_opt(hotfix, nullptr, &how, &result) != 0) {
        printf("loader: %s\n", result.error.message);
        return 1;
    }
    show("back", argv[3]);
    hotfix_close(hotfix);
}
