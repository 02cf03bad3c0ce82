/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound cleanup. A variable declared with one of these is released when it goes out of scope; hf_move() passes
 * its value to an owner that outlives the scope.
 */
#ifndef HF_CLEANUP_H
#define HF_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void hf_cleanup_free(void *where)
{
    free(*(void **)where);
}

static inline void hf_cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void hf_cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define HF_FREE   __attribute__((cleanup(hf_cleanup_free)))
#define HF_CLOSE  __attribute__((cleanup(hf_cleanup_close)))
#define HF_FCLOSE __attribute__((cleanup(hf_cleanup_fclose)))

/* The pointer's value; the variable itself becomes NULL and so is not released. */
#define hf_move(pointer)                                                                                               \
    __extension__({                                                                                                    \
        __auto_type hf_moved = (pointer);                                                                              \
        (pointer) = NULL;                                                                                              \
        hf_moved;                                                                                                      \
    })

#endif
