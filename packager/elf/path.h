/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of source files, as compilers record them. */
#ifndef HF_PATH_H
#define HF_PATH_H

/* Takes "." and ".." out of a path, in place, so that one file has one name in every unit. */
void hf_path_simplify(char *path);

/* A name in a directory, simplified, malloc'ed; the name alone where it is absolute or there is no directory. NULL when
 * memory is out. */
char *hf_path_join(const char *directory, const char *name);

#endif
