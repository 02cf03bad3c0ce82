/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only form of tar archive that a bundle may have: POSIX ustar (pax(1), "ustar Interchange Format"), two members,
 * no extensions.
 */
#ifndef HF_TAR_H
#define HF_TAR_H

#include <stddef.h>
#include <stdint.h>

#define HF_TAR_MANIFEST "manifest.ini"
#define HF_TAR_PAYLOAD  "patch.so"

#define HF_TAR_BLOCK 512
#define HF_TAR_END   1024 /* two zero blocks end an archive */

/* Bytes that a member's data takes in the archive. */
static inline size_t hf_tar_padded(size_t size)
{
    return (size + HF_TAR_BLOCK - 1) / HF_TAR_BLOCK * HF_TAR_BLOCK;
}

/*
 * The only header that a member of this name (less than 100 bytes), size and time may have: a plain file, mode 0644,
 * owner 0, every other field empty. -1 when size or time has no eleven octal digits; header is then untouched.
 */
int hf_tar_header(const char *name, uint64_t size, int64_t time, uint8_t header[HF_TAR_BLOCK]);

#endif
