/* SPDX-License-Identifier: Apache-2.0 */
/* Reads commands: "call N" prints probe(N), "apply FILE" and "revert -" do what they say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotfix.h>

long probe(long number);

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof patient, .quiescence = HOTFIX_QUIESCENT, .deadline_ns = 10000000000u};

static void report(int status, struct hotfix_result *result)
{
    printf("%s\n", status == 0 ? "ok" : result->error.message);
    hotfix_result_deinit(result);
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    char what[16], argument[4096];

    setvbuf(stdout, NULL, _IONBF, 0);
    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    while (scanf("%15s %4095s", what, argument) == 2) {
        if (strcmp(what, "apply") == 0)
            report(hotfix_apply_opt(hotfix, argument, &patient, &result), &result);
        else if (strcmp(what, "revert") == 0)
            report(hotfix_revert_opt(hotfix, NULL, &patient, &result), &result);
        else
            printf("%ld\n", probe(atol(argument)));
    }
    hotfix_close(hotfix);
    return 0;
}
