/* SPDX-License-Identifier: Apache-2.0 */
/* Prices, in cents. */
#ifndef WEBAPP_DISCOUNT_H
#define WEBAPP_DISCOUNT_H

/* What `percent` of an amount is, rounded to the nearest cent. */
long calc_discount(long amount, int percent);

#endif
