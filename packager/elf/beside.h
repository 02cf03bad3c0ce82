/* SPDX-License-Identifier: Apache-2.0 */
/* Whose files are believed that nobody named, but that were found where a program says, or beside it. */
#ifndef HF_BESIDE_H
#define HF_BESIDE_H

#include <stdbool.h>

#include "elf/image.h"

/*
 * Whether the open file may say something about the image: it belongs to root, to this user or to the image's owner,
 * and not everybody may write it. Build directories below /tmp and the like are free for anybody once the build is
 * gone, and the ids and checksums that tell which file belongs to which can be copied.
 */
bool hf_beside_believed(const struct hf_image *image, int fd);

#endif
