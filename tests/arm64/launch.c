/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel starts for an arm64 program (binfmt_misc, flag P): qemu, with the sysroot and preload.so, of which
 * the program itself learns nothing.
 *
 *     launch PROGRAM ARGV...
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef HF_SYSROOT
#error "which sysroot?"
#endif

int main(int argc, char **argv)
{
    enum { OPTIONS = 9 };
    char preload[] = "LD_PRELOAD=" HF_SYSROOT "/tools/preload.so";
    const char *programs = getenv("LD_PRELOAD"); /* of arm64 libraries, which the emulator cannot load */
    char *set = NULL;
    size_t count = 0;

    if (argc < 3) {
        fprintf(stderr, "launch: which program, and under which name?\n");
        return EXIT_FAILURE;
    }
    const char **command = calloc((size_t)argc + OPTIONS, sizeof(*command));
    if (!command || (programs && asprintf(&set, "LD_PRELOAD=%s", programs) < 0) || putenv(preload) != 0)
        return EXIT_FAILURE;
    command[count++] = HF_QEMU;
    command[count++] = "-L";
    command[count++] = HF_SYSROOT;
    command[count++] = set ? "-E" : "-U";
    command[count++] = set ? set : "LD_PRELOAD";
    command[count++] = "-0";
    command[count++] = argv[2];
    command[count++] = argv[1];
    for (int i = 3; i < argc; i++)
        command[count++] = argv[i];
    execv(HF_QEMU, (char **)command);
    perror("launch: " HF_QEMU);
    return 127;
}
