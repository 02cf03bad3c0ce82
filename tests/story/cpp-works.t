#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ordinary fixes of C++ programs and libraries apply: what compilers add to them by themselves is not in the way.
. "$(dirname "$0")/cpp.sh"

# An emulated compiler takes its time.
levels=(-O0 -O2)
[ "$(uname -m)" = x86_64 ] || levels=(-O2)
for compiler in g++ clang++; do
    for level in "${levels[@]}"; do
        for LINK in program library; do
            [ "$level $LINK" != "-O0 library" ] || continue
            kind="$compiler $level, $LINK"
            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
#include <string>
#include <vector>
struct [[gnu::abi_tag("v2")]] Tag { int x; };
__attribute__((noinline)) Tag tagged(int x)
{
    return Tag{x}; //OLD
    return Tag{x * 3}; //NEW
}
__attribute__((noinline)) std::string name(int x)
{
    return "n" + std::to_string(x); //OLD
    std::vector<long> all; //NEW
    for (long i = 0; i < x; i++) //NEW
        all.push_back(i); //NEW
    return "N" + std::to_string(all.size() * 2); //NEW
}
void scenario(const char *when) { printf("%s: %s %d\n", when, name(3).c_str(), tagged(2).x); }
SOURCE
            applies "strings, and a vector of another type ($kind)" "old: n3 2/new: N6 6/back: n3 2"

            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
#include <stdexcept>
#include <string>
struct Guard { int *n; ~Guard() { ++*n; } };
struct Bad : std::runtime_error { using std::runtime_error::runtime_error; };
int cleaned;
__attribute__((noinline)) void inner(int x)
{
    Guard guard{&cleaned};
    if (x > 5) throw std::runtime_error("big"); //OLD
    if (x > 3) throw Bad("Bad " + std::to_string(x)); //NEW
    printf("[%d]", x);
}
__attribute__((noinline)) int middle(int x) { Guard guard{&cleaned}; inner(x); return x; }
void scenario(const char *when)
{
    try { printf("%s: %d", when, middle(4)); } catch (const std::exception &e) { printf("%s: %s", when, e.what()); }
    printf(" %d\n", cleaned);
}
SOURCE
            applies "an exception of a new class ($kind)" "[4]old: 4 2/new: Bad 4 4/[4]back: 4 6"

            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
struct T { int n; T() : n(5) {} ~T() { n = 0; } };
thread_local T t;
__attribute__((noinline)) int use(int x)
{
    t.n += x; //OLD
    t.n += x * 100; //NEW
    return t.n;
}
void scenario(const char *when) { printf("%s: %d\n", when, use(1)); }
SOURCE
            applies "a thread-local variable with a constructor ($kind)" "old: 6/new: 106/back: 107"

            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
#include <memory>
namespace ns {
struct Animal { virtual ~Animal() {} virtual int legs() const = 0; int age = 1; };
struct Dog : Animal { int legs() const override; int owned = 2; };
int Dog::legs() const
{
    return 4; //OLD
    static int calls = age; //NEW
    return 40 + calls++ + owned; //NEW
}
}
std::unique_ptr<ns::Animal> dog;
void scenario(const char *when)
{
    if (!dog) dog.reset(new ns::Dog);
    printf("%s: %d %d\n", when, dog->legs(), dynamic_cast<ns::Dog *>(dog.get()) != nullptr);
}
SOURCE
            applies "a virtual method, with a new static variable ($kind)" "old: 4 1/new: 43 1/back: 4 1"

            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
#include <map>
#include <string>
namespace shop {
class Order {
    std::map<std::string, int> items;
public:
    __attribute__((noinline)) Order(int n);
    __attribute__((noinline)) int total() const;
    __attribute__((noinline)) ~Order();
};
int gone;
Order::Order(int n)
{
    items["a"] = n; //OLD
    items["a"] = n * 10; //NEW
    items["b"] = 1;
}
int Order::total() const
{
    int sum = 0;
    for (const auto &item : items) sum += item.second;
    return sum; //OLD
    return sum + (items.count("c") ? 1 : 1000); //NEW
}
Order::~Order()
{
    gone++; //OLD
    gone += 100; //NEW
}
}
void scenario(const char *when)
{
    { shop::Order order(3); printf("%s: %d", when, order.total()); }
    printf(" %d\n", shop::gone);
}
SOURCE
            applies "constructor, destructor and method of a class in a namespace ($kind)" "old: 4 1/new: 1031 101/back: 4 102"

            build_case "$compiler" "$level" <<'SOURCE'
#include <cstdio>
#include <functional>
#include <vector>
template <typename T> __attribute__((noinline)) T most(const std::vector<T> &all)
{
    T best = all[0]; //OLD
    T best = all.empty() ? T() : all[0]; //NEW
    for (const T &one : all)
        if (best < one) best = one; //OLD
        if (best < one) best = one + one; //NEW
    return best;
}
std::vector<std::function<int(int)>> hooks;
int base = 7;
__attribute__((noinline)) void add(int k)
{
    hooks.push_back([k](int x) { return x + k + base; }); //OLD
    hooks.push_back([k](int x) { return x * k + base; }); //NEW
}
void scenario(const char *when)
{
    if (hooks.empty()) add(5);
    printf("%s: %d %g %d\n", when, most<int>({1, 9, 3}), most<double>({0.5}), hooks[0](2));
}
SOURCE
            applies "a template, and a lambda that is kept ($kind)" "old: 9 0.5 14/new: 18 0.5 17/back: 9 0.5 14"
        done
    done
done

finish
