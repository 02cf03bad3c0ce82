/* SPDX-License-Identifier: Apache-2.0 */
#include "discount.h"

/* The fix: multiply, round, divide. */
long calc_discount(long amount, int percent)
{
    if (amount <= 0 || percent <= 0)
        return 0;
    if (percent > 100)
        percent = 100;
    return (amount * percent + 50) / 100;
}
