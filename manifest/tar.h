/* SPDX-License-Identifier: Apache-2.0 */
/* The one shape of tar archive that a bundle is: POSIX ustar (pax(1), "ustar Interchange Format"), two members, no
 * extensions. */
#ifndef HF_TAR_H
#define HF_TAR_H

#include <stddef.h>

#define HF_TAR_MANIFEST "manifest.ini"
#define HF_TAR_PAYLOAD  "patch.so"

#define HF_TAR_BLOCK 512
#define HF_TAR_END   1024 /* two zero blocks end an archive */

/* Offsets into a header block. */
#define HF_TAR_NAME_SIZE 100
#define HF_TAR_TYPE      156
#define HF_TAR_LINK      157
#define HF_TAR_LINK_SIZE 100
#define HF_TAR_MAGIC     257
#define HF_TAR_PREFIX    345

/* Bytes that a member's data takes in the archive. */
static inline size_t hf_tar_padded(size_t size)
{
    return (size + HF_TAR_BLOCK - 1) / HF_TAR_BLOCK * HF_TAR_BLOCK;
}

#endif
