/* SPDX-License-Identifier: Apache-2.0 */
/* What is fixed: fee(3) is 8, and 10 where the stories have put 9 in the place of 7. */
int fee(int value);

int fee(int value)
{
    return value * 7 / 3 + 1;
}
