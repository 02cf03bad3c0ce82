/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotfix cc: runs a compiler, with a section for each function and variable when asked for by name, unchanged but
 * recorded when a build that `hotfix build` started finds it under the compiler's own name.
 *
 * It stands in for the compiler, so it takes no options of its own behind the compiler's name and says nothing but
 * errors.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli/command.h"
#include "compiler/invocation.h"
#include "compiler/journal.h"
#include "compiler/process.h"
#include "compiler/shim.h"
#include "error.h"
#include "status.h"
#include "ui/report.h"

static int fail(const struct hotfix_error *err)
{
    fprintf(stderr, "hotfix cc: %s\n", err->message);
    return hf_status_of(err->code);
}

/* Compiles, has what the object depends on written down unless the build itself does, and records what was made. */
static int run_recorded(int argc, const char **command, const char *journal)
{
    struct hf_invocation invocation;
    struct hotfix_error error;

    if (hf_invocation_parse(argc, (char **)command, &invocation, &error) != 0)
        return fail(&error);
    HF_FREE char *rule = hf_journal_rule(journal, &invocation);
    if (rule) {
        command[argc++] = "-MD";
        command[argc++] = "-MF";
        command[argc++] = rule;
    }
    int status = hf_process_status(command);
    if (status == 0 && hf_journal_add(journal, &invocation, &error) != 0)
        status = fail(&error);
    hf_invocation_deinit(&invocation);
    return status;
}

/* argv[0] names the compiler; sections asks for the two section options. Returns the compiler's exit status. */
static int run_compiler(int argc, char **argv, bool sections)
{
    static const char *const section_options[] = {"-ffunction-sections", "-fdata-sections"};
    const char *journal = getenv(HF_SHIM_JOURNAL);
    struct hotfix_error error;
    HF_FREE char *compiler = NULL;

    if (hf_shim_find(argv[0], &compiler, &error) != 0)
        return fail(&error);
    HF_FREE const char **command = calloc((size_t)argc + 8, sizeof(*command));
    if (!command) {
        hf_error(&error, HOTFIX_MEMORY, "out of memory");
        return fail(&error);
    }
    int count = 0;
    for (int i = 0; i < argc; i++)
        command[count++] = i == 0 ? compiler : argv[i];
    for (size_t i = 0; sections && i < 2; i++)
        command[count++] = section_options[i];
    if (sections && hf_shim_records(compiler))
        command[count++] = hf_shim_records(compiler);
    if (sections && hf_shim_classes(compiler))
        command[count++] = hf_shim_classes(compiler);
    if (journal)
        return run_recorded(count, command, journal);
    execv(compiler, (char *const *)command);
    hf_error_sys(&error, HOTFIX_IO, "%s cannot be run", compiler);
    return fail(&error);
}

int hf_cc_shim(int argc, char **argv)
{
    char *slash = strrchr(argv[0], '/');

    if (slash)
        argv[0] = slash + 1;
    return run_compiler(argc, argv, false);
}

int hf_cmd_cc(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
        return run_compiler(argc - 1, argv + 1, true);
    if (argc < 2) {
        struct hotfix_error error;
        hf_error(&error, HOTFIX_USAGE, "COMPILER is missing (see 'hotfix cc --help')");
        return fail(&error);
    }
    printf("Usage: hotfix cc COMPILER [ARGUMENT]...\n\n"
           "Runs COMPILER with its arguments and -ffunction-sections -fdata-sections, as objects for\n"
           "hotfix build --old and --new must be compiled: make CC='hotfix cc gcc'. For clang it adds\n"
           "-grecord-command-line, so that the debug information records the flags, as gcc's always does.\n"
           "For C++ it adds the option that puts all classes into the debug information:\n"
           "-femit-class-debug-always (g++), -fstandalone-debug (clang++).\n\n"
           "In a build that hotfix build --source runs, it takes the place of the compilers under their own\n"
           "names; it then adds nothing and records what was compiled and linked.\n");
    return fflush(stdout) == 0 ? 0 : hf_status_of(HOTFIX_IO);
}
