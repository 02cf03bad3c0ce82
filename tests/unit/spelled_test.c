/* SPDX-License-Identifier: Apache-2.0 */
/* Picking functions of C++ by the names that people write: classes, namespaces, overloads, instantiations. */
#include "program_fixture.h"

#include "elf/demangle.h"
#include "pick_fixture.h"
#include "program/scoped.h"

static const char shop[] =
    "#include <string>\n"
    "namespace shop {\n"
    "struct Order { int t; Order(int); Order(long); ~Order(); int total(int) const; int total() const;\n"
    "  int total(const std::string &, const Order *, unsigned long); static int make(int); int operator()(int);\n"
    "  bool operator<(const Order &) const; operator bool() const; struct Line { int sum(); }; };\n"
    "Order::Order(int x) : t(x) {}\nOrder::Order(long x) : t((int)x) {}\nOrder::~Order() { t = 0; }\n"
    "int Order::total(int x) const { auto f = [this](int y) { return t + y; }; return f(x); }\n"
    "int Order::total() const { return t; }\nint Order::make(int x) { return x; }\n"
    "int Order::total(const std::string &, const Order *, unsigned long) { return 1; }\n"
    "int Order::operator()(int x) { return x; }\nOrder::operator bool() const { return t; }\n"
    "bool Order::operator<(const Order &o) const { return t < o.t; }\nint Order::Line::sum() { return 2; }\n"
    "int fee(Order o) { return o.t; }\n"
    "namespace detail { int round(int x) { return x; } }\n"
    "namespace { __attribute__((noinline, used)) int hidden(int x) { return x; } }\n"
    "template <class T> struct Box { T t; T get() const; T put(T); };\n"
    "template <class T> T Box<T>::get() const { return t; }\ntemplate <class T> T Box<T>::put(T x) { return t = x; }\n"
    "template struct Box<int>;\ntemplate struct Box<unsigned long>;\n"
    "struct [[gnu::abi_tag(\"v2\")]] Tag { int x; };\nTag tagged(int x) { return Tag{x}; }\n"
    "}\n"
    "template <class T> T most(T a, T b) { return a < b ? b : a; }\n"
    "template int most<int>(int, int);\ntemplate long most<long>(long, long);\n"
    "namespace store { struct Order { int total(int); }; int Order::total(int x) { return x; }\n"
    "  int round(int x) { return x; } namespace detail { int cut(int x) { return x; } } }\n"
    "int round(int x) { return x + 1; }\n"
    "struct Base { virtual ~Base(); virtual int area(); };\nBase::~Base() {}\nint Base::area() { return 1; }\n"
    "struct Other { virtual int area2(); int o; };\nint Other::area2() { return 2; }\n"
    "struct Both : Other, Base { int area() override; };\nint Both::area() { return 3; }\n";

static const char *const compilers[] = {"g++", "clang++"};
static struct hf_program *targets[FIXTURE_COUNT(compilers)], *patches[FIXTURE_COUNT(compilers)];
static struct hf_program *target, *patch; /* of the compiler that a test is about */
static const char *compiler;

static int make_programs(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    fixture_write("shop.cc", shop);
    fixture_write("store/other.cc", "int lonely(int x) { return x; }\n");
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        /* The files of the compiler before are mapped: they are not overwritten. */
        assert_run("rm -f target.so patch.so && %s -g -O0 -shared -fPIC -Wl,--build-id -o target.so shop.cc "
                   "store/other.cc && cp target.so patch.so",
                   compilers[i]);
        targets[i] = fixture_open("target.so", NULL);
        patches[i] = fixture_open("patch.so", NULL);
    }
    return 0;
}

static int close_programs(void **state)
{
    for (size_t i = 0; i < FIXTURE_COUNT(compilers); i++) {
        hf_program_close(targets[i]);
        hf_program_close(patches[i]);
    }
    return fixture_teardown(state);
}

static void use(size_t index)
{
    compiler = compilers[index];
    target = targets[index];
    patch = patches[index];
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Resolves, and gives the names picked, in alphabetical order and separated by bars; the message where it is refused.
 */
static const char *picked(const struct hf_pick *picks, size_t count)
{
    static char text[4096];
    char *names[64];
    HF_FREE struct hf_pair *pairs = NULL;
    size_t pair_count = 0;

    text[0] = '\0';
    if (hf_pick_resolve(picks, count, target, patch, &pairs, &pair_count, &fixture_error) != 0)
        return fixture_error.message;
    assert_true(pair_count <= FIXTURE_COUNT(names));
    for (size_t i = 0; i < pair_count; i++) {
        names[i] = hf_demangle(pairs[i].old_function->name, HF_DEMANGLE_FUNCTION);
        names[i] = names[i] ? names[i] : strdup(pairs[i].old_function->name);
    }
    qsort(names, pair_count, sizeof(*names), by_text);
    for (size_t i = 0; i < pair_count; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            sprintf(text + strlen(text), "%s%s", *text ? " | " : "", names[i]);
    }
    for (size_t i = 0; i < pair_count; i++)
        free(names[i]);
    return text;
}

#define PICK(...) picked((const struct hf_pick[]){__VA_ARGS__}, FIXTURE_COUNT(((const struct hf_pick[]){__VA_ARGS__})))
#define assert_says(text, part)                                                                                        \
    do {                                                                                                               \
        const char *said = text;                                                                                       \
        if (!strstr(said, part))                                                                                       \
            fail_msg("'%s' lacks '%s'", said, part);                                                                   \
    } while (0)

static void a_name_that_means_several_lists_them(void)
{
    assert_says(PICK(FUNC("total")),
                "--func total: 4 functions of target.so have that name, write which: shop::Order::");
    assert_says(PICK(FUNC("shop::Order::total")), "3 functions");
    assert_says(PICK(FUNC("shop::Order::Order")), "2 functions");
    assert_says(PICK(FUNC("round")), "3 functions");
    assert_says(PICK(FUNC("most")),
                "2 functions of target.so have that name, write which: most<int>(int, int), most<long>(long, long)");
    assert_says(PICK(FUNC("Box<*>::get"), FUNC("get")), "2 functions");
    assert_says(PICK(CLASS("Order")),
                "--class Order: 2 scopes of target.so have that name, write which: shop::Order, store::Order");
    assert_says(PICK(CLASS("Box")), "shop::Box<int>, shop::Box<unsigned long>");
    assert_says(PICK(PACKAGE("detail")), "2 scopes of target.so have that name, write which: ");
}

static void what_there_is_not_is_refused(void)
{
    assert_says(PICK(FUNC("shop::Order::totals")), "there is no such function in target.so, did you mean total?");
    assert_says(PICK(FUNC("Order::total(char) const")), "there is no such function");
    assert_says(PICK(FUNC("shop::Order::total(int)")), "there is no such function");
    assert_says(PICK(FUNC("op::Order::total(int) const")), "there is no such function");
    assert_says(PICK(FUNC("::Order::total(int) const")), "there is no such function");
    assert_says(PICK(FUNC("shop::Order::")), "there is no such function");
    assert_says(PICK(FUNC("max<*>")), "there is no such function");
    assert_says(PICK(FUNC("fee<*>")), "there is no such function");
    assert_says(PICK(CLASS("shop")),
                "--class shop: shop is no class of target.so; of a namespace pick all by --package");
    assert_says(PICK(PACKAGE("shop::Order")), "shop::Order is a class of target.so; pick its methods by --class");
    assert_says(PICK(CLASS("Boxes")), "no function of target.so matches");
    assert_says(PICK(PACKAGE("sho")), "no function of target.so matches");
    assert_says(PICK(PACKAGE("store")), "has both sources and a namespace of that name: write ./store or ::store");
}

static void one_overload_is_picked_as_it_is_written(void)
{
    static const char *const total[] = {"shop::Order::total(int) const", "Order::total(int)const",
                                        "  shop :: Order :: total ( int )  const", "_ZNK4shop5Order5totalEi"};
    static const char *const text[] = {
        "total(std::string const&, shop::Order const*, unsigned long)",
        "shop::Order::total(const std::string &, const shop::Order *, unsigned long)",
        ("total(std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&, shop::Order "
         "const*, unsigned long)")};

    for (size_t i = 0; i < FIXTURE_COUNT(total); i++)
        assert_string_equal(PICK(FUNC(total[i])), "shop::Order::total(int) const");
    for (size_t i = 0; i < FIXTURE_COUNT(text); i++)
        assert_string_equal(PICK(FUNC(text[i])),
                            "shop::Order::total(std::string const&, shop::Order const*, unsigned long)");
    assert_string_equal(PICK(FUNC("fee")), "shop::fee(shop::Order)");
    assert_string_equal(PICK(FUNC("make")), "shop::Order::make(int)");
    assert_string_equal(PICK(FUNC("round(int)")), "round(int)");
    assert_string_equal(PICK(FUNC("::round")), "round(int)");
    assert_string_equal(PICK(FUNC("shop::detail::round")), "shop::detail::round(int)");
    assert_string_equal(PICK(FUNC("hidden")), "shop::(anonymous namespace)::hidden(int)");
    assert_string_equal(PICK(FUNC("(anonymous namespace)::hidden(int)@shop.cc")),
                        "shop::(anonymous namespace)::hidden(int)");
    assert_string_equal(PICK(FUNC("tagged")), "shop::tagged[abi:v2](int)");
    assert_string_equal(PICK(FUNC("Order::operator()")), "shop::Order::operator()(int)");
    assert_string_equal(PICK(FUNC("operator<(const shop::Order &) const")),
                        "shop::Order::operator<(shop::Order const&) const");
    assert_string_equal(PICK(FUNC("Order::operator bool")), "shop::Order::operator bool() const");
    assert_string_equal(PICK(FUNC("Order::Order(int)")), "shop::Order::Order(int)");
    assert_string_equal(PICK(FUNC("~Base")), "Base::~Base()");
    assert_string_equal(PICK(FUNC("Both::area")), "Both::area() | non-virtual thunk to Both::area()");
    assert_string_equal(PICK(FUNC("lonely"), FUNC("Line::sum")), "lonely(int) | shop::Order::Line::sum()");
}

static void instantiations_are_picked_together_or_alone(void)
{
    assert_string_equal(PICK(FUNC("most<*>")), "most<int>(int, int) | most<long>(long, long)");
    assert_string_equal(PICK(FUNC("most<long>")), "most<long>(long, long)");
    assert_string_equal(PICK(FUNC("int most<int>(int, int)")), "most<int>(int, int)");
    assert_string_equal(PICK(FUNC("Box<*>::get")),
                        "shop::Box<int>::get() const | shop::Box<unsigned long>::get() const");
    assert_string_equal(PICK(CLASS("Box<unsigned long>")),
                        "shop::Box<unsigned long>::get() const | shop::Box<unsigned long>::put(unsigned long)");
    assert_string_equal(PICK(CLASS("Box<*>"), EXCLUDE("*::put*")),
                        "shop::Box<int>::get() const | shop::Box<unsigned long>::get() const");
}

static void a_class_is_all_its_methods(void)
{
    static const char all[] =
        "shop::Order::Order(int) | shop::Order::Order(long) | shop::Order::make(int) | shop::Order::operator bool() "
        "const"
        " | shop::Order::operator()(int) | shop::Order::operator<(shop::Order const&) const"
        " | shop::Order::total() const | shop::Order::total(int) const"
        " | shop::Order::total(int) const::{lambda(int)#1}::operator()(int) const"
        " | shop::Order::total(std::string const&, shop::Order const*, unsigned long) | shop::Order::~Order()";

    if (strcmp(compiler, "g++") == 0) {
        assert_string_equal(PICK(CLASS("shop::Order")), all);
        assert_string_equal(PICK(CLASS("::shop::Order"), FUNC("Order::make")), all);
    }
    assert_string_equal(PICK(CLASS("struct shop::Order"), EXCLUDE("*total*"), EXCLUDE("_ZN4shop5OrderC*"),
                             EXCLUDE("shop::Order::operator*")),
                        "shop::Order::make(int) | shop::Order::~Order()");
    assert_string_equal(PICK(CLASS("Line"), FUNC("fee")), "shop::Order::Line::sum() | shop::fee(shop::Order)");
    /* Whose first parameter is the type, as ever. */
    assert_says(PICK(CLASS("*Line")), "shop::Order::Line::sum()");
}

static void a_namespace_is_all_below_it(void)
{
    assert_string_equal(PICK(PACKAGE("::store")),
                        "store::Order::total(int) | store::detail::cut(int) | store::round(int)");
    assert_string_equal(PICK(PACKAGE("./store")), "lonely(int)");
    assert_string_equal(PICK(PACKAGE("shop::detail"), FUNC("cut")),
                        "shop::detail::round(int) | store::detail::cut(int)");
    assert_string_equal(PICK(PACKAGE("shop"), EXCLUDE("shop::Order::*"), EXCLUDE("shop::Box<*"), EXCLUDE("*[[]abi:*")),
                        "shop::(anonymous namespace)::hidden(int) | shop::detail::round(int) | shop::fee(shop::Order)");
}

/* A test for each compiler. */
#define BOTH(name)                                                                                                     \
    static void name##_with_gcc(void **state)                                                                          \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        use(0);                                                                                                        \
        name();                                                                                                        \
    }                                                                                                                  \
    static void name##_with_clang(void **state)                                                                        \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        use(1);                                                                                                        \
        name();                                                                                                        \
    }
BOTH(a_name_that_means_several_lists_them)
BOTH(what_there_is_not_is_refused)
BOTH(one_overload_is_picked_as_it_is_written)
BOTH(instantiations_are_picked_together_or_alone)
BOTH(a_class_is_all_its_methods)
BOTH(a_namespace_is_all_below_it)

/* Names are the user's, or those of foreign files: with any byte in any place they are read, and come to an end. */
static void names_may_hold_any_byte(void **state)
{
    static const char *const names[] = {"int most<int>(int)", "shop::Order::operator bool() const",
                                        "(anonymous namespace)::hidden(int)", "std::f<a,b>::g(char const*)"};
    struct hf_scoped scoped;

    (void)state;
    for (size_t i = 0; i < FIXTURE_COUNT(names); i++)
        for (size_t at = 0; names[i][at]; at++)
            for (int byte = 1; byte < 256; byte++) {
                char *text = strdup(names[i]);
                text[at] = (char)byte;
                if (hf_scoped_read(text, &scoped) == 0)
                    hf_scoped_deinit(&scoped);
                free(text);
            }
    if (hf_scoped_read_symbol("_Z3a\nbv", &scoped) == 0)
        hf_scoped_deinit(&scoped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_may_hold_any_byte),
        cmocka_unit_test(a_name_that_means_several_lists_them_with_gcc),
        cmocka_unit_test(a_name_that_means_several_lists_them_with_clang),
        cmocka_unit_test(what_there_is_not_is_refused_with_gcc),
        cmocka_unit_test(what_there_is_not_is_refused_with_clang),
        cmocka_unit_test(one_overload_is_picked_as_it_is_written_with_gcc),
        cmocka_unit_test(one_overload_is_picked_as_it_is_written_with_clang),
        cmocka_unit_test(instantiations_are_picked_together_or_alone_with_gcc),
        cmocka_unit_test(instantiations_are_picked_together_or_alone_with_clang),
        cmocka_unit_test(a_class_is_all_its_methods_with_gcc),
        cmocka_unit_test(a_class_is_all_its_methods_with_clang),
        cmocka_unit_test(a_namespace_is_all_below_it_with_gcc),
        cmocka_unit_test(a_namespace_is_all_below_it_with_clang),
    };

    return cmocka_run_group_tests(tests, make_programs, close_programs);
}
