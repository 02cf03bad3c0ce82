/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are trusted that the user did not name, but that were found beside a program or at a path in it. */
#ifndef HF_BESIDE_H
#define HF_BESIDE_H

#include <stdbool.h>

#include "elf/image.h"

/*
 * Is the open file trusted for the image? It must belong to root, to this user or to the image's owner, and not
 * everybody may write it. Anybody can create a removed build directory below /tmp again, and the ids and checksums that
 * connect files can be copied.
 */
bool hf_beside_believed(const struct hf_image *image, int fd);

#endif
