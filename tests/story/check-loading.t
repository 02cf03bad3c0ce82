#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a patch brings into the process by being loaded, and where the dynamic linker finds what it refers to.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
call=call
[ "$(uname -m)" != aarch64 ] || call=bl

cat >shop.c <<'SOURCE'
int tariff(void);
int levy = 3;
__thread int depth = 1;

__attribute__((noinline, used)) int fee(int value)
{
    return value * 7 / 3 + levy + depth;
}

int main(int argc, char **argv)
{
    (void)argv;
    return fee(argc) + tariff();
}
SOURCE
echo 'int tariff(void); int tariff(void) { return 7; } int levy_of(void); int levy_of(void) { return 1; }' >tariff.c
echo 'SHOP_1 { global: tariff; local: *; };' >one.map
printf 'SHOP_1 { global: tariff; local: *; };\nSHOP_2 { global: levy_of; } SHOP_1;\n' >two.map

# verdict ID [TARGET]: what that check says.
verdict() {
    hotfix check --target "${2:-shop}" --patch fix.so --func fee --json 2>/dev/null | perl -MJSON::PP -0777 -e '
        my ($check) = grep { $_->{id} eq $ARGV[0] } @{decode_json(<STDIN>)->{checks}};
        my ($finding) = (grep { $_->{verdict} eq $check->{verdict} } @{$check->{findings}});
        print "$check->{verdict}: $finding->{evidence}";' "$1"
}

# fix LINKER-OPTION... <SOURCE
fix() {
    cat >fix.c
    rm -f fix.so
    # shellcheck disable=SC2086
    "$name" -g -O2 $record -fPIC -shared -o fix.so fix.c "$@" || ok "$name: the patch compiles" false
}

for name in gcc clang; do
    command -v $name >/dev/null || continue
    record=
    [ $name = clang ] && record=-grecord-command-line
    mkdir -p new
    $name -O2 -fPIC -shared -Wl,-soname,libtariff.so -Wl,--version-script=one.map -o libtariff.so tariff.c
    $name -O2 -fPIC -shared -Wl,-soname,libtariff.so -Wl,--version-script=two.map -o new/libtariff.so tariff.c
    $name -O2 -g $record -rdynamic -Wl,--build-id "-Wl,-rpath,$SCRATCH" -o shop shop.c libtariff.so

    fix libtariff.so <<<'int tariff(void); int fee(int); int fee(int value) { return value + tariff(); }'
    is "$name: a symbol of the version that the target loads" "$(verdict symbols)" \
        "compatible: all 1 symbols that the patch refers to are exported by the target or its libraries, in the version that it asks for"
    sed 's/SHOP_1/SHOP_9/' one.map >nine.map
    $name -O2 -fPIC -shared -Wl,-soname,libtariff.so -Wl,--version-script=nine.map -o new/libtariff.so tariff.c
    fix new/libtariff.so <<<'int tariff(void); int fee(int); int fee(int value) { return value + tariff(); }'
    is "$name: a symbol of another version" "$(verdict symbols)" \
        "incompatible: the patch refers to 'tariff' of version SHOP_9, and libtariff.so has it in version SHOP_1"
    fix <<<'int tariff(void); int fee(int); int fee(int value) { return value + tariff(); }'
    is "$name: a symbol without version" "$(verdict symbols | cut -d: -f 1)" compatible
    fix <<<'extern __thread int levy; int fee(int); int fee(int value) { return value + levy; }'
    is "$name: a variable that is thread-local on one side only" "$(verdict symbols)" \
        "incompatible: the patch refers to 'levy' as something thread-local, unlike what the target has"
    fix <<<'extern __thread int depth; int fee(int); int fee(int value) { return value + depth; }'
    is "$name: one that is on both" "$(verdict symbols | cut -d: -f 1)" compatible
    echo 'int tariff(void); int tariff(void) { return 8; }' >other.c
    $name -O2 -fPIC -shared -Wl,-soname,libother.so -o libother.so other.c
    $name -O2 -g $record -rdynamic -Wl,--build-id "-Wl,-rpath,$SCRATCH" -Wl,--no-as-needed -o shop shop.c libtariff.so \
        libother.so
    fix <<<'int tariff(void); int fee(int); int fee(int value) { return value + tariff(); }'
    is "$name: of two places the first counts, and is told" "$(verdict symbols)" \
        "compatible: 'tariff' is that of libtariff.so, for the target too; libother.so, which comes later, has one as well"

    fix <<<'int last; __attribute__((destructor)) static void bye(void) { last = 1; } int fee(int); int fee(int value) { return value; }'
    is "$name: a destructor" "$(verdict loading)" \
        "unproven: the patch has a destructor, 'bye', which would run when it is unloaded and when the process ends, applied or not"
    fix -Wl,-fini=bye <<<'int last; void bye(void); void bye(void) { last = 1; } int fee(int); int fee(int value) { return value; }'
    is "$name: a termination function" "$(verdict loading | cut -c 1-47)" "unproven: the patch has a destructor, 'DT_FINI'"
    fix -ftls-model=initial-exec <<<'__thread int calls; int fee(int); int fee(int value) { return value + calls++; }'
    is "$name: thread-local variables at fixed places" "$(verdict loading)" \
        "unproven: the patch brings thread-local variables at fixed places, for which running threads may have no room"
    fix <<<'__thread int calls; int fee(int); int fee(int value) { return value + calls++; }'
    is "$name: others" "$(verdict loading)" \
        "compatible: the patch brings thread-local variables of its own: a thread gets them when it first uses them"
    fix <<<'static int plus(int x) { return x + 1; } static int (*pick(void))(int) { return plus; }
        static int chosen(int) __attribute__((ifunc("pick"))); int fee(int); int fee(int value) { return chosen(value); }'
    is "$name: an indirect function" "$(verdict loading | cut -d, -f 1)" "incompatible: the patch has an indirect function"
    strip fix.so
    is "$name: without its symbol too" "$(verdict loading | cut -c 1-48)" "incompatible: the patch has an indirect function"
    fix <<<'char last; __attribute__((constructor)) static void frame_dummy(void) { *(volatile char *)&last = 1; } int fee(int); int fee(int value) { return value; }'
    is "$name: a constructor with the name of one that does nothing" "$(verdict loading)" \
        "incompatible: the patch has a constructor, 'frame_dummy', which would run before the patch is applied"
    strip fix.so
    is "$name: nor without a name" "$(verdict loading | cut -d: -f 1)" unproven
    fix <<<'int last; __attribute__((destructor)) static void __do_global_dtors_aux(void) { last = 7; } int fee(int); int fee(int value) { return value; }'
    is "$name: a destructor likewise" "$(verdict loading | cut -c 1-61)" "unproven: the patch has a destructor, '__do_global_dtors_aux'"
    fix <<<'__asm__(".section .init,\"ax\",@progbits\n\t'"$call"' fee\n\t.text"); int fee(int); int fee(int value) { return getpid_(value); } int last; int getpid_(int x) { return last = x; }' -Wno-implicit-function-declaration
    is "$name: code between that of crti.o and crtn.o" "$(verdict loading)" \
        "incompatible: the patch has an initialisation function of its own"
    plain='int fee(int); int fee(int value) { return value; }'
    for option in "-Wl,-f,libother.so:DT_AUXILIARY" "-Wl,-F,libother.so:DT_FILTER" "-Wl,-rpath,$SCRATCH:DT_RUNPATH" \
        "-Wl,--disable-new-dtags,-rpath,$SCRATCH:DT_RPATH" "-Wl,--audit,libother.so:DT_AUDIT" \
        "-Wl,--depaudit,libother.so:DT_DEPAUDIT" "-Wl,-z,nodelete:DT_FLAGS_1" "-Wl,-z,initfirst:DT_FLAGS_1" \
        "-Wl,-z,interpose:DT_FLAGS_1" "-Wl,-z,loadfltr:DT_FLAGS_1"; do
        fix "${option%:*}" <<<"$plain"
        is "$name: ${option%:*}" "$(verdict loading | sed 's/for .*(\(DT_[A-Z0-9_]*\)).*/for \1/')" \
            "incompatible: the patch asks the dynamic linker for ${option##*:}"
    done
    fix <<<'int fee(int); int fee(int value) { return value; }'
    is "$name: what crt files bring is nothing" "$(verdict loading)" "compatible: mapping the patch runs none of its code"
done

# As g++ makes static variables of templates; what the target has too is shared with the target.
name=gcc record=
unique='__asm__(".type total,%gnu_unique_object"); int total = 1; int fee(int); int fee(int value) { return value + total; }'
fix <<<"$unique"
is "a symbol that an earlier patch could have" "$(verdict symbols)" \
    "incompatible: the patch defines 'total' as a unique symbol (STB_GNU_UNIQUE): it would share the first one of that name in the process, an earlier patch's too, and could not be unloaded"
printf '%s\n' "$unique" 'int tariff(void); int main(int argc, char **argv) { (void)argv; return fee(argc) + tariff(); }' >user.c
gcc -O2 -g -rdynamic -Wl,--build-id "-Wl,-rpath,$SCRATCH" -o user user.c libtariff.so
is "one that the target has" "$(verdict symbols user | cut -d: -f 1)" compatible
sed 's/__asm__[^;]*;//' user.c >plain.c
gcc -O2 -g -rdynamic -Wl,--build-id "-Wl,-rpath,$SCRATCH" -o user plain.c libtariff.so
is "one that the target has, and does not share" "$(verdict symbols user | cut -d, -f 1)" \
    "incompatible: the patch defines 'total' as a unique symbol (STB_GNU_UNIQUE): it would share the first one of that name in the process"
if command -v g++ >/dev/null; then
    printf '%s\n' 'template <class T> struct box { static int seen; };' 'template <class T> int box<T>::seen;' \
        'extern "C" __attribute__((noinline)) int fee(int value) { return value * 7 / 3 + ++box<int>::seen; }' >box.cc
    sed 's/++box<int>::seen/1/' box.cc >plain.cc && echo 'int main(int argc, char **) { return fee(argc); }' >>plain.cc
    g++ -O2 -g -Wl,--build-id -o user plain.cc && g++ -O2 -g -fPIC -shared -o fix.so box.cc
    is "g++ makes such symbols" "$(verdict symbols user | cut -d: -f 1)" incompatible
    g++ -O2 -g -fPIC -shared -fno-gnu-unique -o fix.so box.cc
    is "but for the option that is told" "$(verdict symbols user | cut -d: -f 1) $(verdict optimisation user | cut -d: -f 1)" \
        "compatible compatible"
fi

# Section headers that tell less than the dynamic linker finds.
# edit FIELD-OFFSET VALUE TYPE: of the first section header of this type.
edit() {
    perl -e 'my ($at, $value, $type) = @ARGV; local $/; open F, "+<", "fix.so"; binmode F; my $elf = <F>;
        my ($shoff, $size, $count) = (unpack("Q<", substr $elf, 40, 8), unpack("v", substr $elf, 58, 2), unpack("v", substr $elf, 60, 2));
        for my $i (0 .. $count - 1) { my $header = $shoff + $i * $size;
            next if unpack("V", substr $elf, $header + 4, 4) != $type;
            substr($elf, $header + $at, 8) = pack "Q<", $value; last }
        seek F, 0, 0; print F $elf' "$@"
}
name=$CC record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
fix <<<'int fee(int); int fee(int value) { return value; }'
edit 32 16 6
is "a section that is shorter than the segment" "$(verdict loading)" \
    "incompatible: the patch's dynamic section is not where its program headers say"
fix <<<'int fee(int); int fee(int value) { return value; }'
edit 32 24 4
is "relocations that are in no section" "$(verdict loading)" \
    "incompatible: the patch's relocations are not those of its sections"

# Two relocations for one place, of which the last one wins: the constructor of crtbegin.o, and then another function.
fix <<<'int fee(int); int last; int fee(int value) { return last = value; }'
constructors=$(readelf -SW fix.so | sed -n 's/.* \.init_array *[A-Z_]* *\([0-9a-f]*\) .*/\1/p')
function=$(nm fix.so | sed -n 's/ T fee$//p')
perl -e 'my ($array, $to) = map { hex } @ARGV; local $/; open F, "+<", "fix.so"; binmode F; my $elf = <F>;
    my ($shoff, $size, $count) = (unpack("Q<", substr $elf, 40, 8), unpack("v", substr $elf, 58, 2), unpack("v", substr $elf, 60, 2));
    for my $i (0 .. $count - 1) { my ($type, $flags, $addr, $off, $len) = unpack "x4 V Q< Q< Q< Q<", substr $elf, $shoff + $i * $size, 64;
        next if $type != 4;
        for (my $at = $off; $at < $off + $len; $at += 24) {
            next if unpack("Q<", substr $elf, $at, 8) != $array;
            $at += 24; substr($elf, $at, 8) = pack "Q<", $array; substr($elf, $at + 16, 8) = pack "Q<", $to; last } last }
    seek F, 0, 0; print F $elf' "$constructors" "$function"
is "two relocations for one constructor" "$(verdict loading)" \
    "incompatible: the patch has a constructor, '?', which would run before the patch is applied"

# What the dynamic linker would see and the file does not show: a relocation that gives DT_INIT another value, one whose
# symbol another library has too, one of a page that is not writable, symbols elsewhere, and a page of other code that
# is mapped over the first.
headers='local $/; open F, "+<", "fix.so"; binmode F; my $elf = <F>; sub done { seek F, 0, 0; print F $elf; exit }
    my ($phoff, $phcount) = (unpack("Q<", substr $elf, 32, 8), unpack("v", substr $elf, 56, 2));
    my ($shoff, $count) = (unpack("Q<", substr $elf, 40, 8), unpack("v", substr $elf, 60, 2));
    sub section { my ($wanted) = @_; for my $i (0 .. $count - 1) {
        my ($type, $flags, $addr, $off, $len) = unpack "x4 V Q< Q< Q< Q<", substr $elf, $shoff + $i * 64, 64;
        return ($addr, $off, $len) if $type == $wanted } }
    sub entry { my ($tag) = @_; my ($addr, $off, $len) = section(6);
        for (my $at = 0; $at < $len; $at += 16) { return ($addr + $at + 8, $off + $at + 8) if unpack("Q<", substr $elf, $off + $at, 8) == $tag } }
    sub relocate { my ($place, $new) = @_; my ($addr, $off, $len) = section(4);
        for (my $at = $off; $at < $off + $len; $at += 24) { next if unpack("Q<", substr $elf, $at, 8) != $place;
            substr($elf, $at, 24) = $new; done() } exit 1 }'
plain() {
    fix <<<'int fee(int); int last, *at = &last; int fee(int value) { return *at = value; }'
}
place() {
    echo "0x$(nm fix.so | sed -n "s/ [A-Za-z] $1\$//p")"
}
plain
perl -e "$headers"' my ($init) = entry(12); relocate(hex $ARGV[0], pack("Q<3", $init, 17, hex $ARGV[1]))' "$(place at)" "$(place fee)"
is "a relocation that changes what the dynamic linker goes by" "$(verdict loading | sed 's/0x.*//')" \
    "incompatible: the patch has a relocation that changes its dynamic section, at "
plain
perl -e "$headers"' my ($code) = entry(12); $code = unpack("Q<", substr $elf, $code = (entry(12))[1], 8);
    relocate(hex $ARGV[0], pack("Q<3", $code, 8, 0))' "$(place at)"
is "one that changes code" "$(verdict loading | sed 's/0x.*//')" \
    "incompatible: the patch has a relocation of what is not writable, at "
plain
perl -e "$headers"' my ($array) = map { unpack("Q<", substr $elf, (entry(25))[1], 8) } 1; my ($addr, $off, $len) = section(4);
    my ($own) = grep { unpack("Q<", substr $elf, $_, 8) == hex $ARGV[0] } map { $off + 24 * $_ } 0 .. $len / 24 - 1;
    my $symbol = unpack("V", substr $elf, $own + 12, 4); relocate($array, pack("Q<VVQ<", $array, 1, $symbol, 0))' "$(place at)"
is "a constructor that a symbol stands for" "$(verdict loading)" \
    "incompatible: the patch has a constructor, '?', which would run before the patch is applied"
plain
perl -e "$headers"' my ($addr, $off) = entry(6); substr($elf, $off, 8) = pack "Q<", 24 + unpack("Q<", substr $elf, $off, 8); done()'
is "symbols that are not those of the section" "$(verdict loading | sed 's/0x.*//')" \
    "incompatible: the patch's symbols are not those of its sections, at "
plain
perl -e "$headers"' for my $i (0 .. $phcount - 1) { my $at = $phoff + 56 * $i; next if unpack("V", substr $elf, $at, 4) != 0x6474e550;
    my $code = unpack("Q<", substr $elf, (entry(12))[1], 8) & ~4095; $elf .= "\0" x (-length($elf) % 4096);
    substr($elf, $at, 56) = pack "VVQ<6", 1, 5, length $elf, $code, $code, 256, 256, 4096; $elf .= "\x90" x 256; done() }'
is "a segment over another one" "$(verdict loading | sed -E 's/(0x[0-9a-f]+|0)$//')" \
    "incompatible: the patch has a segment that is mapped over another one, at "
# What section headers say is not what the dynamic linker reads, or not all of it.
# header TYPE, segment TYPE: where the first of this type stands; set PLACE BYTES VALUE.
sections='sub header { my ($type) = @_; for my $i (0 .. $count - 1) {
        return $shoff + $i * 64 if unpack("V", substr $elf, $shoff + $i * 64 + 4, 4) == $type } exit 1 }
    sub set { my ($at, $size, $value) = @_; substr($elf, $at, $size) = substr pack("Q<", $value), 0, $size }
    sub segment { my ($type) = @_; for my $i (0 .. $phcount - 1) {
        return $phoff + $i * 56 if unpack("V", substr $elf, $phoff + $i * 56, 4) == $type } exit 1 }'
# edited DESCRIPTION VERDICT PERL [ARGUMENT...]: of a patch that was plain.
edited() {
    description=$1 wanted=$2 code=$3
    shift 3
    perl -e "$headers$sections$code; done()" "$@" || echo "# perl failed"
    is "$description" "$(verdict loading | sed 's/, at \(0x[0-9a-f]*\|0\)$//')" "$wanted"
}
plain
edited "a dynamic section without an end" \
    "incompatible: the patch asks the dynamic linker for more than its dynamic section holds, which has no end: entry 0 with 0" \
    'my ($addr, $off, $len) = section(6); my $n = 0; $n += 16 while unpack("Q<", substr $elf, $off + $n, 8); set(header(6) + 32, 8, $n);
    set(segment(2) + 32, 8, $n); set(segment(2) + 40, 8, $n)'
plain
edited "another SONAME behind the first one" \
    "incompatible: the patch asks the dynamic linker for the same thing twice, of which the last one counts: entry 0xfffffffffffffffe with 0xd" \
    'my ($place, $off) = entry(12); set($off - 8, 8, 13); ($place, $off) = entry(25); set($off - 8, 8, 13)'
plain
edited "a dynamic section that only section headers know" "incompatible: the patch has a section that is not the one that the dynamic linker uses" \
    'my $real = header(6);
    my ($addr, $off, $len) = section(6); $elf .= "\0" x (-length($elf) % 8); my $place = length $elf; $elf .= substr($elf, $off, $len);
    set($real + 4, 4, 1); for my $i (1 .. $count - 1) { my $h = $shoff + 64 * $i; my ($type, $flags) = unpack "V Q<", substr $elf, $h + 4, 12;
        next if $type != 1 || $flags & 2; set($h + 4, 4, 6); set($h + 24, 8, $place); set($h + 32, 8, $len); set($h + 40, 4, unpack("V", substr $elf, $real + 40, 4)); set($h + 56, 8, 16); last }'
plain
edited "names of the dynamic section in another table" "incompatible: the patch's symbols are not those of its sections" \
    'my ($strtab) = grep { unpack("V", substr $elf, $shoff + 64 * $_ + 4, 4) == 3 && !(unpack("Q<", substr $elf, $shoff + 64 * $_ + 8, 8) & 2) } 1 .. $count - 1; set(header(6) + 40, 4, $strtab)'
plain
edited "symbols of relocations in another table" \
    "incompatible: the patch has a section that goes with another one than the dynamic linker uses for it" \
    'my ($symtab) = grep { unpack("V", substr $elf, $shoff + 64 * $_ + 4, 4) == 2 } 1 .. $count - 1; set(header(4) + 40, 4, $symtab)'
fix libtariff.so <<<'int tariff(void); int fee(int); int fee(int value) { return value + tariff(); }'
edited "versions that only section headers know" \
    "incompatible: the patch has a section that is not the one that the dynamic linker uses" \
    'my ($place, $off) = entry(0x6ffffff0); set($off - 8, 8, 21); set($off, 8, 0)'
plain
edited "relocations elsewhere in the file" "incompatible: the patch has a section that is not what is mapped at its address" \
    'my ($addr, $off, $len) = section(4); my $place = length($elf); $elf .= substr $elf, $off, $len; set(header(4) + 24, 8, $place)'
plain
edited "a dynamic section elsewhere in the file" "incompatible: the patch has a section that is not what is mapped at its address" \
    'my ($addr, $off, $len) = section(6); my $place = length($elf); $elf .= substr $elf, $off, $len; set(header(6) + 24, 8, $place); set(segment(2) + 8, 8, $place)'
plain
edited "symbols behind the section" "incompatible: the patch has a relocation or a table of names that leads to symbols beyond its section" \
    'my ($addr, $off, $len) = section(11); set(header(11) + 32, 8, $len - 24)'
fix <<<'static int plus(int x) { return x + 1; } static int (*pick(void))(int) { return plus; }
    int chosen(int) __attribute__((ifunc("pick"))); int fee(int); int fee(int value) { return chosen(value); }'
edited "an indirect function that only the dynamic symbols tell of" \
    "incompatible: the patch has an indirect function, 'chosen', whose resolver would run before the patch is applied" \
    'my ($addr, $off, $len) = section(2); for (my $at = $off; $at < $off + $len; $at += 24) { my $info = unpack("C", substr $elf, $at + 4, 1);
        set($at + 4, 1, $info & 0xf0 | 2) if ($info & 15) == 10 }'
fix -Wl,-z,pack-relative-relocs <<<'int fee(int); int last, *at = &last; int fee(int value) { return *at = value; }'
is "relative relocations in their short form" "$(verdict loading)" "compatible: mapping the patch runs none of its code"
# Linkers of Debian 12 know the short form on x86-64 alone.
if readelf -dW fix.so | grep -q RELR; then
    edited "one of them in the dynamic section" "incompatible: the patch has a relocation that changes its dynamic section" \
        'my ($init) = entry(27); my ($addr, $off, $len) = section(19); set($off, 8, $init)'
fi
plain
is "and nothing is wrong with what was changed" "$(verdict loading)" "compatible: mapping the patch runs none of its code"

# For the other CPU, as far as its compiler is there: nothing of this runs.
if command -v aarch64-linux-gnu-gcc >/dev/null && [ -e /usr/aarch64-linux-gnu/lib/crti.o ]; then
    name=aarch64-linux-gnu-gcc record=
    printf 'int fee(int value) { return value * 7 / 3; }\nint main(int argc, char **argv) { (void)argv; return fee(argc); }\n' >arm.c
    $name -O2 -g -Wl,--build-id -o shop arm.c
    fix <<<'int fee(int); int fee(int value) { return value; }'
    is "arm64: what crt files bring is nothing" "$(verdict loading)" "compatible: mapping the patch runs none of its code"
    fix <<<'char last; __attribute__((constructor)) static void frame_dummy(void) { *(volatile char *)&last = 1; } int fee(int); int fee(int value) { return value; }'
    is "arm64: a constructor with the name of one that does nothing" "$(verdict loading)" \
        "incompatible: the patch has a constructor, 'frame_dummy', which would run before the patch is applied"
    fix <<<'int last; __attribute__((destructor)) static void __do_global_dtors_aux(void) { last = 7; } int fee(int); int fee(int value) { return value; }'
    is "arm64: a destructor likewise" "$(verdict loading | cut -c 1-61)" "unproven: the patch has a destructor, '__do_global_dtors_aux'"
fi

finish
