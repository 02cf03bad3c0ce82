/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of ELF and DWARF readers share: a directory, sources written into it, compilers and binutils run in it. */
#ifndef PROGRAM_FIXTURE_H
#define PROGRAM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "program/program.h"

#define FIXTURE_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIXTURE_FILE_MAX     (64u << 20)

static char fixture_directory[64];
static struct hotfix_error fixture_error;

/* Tests run in the directory: paths in them are relative. */
static inline int fixture_setup(void **state)
{
    (void)state;
    strcpy(fixture_directory, "/tmp/hotfix-test.XXXXXX");
    return mkdtemp(fixture_directory) ? chdir(fixture_directory) : -1;
}

/* Runs a shell command; its output is shown only when it fails. */
__attribute__((format(printf, 1, 2))) static inline int fixture_run(const char *format, ...)
{
    HF_FREE char *command = NULL;
    HF_FREE char *quiet = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&command, format, arguments) < 0)
        abort();
    va_end(arguments);
    if (asprintf(&quiet, "{ %s ; } >log 2>&1 || { cat log >&2; false; }", command) < 0)
        abort();
    return system(quiet);
}

#define assert_run(...) assert_int_equal(fixture_run(__VA_ARGS__), 0)

static inline int fixture_teardown(void **state)
{
    (void)state;
    return fixture_run("rm -rf %s", fixture_directory);
}

/* Directories on the way are made. */
static inline void fixture_write(const char *path, const char *text)
{
    assert_run("mkdir -p $(dirname %s)", path);
    assert_int_equal(hf_file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

/* Overwrites bytes of a file. */
static inline void fixture_patch(const char *path, size_t offset, const void *bytes, size_t size)
{
    HF_FCLOSE FILE *file = fopen(path, "r+");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
}

static inline struct hf_program *fixture_open(const char *path, const char *debug)
{
    struct hf_program *program = NULL;

    if (hf_program_open(path, debug, NULL, &program, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return program;
}

static inline void fixture_close(struct hf_program **program)
{
    hf_program_close(*program);
}
#define FIXTURE_PROGRAM __attribute__((cleanup(fixture_close))) struct hf_program *

/* The only function with this symbol name. */
static inline const struct hf_function *fixture_function(const struct hf_program *program, const char *name)
{
    const struct hf_function *found = NULL;

    for (size_t i = 0; i < program->function_count; i++) {
        if (strcmp(program->functions[i].name, name) != 0)
            continue;
        if (found)
            fail_msg("%s is there twice", name);
        found = &program->functions[i];
    }
    if (!found)
        fail_msg("%s is not there", name);
    return found;
}

static inline bool fixture_has(const struct hf_program *program, const char *name)
{
    for (size_t i = 0; i < program->function_count; i++)
        if (strcmp(program->functions[i].name, name) == 0)
            return true;
    return false;
}

static inline void fixture_assert_texts(const char *what, const char *text, const char *wanted)
{
    if (strcmp(text ? text : "", wanted ? wanted : "") != 0)
        fail_msg("%s: \"%s\", expected \"%s\"", what, text ? text : "unknown", wanted ? wanted : "unknown");
}

/* The same is known of two programs that differ only in where their debug information is. */
static inline void fixture_assert_equal(const struct hf_program *program, const struct hf_program *wanted)
{
    assert_true(program->has_dwarf);
    assert_null(program->debug_note);
    assert_int_equal(program->unit_count, wanted->unit_count);
    for (size_t i = 0; i < wanted->unit_count; i++) {
        fixture_assert_texts("path", program->units[i]->path, wanted->units[i]->path);
        assert_int_equal(program->units[i]->language, wanted->units[i]->language);
    }
    assert_int_equal(program->function_count, wanted->function_count);
    for (size_t i = 0; i < wanted->function_count; i++) {
        const struct hf_function *function = &program->functions[i], *other = &wanted->functions[i];
        fixture_assert_texts(other->name, function->prototype, other->prototype);
        fixture_assert_texts(other->name, function->source, other->source);
        assert_int_equal(function->line, other->line);
        assert_int_equal(function->inlined_count, other->inlined_count);
    }
    assert_int_equal(program->inlined_count, wanted->inlined_count);
    for (size_t i = 0; i < wanted->inlined_count; i++)
        fixture_assert_texts(wanted->inlined[i].name, program->inlined[i].caller, wanted->inlined[i].caller);
}

/* The message of the last failure holds this text. */
static inline void fixture_said(enum hotfix_code code, const char *text)
{
    if (fixture_error.code != code || !strstr(fixture_error.message, text))
        fail_msg("code %d, message \"%s\"; expected code %d and \"%s\"", fixture_error.code, fixture_error.message,
                 code, text);
}

#define assert_refused(call, code, text)                                                                               \
    do {                                                                                                               \
        assert_int_equal((call), -1);                                                                                  \
        fixture_said(code, text);                                                                                      \
    } while (0)

#endif
