/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are read through a mapping. If one is cut off meanwhile, the kernel sends SIGBUS to who reads behind its
 * end: the command then says so, and ends as after any other failure to read.
 */
#ifndef HF_MAPPED_H
#define HF_MAPPED_H

#include <stddef.h>

struct hf_mapped;

/* From now on SIGBUS ends the process with a message and the status of HOTFIX_IO, without cleaning up. */
void hf_mapped_watch(void);

/*
 * Names the file that size bytes are mapped from, until hf_mapped_remove(). NULL when there is no memory for it: the
 * message then names no file.
 */
struct hf_mapped *hf_mapped_add(const void *begin, size_t size, const char *path);
void hf_mapped_remove(struct hf_mapped *mapped);

#endif
