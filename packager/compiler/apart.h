/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work in a process of its own, which may change what a whole process has and cannot get back, as its namespaces: the
 * one that asked keeps its own.
 */
#ifndef HF_APART_H
#define HF_APART_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hotfix/error.h"

/* Does the work and writes what came of it to `answer`, also where it fails. */
typedef int (*hf_apart_fn)(void *arg, FILE *answer, struct hotfix_error *err);

/*
 * Runs it and returns what it does, with its error; *answer is malloc'ed, and NULL where there is none. The signals of
 * interrupt.h are handed on to it. HOTFIX_IO when it cannot be run or ends before its end; HOTFIX_MEMORY.
 */
int hf_apart_run(hf_apart_fn work, void *arg, uint8_t **answer, size_t *size, struct hotfix_error *err);

#endif
