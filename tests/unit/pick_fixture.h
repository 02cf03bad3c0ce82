/* SPDX-License-Identifier: Apache-2.0 */
/* Picks as initialisers, for tests of pickers. */
#ifndef PICK_FIXTURE_H
#define PICK_FIXTURE_H

#include "program/pick.h"

#define FUNC(text)                                                                                                     \
    {                                                                                                                  \
        HF_PICK_FUNCTION, text                                                                                         \
    }
#define PACKAGE(text)                                                                                                  \
    {                                                                                                                  \
        HF_PICK_PACKAGE, text                                                                                          \
    }
#define CLASS(text)                                                                                                    \
    {                                                                                                                  \
        HF_PICK_CLASS, text                                                                                            \
    }
#define EXCLUDE(text)                                                                                                  \
    {                                                                                                                  \
        HF_PICK_EXCLUDE, text                                                                                          \
    }

#endif
