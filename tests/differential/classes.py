# SPDX-License-Identifier: Apache-2.0
"""Random programs in C++ and fixes of them: classes with virtual methods, templates in a header, lambdas that are kept,
statics of functions, exceptions with clean-ups.

A program is a list of bodies. Every body is a function of its own name in the oracle, where it holds the release's version
and the fix's and asks which counts; in the target it is whichever is compiled. So a lambda, a virtual method or an instance
of a template that the release made does what the fix says once it is applied, and its own state stays.
"""
import copy

WORDS = ("tariff", "ledger", "parcel", "meter", "quota", "signal", "harbour", "basket", "orchard", "window")
WORKS, MAY, REFUSED = "works", "may be refused", "has to be refused"


class Body:
    """A function, a method, the body of a lambda, or a template's."""

    def __init__(self, name, kind, file, head, level):
        self.name, self.kind, self.file, self.head, self.level = name, kind, file, head, level
        self.lines = []
        self.statics = []       # (name, declaration, new); those of the fix are its own
        self.new = False


class Program:
    def __init__(self, rng):
        self.rng = rng
        self.files = ["f%d" % n for n in range(rng.choice((1, 2, 2)))]
        self.bodies = {}
        self.count = 0
        self.members = {"Shape": ["long size", "long seen"], "Round": ["long round"], "Flat": ["long flat"]}
        self.virtuals = ["area", "grow"]
        self.virtual_base = rng.randrange(3) == 0
        self.classes = []       # that the fix brings: (name, number)

    def uid(self):
        self.count += 1
        return self.count

    def chance(self, percent):
        return self.rng.randrange(100) < percent

    def number(self):
        return str(self.rng.choice((1, 2, 3, 5, 7, 11, 13, 100, 255, 1000)))

    def add(self, name, kind, file, head, level, count=None):
        body = Body(name, kind, file, head, level)
        self.bodies[name] = body
        for _ in range(count or self.rng.randint(2, 5)):
            body.lines += self.statement(body)
        return body

    # Statements: each a list of lines that leave r changed. Values: r, a, and what the kind of body sees.

    def value(self, body):
        choices = ["r", "a", self.number(), "state[a & 7]", "total"]
        if body.kind in ("method", "static method") and body.kind == "method":
            choices += ["(u)size", "(u)seen"]
        if body.kind == "lambda":
            choices += ["k", "k"]
        return self.rng.choice(choices)

    def condition(self, body):
        return "(%s & %s)" % (self.value(body), self.rng.choice(("1", "2", "4"))) if self.chance(60) else \
            "(%s > %s)" % (self.value(body), self.number())

    def statement(self, body, depth=0):
        kinds = [self.arithmetic] * 3 + [self.store] * 2 + [self.text, self.container, self.guard]
        if body.level:
            kinds += [self.call] * 4 + [self.instance] * 2 + [self.sort]
        if body.level >= 2:
            kinds += [self.virtual_call] * 3 + [self.keep, self.keep, self.run_kept, self.make, self.make, self.catcher, self.cast]
        if body.kind == "function" and not depth:
            kinds += [self.static, self.thrower]
        if depth < 1:
            kinds += [self.branch]
        return self.rng.choice(kinds)(body, depth)

    def arithmetic(self, body, depth):
        return ["r = r * %s %s %s;" % (self.number(), self.rng.choice("+^-"), self.value(body))]

    def store(self, body, depth):
        if body.kind == "method" and self.chance(50):
            return ["seen += (long)(%s);" % self.value(body)]
        return [self.rng.choice(("state[r & 7] += %s;", "total ^= %s;", "total += %s;")) % self.value(body)]

    def text(self, body, depth):
        return ['{ std::string s("%s"); s += std::to_string(r & 1023); r += s.size() + (unsigned char)s[a %% s.size()]; }' %
                self.rng.choice(WORDS)]

    def container(self, body, depth):
        kind = self.rng.choice(("std::map<u, u>", "std::map<std::string, u>", "std::vector<u>", "std::set<u>", "std::deque<u>"))
        if "map<u" in kind:
            return ["table[r & 15] += %s;" % self.value(body), "r += table.size();"]
        if "map" in kind:
            return ['names["%s"] += a; r ^= names.size();' % self.rng.choice(WORDS)]
        put = "insert" if "set" in kind else "push_back"
        return ["{ %s c; for (u i = 0; i < %d; i++) c.%s(r + i * %s); r += c.size() + *c.begin(); }" %
                (kind, self.rng.randint(2, 5), put, self.number())]

    def guard(self, body, depth):
        return ["Guard guard%d(%s);" % (self.uid(), self.number())]

    def branch(self, body, depth):
        inner = self.statement(body, depth + 1)
        return ["if %s {" % self.condition(body)] + ["    " + s for s in inner] + ["}"]

    def below(self, body):
        return [b for b in self.bodies.values() if b.kind == "function" and b.level < body.level and not b.new and
                (not b.head.startswith("static") or b.file == body.file)]

    def call(self, body, depth):
        choices = self.below(body)
        if not choices:
            return self.arithmetic(body, depth)
        return ["r %s %s(%s);" % (self.rng.choice(("+=", "^=")), self.rng.choice(choices).name, self.rng.choice(("a", "r", "r + 1", self.number())))]

    def instance(self, body, depth):
        return [self.rng.choice(("r = most<u>(r, %s);", "r += (u)most<int>((int)(r & 255), %s);", "r += box.put(%s);",
                                 "r += (u)small.put((short)%s);", "r ^= box.get() + (u)small.get();")).replace("%s", self.number())]

    def sort(self, body, depth):
        return ["{ std::vector<u> v{r, a, %s, %s}; std::sort(v.begin(), v.end(), [a](u x, u y) { return (x ^ a) %% %s < (y ^ a) %% %s; });"
                " r += v[1]; }" % (self.number(), self.number(), *[self.rng.choice(("7", "16", "100"))] * 2)]

    def virtual_call(self, body, depth):
        return ["if (!zoo.empty()) r += zoo[r %% zoo.size()]->%s(%s);" % (self.rng.choice(("area", "grow", "plain")), self.rng.choice(("a", "r & 63")))]

    def make(self, body, depth):
        return ["if (zoo.size() < 12) zoo.push_back(make_shape(%s, r));" % self.rng.choice(("0", "1", "2", "r & 3"))]

    def cast(self, body, depth):
        return ["if (!zoo.empty()) r += dynamic_cast<%s *>(zoo[a %% zoo.size()].get()) ? %s : 1;" %
                (self.rng.choice(("Round", "Flat", "Both")), self.number())]

    def keep(self, body, depth):
        name = "lam%d" % self.uid()
        kept = self.add(name, "lambda", body.file, "", 1 if body.level > 1 else 0, self.rng.randint(2, 3))
        kept.new = body.new
        return ["if (hooks.size() < 12) @%s;" % name]

    def run_kept(self, body, depth):
        return ["if (!hooks.empty()) r += hooks[r % hooks.size()](a);"]

    def static(self, body, depth):
        name = "s%d" % self.uid()
        declaration = self.rng.choice(("static u %s = %s;", "static Counter %s(%s);", "static std::string %s(%s, 'x');"))
        body.statics.append((name, declaration, self.number()))
        use = "%s += 'y'; r += %s.size();" if "string" in declaration else "r += ++%s.n;" if "Counter" in declaration else "r += %s++;"
        return ["@%s; " % name + use.replace("%s", name)]

    def thrower(self, body, depth):
        if body.level > 2:
            return self.catcher(body, depth)
        return ["if ((r & 31) == %s) throw %s;" % (self.rng.choice(("3", "5", "9")),
                                                   self.rng.choice(("Fault{r}", "Fault{a + 1}", 'std::runtime_error("%s")' % self.rng.choice(WORDS))))]

    def catcher(self, body, depth):
        choices = self.below(body)
        if not choices:
            return self.arithmetic(body, depth)
        return ["try { Guard g(%s); r += %s(r & 31); } catch (const Fault &f) { r ^= f.value + %s; } catch (const std::exception &e) { r += strlen(e.what()); }" %
                (self.number(), self.rng.choice(choices).name, self.number())]


def make(rng):
    p = Program(rng)
    header = "inline"
    for method in ("area", "grow", "plain"):
        p.add("Shape::%s" % method, "method", p.rng.choice([header] + p.files), "u Shape::%s(u a)" % method, 0)
    p.add("Round::area", "method", p.rng.choice([header] + p.files), "u Round::area(u a)", 0)
    p.add("Flat::area", "method", p.rng.choice(p.files), "u Flat::area(u a)", 1)
    p.add("Both::grow", "method", p.rng.choice(p.files), "u Both::grow(u a)", 1)
    p.add("most", "template", header, "template <class T> T most(T x, T y)", 0, 2)
    p.add("Box::put", "template", header, "template <class T> T Box<T>::put(T x)", 0, 2)
    for level in (0, 1, 2):
        for file in p.files:
            for _ in range(rng.randint(1, 2)):
                static = rng.choice(("static ", "", ""))
                name = "%s%d" % (rng.choice(WORDS), p.uid())
                p.add(name, "function", file, "%su %s(u a)" % (static, name), level)
    for file in p.files:
        for _ in range(2):
            name = "entry%d" % p.uid()
            body = p.add(name, "function", file, "u %s(u a)" % name, 3)
            body.lines += p.make(body, 0) + p.keep(body, 0) + p.virtual_call(body, 0) + p.run_kept(body, 0)
    return p


# Fixes.

KINDS = {}


def kind(verdict, weight=4):
    def add(function):
        KINDS[function.__name__] = (function, verdict, weight)
        return function
    return add


def old_bodies(p):
    return [b for b in p.bodies.values() if not b.new]


@kind(WORKS, 10)
def statement(p):
    body = p.rng.choice([b for b in old_bodies(p) if b.kind != "template"])
    body.lines[p.rng.randint(0, len(body.lines)):0] = p.statement(body)
    return True


@kind(WORKS, 10)
def constant(p):
    body = p.rng.choice(old_bodies(p))
    body.lines.append("r += %d;" % p.rng.randrange(2000, 9000))
    return True


@kind(WORKS, 4)
def less(p):
    body = p.rng.choice([b for b in old_bodies(p) if len(b.lines) > 2 and b.kind != "template"])
    places = [n for n, s in enumerate(body.lines) if "@" not in s and s.endswith(";") and not s.startswith(" ") and "Guard" not in s]
    if not places:
        return False
    del body.lines[p.rng.choice(places)]
    return True


@kind(WORKS, 4)
def function(p):
    user = p.rng.choice([b for b in old_bodies(p) if b.kind == "function" and b.level])
    name = "added%d" % p.uid()
    new = Body(name, "function", user.file, "static u %s(u a)" % name, 1)
    new.new = True
    p.bodies[name] = new
    for _ in range(3):
        new.lines += p.statement(new)
    user.lines.append("r += %s(a);" % name)
    return True


@kind(WORKS, 4)
def subclass(p):
    """A class of the fix's own; objects of it are made, used and gone within one call."""
    user = p.rng.choice([b for b in old_bodies(p) if b.kind == "function" and b.level])
    name = "New%d" % p.uid()
    p.classes.append((user.file, name, p.number()))
    user.lines.append("{ std::unique_ptr<Shape> s(new %s); r += s->area(a) + s->grow(1) + (dynamic_cast<%s *>(s.get()) != nullptr); }" % (name, name))
    return True


@kind(MAY, 3)
def lambda_in_front(p):
    user = p.rng.choice([b for b in old_bodies(p) if b.kind == "function" and any("@lam" in s for s in b.lines)])
    user.lines[0:0] = p.keep(user, 0)
    return True


@kind(REFUSED, 1)
def member(p):
    p.members[p.rng.choice(sorted(p.members))].insert(0, "long added")
    return True


@kind(REFUSED, 1)
def virtual(p):
    p.virtuals.insert(0, "added")
    return True


def fix(release):
    p = copy.deepcopy(release)
    names, worst = [], WORKS
    for _ in range(p.rng.choice((1, 1, 2, 3))):
        name = p.rng.choices(list(KINDS), [k[2] for k in KINDS.values()])[0]
        change, verdict, _ = KINDS[name]
        if change(p):
            names.append(name)
            worst = max(worst, verdict, key=(WORKS, MAY, REFUSED).index)
    return p, names, worst


# Printing.

TOP = r"""#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>
typedef unsigned long u;
extern u state[8], total;
struct Fault { u value; };
struct Guard { u k; explicit Guard(u k) : k(k) { total += k; } ~Guard() { total ^= k * 3; } };
struct Counter { u n; explicit Counter(u n) : n(n) {} ~Counter() { n = 0; } };
"""

GLOBALS = """extern std::vector<std::unique_ptr<Shape>> zoo;
extern std::vector<std::function<u(u)>> hooks;
extern std::map<u, u> table;
extern std::map<std::string, u> names;
extern Box<u> box;
extern Box<short> small;
std::unique_ptr<Shape> make_shape(u kind, u a);
"""

DEFINITIONS = """u state[8], total;
std::vector<std::unique_ptr<Shape>> zoo;
std::vector<std::function<u(u)>> hooks;
std::map<u, u> table;
std::map<std::string, u> names;
Box<u> box;
Box<short> small;
std::unique_ptr<Shape> make_shape(u kind, u a)
{
    std::unique_ptr<Shape> made(kind == 0 ? new Round : kind == 1 ? (Shape *)new Flat : kind == 2 ? (Shape *)new Both : new Shape);
    made->size = (long)(a & 255);
    return made;
}
"""


class Printer:
    """worlds: one program for the target, the release and the fix for the oracle."""

    def __init__(self, worlds):
        self.worlds = worlds
        self.oracle = len(worlds) > 1
        self.p = worlds[-1]

    def classes(self):
        p, virtual = self.p, "virtual " if self.p.virtual_base else ""
        members = {c: " ".join("%s = 1;" % m for m in ms) for c, ms in p.members.items()}
        methods = " ".join("virtual u %s(u a)%s" % (v, " { return a; }" if v == "added" else ";") for v in p.virtuals)
        return """struct Shape { %s %s u plain(u a); virtual ~Shape() { total += (u)size; } };
struct Round : %sShape { %s u area(u a) override; ~Round() override { total += 2; } };
struct Flat : %sShape { %s u area(u a) override; };
struct Both : Guard, Flat { Both() : Guard(7) {} u grow(u a) override; };
template <class T> T most(T x, T y);
template <class T> struct Box { T kept = 3; T put(T x); T get() const { return kept; } };
""" % (members["Shape"], methods, virtual, members["Round"], virtual, members["Flat"])

    def expand(self, body, line, indent):
        """Statics and lambdas in place."""
        for name, declaration, value in body.statics:
            if "@%s;" % name in line:
                text = declaration % (name, value)
                line = line.replace("@%s;" % name, "auto &%s = %s_of();" % (name, name) if self.oracle else text)
        at = line.find("@lam")
        if at >= 0:
            name = line[at + 1:line.index(";", at)]
            if self.oracle:
                inner = "hooks.push_back([k = r](u a) -> u { return %s(k, a); })" % name
            else:
                lines = self.inner(self.p.bodies[name])
                inner = "hooks.push_back([k = r](u a) -> u {\n%s\n    })" % "\n".join("        " + s for s in lines)
            line = line[:at] + inner + line[at + 1 + len(name):]
        return indent + line

    def inner(self, body):
        first = ["T r = x > y ? x : y;"] if body.name == "most" else ["kept = (T)(kept + x);", "T r = kept;"] if body.name == "Box::put" else ["u r = a + 1;"]
        lines = []
        for s in body.lines:
            if body.kind == "template":
                s = s if s.startswith("r += ") and "(" not in s else "r = (T)(r * 3 + 1);"
            lines.append(self.expand(body, s, ""))
        return first + lines + ["return r;"]

    def versions(self, name):
        return [w.bodies.get(name) for w in self.worlds]

    def define(self, name):
        """A definition with all versions; those of lambdas in the oracle only."""
        bodies = self.versions(name)
        body = next(b for b in bodies if b)
        head = body.head if body.kind != "lambda" else "u %s(u k, u a)" % name
        out = []
        seen = set()
        for b in bodies:
            for s, declaration, value in (b.statics if b and self.oracle else []):
                if s not in seen:
                    seen.add(s)
                    kind = declaration.split()[1]
                    out.append("static %s &%s_of() { %s return %s; }" % (kind, s, declaration % (s, value), s))
        if not self.oracle:
            return ["", head, "{"] + ["    " + s for s in self.inner(body)] + ["}"]
        out += ["", head, "{", "    if (world) {"]
        if bodies[1]:
            out += ["        " + s for s in self.inner(bodies[1])]
        else:
            out += ["        abort();"]
        out += ["    }"]
        out += ["    " + s for s in self.inner(bodies[0])] if bodies[0] else ["    abort();"]
        return out + ["}"]

    def names(self, file):
        found = []
        for w in self.worlds:
            for name, b in w.bodies.items():
                if b.file == file and name not in found and (self.oracle or b.kind != "lambda"):
                    found.append(name)
        return found

    def prototypes(self, file=None):
        out = []
        for w in self.worlds:
            for b in w.bodies.values():
                if b.kind == "function" and (b.file == file if file else not b.head.startswith("static")) and b.head + ";" not in out:
                    if bool(file) == b.head.startswith("static"):
                        out.append(b.head + ";")
                if b.kind == "lambda" and self.oracle and not file:
                    out.append("u %s(u k, u a);" % b.name)
        return out

    def added_classes(self, file):
        return ["namespace { struct %s : Shape { u area(u a) override { return a * %s; } ~%s() override { total += 5; } }; }" % (name, k, name)
                for where, name, k in self.p.classes if where == file]

    def header(self):
        out = [TOP] + (["#include <cstdlib>", "extern int world;"] if self.oracle else []) + [self.classes() + GLOBALS] + self.prototypes()
        for name in self.names("inline"):
            lines = self.define(name)
            at = next(n for n, s in enumerate(lines) if s and not s.startswith("static "))
            if not lines[at].startswith("template"):
                lines[at] = "inline " + lines[at]
            out += lines
        return "\n".join(out) + "\n"

    def file(self, file):
        out = ['#include "p.h"'] + ([DEFINITIONS] if file == self.p.files[0] else [])
        out += self.prototypes(file) + self.added_classes(file)
        for name in self.names(file):
            out += self.define(name)
        return "\n".join(out) + "\n"


def print_target(p):
    printer = Printer([p])
    return {"p.h": printer.header(), **{f + ".cpp": printer.file(f) for f in p.files}}


def print_oracle(release, fixed):
    printer = Printer([release, fixed])
    return printer.header().replace("#pragma once", "") + "".join(printer.file(f).replace('#include "p.h"\n', "") for f in release.files) + "int world;\n"
