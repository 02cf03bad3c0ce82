/* SPDX-License-Identifier: Apache-2.0 */
/* As host.c, for tricky.c: "run" prints what everything gives. */
#include <stdio.h>
#include <string.h>

#include <hotfix.h>

#include "tricky.h"

static void print(const char *what, int value)
{
    printf("%s %d\n", what, value);
}

static void run(void)
{
    int value = 5;

    print("first", first_count());
    print("second", second_count());
    print("third", third_count());
    print("mover", mover());
    print("early", early(3));
    print("scaled", scaled(2));
    print("partly", partly(&value));
    print("nothing", partly(NULL));
    print("warm", checked(1));
    print("cold", checked(-1));
    print("tail", tail(4));
    print("table", dispatch(0, 2) + dispatch(1, 2));
    print("across", across(1));
    print("back", across_back(1));
    print("optional", optional());
    print("self", self_reference());
    print("global", became_global(1));
    print("static", uses_static(1));
    print("by data", only_by_data(0));
    print("inlined", inlined_first());
    print("inlined", inlined_second());
    print("no size", no_size());
    print("thread", by_thread(1));
    print("far", far_away(1));
    print("migrated", migrated);
}

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof patient, .quiescence = HOTFIX_IMMEDIATE, .deadline_ns = 10000000000u};

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix *hotfix = NULL;
    struct hotfix_error error;
    char line[4096];

    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        struct hotfix_result result = HOTFIX_RESULT_INIT;
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "run") == 0)
            run();
        else if (strncmp(line, "apply ", 6) == 0)
            printf("apply %s\n",
                   hotfix_apply_opt(hotfix, line + 6, &patient, &result) == 0 ? "ok" : result.error.message);
        hotfix_result_deinit(&result);
        fflush(stdout);
    }
    return 0;
}
