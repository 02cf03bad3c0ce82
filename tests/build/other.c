/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

static int count = 1000; /* the same name as in subject.c */
int shared_total = 500;
__thread int other_thread = 70;

int other_add(int by)
{
    count += by;
    return count;
}
