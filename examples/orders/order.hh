// SPDX-License-Identifier: Apache-2.0
#ifndef ORDER_H
#define ORDER_H

#include <map>
#include <memory>
#include <string>

namespace shop
{

class Discount
{
  public:
    virtual ~Discount() = default;
    virtual long off(long cents) const = 0;
};

class Percent : public Discount
{
  public:
    explicit Percent(int percent) : percent(percent)
    {
    }
    long off(long cents) const override;

  private:
    int percent;
};

class Order
{
  public:
    explicit Order(std::unique_ptr<Discount> discount);
    void add(const std::string &item, long cents);
    long total() const;
    long total(long shipping) const;

  private:
    std::map<std::string, long> items;
    std::unique_ptr<Discount> discount;
};

} // namespace shop

#endif
