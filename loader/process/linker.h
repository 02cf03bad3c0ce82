/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the dynamic linker during which no other thread can fork.
 *
 * A child of fork gets the state of all locks. glibc releases its locks for malloc and stdio in the child, but not the
 * lock on the list of libraries: dl_iterate_phdr() and dlopen() would wait in the child for ever. So a fork waits until
 * the linker call has ended, and a linker call until forks have ended. Neither waits longer than HF_LINKER_PATIENCE,
 * since they could deadlock through a lock of the program: one that its fork handler takes and that the caller of this
 * library holds. Then both continue, as they would without this protection. vfork, posix_spawn and system are not
 * affected.
 */
#ifndef HF_LINKER_H
#define HF_LINKER_H

#include <link.h>

#define HF_LINKER_PATIENCE 1 /* seconds */

/* As dlopen(3), dlclose(3) and dl_iterate_phdr(3). A callback must not call these functions. */
void *hf_linker_open(const char *path, int flags);
void hf_linker_close(void *handle);
void *hf_linker_symbol(const char *name); /* dlsym(3), in the scope of all */
int hf_linker_iterate(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

#endif
