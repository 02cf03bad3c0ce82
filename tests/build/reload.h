/* SPDX-License-Identifier: Apache-2.0 */
/* What the story reload.t changes several times. */
#ifndef TESTS_BUILD_RELOAD_H
#define TESTS_BUILD_RELOAD_H

/* Counts its calls in two static variables and says where they are. */
int serve(const int **local, const int **global);

/* Call look() through a function of its own file. */
int traced(int n, void (*look)(void));

#endif
