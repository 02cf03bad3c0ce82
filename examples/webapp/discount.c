/* SPDX-License-Identifier: Apache-2.0 */
#include "discount.h"

/* As released. It divides too early: the cents of the amount never count. */
long calc_discount(long amount, int percent)
{
    if (amount <= 0 || percent <= 0)
        return 0;
    if (percent > 100)
        percent = 100;
    return amount / 100 * percent;
}
