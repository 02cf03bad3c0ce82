// SPDX-License-Identifier: Apache-2.0
// Reading more than memory holds.
#include <cstdint>
#include <cstdio>
#include "ebml/MemIOCallback.h"

void effect(const char *)
{
    libebml::MemIOCallback memory;
    static char buffer[64];
    memory.write("twelve bytes", 12);
    memory.setFilePointer(4);
    printf("read %u", memory.read(buffer, SIZE_MAX - 1));
}
