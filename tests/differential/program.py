# SPDX-License-Identifier: Apache-2.0
"""Makes random C programs: a few files, a state, functions that change it.

A program is a set of variables and functions, each with a number of its own (uid). Whatever a fix does to a function, to
its name or to its place, the uid says which one it is; so the text that is compiled (render.py) may give equal names to
different things, as real programs do, while the oracle (oracle.py) tells them apart.

The bodies of functions are lists of statements: a text, or a list [head, [statement, ...]] for a block. Texts hold marks
for all that depends on where they are printed:

    @v7;  variable 7           @d7;  declaration of the static local variable 7
    @p7;  address of function 7    @f7( ... @)7;  call of function 7
    #7#   number that a fix may change    @n7;  number that equals, in the release, the number of its line
    @e7;  enumerator 7         @line;  __LINE__          @set;  walks the linker set, adds up in r

Everything is well defined: numbers are unsigned and wrap around, indexes are masked, loops end, calls go to functions of
a lower level only, and no statement has more than one call in it, nor reads what its call may write.
"""
import copy

WORDS = ("scale mix fold step count total level limit rate parse pick check sum weigh share trim pack order price tax "
         "stock offer grade round spread").split()
TYPES = ("u", "u", "u", "unsigned", "unsigned short", "unsigned char")


class Var:
    """kind: global, static, local (static in a block) or set (an entry of the linker set)."""

    def __init__(self, uid, name, file, kind, ctype="u", size=0, const=False, init=(0,)):
        self.uid, self.name, self.file, self.kind = uid, name, file, kind
        self.ctype, self.size, self.const, self.init = ctype, size, const, list(init)
        self.owner = 0      # the fix that brought it, 0: the release
        self.tls = False


class Func:
    """kind: plain, entry (called by the driver), callback (its address is taken), loop (waits in hook), helper (static
    inline in the header), peek (tells the state of a file's variables)."""

    def __init__(self, uid, name, file, kind, static, level):
        self.uid, self.name, self.file, self.kind, self.static, self.level = uid, name, file, kind, static, level
        self.noinline = False
        self.attribute = ""
        self.params = [("u", "a"), ("u", "b")]
        self.extra = []     # parameters that a fix added: (name, front, number for callers that have none)
        self.body = []
        self.result = "r"
        self.owner = 0


class Program:
    def __init__(self, rng):
        self.rng, self.next_uid, self.owner = rng, 1, 0
        self.files, self.vars, self.funcs, self.order = [], {}, {}, {}
        self.structs = {"item": ["a", "b", "c"]}
        self.enums = {}     # uid -> (name, value)
        self.near = {}      # uid -> 'track', or the number that it stays
        self.comments = {}  # file -> comment lines at its top
        self.hidden = set()     # static variables that no peek function reads
        self.live = {}      # feature -> bool

    def copy(self, rng):
        twin = copy.copy(self)
        for name in ("files", "vars", "funcs", "order", "structs", "enums", "near", "comments", "hidden"):
            setattr(twin, name, copy.deepcopy(getattr(self, name)))
        twin.rng = rng
        return twin

    def uid(self):
        self.next_uid += 1
        return self.next_uid

    def chance(self, percent):
        return self.rng.randrange(100) < percent

    def number(self):
        return "#%d#" % self.rng.choice((1, 2, 3, 5, 7, 11, 40, 100, 255, 1000, 4097, 70000))

    # What a function of `file` can use.

    def seen_vars(self, file, const=False, array=None):
        return [v for v in self.vars.values() if v.kind in ("global", "static") and v.const == const
                and (v.kind == "global" or v.file == file) and v.ctype in TYPES and not v.tls
                and (array is None or bool(v.size) == array)]

    def callees(self, function):
        return [f for f in self.funcs.values() if f.level < function.level and f.kind != "peek"
                and (not f.static or f.file == function.file or f.kind == "helper") and f.uid != function.uid]

    # Adding to it.

    def add_var(self, file, kind, **more):
        uid = self.uid()
        name = self.rng.choice(WORDS) if kind == "local" else "%s_%d" % (self.rng.choice(WORDS), uid)
        if kind == "static" and self.chance(20):
            name = "s_" + self.rng.choice(WORDS)    # other files may have one of that name
            if any(v.name == name and v.file == file for v in self.vars.values()):
                name += "_%d" % uid
        var = Var(uid, name, file, kind, **more)
        var.owner = self.owner
        self.vars[uid] = var
        return var

    def add_func(self, file, kind, static, level, at=None):
        uid = self.uid()
        name = "%s%s%d" % (self.rng.choice(WORDS), "" if static else "_g", uid)
        if static and kind == "plain" and self.chance(20):
            name = "f_" + self.rng.choice(WORDS)
            if any(f.name == name and f.file == file for f in self.funcs.values()):
                name += "_%d" % uid
        function = Func(uid, name, file, kind, static, level)
        function.owner = self.owner
        function.noinline = kind == "entry" or self.chance(40)
        self.funcs[uid] = function
        order = self.order.setdefault(file, [])
        order.insert(len(order) if at is None else at, uid)
        return function

    def fill(self, function, count=None):
        for _ in range(count or self.rng.randint(2, 6)):
            function.body += self.statement(function)

    # Statements. Each returns a list of them.

    def value(self, function):
        rng = self.rng
        choices = ["r", "t", "a", "b", self.number()]
        scalars = self.seen_vars(function.file, array=False)
        if scalars:
            choices += ["@v%d;" % rng.choice(scalars).uid] * 2
        arrays = self.seen_vars(function.file, array=True)
        if arrays:
            var = rng.choice(arrays)
            choices.append("@v%d;[r & %d]" % (var.uid, var.size - 1))
        return rng.choice(choices)

    def condition(self, function):
        return self.rng.choice(("(%s & %d)" % (self.value(function), self.rng.choice((1, 2, 4))),
                                "(%s > %s)" % (self.value(function), self.number()),
                                "((%s & 15) == 3)" % self.value(function)))

    def statement(self, function, depth=0):
        rng = self.rng
        kinds = [self.arithmetic] * 4 + [self.store] * 4 + [self.table, self.call, self.call, self.call]
        kinds += [self.literal, self.identity, self.real, self.template, self.line, self.enumerator, self.words]
        if depth < 2:
            kinds += [self.branch, self.branch, self.loop, self.switch, self.static_local, self.static_local]
        if function.level >= 2:
            kinds += [self.pointer_call, self.register, self.compare_pointer, self.dispatch]
        if self.live.get("set"):
            kinds += [self.walk_set]
        if depth == 0 and function.kind == "plain" and self.chance(2):
            kinds = [self.computed_goto]
        return rng.choice(kinds)(function, depth)

    def arithmetic(self, function, depth):
        op = self.rng.choice("+-*^|&")
        if op in "|&":
            return ["r ^= %s %s %s;" % (self.value(function), op, self.number())]
        return ["r = r * %s %s %s;" % (self.number(), op, self.value(function))]

    def store(self, function, depth):
        scalars = self.seen_vars(function.file, array=False)
        arrays = self.seen_vars(function.file, array=True)
        if arrays and self.chance(40):
            var = self.rng.choice(arrays)
            return ["@v%d;[a & %d] += %s;" % (var.uid, var.size - 1, self.value(function))]
        if not scalars:
            return self.arithmetic(function, depth)
        var = self.rng.choice(scalars)
        return ["@v%d; %s %s;" % (var.uid, self.rng.choice(("+=", "^=", "=")), self.value(function))]

    def table(self, function, depth):
        tables = self.seen_vars(function.file, const=True, array=True)
        if not tables:
            return self.arithmetic(function, depth)
        var = self.rng.choice(tables)
        return ["r += @v%d;[%s & %d];" % (var.uid, self.rng.choice("abr"), var.size - 1)]

    def call_text(self, function, callee):
        args = [self.rng.choice(("r", "a", "b", "t", self.number(), "#3#", "#0#"))]
        if callee.params[0][0] != "u":
            items = [v for v in self.vars.values() if v.ctype == "struct item" and
                     (v.kind == "global" or v.file == function.file)]
            if not items:
                return None
            args[0] = "&@v%d;" % self.rng.choice(items).uid
        if len(callee.params) > 1:
            args.append(self.rng.choice(("r", "b", self.number(), "#1#", "#1#")))
        if callee.kind == "recursive":
            args[0] = "r & 3"
        return "@f%d(%s@)%d;" % (callee.uid, ", ".join(args), callee.uid)

    def call(self, function, depth, callee=None):
        callees = self.callees(function)
        if not callees and not callee:
            return self.arithmetic(function, depth)
        callee = callee or self.rng.choice(callees)
        text = self.call_text(function, callee)
        if not text:
            return self.arithmetic(function, depth)
        return ["t = %s;" % text, "r %s t;" % self.rng.choice(("+=", "^=", "="))]

    def callbacks(self, function):
        return [f for f in self.funcs.values() if f.kind == "callback" and (not f.static or f.file == function.file)]

    def register(self, function, depth):
        callbacks = self.callbacks(function)
        if not callbacks:
            return self.call(function, depth)
        return [["if %s" % self.condition(function), ["reg[%s & 3] = @p%d;;" % (self.rng.choice("ar"), self.rng.choice(callbacks).uid)]]]

    def compare_pointer(self, function, depth):
        callbacks = self.callbacks(function)
        if not callbacks:
            return self.store(function, depth)
        return [["if (reg[a & 3] == @p%d;)" % self.rng.choice(callbacks).uid, ["r += %s;" % self.number()]]]

    def pointer_call(self, function, depth):
        return [["if (reg[a & 3])", ["t = reg[a & 3](r);", "r += t;"]]]

    def dispatch(self, function, depth):
        """Calls through a static constant table of functions."""
        tables = [v for v in self.vars.values() if v.ctype == "ops" and v.file == function.file]
        if not tables:
            return self.pointer_call(function, depth)
        return ["t = @v%d;[r & 1](a);" % self.rng.choice(tables).uid, "r ^= t;"]

    def literal(self, function, depth):
        text = "%s %d" % (self.rng.choice(WORDS), self.uid())
        return ['r += (unsigned char)"%s"[%s %% %d];' % (text, self.rng.choice("abr"), len(text))]

    def identity(self, function, depth):
        names = [v for v in self.vars.values() if v.ctype == "name" and v.file == function.file]
        if not names:
            return self.literal(function, depth)
        holder = [v for v in self.vars.values() if v.ctype == "text" and v.file == function.file][0]
        one, two = self.rng.choice(names), self.rng.choice(names)
        if self.chance(40):
            return ["@v%d; = %s ? @v%d; : @v%d;;" % (holder.uid, self.condition(function), one.uid, two.uid)]
        if self.chance(40):
            return ["r += @v%d; ? (unsigned char)@v%d;[2] : %s;" % (holder.uid, holder.uid, self.number())]
        return [["if (@v%d; == @v%d;)" % (holder.uid, one.uid), ["r += %s;" % self.number()]]]

    def real(self, function, depth):
        return ["r += (u)((double)(%s & 63) * %s);" % (self.rng.choice("abr"), self.rng.choice(("2.5", "0.125", "13.0", "7.75")))]

    def template(self, function, depth):
        """An array on the stack that the compiler copies from constants."""
        values = ", ".join(self.number() for _ in range(self.rng.choice((4, 8))))
        return [["", ["%su w[%d] = {%s};" % (self.rng.choice(("", "const ", "static const ")), values.count(",") + 1, values),
                      "r += w[%s & 3];" % self.rng.choice("ab")]]]

    def line(self, function, depth):
        return ["sink(@line;);"] + (self.near_line(function, depth) if self.chance(50) else [])

    def near_line(self, function, depth):
        uid = self.uid()
        self.near[uid] = "track"
        return ["r += @n%d;;" % uid]

    def words(self, function, depth):
        tables = [v for v in self.vars.values() if v.ctype == "words" and v.file == function.file]
        if not tables:
            return self.literal(function, depth)
        return ["r += (unsigned char)@v%d;[%s & 3][1];" % (self.rng.choice(tables).uid, self.rng.choice("abr"))]

    def computed_goto(self, function, depth):
        n = self.uid()
        labels = ", ".join("&&l%d_%d" % (k, n) for k in range(3))
        return [["", ["static const void *const labels[] = {%s};" % labels, "goto *labels[%s %% 3];" % self.rng.choice("abr"),
                      "l0_%d: r += %s;" % (n, self.number()), "l1_%d: r ^= %s;" % (n, self.value(function)), "l2_%d: r += 1;" % n]]]

    def enumerator(self, function, depth):
        if not self.enums:
            return self.line(function, depth)
        return ["r += @e%d;;" % self.rng.choice(sorted(self.enums))]

    def walk_set(self, function, depth):
        return ["@set;"]

    def block(self, function, depth):
        out = []
        for _ in range(self.rng.randint(1, 2)):
            out += self.statement(function, depth + 1)
        return out

    def branch(self, function, depth):
        return [["if " + self.condition(function), self.block(function, depth)]]

    def loop(self, function, depth):
        i = "ij"[depth]
        return [["for (u %s = 0; %s < %d; %s++)" % (i, i, self.rng.randint(2, 3), i), self.block(function, depth)]]

    def switch(self, function, depth):
        cases = [["case %d:" % n, ["r = r * %s + %s;" % (self.number(), self.value(function)), "break;"]]
                 for n in range(self.rng.choice((3, 6, 8)))]
        return [["switch (%s & 7)" % self.rng.choice("abr"), cases + [["default:", ["r += %s;" % self.number()]]]]]

    def static_local(self, function, depth):
        if function.kind == "helper":
            return self.arithmetic(function, depth)
        count = self.rng.choice((1, 1, 2))
        name = self.rng.choice(WORDS)
        out = []
        for _ in range(count):
            var = self.add_var(function.file, "local", ctype=self.rng.choice(TYPES), init=(self.rng.choice((0, 0, 1, 5)),))
            var.name = name
            out.append(["if " + self.condition(function) if self.chance(80) else "",
                        ["@d%d;" % var.uid, "@v%d; += %s;" % (var.uid, self.value(function)), "r += @v%d;;" % var.uid]])
        return out


def make(rng):
    """A release."""
    p = Program(rng)
    p.live["set"] = p.chance(8)
    p.files = ["f%d" % n for n in range(rng.choice((2, 2, 3)))]
    for n in range(rng.choice((0, 2, 3))):
        uid = p.uid()
        p.enums[uid] = ("KIND_%d" % uid, n + 1)
    for file in p.files:
        p.order[file] = []
        p.comments[file] = rng.randint(0, 6)
        make_vars(p, file)
    for file in p.files:
        make_funcs(p, file, 0)
    for level in (1, 2, 3):
        for file in p.files:
            make_funcs(p, file, level)
    for function in list(p.funcs.values()):
        use(p, function)
    for file in p.files:
        # Callers may come before or behind what they call.
        if p.chance(40):
            rng.shuffle(p.order[file])
        make_peek(p, file)
    return p


def make_vars(p, file):
    rng = p.rng
    for _ in range(rng.randint(1, 2)):
        p.add_var(file, "global", ctype=rng.choice(TYPES), init=(rng.choice((0, 0, 3, 9)),))
    for _ in range(rng.randint(1, 3)):
        p.add_var(file, "static", ctype=rng.choice(TYPES), init=(rng.choice((0, 0, 1, 8)),))
    if p.chance(50):
        p.add_var(file, rng.choice(("static", "global")), size=4, init=rng.choice(((0,) * 4, (1, 2, 3, 4))))
    if p.chance(60):
        p.add_var(file, "static", size=8, const=True, init=[rng.randrange(1000) for _ in range(8)])
    if p.chance(15):
        p.add_var(file, "global", size=4, const=True, init=[rng.randrange(1000) for _ in range(4)])
    if p.chance(40):
        p.add_var(file, "static", ctype="struct item", init=(1, 2, 3))
    if p.chance(35):
        p.add_var(file, "static", ctype="text")
        for _ in range(2):
            var = p.add_var(file, "static", ctype="name", const=True)
            var.init = ["%s %d" % (rng.choice(WORDS), var.uid)]
    if p.chance(30):
        p.add_var(file, "static", ctype="words", const=True, size=4, init=["%s %d" % (rng.choice(WORDS), n) for n in range(4)])
    if p.live["set"]:
        p.add_var(file, "set", init=(rng.randrange(100),))
    p.hidden |= {v.uid for v in p.vars.values() if v.file == file and v.kind == "static" and p.chance(40)}


def make_funcs(p, file, level):
    rng = p.rng
    if level == 0:
        if file == p.files[0] and p.chance(50):
            helper = p.add_func(file, "helper", True, 0)
            helper.noinline = False
            p.order[file].remove(helper.uid)
            helper.body = ["r = r * %s + b;" % p.number()] + p.arithmetic(Func(0, "", "", "", True, 0), 0)
            helper.body = [s for s in helper.body if "@v" not in s]
        if p.chance(40):
            item = p.add_func(file, "plain", True, 0)
            item.params = [("struct item *", "p"), ("u", "b")]
            item.noinline = p.chance(70)
            item.body = ["u a = p->%s;" % rng.choice("abc"), "p->%s += b;" % rng.choice("abc")]
            p.fill(item, 2)
    if level == 1 and p.chance(60):
        for _ in range(rng.randint(1, 2)):
            callback = p.add_func(file, "callback", p.chance(80), 1)
            callback.params = [("u", "a")]
            callback.body = ["u b = a * 3;"]
            p.fill(callback, rng.randint(1, 3))
        if p.chance(50):
            ops = p.callbacks(callback)
            p.add_var(file, "static", ctype="ops", const=True, size=2, init=[rng.choice(ops).uid for _ in range(2)])
    if level == 1 and p.chance(25):
        make_pair(p, file)
    for _ in range(rng.randint(1, 2)):
        kind, static = "plain", p.chance(65)
        if level == 3:
            kind, static = "entry", False
        function = p.add_func(file, kind, static, level)
        if not static and level < 3 and p.chance(20):
            function.attribute = rng.choice(("weak", 'visibility("hidden")'))
        p.fill(function)
        if level == 3 and p.chance(60):
            function.kind = "loop"
            function.body += [["for (u i = 0; i < 2; i++)", ["hook(i);"] + p.call(function, 1) + p.block(function, 1)]]
        elif level and p.chance(25) and p.callees(function):
            text = p.call_text(function, rng.choice(p.callees(function)))
            function.result = text or "r"


def use(p, function):
    """Nothing is there for nothing: a function of which nobody knows gets a caller."""
    marks = ("@f%d(" % function.uid, "@p%d;" % function.uid)
    known = any(mark in repr(f.body) + f.result for f in p.funcs.values() if f is not function for mark in marks)
    known = known or function.level == 3 or any(v.ctype == "ops" and function.uid in v.init for v in p.vars.values())
    if known:
        return
    users = [f for f in p.funcs.values() if f.level >= 2 and (f.file == function.file or not function.static or function.kind == "helper")]
    user = p.rng.choice([f for f in users if f.level > function.level])
    if function.kind == "callback":
        user.body += ["reg[a & 3] = @p%d;;" % function.uid] + p.pointer_call(user, 0)
    else:
        user.body += p.call(user, 0, function)


def make_pair(p, file):
    """Two functions that call each other."""
    one, two = (p.add_func(file, "recursive", True, 1) for _ in range(2))
    for function, other in ((one, two), (two, one)):
        function.body = [["if (a == 0)", ["return b ^ %s;" % p.number()]]]
        function.body += p.arithmetic(function, 0) + p.store(function, 0)
        function.body += ["t = @f%d(a - 1, r@)%d;;" % (other.uid, other.uid), "r += t;"]
        function.params = [("u", "a"), ("u", "b")]
        function.noinline = p.chance(60)


def make_peek(p, file):
    peek = p.add_func(file, "peek", False, 0)
    peek.noinline = True
    for var in p.vars.values():
        if var.kind == "static" and var.file == file and not var.const and var.uid not in p.hidden:
            if var.ctype == "struct item":
                peek.body.append("r = r * 31 + @v{0};.a + @v{0};.b + @v{0};.c;".format(var.uid))
            elif var.ctype == "text":
                peek.body.append("r = r * 31 + (@v{0}; ? (unsigned char)@v{0};[1] : 0);".format(var.uid))
            elif var.size:
                peek.body.append("r = r * 31 + @v{0};[0] + @v{0};[1] * 3 + @v{0};[2] * 5 + @v{0};[3] * 7;".format(var.uid))
            else:
                peek.body.append("r = r * 31 + @v%d;;" % var.uid)
