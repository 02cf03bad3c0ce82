/* SPDX-License-Identifier: Apache-2.0 */
#include "tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ELEVEN_DIGITS (UINT64_C(1) << 33)

int hf_tar_header(const char *name, uint64_t size, int64_t time, uint8_t header[HF_TAR_BLOCK])
{
    struct hf_tar_fields h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    char digits[32];
    unsigned sum = 0;

    /* As a number without a sign, a time before 1970 is beyond all digits. */
    if (size >= ELEVEN_DIGITS || (uint64_t)time >= ELEVEN_DIGITS || strlen(name) >= sizeof(h.name))
        return -1;
    strcpy(h.name, name);
    memcpy(h.mode, "000644 ", 8);
    memcpy(h.uid, "000000 ", 8);
    memcpy(h.gid, "000000 ", 8);
    memcpy(h.major, "000000 ", 8);
    memcpy(h.minor, "000000 ", 8);
    snprintf(digits, sizeof(digits), "%011" PRIo64 " ", size);
    memcpy(h.size, digits, sizeof(h.size));
    snprintf(digits, sizeof(digits), "%011" PRIo64 " ", (uint64_t)time);
    memcpy(h.mtime, digits, sizeof(h.mtime));

    /* The sum is taken over a header whose checksum field is all blanks. */
    memset(h.checksum, ' ', sizeof(h.checksum));
    memcpy(header, &h, sizeof(h));
    for (size_t i = 0; i < sizeof(h); i++)
        sum += header[i];
    snprintf(digits, sizeof(digits), "%06o", sum);
    memcpy(h.checksum, digits, 7);
    memcpy(header, &h, sizeof(h));
    return 0;
}
