#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that are small and would take for ever, or all memory, to be looked at: they are refused, or unproven, within
# bounds of processor time and memory that a defect of this kind breaks a thousand times over.
. "$(dirname "$0")/lib.sh"

if [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP sanitizers take memory of their own"
    exit 0
fi

# bounded COMMAND...: 20 seconds of processor time and 1 GiB
bounded() {
    (
        ulimit -t 20 -v 1048576
        exec "$@"
    )
}
record=
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# programs NAME: target and patch of NAME.c, which differ in FACTOR
programs() {
    # shellcheck disable=SC2086
    # Macros on the command line would be flags that differ, where the compiler records them.
    sed 's/FACTOR/3/' "$1.c" >unit.c && "$CC" -O1 -g $record -w -fPIC -shared -Wl,--build-id -o "$1.so" unit.c &&
        sed 's/FACTOR/5/' "$1.c" >unit.c && "$CC" -O1 -g $record -w -fPIC -shared -o "$1-fix.so" unit.c
}
# verdict NAME CHECK: of the function take
verdict() {
    run bounded "$HOTFIX" check --target "$1.so" --patch "$1-fix.so" --func take --json
    jq -r ".checks[] | select(.id == \"$2\").verdict" "$OUT" 2>/dev/null
}

# A function's type that takes the one below it twice, and so on.
{
    echo 'typedef void (*f0)(int);'
    for ((i = 1; i <= 30; i++)); do echo "typedef void (*f$i)(f$((i - 1)), f$((i - 1)));"; done
    echo 'struct s { int k; f30 call; };
int take(struct s *s, int x);
int take(struct s *s, int x) { return s->k * FACTOR + x; }'
} >functions.c
programs functions || exit 1
is "function types within function types are compared once each" "$(verdict functions layout)" compatible
sed 's/take(struct s \*s, int x)/take(f30 f, int x)/; s/s->k/(f != 0)/' functions.c >parameter.c
programs parameter || exit 1
is "a prototype that would fill the disk is unproven" "$(verdict parameter prototype)" unproven

# The same with structures, which have no name either.
{
    echo 'struct { int i; } v0;'
    for ((i = 1; i <= 40; i++)); do
        echo "struct { __typeof__(v$((i - 1))) *a, *b, *c; } v$i;"
    done
    echo 'struct s { int k; __typeof__(v40) *v; };
int take(struct s *s, int x);
int take(struct s *s, int x) { return s->k * FACTOR + x; }'
} >structures.c
programs structures || exit 1
is "structures within structures are compared once each, as deep as they are" "$(verdict structures layout)" unproven

# A chain of typedefs, each of which is a parameter.
{
    echo 'typedef int t0;'
    for ((i = 1; i < 6000; i++)); do echo "typedef t$((i - 1)) t$i; int g$i(t$i a) { return a; }"; done
    echo 'int take(int k, int x) { return k * FACTOR + x; }'
} >typedefs.c
programs typedefs || exit 1
is "a chain of typedefs is followed so far only" "$(verdict typedefs prototype)" compatible

# Sections that are a thousand times as large as they say: of both forms that compressed sections have had.
echo 'int take(int k, int x) { return k * FACTOR + x; }' >plain.c
programs plain || exit 1
perl -MCompress::Zlib -e '
    my $zeroes = compress("\0" x 100_000_000, 9);
    open my $out, ">", "packed" or die;
    print $out pack("V V Q< Q<", 1, 0, 2_000_000_000, 1), $zeroes x 20;
    open $out, ">", "old" or die;
    print $out "ZLIB", pack("Q>", 2_000_000_000), $zeroes x 20;'
# Says that a section of an ELF file is compressed (SHF_COMPRESSED), which objcopy does only when it compresses.
mark() {
    perl -0777 -pi -e '
        my ($headers, $size, $count, $names) = (unpack("Q<", substr($_, 40, 8)), unpack("v3", substr($_, 58, 6)));
        my $strings = unpack "Q<", substr($_, $headers + $names * $size + 24, 8);
        for my $at (map { $headers + $_ * $size } 0 .. $count - 1) {
            my $name = unpack "Z*", substr($_, $strings + unpack("V", substr($_, $at, 4)), 32);
            substr($_, $at + 8, 8) = pack "Q<", 0x800 if $name eq ".debug_zeroes";
        }' "$1"
}
objcopy --add-section .debug_zeroes=packed plain-fix.so packed.so && mark packed.so
objcopy --add-section .zdebug_zeroes=old plain-fix.so old.so
for form in packed old; do
    size=$(stat -c %s $form.so)
    ok "$form: a file of less than 4 MB" test "$size" -lt 4000000
    run bounded "$HOTFIX" check --target plain.so --patch $form.so --func take
    is "$form: which unpacked has two gigabytes, is refused" "$status $(cat "$ERR")" \
        "5 hotfix check: patch: $form.so: has $size bytes, and its sections take more than $((size * 32 + 16777216)) when they \
are unpacked; if it is what a compiler made, objcopy --decompress-debug-sections makes a file of it that can be read"
done
objcopy --compress-debug-sections=zlib-gabi plain-fix.so packed.so
run bounded "$HOTFIX" check --target plain.so --patch packed.so --func take
is "one that is packed as usual is read" "$status" 0

finish
