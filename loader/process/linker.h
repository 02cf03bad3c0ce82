/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic linker, as this library uses it: no other thread forks meanwhile.
 *
 * A child has a copy of what its parent's threads were at. glibc's locks for malloc and stdio are free in there, but
 * not the one on the list of libraries: dl_iterate_phdr() and dlopen() would wait in the child for ever. So a fork
 * waits until the linker is done, and the linker until forks are. Neither waits longer than HF_LINKER_PATIENCE:
 * something of the program's own may be in between, such as a lock that its fork handler takes and the caller of this
 * library holds. Then both go on, as they would without this. vfork, posix_spawn and system are not concerned.
 */
#ifndef HF_LINKER_H
#define HF_LINKER_H

#include <link.h>

#define HF_LINKER_PATIENCE 1 /* seconds */

/* As dlopen(3), dlclose(3) and dl_iterate_phdr(3), which have more of it. A callback must not call these. */
void *hf_linker_open(const char *path, int flags);
void hf_linker_close(void *handle);
void *hf_linker_symbol(const char *name); /* dlsym(3), in the scope of all */
int hf_linker_iterate(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

#endif
