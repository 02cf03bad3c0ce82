/* SPDX-License-Identifier: Apache-2.0 */
/* What is fixed: fee(3) is 8, or with -DFIXED 10. */
int fee(int value);

int fee(int value)
{
#ifdef FIXED
    return value * 9 / 3 + 1;
#else
    return value * 7 / 3 + 1;
#endif
}
