/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the story shadow.t patches. Reads commands: "open ID", "close ID", "right ID" and "wrong ID" do so
 * with a session, "freed" prints how many blocks of shadow data were freed, "apply FILE" and "revert" do what they say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotfix.h>

#include "session.h"

/* A machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof patient, .quiescence = HOTFIX_QUIESCENT, .deadline_ns = 10000000000u};

static void report(const char *what, int status, struct hotfix_result *result)
{
    printf("%s %s\n", what, status == 0 ? "ok" : result->error.message);
    hotfix_result_deinit(result);
}

static void serve(const char *what, int id)
{
    struct session *session = sessions;

    while (session && session->id != id)
        session = session->next;
    if (strcmp(what, "open") == 0)
        session_open(id);
    else if (session && strcmp(what, "close") == 0)
        session_close(session);
    else if (session)
        printf("%s %d: %s\n", what, id, session_login(session, strcmp(what, "right") == 0) ? "in" : "out");
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;
    char what[16], argument[4096];

    options.trust = argc > 1 ? argv[1] : "";
    if (hotfix_open(&options, &hotfix, &error) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    while (scanf("%15s %4095s", what, argument) == 2) {
        if (strcmp(what, "apply") == 0)
            report(what, hotfix_apply_opt(hotfix, argument, &patient, &result), &result);
        else if (strcmp(what, "revert") == 0)
            report(what, hotfix_revert_opt(hotfix, NULL, &patient, &result), &result);
        else if (strcmp(what, "freed") == 0)
            printf("freed %d\n", blocks_freed);
        else
            serve(what, atoi(argument));
        fflush(stdout);
    }
    hotfix_close(hotfix);
    return 0;
}
