/* SPDX-License-Identifier: Apache-2.0 */
/* Which package a file of this machine came with, as dpkg knows it. */
#ifndef HF_OWNER_H
#define HF_OWNER_H

/* The binary package's name, malloc'ed, without its architecture; NULL when no package has the file, or nobody knows.
 */
char *hf_owner_find(const char *path);

#endif
