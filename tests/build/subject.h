/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

int total(int by);
int local_static(int by);
int same_name_a(void);
int same_name_b(void);
int thread_total(int by);
int choose(int what);
int interpret(const char *program);
const char *own_name(void);
int (*callback(void))(int);
int sum_all(void);
int weak_one(void);
int aliased(void);
int common_total(void);
int indirect_user(int what);
const char *describe(int what, char *text, size_t size);
double scale(double by);
void to_stderr(void);

/* other.c, which is never patched */
extern int shared_total;
extern __thread int other_thread;
int other_add(int by);
