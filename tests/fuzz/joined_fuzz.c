/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the file that a program's debug information goes on in, dwz's supplementary one or a .dwo: it is joined
 * to the program's and read, or it is refused. The programs, and the seeds, are compiled when the target starts, the
 * seeds into the corpus directory that it is given.
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

/* The other files are links to "other" once the seeds are made. All are the same each time, and so is what an input
 * does. */
static const char programs[] =
    "mkdir -p '%1$s' '%2$s' && cd '%1$s' || exit; printf '%%s' '#include <stdio.h>\n#include <stdlib.h>\nstruct s { "
    "int "
    "a[3]; FILE *f; }; static inline int in(struct s *x) { if (x->a[0] > 3) abort(); return x->a[0] * 3; } int "
    "g(struct s "
    "x, div_t y) { return in(&x) + y.rem; } int main(int c, char **v) { struct s x = {{c}, stdout}; return g(x, div(c, "
    "3)) + atoi(v[0]); }' >seed.c; gcc() { command gcc -g -fdebug-prefix-map=\"$PWD\"=/fuzz \"$@\"; }; gcc -O2 -o "
    "supplemented seed.c && gcc -O1 -o second seed.c && dwz -m shared supplemented second && gcc -O2 -gsplit-dwarf -c "
    "seed.c && gcc -o split seed.o && cp shared seed.dwo '%2$s' && "
    "ln -sf other shared && ln -sf other seed.dwo";

static char directory[] = "/tmp/hotfix-fuzz.XXXXXX";

static void remove_directory(void)
{
    static const char *const names[] = {"seed.c", "seed.o", "seed.dwo", "supplemented",
                                        "second", "shared", "split",    "other"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *corpus = NULL;
    char *command = NULL;

    for (int i = 1; i < *argc; i++)
        if ((*argv)[i][0] != '-')
            corpus = (*argv)[i];
    if (!mkdtemp(directory))
        abort();
    atexit(remove_directory);
    if (asprintf(&command, programs, directory, corpus ? corpus : directory) < 0 || system(command) != 0)
        fprintf(stderr, "no programs: the compiler or dwz failed\n");
    free(command);
    return 0;
}

static void open_program(const char *name)
{
    struct hf_program *program;
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (hf_program_open(path, NULL, NULL, &program, NULL) == 0)
        hf_program_close(program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], link[64];
    int fd = memfd_create("other", MFD_CLOEXEC);

    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    snprintf(link, sizeof(link), "%s/other", directory);
    unlink(link);
    if (write(fd, data, size) == (ssize_t)size && symlink(path, link) == 0) {
        open_program("supplemented");
        open_program("split");
    }
    close(fd);
    return 0;
}
