# SPDX-License-Identifier: Apache-2.0
"""Random fixes of a program.

Each kind is a function that changes a program, and returns True when it found what it needs. What a kind stands for:

    WORKS    only functions, and what they bring along, change: refused wrongly when it is refused
    MAY      right, or refused
    REFUSED  has to be refused: it changes what exists in the running program
"""
import re

from program import TYPES

WORKS, MAY, REFUSED = "works", "may", "refused"
KINDS = {}


def kind(verdict, weight=3):
    def add(function):
        KINDS[function.__name__] = (function, verdict, weight)
        return function
    return add


def bodies(p):
    """Functions that a fix may change."""
    return [f for f in p.funcs.values() if f.kind != "peek" and (not p.live.get("only") or f.uid in p.live["only"])]


def pick(p, choices):
    choices = list(choices)
    return p.rng.choice(choices) if choices else None


def blocks(body):
    """All lists of statements in a body, itself first."""
    yield body
    for statement in body:
        if isinstance(statement, list):
            yield from blocks(statement[1])


def texts(body):
    for block in blocks(body):
        for n, statement in enumerate(block):
            if isinstance(statement, str):
                yield block, n
            else:
                yield statement, 0


def everything(function):
    return " ".join(block[n] for block, n in texts(function.body)) + function.result


def functions_with(p, pattern):
    return [f for f in bodies(p) if re.search(pattern, everything(f))]


def insert(p, function, statements):
    """At a random place of the body; not behind a jump."""
    choices = [b for b in blocks(function.body) if not any(isinstance(s, list) and s[0].startswith(("case", "default")) for s in b)]
    block = p.rng.choice(choices)
    first = 0
    for n, s in enumerate(block):
        if isinstance(s, str) and (s.startswith(("u ", "const u", "static", "l")) or s.startswith(("@d", "goto"))):
            first = n + 1
    last = len(block)
    for n, s in enumerate(block):
        if isinstance(s, str) and s.startswith(("break", "return")):
            last = n
    at = p.rng.choice((min(first, last), p.rng.randint(min(first, last), last)))
    while at < last and isinstance(block[at], str) and re.match(r"r \S+ t;", block[at]):
        at += 1     # "t = call; r += t;" stay together
    block[at:at] = statements


# What changes functions only.

@kind(WORKS, 10)
def constant(p):
    function = pick(p, functions_with(p, r"#\d+#"))
    if not function:
        return False
    block, n = pick(p, [(b, n) for b, n in texts(function.body) if "#" in b[n]] or [(None, 0)])
    if not block:
        return False
    number = pick(p, re.findall(r"#(\d+)#", block[n]))
    block[n] = block[n].replace("#%s#" % number, "#%d#" % (int(number) + p.rng.choice((1, 2, 3, 100, 65536))), 1)
    return True


@kind(WORKS, 10)
def statement(p):
    function = pick(p, [f for f in bodies(p) if f.kind != "helper"])
    if not function:
        return False
    insert(p, function, p.statement(function))
    return True


@kind(WORKS, 4)
def guard(p):
    function = pick(p, [f for f in bodies(p) if f.kind in ("plain", "entry", "loop")])
    if not function or function.params[0][0] != "u":
        return False
    function.body.insert(0, ["if (a == %s)" % p.number(), ["return %s;" % p.number()]])
    return True


@kind(WORKS, 2)
def less(p):
    """A statement goes; never a declaration, nor the end of a case."""
    function = pick(p, [f for f in bodies(p) if f.kind in ("plain", "entry", "callback") and len(f.body) > 2])
    places = [(b, n) for b in blocks(function.body) for n, s in enumerate(b) if isinstance(s, str)
              and s.startswith("r ")] if function else []
    if not places:
        return False
    block, n = p.rng.choice(places)
    block[n] = "r += 0;"
    return True


def fresh(p, file, static, kind="plain", level=0):
    at = p.rng.randint(0, len(p.order[file]))
    function = p.add_func(file, kind, static, level, at)
    if kind == "callback":
        function.params = [("u", "a")]
        function.body = ["u b = a + 1;"]
    p.fill(function, 2)
    return function


@kind(WORKS, 4)
def new_static_function(p):
    caller = pick(p, [f for f in bodies(p) if f.level > 0])
    if not caller:
        return False
    insert(p, caller, p.call(caller, 0, fresh(p, caller.file, True)))
    return True


@kind(WORKS, 3)
def new_global_function(p):
    caller = pick(p, [f for f in bodies(p) if f.level > 0])
    if not caller:
        return False
    insert(p, caller, p.call(caller, 0, fresh(p, p.rng.choice(p.files), False)))
    return True


def use_of(var, function):
    return [["if (%s & 1)" % ("b" if function.kind != "callback" else "a"), ["@v%d; += r;" % var.uid]], "r ^= @v%d;;" % var.uid]


@kind(WORKS, 4)
def new_static_variable(p):
    function = pick(p, [f for f in bodies(p) if f.kind != "helper"])
    if not function:
        return False
    var = p.add_var(function.file, "static", ctype=p.rng.choice(TYPES), init=(p.rng.choice((0, 0, 7)),))
    insert(p, function, use_of(var, function))
    return True


@kind(WORKS, 3)
def new_global_variable(p):
    users = [f for f in bodies(p) if f.kind != "helper"]
    if not users:
        return False
    var = p.add_var(p.rng.choice(p.files), "global", init=(p.rng.choice((0, 7)),))
    for function in {p.rng.choice(users).uid: 0 for _ in range(2)}:
        insert(p, p.funcs[function], use_of(var, p.funcs[function]))
    return True


def called(p, function):
    return [f for f in p.funcs.values() if "@f%d(" % function.uid in everything(f)]


@kind(WORKS, 5)
def parameter(p):
    """A static function gets one more; clones of it change shape with it."""
    function = pick(p, [f for f in bodies(p) if f.static and f.kind == "plain" and called(p, f)])
    if not function:
        return False
    add_parameter(p, function)
    return True


def add_parameter(p, function, name=None):
    name = name or "x%d" % p.uid()
    function.extra.append((name, p.chance(40), p.rng.choice(("#1#", "#9#"))))
    insert(p, function, ["r += %s * %s;" % (name, p.number())])
    return name


@kind(WORKS, 3)
def pair_parameter(p):
    pair = [f for f in bodies(p) if f.kind == "recursive"]
    if len(pair) < 2:
        return False
    name = add_parameter(p, pair[0])
    for other in pair[1:]:
        if "@f%d(" % pair[0].uid in everything(other) and other.file == pair[0].file:
            add_parameter(p, other, name)
    return True


@kind(WORKS, 4)
def const_table(p):
    var = pick(p, [v for v in p.vars.values() if v.const and v.size and v.kind == "static" and v.ctype == "u"])
    if not var or not any("@v%d;" % var.uid in everything(f) for f in p.funcs.values()):
        return False
    var.init[p.rng.randrange(var.size)] += 1000
    return True


@kind(WORKS, 2)
def word_table(p):
    var = pick(p, [v for v in p.vars.values() if v.ctype == "words"])
    if not var or not any("@v%d;" % var.uid in everything(f) for f in p.funcs.values()):
        return False
    var.init[p.rng.randrange(4)] = "new %d" % p.uid()
    return True


@kind(WORKS, 2)
def function_table(p):
    """Another function in a constant table of functions."""
    var = pick(p, [v for v in p.vars.values() if v.ctype == "ops"])
    if not var or not any("@v%d;" % var.uid in everything(f) for f in p.funcs.values()):
        return False
    var.init[0] = fresh(p, var.file, True, "callback", 1).uid
    return True


@kind(WORKS, 3)
def literal(p):
    function = pick(p, functions_with(p, r'"\w+ \d+"'))
    if not function:
        return False
    for block, n in texts(function.body):
        if '"' in block[n]:
            block[n] = re.sub(r'"\w', '"Z', block[n], 1)
            return True
    return False


@kind(WORKS, 4)
def near_line(p):
    """A number that equals its line is changed by as much as its line."""
    uid = pick(p, sorted(p.near))
    if not uid or not any("@n%d;" % uid in everything(f) for f in bodies(p)):
        return False
    p.near[uid] = "track"
    p.comments[p.rng.choice(p.files)] += p.rng.randint(1, 3)
    for file in p.files:
        p.comments[file] += 1
    return True


@kind(WORKS, 3)
def callback_body(p):
    function = pick(p, [f for f in bodies(p) if f.kind == "callback"])
    if not function:
        return False
    function.body += p.arithmetic(function, 0)
    return True


@kind(WORKS, 3)
def new_callback(p):
    user = pick(p, [f for f in bodies(p) if f.level >= 2])
    if not user:
        return False
    callback = fresh(p, user.file, True, "callback", 1)
    insert(p, user, ["reg[a & 3] = @p%d;;" % callback.uid])
    return True


@kind(WORKS, 4)
def switch_case(p):
    found = [(f, s) for f in bodies(p) for b in blocks(f.body) for s in b
             if isinstance(s, list) and s[0].startswith("switch") and len(s[1]) < 8]
    if not found:
        return False
    _, switch = p.rng.choice(found)
    switch[1].insert(len(switch[1]) - 1, ["case %d:" % (len(switch[1]) - 1), ["r += %s;" % p.number(), "break;"]])
    return True


@kind(WORKS, 3)
def helper(p):
    function = pick(p, [f for f in bodies(p) if f.kind == "helper"])
    if not function or not called(p, function):
        return False
    function.body.append("r ^= b + %s;" % p.number())
    return True


@kind(WORKS, 2)
def inlining(p):
    """Other functions get inlined, and something changes."""
    function = pick(p, [f for f in bodies(p) if f.kind in ("plain", "recursive")])
    if not function:
        return False
    function.noinline = not function.noinline
    function.body.append("r += %s;" % p.number())
    return True


@kind(WORKS, 2)
def order(p):
    file = p.rng.choice(p.files)
    p.rng.shuffle(p.order[file])
    return constant(p)


@kind(WORKS, 3)
def lines(p):
    """Lines come or go above everything, and something changes."""
    for file in p.files:
        p.comments[file] = max(0, p.comments[file] + p.rng.randint(-3, 9))
    return constant(p)


@kind(WORKS, 2)
def no_more_calls(p):
    """The only caller of a static function stops calling it, and it goes."""
    for function in bodies(p):
        users = called(p, function)
        if function.static and function.kind == "plain" and len(users) == 1 and users[0] in bodies(p):
            mark = "@f%d(" % function.uid
            for block, n in texts(users[0].body):
                if mark in block[n]:
                    block[n] = "t = r * 3;"
            if mark in users[0].result:
                users[0].result = "r"
            p.order[function.file].remove(function.uid)
            del p.funcs[function.uid]
            return True
    return False


@kind(WORKS, 2)
def rename(p):
    function = pick(p, [f for f in bodies(p) if f.static and f.kind == "plain" and called(p, f)])
    if not function:
        return False
    function.name = "renamed%d" % function.uid
    return True


# What is right or refused.

@kind(MAY, 2)
def global_parameter(p):
    function = pick(p, [f for f in bodies(p) if not f.static and f.kind == "plain" and called(p, f)])
    if not function:
        return False
    add_parameter(p, function)
    return True


@kind(MAY)
def move_function(p):
    choices = [f for f in bodies(p) if not f.static and f.kind in ("plain", "entry") and not private(p, f)]
    function = pick(p, choices)
    others = [f for f in p.files if function and f != function.file]
    if not others:
        return False
    p.order[function.file].remove(function.uid)
    function.file = p.rng.choice(others)
    p.order[function.file].insert(p.rng.randint(0, len(p.order[function.file])), function.uid)
    return constant(p) if p.chance(50) else True


def private(p, function):
    """Names that only its file can see."""
    text = everything(function)
    for var in re.findall(r"@v(\d+);", text):
        if p.vars[int(var)].kind == "static":
            return True
    return any(p.funcs[int(f)].static and p.funcs[int(f)].kind != "helper" for f in re.findall(r"@[fp](\d+)", text))


@kind(MAY)
def move_variable(p):
    var = pick(p, [v for v in p.vars.values() if v.kind == "global"])
    if not var:
        return False
    var.file = p.rng.choice([f for f in p.files if f != var.file])
    return constant(p)


@kind(MAY, 2)
def global_table(p):
    var = pick(p, [v for v in p.vars.values() if v.const and v.kind == "global"])
    if not var:
        return False
    var.init[0] += 500
    return True


@kind(MAY, 4)
def static_block(p):
    """A block with a static of a name that is there already comes in front of, between or behind the others."""
    function = pick(p, functions_with(p, r"@d\d+;"))
    if not function:
        return False
    old = p.vars[int(pick(p, re.findall(r"@d(\d+);", everything(function))))]
    var = p.add_var(function.file, "local", ctype=p.rng.choice((old.ctype, "u")), init=p.rng.choice((old.init, [3])))
    var.name = old.name
    function.body.insert(p.rng.choice((0, len(function.body))) if function.kind == "plain" else len(function.body),
                         ["if (r & %d)" % p.rng.choice((1, 2)), ["@d%d;" % var.uid, "@v%d; += 1000;" % var.uid, "r += @v%d;;" % var.uid]])
    return True


def static_blocks(body):
    return [(b, n) for b in blocks(body) for n, s in enumerate(b)
            if isinstance(s, list) and s[1] and isinstance(s[1][0], str) and s[1][0].startswith("@d")]


@kind(MAY, 3)
def swap_blocks(p):
    for function in functions_with(p, r"@d\d+;"):
        places = static_blocks(function.body)
        if len(places) > 1:
            (b1, n1), (b2, n2) = places[0], places[1]
            if b1 is b2:
                b1[n1], b2[n2] = b2[n2], b1[n1]
                return True
    return False


@kind(MAY, 3)
def drop_block(p):
    function = pick(p, functions_with(p, r"@d\d+;"))
    places = static_blocks(function.body) if function else []
    if not places:
        return False
    block, n = p.rng.choice(places)
    block[n] = "r += 1;"
    return True


@kind(MAY, 2)
def callback_gone(p):
    """A callback is no longer registered; a new one takes its place. Pointers to it live on."""
    for function in bodies(p):
        if function.kind == "callback" and function.static and not called(p, function) and \
                not any(v.ctype == "ops" and function.uid in v.init for v in p.vars.values()):
            twin = fresh(p, function.file, True, "callback", 1)
            for user in p.funcs.values():
                for block, n in texts(user.body):
                    block[n] = block[n].replace("@p%d;" % function.uid, "@p%d;" % twin.uid)
            p.order[function.file].remove(function.uid)
            del p.funcs[function.uid]
            return True
    return False


@kind(MAY, 2)
def static_to_global(p):
    function = pick(p, [f for f in bodies(p) if f.static and f.kind == "plain" and f.params[0][0] == "u"])
    if not function:
        return False
    function.static = False
    function.name = "opened%d" % function.uid
    return constant(p)


@kind(MAY, 2)
def initial_value(p):
    var = pick(p, [v for v in p.vars.values() if v.ctype in TYPES and not v.const and not v.size and v.kind != "set"])
    if not var:
        return False
    var.init[0] += 20
    return True


@kind(MAY, 2)
def rename_variable(p):
    """To the compiler, the old one is gone and there is a new one."""
    var = pick(p, [v for v in p.vars.values() if v.kind == "static" and v.ctype in TYPES and not v.const])
    if not var:
        return False
    twin = p.add_var(var.file, "static", ctype=var.ctype, size=var.size, init=var.init)
    users = 0
    for function in p.funcs.values():
        for block, n in texts(function.body):
            if "@v%d;" % var.uid in block[n]:
                users += 1
                block[n] = block[n].replace("@v%d;" % var.uid, "@v%d;" % twin.uid)
    p.hidden.add(twin.uid)
    del p.vars[var.uid]
    return users > 0


@kind(MAY, 3)
def last_writer(p):
    """Nothing writes a variable any more: the new compilation may fold it."""
    var = pick(p, [v for v in p.vars.values() if v.kind == "static" and v.ctype in TYPES and not v.const and not v.size])
    if not var:
        return False
    found = False
    for function in bodies(p):
        for block, n in texts(function.body):
            if re.match(r"@v%d; \S?= " % var.uid, block[n]):
                block[n] = "r += 2;"
                found = True
    return found


@kind(MAY, 2)
def thread_local(p):
    function = pick(p, [f for f in bodies(p) if f.kind != "helper"])
    if not function:
        return False
    var = p.add_var(function.file, "static", init=(0,))
    var.tls = True
    insert(p, function, use_of(var, function))
    return True


@kind(MAY, 1)
def enumerator(p):
    uid = pick(p, sorted(p.enums))
    if not uid:
        return False
    for other in p.enums:
        if other >= uid:
            p.enums[other] = (p.enums[other][0], p.enums[other][1] + 1)
    return True


@kind(MAY, 2)
def set_entry(p):
    if not p.live.get("set"):
        return False
    p.add_var(p.rng.choice(p.files), "set", init=(p.rng.randrange(100) + 1,))
    return True


# What has to be refused.

@kind(REFUSED, 1)
def struct_member(p):
    users = [f for f in bodies(p) if f.params[0][0].startswith("struct")]
    if not users or not any(v.ctype == "struct item" for v in p.vars.values()):
        return False
    p.structs["item"].insert(p.rng.randint(0, 3), "added")
    return True


def fix(p, only=None):
    """Changes p by one to three kinds. Returns their names and what they stand for together."""
    names, worst = [], WORKS
    p.live = dict(p.live, only=only)
    for name in list(p.near):
        if p.near[name] == "track":
            raise ValueError("the release's lines are not known yet")
    allowed = {k: v for k, v in KINDS.items() if not only or k in ("constant", "guard", "less", "switch_case", "literal", "callback_body")}
    names_of = list(allowed)
    weights = [allowed[k][2] for k in names_of]
    for _ in range(p.rng.choice((1, 1, 2, 3))):
        for _ in range(20):
            name = p.rng.choices(names_of, weights)[0]
            function, verdict, _ = allowed[name]
            if function(p):
                names.append(name)
                worst = max(worst, verdict, key=(WORKS, MAY, REFUSED).index)
                break
    return names, worst
