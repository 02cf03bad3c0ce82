#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names of C++ are picked and shown as people write them; manifests keep symbols, reports for programs have both.
. "$(dirname "$0")/cpp.sh"

pack() { run hotfix pack --target target --patch patch.so --key key.key --name case --version 1 -o case.hotfix "$@"; }
# Names of the functions in the bundle, with bars between.
names() {
    tar xOf case.hotfix manifest.ini 2>/dev/null | sed -n "s/^name = \(_Z\)/\1/p" | sort | paste -sd'|'
}
says() {
    grep -qF -- "$2" "$ERR"
    result $? "$1" || diagnose <"$ERR"
}

build_case g++ -O0 <<'SOURCE'
#include <cstdio>
#include <string>
namespace shop {
class Order {
    int amount;
public:
    __attribute__((noinline)) Order(int n);
    __attribute__((noinline)) ~Order();
    __attribute__((noinline)) int total(int percent) const;
    __attribute__((noinline)) int total(const std::string &code) const;
    __attribute__((noinline)) static int limit(int n);
};
Order::Order(int n) : amount(n) {} //OLD
Order::Order(int n) : amount(n * 2) { amount += amount < 0; } //NEW
Order::~Order()
{
    amount = 0; //OLD
    amount = amount > 1000000 ? 1 : -1; //NEW
    asm volatile("" : : "r"(amount) : "memory");
}
int Order::total(int percent) const
{
    return amount * percent / 100; //OLD
    return (amount * percent + 50) / 100; //NEW
}
int Order::total(const std::string &code) const
{
    return amount - (int)code.size(); //OLD
    return amount - (code.empty() ? 0 : 10); //NEW
}
int Order::limit(int n)
{
    return n > 100 ? 100 : n; //OLD
    return n > 1000 ? 1000 : n; //NEW
}
template <class T> __attribute__((noinline)) T most(T a, T b)
{
    return a < b ? b : a; //OLD
    return a < b ? b : a + 1; //NEW
}
namespace detail {
__attribute__((noinline)) int round(int x)
{
    return x / 10 * 10; //OLD
    return (x + 5) / 10 * 10; //NEW
}
}
}
void scenario(const char *when)
{
    shop::Order order(55);
    printf("%s: %d %d %d %d %ld %d\n", when, order.total(10), order.total("gift"), shop::Order::limit(500),
           shop::most(2, 1), shop::most(2L, 1L), shop::detail::round(17));
}
SOURCE
applies "all that was built is picked when nothing is said" \
    "old: 5 51 100 2 2 10/new: 11 100 500 3 3 20/back: 5 51 100 2 2 10"
cp "$OUT" packed

run hotfix build --target target --old old --new new --proof rel --pic pic -o patch.so
is "build says what changed in names of C++" "$(grep -c '^changed .*: shop::Order::total(std::string const&) const' "$OUT")" 1
is "and no symbols" "$(grep -c _Z "$OUT" "$ERR")" "$(printf '%s:0\n' "$OUT" "$ERR")"
run hotfix build --target target --old old --new new --proof rel --pic pic -o patch.so --json
is "its report for programs has both" \
    "$(jq -r '.items[] | select(.demangled == "shop::detail::round(int)") | .name' "$OUT")" _ZN4shop6detail5roundEi

pack --class shop::Order
is "a class is all its methods" "$status $(names)" \
    "0 _ZN4shop5Order5limitEi|_ZN4shop5OrderC2Ei|_ZN4shop5OrderD2Ev|_ZNK4shop5Order5totalERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE|_ZNK4shop5Order5totalEi" ||
    diagnose <"$ERR"
pack --class shop::Order --exclude 'shop::Order::total' --exclude '_ZN4shop5OrderD*' --exclude '*::Order(int)'
is "without what is excluded, by name or by symbol" "$status $(names)" "0 _ZN4shop5Order5limitEi"
pack --package shop::detail --func 'most<*>'
is "a namespace, and every instantiation of a template" "$status $(names)" \
    "0 _ZN4shop4mostIiEET_S1_S1_|_ZN4shop4mostIlEET_S1_S1_|_ZN4shop6detail5roundEi"
pack --func 'shop::Order::total(int) const' --func _ZN4shop5Order5limitEi
is "one overload, and a symbol" "$status $(names)" "0 _ZN4shop5Order5limitEi|_ZNK4shop5Order5totalEi"
timeout 60 ./target case.hotfix >got 2>&1
is "which alone take effect" "$(paste -sd/ got)" \
    "old: 5 51 100 2 2 10/new: 6 51 500 2 2 10/back: 5 51 100 2 2 10"

pack --func total
is "a name that means several functions is not picked" "$status" 2
says "but asked for, with what it may mean" "--func total: 2 functions of target have that name, write which: shop::Order::total"

pack --func 'Order::total(int) const' --func 'most<long>'
run hotfix show case.hotfix
is "show has names" "$(grep -c '^  shop::Order::total(int) const\|^  shop::most<long>(long, long)' "$OUT") $(grep -c _Z "$OUT")" "2 0"
run hotfix show case.hotfix --json
is "and for programs symbols, too" "$(jq -r '.functions[] | .name + " " + .demangled' "$OUT" | sort | paste -sd'|')" \
    "_ZN4shop4mostIlEET_S1_S1_ shop::most<long>(long, long)|_ZNK4shop5Order5totalEi shop::Order::total(int) const"

# A class that the patch sees otherwise: what the check says of it.
sed 's/int amount;/int added = 0, amount;/' case.cpp >other.cpp
g++ -g -O0 -shared -fPIC -o other.so other.cpp || exit 1
check() { run hotfix check --target target --patch other.so --func 'Order::total(int) const' "$@"; }
check
is "check has names" "$status $(grep -c 'shop::Order::total(int) const' "$OUT" | sed 's/[1-9][0-9]*/some/') $(grep -c _Z "$OUT" "$ERR" | paste -sd' ')" \
    "1 some $OUT:0 $ERR:0"
check --json
is "its findings have both" \
    "$(jq -r '[.checks[].findings[].target | select(. != null) | .name + " " + .demangled] | unique | .[]' "$OUT")" \
    "_ZNK4shop5Order5totalEi shop::Order::total(int) const"
check --format sarif
is "as in SARIF" "$(jq -r '[.runs[].results[].locations[].logicalLocations[]? | .decoratedName + " " + .fullyQualifiedName] | unique | .[]' "$OUT")" \
    "_ZNK4shop5Order5totalEi shop::Order::total(int) const"

build_case g++ -O2 <<'SOURCE'
#include <cstdio>
__attribute__((noinline)) int twice(int x)
{
    return x + x; //OLD
    return x * 10; //NEW
}
__attribute__((noinline)) int around(int x)
{
    int y = twice(x); //OLD
    int y = twice(x) + twice(x + 1); //NEW
    asm volatile("" : "+r"(y));
    return y;
}
void scenario(const char *when) { printf("%s: %d\n", when, around(4)); }
SOURCE
pack --func twice
is "a function whose callers alone are replaced is not picked" "$status" 2
says "and it is said that these are to be" "twice(int) is picked, but the patch leaves the target's as it is"

finish
