/* SPDX-License-Identifier: Apache-2.0 */
/* The `hotfix` command: finds the verb and runs it. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "compiler/shim.h"
#include "elf/mapped.h"
#include "error.h"
#include "status.h"
#include "ui/report.h"
#include "ui/text.h"

static const struct hf_command commands[] = {
    {"keygen", "make an Ed25519 key pair", hf_cmd_keygen},
    {"build", "make a patch from a fix and the release's sources or objects", hf_cmd_build},
    {"check", "tell whether a patch fits a target", hf_cmd_check},
    {"pack", "check a patch, stamp it, and write it as a signed bundle", hf_cmd_pack},
    {"sign", "add a signature to a bundle", hf_cmd_sign},
    {"verify", "verify a bundle offline with all the loader's checks", hf_cmd_verify},
    {"show", "print what is inside a bundle, trusting nothing", hf_cmd_show},
    {"cache", "list or clear the packages that are kept", hf_cmd_cache},
    {"cc", "run a compiler as hotfix build needs it", hf_cmd_cc},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(void)
{
    printf("Usage: hotfix VERB [OPTION]...\n\n"
           "Turns a source fix for a native program into a signed bundle that the program applies\n"
           "to itself while it runs.\n\n"
           "Verbs:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-8s  %s\n", commands[i].name, commands[i].summary);
    printf("\n'hotfix VERB --help' or 'hotfix help VERB' shows the help of a verb, 'hotfix --version' the version.\n\n"
           "Exit status:\n");
    for (size_t i = 0; i < hf_status_count; i++)
        printf("  %2d  %s\n", hf_statuses[i].status, hf_statuses[i].meaning);
}

/* Ends a run that no verb was part of. */
static int finish(int result, const struct hotfix_error *err)
{
    struct hf_report report;
    hf_report_init(&report, NULL);
    return hf_report_finish(&report, result, err);
}

static int unexpected(const char *argument)
{
    struct hotfix_error error;
    return finish(hf_error(&error, HOTFIX_USAGE, "unexpected argument '%s' (see 'hotfix --help')", argument), &error);
}

static int unknown_verb(const char *verb)
{
    struct hotfix_error error;
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;

    const char *nearest = hf_text_nearest(verb, names, COMMAND_COUNT);
    if (nearest)
        hf_error(&error, HOTFIX_USAGE, "unknown verb '%s', did you mean '%s'? (see 'hotfix --help')", verb, nearest);
    else
        hf_error(&error, HOTFIX_USAGE, "unknown verb '%s' (see 'hotfix --help')", verb);
    return finish(-1, &error);
}

static const struct hf_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return finish(0, NULL);
    }
    if (argc > 2)
        return unexpected(argv[2]);
    const struct hf_command *command = find_command(argv[1]);
    if (!command)
        return unknown_verb(argv[1]);
    char option[] = "--help";
    char *arguments[] = {argv[1], option, NULL};
    return command->run(2, arguments);
}

int main(int argc, char **argv)
{
    /* Whoever sets OPENSSL_CONF has no say in what is signed or believed. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        struct hotfix_error error;
        return finish(hf_error(&error, HOTFIX_MEMORY, "libcrypto cannot be started"), &error);
    }
    if (argc > 0 && hf_shim_is_called(argv[0]))
        return hf_cc_shim(argc, argv);
    hf_mapped_watch();
    if (argc < 2) {
        struct hotfix_error error;
        hf_error(&error, HOTFIX_USAGE, "VERB is missing (see 'hotfix --help')");
        return finish(-1, &error);
    }
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return argc > 2 ? unexpected(argv[2]) : help(1, argv);
    if (strcmp(argv[1], "--version") == 0) {
        if (argc > 2)
            return unexpected(argv[2]);
        printf("hotfix %s\n", HOTFIX_VERSION);
        return finish(0, NULL);
    }
    const struct hf_command *command = find_command(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : unknown_verb(argv[1]);
}
