# SPDX-License-Identifier: Apache-2.0
"""Prints a program: its header and files as they are compiled for the target, and, of several versions of it, the oracle.

The oracle is one file that holds all versions of every function over one state. A function's dispatcher calls the version
that counts in the world of the moment, which apply and revert change. An activation keeps the world that it began in (W):
its own code, constants and constant tables stay as they were, while its calls reach what counts now. Where it is inside
an old version, or had a callee inlined, compilers and hotfix are free to have it call the old version or the new one:
stale() then asks the run's choices, and the target may behave as any run.
"""
import re

from program import TYPES

MARK = re.compile(r"@v(\d+);|@d(\d+);|@p(\d+);|@f(\d+)\(|@\)(\d+);|#(\d+)#|@n(\d+);|@e(\d+);|@(line|set);")
HEAD = "typedef unsigned long u;\nextern u (*reg[4])(u);\nvoid hook(u);\nvoid sink(u);\n"


def quoted(init):
    return ", ".join("%d" % i for i in init)


class Printer:
    """Marks of one version of a program as text."""

    def __init__(self, program):
        self.p = program

    def text(self, caller, text):
        return MARK.sub(lambda m: self.mark(caller, m), text)

    def mark(self, caller, m):
        p = self.p
        var, declared, pointer, function, closed, number, near, enum, word = m.groups()
        if number:
            return number
        if var:
            return self.var(p.vars[int(var)])
        if declared:
            return self.declared(p.vars[int(declared)])
        if pointer:
            return self.pointer(p.funcs[int(pointer)])
        if function:
            return self.called(caller, p.funcs[int(function)]) + self.extras(caller, p.funcs[int(function)], True)
        if closed:
            return self.extras(caller, p.funcs[int(closed)], False) + ")"
        if near:
            return self.near(int(near))
        if enum:
            return self.enum(int(enum))
        return self.line() if word == "line" else self.walk()

    def extras(self, caller, function, front):
        """Arguments for the parameters that a fix added."""
        own = [e[0] for e in caller.extra]
        texts = ["%s + 1" % e[0] if e[0] in own else self.text(caller, e[2]) for e in function.extra if e[1] == front]
        return "".join("%s, " % t if front else ", %s" % t for t in texts)

    def params(self, function):
        front = [("u", e[0]) for e in function.extra if e[1]]
        back = [("u", e[0]) for e in function.extra if not e[1]]
        return ["%s %s" % p for p in front + function.params + back]

    def lines(self, caller, body, depth):
        for statement in body:
            if isinstance(statement, str):
                yield "    " * depth, caller, statement
            else:
                yield "    " * depth, caller, statement[0] + " {"
                yield from self.lines(caller, statement[1], depth + 1)
                yield "    " * depth, caller, "}"


class Target(Printer):
    """Files as they are compiled. Finds out which lines things are at."""

    def __init__(self, program):
        super().__init__(program)
        self.out, self.at = [], {}

    def var(self, var):
        return var.name

    def declared(self, var):
        return "static %s %s = %s;" % (var.ctype, var.name, quoted(var.init))

    def pointer(self, function):
        return function.name

    def called(self, caller, function):
        return function.name + "("

    def near(self, uid):
        value = self.p.near[uid]
        if value == "track":
            value = self.at[uid] = len(self.out) + 1
        return "%d" % value

    def enum(self, uid):
        return self.p.enums[uid][0]

    def line(self):
        return "__LINE__"

    def walk(self):
        return "for (const struct entry *e = __start_entries; e < __stop_entries; e++) r += e->k;"

    def prototype(self, function):
        words = ["noinline"] * function.noinline + [function.attribute] * bool(function.attribute)
        attribute = "__attribute__((%s)) " % ", ".join(words) if words else ""
        static = "static inline " if function.kind == "helper" else "static " if function.static else ""
        return "%s%su %s(%s)" % (attribute, static, function.name, ", ".join(self.params(function)))

    def defined(self, var):
        words = "static " if var.kind == "static" else ""
        words += "__thread " if var.tls else ""
        if var.ctype == "text":
            return "static const char *%s;" % var.name
        if var.ctype == "name":
            return 'static const char *const %s = "%s";' % (var.name, var.init[0])
        if var.ctype == "words":
            return "static const char *const %s[] = {%s};" % (var.name, ", ".join('"%s"' % w for w in var.init))
        if var.ctype == "ops":
            names = ", ".join(self.p.funcs[f].name for f in var.init)
            return "static u (*const %s[%d])(u) = {%s};" % (var.name, var.size, names)
        if var.kind == "set":
            return 'static const struct entry %s __attribute__((section("entries"), used)) = {%d};' % (var.name, var.init[0])
        words += "const " if var.const else ""
        if var.ctype == "struct item":
            return "%s%s %s = {%s};" % (words, var.ctype, var.name, quoted(var.init))
        if var.size:
            return "%s%s %s[%d] = {%s};" % (words, var.ctype, var.name, var.size, quoted(var.init))
        return "%s%s %s = %d;" % (words, var.ctype, var.name, var.init[0])

    def header(self):
        p = self.p
        self.out = HEAD.splitlines()
        for name, fields in p.structs.items():
            self.out.append("struct %s { %s };" % (name, " ".join("u %s;" % f for f in fields)))
        if p.live.get("set"):
            self.out.append("struct entry { u k; };\nextern const struct entry __start_entries[], __stop_entries[];")
        if p.enums:
            self.out.append("enum kind { %s };" % ", ".join("%s = %d" % e for e in p.enums.values()))
        for v in p.vars.values():
            if v.kind == "global":
                self.out.append("extern %s%s %s%s;" % ("const " if v.const else "", v.ctype, v.name, "[%d]" % v.size if v.size else ""))
        for f in p.funcs.values():
            if not f.static:
                hidden = '__attribute__((visibility("hidden"))) ' if "hidden" in f.attribute else ""
                self.out.append("%su %s(%s);" % (hidden, f.name, ", ".join(self.params(f))))
        for f in p.funcs.values():
            if f.kind == "helper":
                self.function(f)
        return "\n".join(self.out) + "\n"

    def function(self, function):
        self.out += [self.prototype(function), "{", "    u r = 1, t = 0;"]
        for indent, caller, text in self.lines(function, function.body, 1):
            self.out += (indent + self.text(caller, text)).split("\n")
        self.out += ["    return %s;" % self.text(function, function.result), "}", ""]

    def file(self, file):
        p = self.p
        self.out = ["/* %s */" % file] + ["/* line %d */" % n for n in range(p.comments[file])] + ['#include "p.h"', ""]
        for uid in p.order[file]:
            if p.funcs[uid].static:
                self.out.append("static u %s(%s);" % (p.funcs[uid].name, ", ".join(self.params(p.funcs[uid]))))
        self.out += [self.defined(v) for v in p.vars.values() if v.file == file and v.kind != "local"] + [""]
        for uid in p.order[file]:
            self.function(p.funcs[uid])
        return "\n".join(self.out) + "\n"


def print_target(p, freeze=True):
    """{file name: text}; afterwards numbers that equalled their lines stay as they are, for the next version."""
    target = Target(p)
    texts = {"p.h": target.header()}
    for file in p.files:
        texts[file + ".c"] = target.file(file)
    p.lines_at = target.at
    return texts


def freeze(p):
    for uid in p.near:
        if p.near[uid] == "track":
            p.near[uid] = p.lines_at.get(uid, 1)


class Body(Printer):
    """The body of a function of one world, for the oracle."""

    def __init__(self, oracle, world):
        super().__init__(oracle.worlds[world])
        self.oracle, self.world = oracle, world

    def var(self, var):
        return self.oracle.var_name(var, self.world)

    def declared(self, var):
        return ""

    def pointer(self, function):
        return self.oracle.pointer_name(function, self.world)

    def called(self, caller, function):
        return "f%d_%d(%d, W, " % (function.uid, self.oracle.shapes[function.uid][self.world], caller.uid)

    def near(self, uid):
        value = self.p.near[uid]
        return "%d" % (self.p.lines_at.get(uid, 0) if value == "track" else value)

    def enum(self, uid):
        return "%d" % self.p.enums[uid][1]

    def line(self):
        return "0"

    def walk(self):
        return "r += %d;" % sum(v.init[0] for v in self.p.vars.values() if v.kind == "set")

    def whole(self, function):
        lines = ["    " + indent + self.text(caller, text) for indent, caller, text in self.lines(function, function.body, 0)]
        return "\n".join(["    u r = 1, t = 0;"] + lines + ["    return %s;" % self.text(function, function.result)])


class Oracle:
    """worlds: the versions, [0] the release; bundle_of: which copy of a fix's new variables a world's bodies use."""

    def __init__(self, worlds, copy_of, removed=()):
        """removed: static variables of the release for which its compiler left no room, as it proved what they hold."""
        self.worlds, self.copy_of, self.removed = worlds, copy_of, set(removed)
        self.funcs = sorted({uid for w in worlds for uid in w.funcs})
        self.canon, self.shapes, self.texts, self.shape_params = {}, {}, {}, {}
        self.find_constants()
        for uid in self.funcs:
            self.find_shapes(uid)
        for uid in self.funcs:
            self.find_bodies(uid)

    def written(self, worlds):
        found = set()
        for w in worlds:
            for f in w.funcs.values():
                text = repr(f.body)
                found |= {int(v) for v in re.findall(r"@v(\d+);(?:\[[^]]*\])? [-+^]?= |&@v(\d+);", text) for v in v if v}
        return found

    def find_constants(self):
        """Static variables that nothing writes are constants: where a fix changes the value of one, it wants the new one.
        Those that only a fix writes, or gives another initial value, the old compilation may have folded: the release's
        code then keeps their first value, and the bundle brings them as new variables (fold() asks the run's choices)."""
        statics = {uid for w in self.worlds for uid, v in w.vars.items() if v.kind in ("static", "local")}
        consts = {uid for w in self.worlds for uid, v in w.vars.items() if v.const}
        written = self.written(self.worlds)
        self.constants = consts | (statics - written)
        self.written_in = [self.written([w]) for w in self.worlds]
        known = self.worlds[0].vars
        self.folded = {uid for uid in statics & written & set(known) if uid not in self.written_in[0] or uid in self.removed
                       or any(w.vars[uid].init != known[uid].init for w in self.worlds if uid in w.vars)}

    def var_name(self, var, world):
        if var.uid in self.constants and var.ctype != "name":
            for w in range(world + 1):
                same = self.worlds[w].vars.get(var.uid)
                if same and same.init == var.init:
                    return "v%d_w%d" % (var.uid, w)
        if var.owner:
            return "v%d_b%d" % (var.uid, self.copy_of(var, world))
        if var.uid in self.folded:
            new = world and var.uid in self.removed or var.init != self.worlds[0].vars[var.uid].init or \
                var.uid in self.written_in[world] and var.uid not in self.written_in[0]
            copy = "b%d" % (self.copy_of(var, world) or 1) if new else "w0"
            star, at = ("", "") if var.size else ("*", "&")
            return "(%s(fold(%d) ? %sv%d_%s : %sv%d))" % (star, var.uid, at, var.uid, copy, at, var.uid)
        return "v%d" % var.uid

    def pointer_name(self, function, world):
        """A function that fixes brought has an address in each bundle."""
        return "p%d_b%d" % (function.uid, self.copy_of(function, world)) if function.owner else "p%d" % function.uid

    def find_shapes(self, uid):
        """Worlds in which a function has the same parameters have one shape: the first of them; -1 where it is not."""
        self.shapes[uid], self.shape_params[uid] = [], {}
        for w, p in enumerate(self.worlds):
            shape = -1
            if uid in p.funcs:
                params = Printer(p).params(p.funcs[uid])
                shape = next((s for s, known in self.shape_params[uid].items() if known == params), w)
                self.shape_params[uid][shape] = params
            self.shapes[uid].append(shape)

    def find_bodies(self, uid):
        self.canon[uid] = []
        for w, p in enumerate(self.worlds):
            text = Body(self, w).whole(p.funcs[uid]) if uid in p.funcs else None
            known = next((k for k in range(w) if self.texts.get((uid, k)) == text and self.shapes[uid][k] == self.shapes[uid][w]), w)
            if text is not None and known == w:
                self.texts[uid, w] = text
            self.canon[uid].append(known if text is not None else -1)

    def define(self, name, var, world):
        tls = "__thread " if var.tls else ""
        const = "const " if var.const else ""
        if var.ctype == "text":
            return "static const char *%s;" % name
        if var.ctype == "name":
            return 'static const char *const %s = "%s";' % (name, var.init[0])
        if var.ctype == "words":
            return "static const char *const %s[] = {%s};" % (name, ", ".join('"%s"' % w for w in var.init))
        if var.ctype == "ops":
            return "static u (*const %s[])(u) = {%s};" % (name, ", ".join(self.pointer_name(self.worlds[world].funcs[f], world) for f in var.init))
        init = quoted(var.init)
        if var.size or var.ctype == "struct item":
            return "static %s%s%s %s%s = {%s};" % (tls, const, var.ctype, name, "[%d]" % var.size if var.size else "", init)
        return "static %s%s%s %s = %s;" % (tls, const, var.ctype, name, init)

    def variables(self):
        """Definitions, and how each bundle's apply resets its own."""
        seen, out, resets = set(), [], {1: [], 2: []}
        for w, p in enumerate(self.worlds):
            for var in p.vars.values():
                if var.kind == "set":
                    continue
                name = self.var_name(var, w)
                if name in seen:
                    continue
                seen.add(name)
                if "fold(" in name:
                    name = name[name.index("v"):name.index(" :")]
                    out += [self.define("v%d" % var.uid, var, 0)] if w == 0 else []
                out.append(self.define(name, var, w))
                if "_b" in name and not var.tls and var.ctype in TYPES + ("text",):
                    places = ["%s[%d]" % (name, n) for n in range(var.size)] or [name]
                    resets[self.copy_of(var, w) or 1] += ["%s = %d;" % p for p in zip(places, var.init)]
        return out, resets, self.still_initial()

    def still_initial(self):
        """Conditions: what the compiler removed holds what it held first."""
        out = []
        for uid in sorted(self.folded & self.removed):
            var = self.worlds[0].vars[uid]
            for place in ["[%d]" % n for n in range(var.size)] or [".a", ".b", ".c"] * (var.ctype == "struct item") or [""]:
                out.append("if (fold({0}) && v{0}{1} != v{0}_w0{1}) exit(77);".format(uid, place))
        return out

    def define_pointers(self, uid, out, bodies):
        worlds = [w for w, p in enumerate(self.worlds) if uid in p.funcs]
        names = {self.pointer_name(self.worlds[w].funcs[uid], w): w for w in worlds}
        for name, w in names.items():
            # A pointer to a function that is gone, or not there any more, means what it meant last. Compilers may know
            # which function a pointer leads to, and call it as if by name.
            at = "%d" % w if "_b" in name else "canon%d[world] < 0 ? %d : inner" % (uid, worlds[-1])
            out.append("static u %s(u a);" % name)
            bodies.append("static u %s(u a) { return f%d_%d(0, %s, a); }" % (name, uid, max(self.shapes[uid]), at))

    def functions(self):
        out, bodies = [], []
        for uid in self.funcs:
            for shape, params in self.shape_params[uid].items():
                out.append("static u f%d_%d(int caller, int W, %s);" % (uid, shape, ", ".join(params)))
            out.append("static const int canon%d[] = {%s}, shape%d[] = {%s};" % (
                uid, quoted(self.canon[uid]), uid, quoted(self.shapes[uid])))
            if list(self.shape_params[uid].values())[0] == ["u a"]:
                self.define_pointers(uid, out, bodies)
        for uid in self.funcs:
            for (f, w), text in self.texts.items():
                if f == uid:
                    bodies.append("static u b%d_%d(int W, %s)\n{\n%s\n}" % (uid, w, ", ".join(self.shape_params[uid][self.shapes[uid][w]]), text))
            for shape, params in self.shape_params[uid].items():
                names = ", ".join(x.split()[-1].strip("*") for x in params)
                cases = " ".join("case %d: r = b%d_%d(t, %s); break;" % (w, uid, w, names)
                                 for w in sorted(set(self.canon[uid])) if w >= 0 and self.shapes[uid][w] == shape)
                bodies.append("static u f%d_%d(int caller, int W, %s)\n{\n    int t = pick(caller, %d, W, canon%d, shape%d, %d), outer = inner;\n"
                              "    u r = 0;\n    inner = t;\n    switch (canon%d[t]) { %s default: abort(); }\n    inner = outer;\n    return r;\n}" % (
                                  uid, shape, ", ".join(params), uid, uid, uid, shape, uid, cases))
        return out, bodies

    def print(self, runtime):
        variables, resets, conditions = self.variables()
        declared, bodies = self.functions()
        out = [HEAD.replace("extern ", ""), "struct item { u a, b, c; };", runtime] + declared + variables + bodies
        for bundle in (1, 2):
            out.append("static void reset%d(void) { %s }" % (bundle, " ".join(resets[bundle])))
        out.append("static void check_folded(void) { %s }" % " ".join(conditions))
        return "\n".join(out)
