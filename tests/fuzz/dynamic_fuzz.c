/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a patch, as far as checks read them beside symbols and debug information: dynamic section and symbol
 * versions, .comment, .GCC.command.line, and the old-object proof. Seeds are compiled when the target starts, into the
 * corpus directory that it is given.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check/compiled/comment.h"
#include "check/compiled/producer.h"
#include "check/compiled/switches.h"
#include "elf/dynamic.h"
#include "patch/proven.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char seeds[] =
    "cd '%s' || exit; echo 'int a; int g(void) { return a; } int h(void) { return g(); }' >seed.c; "
    "echo 'A_1 { global: a; g; }; A_2 { global: h; } A_1;' >seed.map; "
    "for o in '' '-Wl,--version-script=seed.map -lc' '-frecord-gcc-switches' '-Wl,-rpath,/x -Wl,-z,lazy'; do "
    "gcc -shared -fPIC $o -o \"seed-$(echo \"$o\" | tr -dc a-z)\" seed.c 2>/dev/null; done; "
    "printf "
    "'HFPROOF1\\001\\001\\001\\000\\000\\000\\000\\020\\000\\000\\000\\000\\000\\000\\004\\000\\000\\000\\000\\000"
    "\\000\\000\\001\\000\\000\\000\\001\\000f\\001\\000p' >seed.proof; "
    "objcopy --add-section .hotfix.proof=seed.proof seed- seed-proof; rm -f seed.c seed.map seed.proof";

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
        fprintf(stderr, "no seeds: the compiler failed\n");
    free(command);
    return 0;
}

static void read_texts(const struct hf_image *image)
{
    struct hf_comment comment;
    struct hf_producer producer;
    char *text;

    if (hf_comment_read(image, &comment, NULL) == 0)
        hf_comment_deinit(&comment);
    if (hf_switches_read(image, "seed.c", &text, NULL) != 0)
        return;
    if (hf_producer_parse(text, &producer, NULL) == 0)
        hf_producer_deinit(&producer);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_image image;
    struct hf_dynamic dynamic;
    struct hf_proven proven;
    char path[64];
    int fd = memfd_create("dynamic", MFD_CLOEXEC);

    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size && hf_image_open(path, &image, NULL) == 0) {
        if (hf_dynamic_read(&image, &dynamic, NULL) == 0) {
            hf_dynamic_find(&dynamic, "g", "A_1");
            hf_dynamic_deinit(&dynamic);
        }
        read_texts(&image);
        if (hf_proven_read(&image, &proven, NULL) > 0)
            hf_proven_deinit(&proven);
        hf_image_close(&image);
    }
    close(fd);
    return 0;
}
