// SPDX-License-Identifier: Apache-2.0
// Documents that end within a character, and within a declaration.
#include <cstdio>
#include <cstring>
#include "tinyxml.h"

void effect(const char *input)
{
    TiXmlDocument document;
    const char *text = strcmp(input, "CVE-2021-42260.patch") == 0 ? "<a>\xef<" : "<?xml version=\"1.0\" ";
    document.Parse(text, nullptr, TIXML_ENCODING_UTF8);
    printf("%s", document.Error() ? document.ErrorDesc() : "parsed");
}
