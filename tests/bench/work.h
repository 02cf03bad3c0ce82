/* SPDX-License-Identifier: Apache-2.0 */
/* The function that the benchmark patches. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

unsigned bench_work(unsigned x);

#endif
