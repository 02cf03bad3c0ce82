#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# More fixes of C++ that apply: what a fix brings along of the language, by g++ in a program and by clang++ in a library.
. "$(dirname "$0")/cpp.sh"

# works CLAIM WANTED [FLAGS]: the source on standard input
works() {
    local claim=$1 wanted=$2 level=${3:--O2 -std=c++17} source
    source=$(cat)
    LINK=program
    build_case g++ "$level" <<<"$source"
    applies "$claim (g++)" "$wanted"
    LINK=library
    build_case clang++ "$level" <<<"$source"
    applies "$claim (clang++, library)" "$wanted"
}

works "a lambda that captures something, in std::sort" \
    "old: 3 1 2/new: 1 2 3/back: 3 1 2" <<'SOURCE'
#include <algorithm>
#include <cstdio>
#include <vector>
int key(int x) { return x; }
__attribute__((noinline)) void order(std::vector<int> &v, int by)
{
    std::sort(v.begin(), v.end(), [by](int a, int b) { return (a % by) < (b % by); }); //OLD
    std::sort(v.begin(), v.end(), [by](int a, int b) { return (a % by + key(a)) < (b % by + key(b)); }); //NEW
}
void scenario(const char *when) { std::vector<int> v{3, 1, 2}; order(v, 1); printf("%s: %d %d %d\n", when, v[0], v[1], v[2]); }
SOURCE

works "make_unique of a new subclass" \
    "old: 4/new: 8 gone/back: 4" <<'SOURCE'
#include <cstdio>
#include <memory>
struct Animal { virtual ~Animal() {} virtual int legs() const { return 4; } };
struct Spider : Animal { ~Spider() override { printf(" gone"); } int legs() const override { return 8; } }; //NEW
__attribute__((noinline)) std::unique_ptr<Animal> make(int x)
{
    if (x < 0) return nullptr;
    return std::make_unique<Animal>(); //OLD
    return std::make_unique<Spider>(); //NEW
}
void scenario(const char *when) { { auto a = make(1); printf("%s: %d", when, a->legs()); } printf("\n"); }
SOURCE

works "a new static variable with a destructor" \
    "old: 1 1/new: made 11 12/back: 1 1/gone" <<'SOURCE'
#include <cstdio>
#include <string>
struct Counter { int n; Counter(int n) : n(n) { printf("made "); } ~Counter() { puts("gone"); } }; //NEW
const char *when0 = "abc";
__attribute__((noinline)) int next(int x)
{
    return x + (int)std::string(when0).size() - 3; //OLD
    static Counter c(x + 9); //NEW
    return ++c.n; //NEW
}
void scenario(const char *when) { printf("%s: ", when); int a = next(1), b = next(1); printf("%d %d\n", a, b); fflush(stdout); }
SOURCE

works "an exception through a patched function, with clean-ups" \
    "old: caught 5 d1/new: caught 7 d2/back: caught 5 d3" <<'SOURCE'
#include <cstdio>
#include <stdexcept>
int d;
struct G { ~G() { d++; } };
struct E1 { int v; };
__attribute__((noinline)) void thrower(int x) { throw E1{x}; }
__attribute__((noinline)) void middle(int x)
{
    G g;
    if (x < 0) puts("neg");
    thrower(x); //OLD
    try { thrower(x); } catch (E1 &e) { e.v += 2; throw; } //NEW
}
__attribute__((noinline)) void outer(const char *when)
{
    try { middle(5); } catch (const E1 &e) { printf("%s: caught %d d%d\n", when, e.v, d); }
}
void scenario(const char *when) { outer(when); }
SOURCE

works "dynamic_cast and typeid across virtual bases" \
    "old: 1 0 N4Leaf/new: 0 1 N4Leaf/back: 1 0 N4Leaf" <<'SOURCE'
#include <cstdio>
#include <typeinfo>
struct Root { virtual ~Root() {} };
struct A : virtual Root { int a = 1; };
struct B : virtual Root { int b = 2; };
struct N4 : A, B {};
struct Leaf : N4 { };
Root *root;
__attribute__((noinline)) int is_a(Root *r)
{
    return dynamic_cast<A *>(r) != nullptr; //OLD
    return dynamic_cast<B *>(r) == nullptr; //NEW
}
__attribute__((noinline)) int is_b(Root *r)
{
    return dynamic_cast<B *>(r) == nullptr; //OLD
    return dynamic_cast<A *>(r) != nullptr && typeid(*r) == typeid(Leaf); //NEW
}
void scenario(const char *when) { if (!root) root = new Leaf; printf("%s: %d %d N%s\n", when, is_a(root), is_b(root), typeid(*root).name()); }
SOURCE

works "new instantiations of containers" \
    "old: 3/new: 10 b=2;a=1;/back: 3" <<'SOURCE'
#include <cstdio>
#include <map>
#include <string>
#include <unordered_map>
#include <deque>
#include <set>
__attribute__((noinline)) std::string run(int x)
{
    return std::to_string(x); //OLD
    std::deque<std::pair<std::string, int>> q; //NEW
    std::unordered_map<std::string, std::set<int>> m; //NEW
    m["a"].insert(1); m["b"].insert(2); m["b"].insert(2); //NEW
    std::map<std::string, int, std::greater<std::string>> o; //NEW
    for (auto &[k, v] : m) o[k] = *v.begin(); //NEW
    for (auto &p : o) q.push_back(p); //NEW
    std::string s = std::to_string(x + 7) + " "; //NEW
    for (auto &p : q) s += p.first + "=" + std::to_string(p.second) + ";"; //NEW
    return s; //NEW
}
void scenario(const char *when) { printf("%s: %s\n", when, run(3).c_str()); }
SOURCE

works "a covariant result" \
    "old: 7 1/new: 70 10/back: 7 1" <<'SOURCE'
#include <cstdio>
struct P { int p = 1; virtual ~P() {} virtual P *clone() const { return new P(*this); } };
struct Q { int q = 7; virtual ~Q() {} };
struct D : Q, P { D *clone() const override; };
D *D::clone() const
{
    D *d = new D(*this);
    d->q = 7; //OLD
    d->q = 70; d->p = 10; //NEW
    return d;
}
P *origin;
__attribute__((noinline)) void call(const char *when, P *o) { P *c = o->clone(); printf("%s: %d %d\n", when, static_cast<D *>(c)->q, c->p); delete c; }
void scenario(const char *when) { if (!origin) origin = new D; call(when, origin); }
SOURCE

works "a function that may throw now" \
    "old: 1/new: caught/back: 1" <<'SOURCE'
#include <cstdio>
#include <stdexcept>
int level = 1;
__attribute__((noinline)) int risky(int x) noexcept; //OLD
__attribute__((noinline)) int risky(int x); //NEW
__attribute__((noinline)) int use(int x) { return risky(x); }
void scenario(const char *when) { try { printf("%s: ", when); fflush(stdout); printf("%d\n", use(1)); } catch (const std::exception &e) { puts(e.what()); } }
int risky(int x) noexcept //OLD
{ //OLD
    return level * x; //OLD
} //OLD
int risky(int x) //NEW
{ //NEW
    if (level > 0) throw std::runtime_error("caught"); //NEW
    return level * x; //NEW
} //NEW
SOURCE

works "inline methods that others call" \
    "old: 3 6/new: 4 8/back: 3 6" <<'SOURCE'
#include <cstdio>
#include <vector>
struct Acc { std::vector<int> v; void add(int x) { v.push_back(x); } //OLD
struct Acc { std::vector<int> v; void add(int x) { v.push_back(x + (v.empty() ? 1 : 0)); } //NEW
  int sum() const { int s = 0; for (int x : v) s += x; return s; }
  virtual ~Acc() {}
  virtual int twice() const { return sum() * 2; } };
__attribute__((noinline)) void fill(Acc &a) { a.add(1); a.add(2); }
void scenario(const char *when) { Acc a; fill(a); Acc *p = &a; asm volatile("" : "+r"(p)); printf("%s: %d %d\n", when, p->sum(), p->twice()); }
SOURCE

works "a coroutine's body" \
    "old: 0 1 2/new: 0 2 4/back: 0 1 2" "-O2 -std=c++20" <<'SOURCE'
#include <coroutine>
#include <cstdio>
#include <exception>
struct Gen {
    struct promise_type {
        int value = 0;
        Gen get_return_object() { return Gen{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int v) { value = v; return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> h;
    ~Gen() { if (h) h.destroy(); }
    Gen(std::coroutine_handle<promise_type> h) : h(h) {}
    Gen(Gen &&o) : h(o.h) { o.h = nullptr; }
    int next() { h.resume(); return h.promise().value; }
};
__attribute__((noinline)) Gen count(int n)
{
    for (int i = 0; i < n; i++)
        co_yield i; //OLD
        co_yield i * 2; //NEW
}
void scenario(const char *when) { Gen g = count(5); int a = g.next(), b = g.next(), c = g.next(); printf("%s: %d %d %d\n", when, a, b, c); }
SOURCE

handlers=$(
    cat <<'SOURCE'
#include <cstdio>
#include <functional>
#include <map>
#include <string>
std::map<std::string, std::function<int(int)>> handlers;
int base = 100, calls;
__attribute__((noinline)) void setup()
{
    handlers["a"] = [](int x) { calls++; return x * 3 + 1; }; //OLD
    handlers["a"] = [](int x) { calls++; return x * 4 + base; }; //NEW
    std::string tag = "bb";
    handlers["b"] = [tag](int x) { return x + (int)tag.size() - 1; };
}
void scenario(const char *when) { if (handlers.empty()) setup(); printf("%s: %d %d\n", when, handlers["a"](5), handlers["b"](5)); }
SOURCE
)
works "a lambda that is kept in std::function beside another" "old: 16 6/new: 120 6/back: 16 6" <<<"$handlers"
works "a lambda that is kept in std::function beside another, without optimisation" \
    "old: 16 6/new: 120 6/back: 16 6" -O0 <<<"$handlers"

works "new classes, some of them templates" \
    "old: 1 0/new: 3 5/back: 1 0" <<'SOURCE'
#include <cstdio>
#include <list>
#include <string>
#include <typeinfo>
struct Rule { virtual ~Rule() {} virtual int apply(int x) { return x; } };
namespace {
struct Twice : Rule { int apply(int x) override { return x * 2; } }; //NEW
template <class T> struct Holder : Rule { T t{}; std::string name = "h"; int apply(int x) override { return x + (int)name.size() + t; } }; //NEW
}
__attribute__((noinline)) int run(int x)
{
    std::list<Rule *> rules;
    rules.push_back(new Rule);
    rules.push_back(new Twice); rules.push_back(new Holder<int>); //NEW
    for (Rule *r : rules) { x = r->apply(x); delete r; }
    return x;
}
__attribute__((noinline)) int look(const Rule &r) {
    const Rule *p = &r;
    asm volatile("" : "+r"(p));
    return typeid(*p) == typeid(int); //OLD
    if (auto t = dynamic_cast<const Twice *>(p)) { printf("%p", (const void *)t); return 9; } //NEW
    return 5; //NEW
}
void scenario(const char *when) { Rule r; printf("%s: %d %d\n", when, run(1), look(r)); }
SOURCE

works "inline variables and statics of templates" \
    "old: 1 3/new: 12 4/back: 3 5" <<'SOURCE'
#include <cstdio>
#include <string>
inline int shared_count = 0;
template <class T> struct Reg { static inline int uses = 2; __attribute__((noinline)) static int use() { return ++uses; } };
struct Cfg { inline static std::string name = "n"; };
__attribute__((noinline)) int tick(int x)
{
    shared_count += 1; return shared_count; //OLD
    shared_count += 1; return shared_count + x * 10 + (Cfg::name == "m"); //NEW
}
void scenario(const char *when) { printf("%s: %d %d\n", when, tick(1), Reg<int>::use()); }
SOURCE

works "constructors of virtual bases" \
    "old: 1 2 3/new: 10 2 30/back: 1 2 3" <<'SOURCE'
#include <cstdio>
struct V { int v; V(int x); virtual ~V(); };
struct L : virtual V { int l; L(int x); ~L(); };
struct M : L { int m; M(int x); ~M(); };
V::V(int x) : v(x) {} //OLD
V::V(int x) : v(x * 10) {} //NEW
V::~V() { v = 0; }
L::L(int x) : V(x), l(x + 1) {}
L::~L() { l = 0; }
M::M(int x) : V(x), L(x), m(x + 2) {} //OLD
M::M(int x) : V(x), L(x), m((x + 2) * 10) {} //NEW
M::~M() { m = 0; }
void scenario(const char *when) { M m(1); M *p = &m; asm volatile("" : "+r"(p)); printf("%s: %d %d %d\n", when, p->v, p->l, p->m); }
SOURCE

# The copy of an inline function that won is another object's, with the literals of that one.
cat >scale.h <<'SOURCE'
inline __attribute__((noinline)) double scale(int x) { return x * 2.5; }
SOURCE
{ echo '#include "scale.h"' && cat main.cpp && echo 'double first = scale(3);'; } >with.cpp && mv with.cpp main.cpp
LINK=program
build_case g++ -O0 <<'SOURCE'
#include <cstdio>
#include "scale.h"
double half(double x)
{
    return x * 0.5; //OLD
    return x * 0.25; //NEW
}
void scenario(const char *when) { printf("%s: %g\n", when, scale(4) + half(8.0)); }
SOURCE
applies "an inline function of which another object's copy won (g++ -O0)" "old: 14/new: 12/back: 14"

finish
