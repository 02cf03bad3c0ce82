/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, read once and written whole. */
#ifndef HF_FILE_H
#define HF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "hotfix/error.h"

/*
 * Reads a regular file of at most limit bytes into malloc'ed memory (a NUL follows the last byte). Symbolic links are
 * followed; FIFOs, devices and directories are refused without blocking on them. The returned bytes are one snapshot:
 * code that verifies them must use them, and never read the path again. HOTFIX_IO; HOTFIX_FORMAT when larger than
 * limit.
 */
int hf_file_read(const char *path, size_t limit, uint8_t **data, size_t *size, struct hotfix_error *err);

/* As hf_file_read(), and returns the status of exactly the file that was read, for decisions by owner or mode. */
int hf_file_read_status(const char *path, size_t limit, uint8_t **data, size_t *size, struct stat *status,
                        struct hotfix_error *err);

/* As hf_file_read_status(), from an open descriptor, which stays open; path names it in messages. */
int hf_file_read_fd(int fd, const char *path, size_t limit, uint8_t **data, size_t *size, struct stat *status,
                    struct hotfix_error *err);

/*
 * May this process write a file of that size? Beyond its limit on the size of files (RLIMIT_FSIZE) the kernel would end
 * it with SIGXFSZ. what names the file in the message, as in "<what>: ..."; the code is the caller's.
 */
int hf_file_check_size(const char *what, size_t size, enum hotfix_code code, struct hotfix_error *err);

/*
 * Writes a file so that path holds either its old content or all of the new one: temporary file in the same directory,
 * fsync, rename. With exclusive, an existing path is an error (HOTFIX_IO, EEXIST) and stays as it is. What exists and
 * is not a regular file (a device, a directory) is never replaced. A new file has the mode without the bits of the
 * umask; a file that replaces another gives nobody more rights than that one did. HOTFIX_IO.
 */
int hf_file_write(const char *path, const void *data, size_t size, mode_t mode, bool exclusive,
                  struct hotfix_error *err);

#endif
