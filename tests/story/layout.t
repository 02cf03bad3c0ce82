#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Types that the patch sees differently than the target are refused, each with its name and both layouts; what only
# looks different is not.
. "$(dirname "$0")/lib.sh"

cat >shop.c <<'SOURCE'
#include <stdio.h>

struct item;
struct order {
    int quantity;
    unsigned flags : 3;
    unsigned more : 7;
    struct item *first;
};
struct address {
    char street[16];
    struct address *next;
};
struct item {
    int id;
    struct address *to;
    int (*compare)(int, int);
    union {
        int number;
        float code;
    } value;
};
enum state {
    OPEN,
    PAID,
};
typedef struct {
    int cents;
} money_t;
typedef int count_t;
struct alone {
    int a;
};
struct hidden;
struct box {
    int wide;
};
struct box *boxes;

__attribute__((noinline, used)) static int weigh(struct alone *alone)
{
    return alone->a * 3;
}

__attribute__((noinline, used)) int fee(struct order *order, enum state state, struct hidden *hidden)
{
    struct item *item = order->first;
    money_t money = {item->id};
    count_t count = order->quantity;
    return money.cents + count + (state == PAID) + !hidden;
}

int main(int argc, char **argv)
{
    struct address address = {.next = NULL};
    struct item item = {argc, &address, NULL, {1}};
    struct order order = {argc, 1, 2, &item};
    struct alone alone = {argc};
    (void)argv;
    printf("%d %d\n", fee(&order, OPEN, NULL), weigh(&alone));
    return 0;
}
SOURCE

record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# target OPTION...; the patch is compiled with the same options unless said otherwise.
target() {
    options="-O2 -g $record $*"
    # shellcheck disable=SC2086
    $CC $options -Wl,--build-id -o shop shop.c || exit 1
}

# patch SED: patch.so of the changed source.
patch() {
    mkdir -p fix && sed "s/state == PAID/state != OPEN/; $1" shop.c >fix/shop.c
    # shellcheck disable=SC2086
    $CC $options -fPIC -shared -o patch.so fix/shop.c || exit 1
}

# verdict [PICK]: what the check of layouts says, with the evidence of what it has against the patch.
verdict() {
    run hotfix check --target shop --patch patch.so --func "${1:-fee}"
    awk '/^[a-z]/ { on = $2 == "layout" } on && /^[a-z]/ { print $1 } on && /^    [^ ]/ && !/^    to do:/' "$OUT" |
        sed 's/^    //; s/ (shop.c:[0-9]*, in the patch shop.c:[0-9]*)//' | tr '\n' '|'
}

refuses() {
    patch "$2"
    is "refused: $1" "$(verdict)" "$3|"
}

accepts() {
    patch "$2"
    is "accepted: $1" "$(verdict)" "compatible|"
}

target
refuses "a bit-field that grew" 's/flags : 3/flags : 5/' \
    "incompatible|fee (shop.c): struct order: member flags is at 4:0 of 3 bits, in the patch at 4:0 of 5 bits"
ok "with both layouts side by side" grep -q '^ *4:0  unsigned int flags : 3 *|  *4:0  unsigned int flags : 5$' "$OUT"
ok "and where each is declared" grep -q '(shop.c:4, in the patch shop.c:4)$' "$OUT"
refuses "an enumerator with another value" 's/^    OPEN,/    OPEN, LATE,/' \
    "incompatible|fee (shop.c): enum state: enumerator PAID is 1, in the patch 2"
refuses "an enumerator that is gone" 's/^    PAID,//; s/OPEN/0/2' \
    "unproven|fee (shop.c): enum state: enumerator PAID is gone"
refuses "a member inserted behind two pointers" 's/char street/int floor; char street/' \
    "incompatible|fee (shop.c): struct address: member floor is new"
refuses "a member that is gone" 's/^    int id;//; s/item->id/3/; s/{argc, &address/{\&address/' \
    "incompatible|fee (shop.c): struct item: member id is gone"
refuses "members in another order" 's/unsigned more : 7;//; s/unsigned flags : 3;/unsigned more : 7; unsigned flags : 3;/' \
    "incompatible|fee (shop.c): struct order: member flags is at 4:0 of 3 bits, in the patch at 4:7 of 3 bits"
refuses "a member with another name" 's/int id;/int key;/; s/item->id/item->key/' \
    "unproven|fee (shop.c): struct item: member id is called key in the patch"
refuses "another type of a union's member" 's/float code/int code/' \
    "incompatible|fee (shop.c): struct item: member value.code is 'float', in the patch 'int'"
refuses "another length of an array" 's/street\[16\]/street[18]/' \
    "incompatible|fee (shop.c): struct address: member street is 'char [16]', in the patch 'char [18]'"
refuses "a parameter of a function pointer" 's/compare)(int, int)/compare)(int, char)/' \
    "incompatible|fee (shop.c): struct item: member compare is 'int (*)(int, int)', in the patch 'int (*)(int, char)'"
refuses "another sign" 's/int quantity/unsigned quantity/' \
    "incompatible|fee (shop.c): struct order: member quantity is 'int', in the patch 'unsigned int'"
refuses "a struct with no tag" 's/int cents;/char cents;/' \
    "incompatible|fee (shop.c): money_t: member cents is 'int', in the patch 'char'"
refuses "a typedef of something else" 's/typedef int count_t/typedef char count_t/' \
    "incompatible|fee (shop.c): count_t: it is 'int', in the patch 'char'"
refuses "another alignment" 's/^struct address {/struct __attribute__((aligned(32))) address {/' \
    "incompatible|fee (shop.c): struct address: its size is 24 bytes, in the patch 32"
refuses "a packed struct" 's/^struct order {/struct __attribute__((packed)) order {/' \
    "incompatible|fee (shop.c): struct order: member first is at 8, in the patch at 6"
refuses "a union instead of a struct" 's/^struct address {/union address {/; s/struct address/union address/g' \
    "incompatible|fee (shop.c): address: it is 'struct address', in the patch 'union address'|fee (shop.c): struct item: member to is 'struct address *', in the patch 'union address *'"
refuses "each type that differs, once" 's/flags : 3/flags : 5/; s/street\[16\]/street[18]/' \
    "incompatible|fee (shop.c): struct address: member street is 'char [16]', in the patch 'char [18]'|fee (shop.c): struct order: member flags is at 4:0 of 3 bits, in the patch at 4:0 of 5 bits"
refuses "a type that only what was inlined uses" \
    's/^__attribute__((noinline, used)) int fee/static inline int peek(void *at) { struct alone *alone = at; puts("peek"); return alone->a; }\n&/
     s/return money.cents/return peek(order) + money.cents/; s/^    int a;/    int b, a;/' \
    "incompatible|fee (shop.c): struct alone: member b is new"
refuses "a type that only a function uses which the new one calls" \
    's/^    int a;/    int b, a;/; s/return money.cents/return weigh((void *)order) + money.cents/' \
    "incompatible|fee (shop.c): struct alone: member b is new"
# clang says nothing of variables that a unit does not define.
case $($CC --version) in *clang*) ;; *)
    refuses "a type that only a variable has which the function uses" \
        's/^struct box \*boxes/extern &/; s/int wide/long wide/; s/return money.cents/return !boxes + money.cents/' \
        "incompatible|fee (shop.c): struct box: member wide is 'int', in the patch 'long int'"
    ;;
esac
patch 's/^    int a;/    int b, a;/'
is "refused: a struct of a file-local function" "$(verdict weigh)" \
    "incompatible|weigh (shop.c): struct alone: member b is new|"

accepts "no change" ''
accepts "comments and lines" 's,^struct item {,/* an item */\n\n\n&,'
accepts "another name of a typedef" 's/money_t/cash_t/g; s/count_t/amount_t/g'
accepts "a definition where there was a declaration" 's/^struct hidden;/struct hidden { int x; };/'
accepts "another order of declarations" '/^typedef int count_t/d; s/^struct item;/typedef int count_t;\nstruct item;/'
accepts "an unrelated struct that changed" 's/^    int a;/    int b, a;/'
accepts "a new struct of the function" 's/^    money_t money/    struct pair { int a, b; } pair = {1, 2};\n&/; s/return money/return pair.a + money/'
accepts "a new struct of the file" 's/^struct hidden;/&\nstruct pair { struct order *order; int b; };/; s/^    money_t money/    struct pair pair = {order, 2};\n&/; s/return money/return pair.b + pair.order->quantity + money/'
accepts "one more enumerator" 's/^    PAID,/    PAID, LATE,/'
accepts "qualifiers of members" 's/struct address \*to/const struct address *to/; s/int id;/const int id;/'
accepts "a typedef in front of the same type" 's/int quantity/count_t quantity/; /^typedef int count_t/d; s/^struct item;/typedef int count_t;\nstruct item;/'
accepts "a pointer to the same by its declaration" 's/^struct hidden;/&\nstruct far { struct order *order; };/'

# Of two functions with the same code gcc tells where that of one is.
sed 's/^int main/static int heavy(struct alone *alone)\n{\n    return alone->a * 3 + 1;\n}\n\nstatic int dense(struct alone *alone)\n{\n    return alone->a * 3 + 1;\n}\n\nstruct scale {\n    int (*weigh)(struct alone *);\n} scales[] = {{heavy}, {dense}};\n\n&/' shop.c >twin.c
mv twin.c shop.c
target
patch ''
is "accepted: two functions with the same code" "$(verdict heavy)$(verdict dense)" "compatible|compatible|"
patch 's/^    int a;/    int b, a;/'
is "refused: a type of one of them" "$(verdict heavy)" "incompatible|heavy (shop.c): struct alone: member b is new|"
is "refused: a type of the other" "$(verdict dense)" "incompatible|dense (shop.c): struct alone: member b is new|"

sed -i 's/^    money_t money/    struct near { int a; struct near *next; } near = {.a = 1};\n&/; s/return money/return near.a + money/' shop.c
target
accepts "a recursive struct of the function" ''
refuses "a struct of the function that changed, until somebody says that none outlives a call" \
    's/struct near { int a;/struct near { int b, a;/' "unproven|fee (shop.c): struct near: member b is new"

# Each version of DWARF says it in its own way; both sides need not agree on one.
grown="incompatible|fee (shop.c): struct order: member flags is at 4:0 of 3 bits, in the patch at 4:0 of 5 bits"
for version in "-gdwarf-5" "-gdwarf-4" "-gdwarf-3 -gstrict-dwarf"; do
    target "$version"
    accepts "no change, $version" ''
    refuses "a bit-field that grew, $version" 's/flags : 3/flags : 5/' "$grown"
    target
    options="-O2 -g $record $version"
    accepts "no change, $version in the patch alone" ''
    refuses "a bit-field that grew, $version in the patch alone" 's/flags : 3/flags : 5/' "$grown"
done

# Where types cannot be seen nothing is said to be equal.
for version in "-gdwarf-4" "-gdwarf-5"; do
    target "$version" -fdebug-types-section
    patch ''
    # clang makes them for C++ alone.
    wanted="compatible|"
    if readelf --debug-dump=info shop 2>/dev/null | grep -q 'DW_AT_type *: signature'; then
        wanted="unproven|fee (shop.c): types that it uses are in type units of the target, which are not searched|"
    fi
    is "not taken as equal: types in type units, $version" "$(verdict)" "$wanted"
done

# dwz moves what two programs have in common into a file of its own, here every type. It does not read clang's DWARF 5.
target -gdwarf-4
# shellcheck disable=SC2086
$CC $options -DOTHER -Wl,--build-id -o other shop.c && dwz -m common shop other || exit 1
refuses "a struct in dwz's supplementary file" 's/int key/int id/; s/char street/int floor; char street/' \
    "incompatible|fee (shop.c): struct address: member floor is new"
accepts "the same types there" ''
rm common
is "unproven: types in a supplementary file that is gone" "$(verdict)" \
    "unproven|no debug information tells the types of the target|"
target -g1
patch ''
is "unproven: line tables alone" "$(verdict | cut -d '|' -f 1)" unproven
target -g0
patch ''
is "unproven: no debug information" "$(verdict)" "unproven|no debug information tells the types of the target|"

finish
