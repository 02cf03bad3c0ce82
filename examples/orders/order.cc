// SPDX-License-Identifier: Apache-2.0
#include "order.hh"

namespace shop {

long Percent::off(long cents) const
{
    return cents / 100 * percent;
}

Order::Order(std::unique_ptr<Discount> discount) : discount(std::move(discount)) {}

void Order::add(const std::string &item, long cents)
{
    items[item] = cents;
}

long Order::total() const
{
    long sum = 0;
    for (const auto &item : items)
        sum += item.second;
    return sum - discount->off(sum);
}

long Order::total(long shipping) const
{
    return total() + shipping;
}

}
