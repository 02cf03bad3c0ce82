/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a program or patch: its symbols, code and debug information are read, or it is refused. Seeds are
 * compiled when the target starts, into the corpus directory that it is given.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "program/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char seeds[] =
    "cd '%s' || exit; printf '%%s' 'struct s { int a[3]; }; typedef int f(struct s *, const char *const *, ...);"
    "static inline int in(struct s *x) { return x->a[0] * 3; } static __attribute__((noinline)) int lo(int x) {"
    "return x + 1; } int g(struct s x, f *y) { return y(&x, 0) + in(&x) + lo(x.a[1]); }' >seed.c && "
    "for c in gcc clang; do for o in -O0 -O2 '-O2 -gdwarf-4' '-O2 -fdebug-types-section' '-O2 -gz' -g0 -g1; do "
    "$c -g -fdebug-prefix-map=\"$PWD\"=/fuzz -shared -fPIC -nostdlib $o -o \"seed-$c-$(echo \"$o\" | tr -d ' ')\" "
    "seed.c 2>/dev/null; done; done; "
    "rm -f seed.c";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *corpus = NULL;
    char *command = NULL;

    for (int i = 1; i < *argc; i++)
        if ((*argv)[i][0] != '-')
            corpus = (*argv)[i];
    if (!corpus || asprintf(&command, seeds, corpus) < 0)
        return 0;
    if (system(command) != 0)
        fprintf(stderr, "no seeds: the compilers failed\n");
    free(command);
    return 0;
}

static void open_program(const char *path, const struct hf_asked *asked)
{
    struct hf_program *program;

    if (hf_program_open(path, NULL, asked, &program, NULL) != 0)
        return;
    for (size_t i = 0; i < program->function_count; i++)
        hf_image_bytes(&program->image, program->functions[i].address, program->functions[i].size);
    hf_program_close(program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char function[] = "g", other[] = "main", *names[] = {function, other};
    char path[64];
    int fd = memfd_create("image", MFD_CLOEXEC);

    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size) {
        open_program(path, NULL);
        open_program(path, &(struct hf_asked){.names = names, .count = 2});
    }
    close(fd);
    return 0;
}
