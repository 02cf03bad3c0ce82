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

enum { HF_TAR_SHORT_DIGITS = 6, HF_TAR_LONG_DIGITS = 11 }; /* of the numbers in a header; a blank follows */

/* A header: the fields in their order (pax(1)). */
struct hf_tar_fields {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct hf_tar_fields) == HF_TAR_BLOCK, "a tar header is one block");

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
