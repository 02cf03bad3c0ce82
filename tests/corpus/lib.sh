# SPDX-License-Identifier: Apache-2.0
# What the corpus runs share: Debian source packages as lists of patches, and a table of what became of each.
# shellcheck shell=bash

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$root/build}
BUILD=$(realpath "$BUILD")
hotfix=$BUILD/hotfix
cache=${CORPUS_CACHE:-$BUILD/corpus/cache}
work=${CORPUS_WORK:-$BUILD/corpus/$(basename "$0" .sh)}
export jobs=${CORPUS_JOBS:-$(nproc)}
# What Debian's packages are compiled with (dpkg-buildflags), but for options that name the build's directory.
export CFLAGS="-g -O2 -fstack-protector-strong -Wformat -Werror=format-security"
export CPPFLAGS="-Wdate-time -D_FORTIFY_SOURCE=2"
export LDFLAGS="-Wl,-z,relro -Wl,-z,now"
export LC_ALL=C

die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

# The package source cannot be had: a status of its own, so that tests can tell it from a failure.
unreachable() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 77
}

# fetch PACKAGE: the source package, into the cache. The machine's own package sources are used, as sources of source
# packages too, without changing them.
fetch() {
    local package=$1 lists=$cache/lists
    compgen -G "$cache/${package}_*.dsc" >/dev/null && return
    mkdir -p "$lists/partial" "$cache" || die "cannot make $cache"
    local config=$cache/sources.list.d
    mkdir -p "$config"
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$file" ] && sed -n 's/^deb\(-src\)\{0,1\} /deb-src /p' "$file" >"$config/$(basename "$file" .list).list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" >"$config/$(basename "$file")"
    done
    local options=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$config" -o "Dir::State::lists=$lists"
        -o "APT::Sandbox::User=$(id -un)" -qq)
    apt-get "${options[@]}" update || unreachable "the package lists cannot be had"
    # Mirrors may not have the newest yet. What came in part must not be taken for the whole.
    local version partial=$cache/partial
    while read -r version; do
        rm -rf "$partial"
        mkdir "$partial" || die "cannot make $partial"
        (cd "$partial" && apt-get "${options[@]}" source --download-only "$package=$version") &&
            mv "$partial"/* "$cache/" && return
    done < <(apt-cache "${options[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -rVu)
    unreachable "the source of $package cannot be had"
}

# unpack PACKAGE DIR: the upstream source without a patch, and the packaging in DIR/debian.
unpack() {
    local package=$1 dir=$2 archive
    mkdir -p "$dir" || die "cannot make $dir"
    archive=$(compgen -G "$cache/${package}_*.orig.tar.*" | grep -v '\.asc$' | head -n 1)
    tar -C "$dir" --strip-components=1 -xf "$archive" || die "$archive cannot be unpacked"
    tar -C "$dir" -xf "$(compgen -G "$cache/${package}_*.debian.tar.*" | head -n 1)" ||
        die "the packaging of $package cannot be unpacked"
}

# patches DIR: the names of the package's patches, in order.
patches() {
    sed -e 's/[[:space:]].*//' -e '/^#/d' -e '/^$/d' "$1/debian/patches/series"
}

apply_patch() {
    patch -d "$1" -s -p1 --batch --forward --no-backup-if-mismatch -i "$1/debian/patches/$2" >>"$work/patch.log" 2>&1
}

# keys: one pair for the whole run; trusts its own public key.
make_keys() {
    mkdir -p "$work/trust" || die "cannot make $work"
    chmod 755 "$work" "$work/trust"
    [ -f "$work/corpus.key" ] && return
    "$hotfix" keygen "$work/corpus" >/dev/null || die "no key"
    cp "$work/corpus.pub" "$work/trust/"
}

# The agent that puts the loader into a program that was not built with it.
make_agent() {
    agent=$work/agent.so
    "${CC:-gcc}" -shared -fPIC -O2 -I"$root/loader" -I"$root/manifest" "$root/examples/agent/agent.c" -o "$agent" \
        -L"$BUILD" -lhotfix -Wl,-rpath,"$BUILD" -lpthread || die "the agent cannot be built"
}

# ask SOCKET REQUEST: one request to the agent, its answer on stdout; fails unless it is ok.
ask() {
    local answer
    # shellcheck disable=SC2016 # perl's variables
    answer=$(timeout 60 perl -MIO::Socket::UNIX -e '
        my $socket = IO::Socket::UNIX->new(Peer => shift) or die "$!\n";
        print $socket shift, "\n";
        $socket->flush;
        shutdown $socket, 1;
        print <$socket>;' "$1" "$2") || return 1
    printf '%s\n' "$answer"
    [ "${answer%%$'\n'*}" = ok ]
}

now_ms() {
    date +%s%3N
}

# seconds_since MS
seconds_since() {
    awk -v ms=$(($(now_ms) - $1)) 'BEGIN { printf "%.1fs", ms / 1000 }'
}

# field NAME: the value of the line "NAME VALUE" on standard input.
field() {
    sed -n "s/^$1 //p" | head -n 1
}

# fix_pack TARGET SOURCE PATCH MAKE: from the patch of the tree's packaging to $work/fix.hotfix. Sets $built, the seconds
# that hotfix build took; fails with $refused, the reason.
# shellcheck disable=SC2034 # for the caller
fix_pack() {
    local begin
    begin=$(now_ms)
    rm -rf "$work/patch.so" "$work/fix.hotfix" "$work/build"
    refused=
    if ! "$hotfix" build --target "$1" --source "$2" --patch "$2/debian/patches/$3" --make "$4" --accept '*' --work "$work/build" \
        -o "$work/patch.so" >"$work/build.log" 2>&1; then
        built=$(seconds_since "$begin")
        refused=$(sed -n 's/^hotfix build: //p' "$work/build.log" | tail -n 1)
        return 1
    fi
    built=$(seconds_since "$begin")
    if ! "$hotfix" pack --target "$1" --patch "$work/patch.so" --key "$work/corpus.key" --name corpus --version 1 \
        -o "$work/fix.hotfix" >"$work/pack.log" 2>&1; then
        refused="pack: $(sed -n 's/^hotfix pack: //p' "$work/pack.log" | tail -n 1)"
        return 1
    fi
}

# wanted PATCH CHOSEN...: is it one of the chosen? All are when none is.
wanted() {
    local patch=$1 one
    shift
    [ $# -eq 0 ] && return
    for one in "$@"; do
        [ "$one" = "$patch" ] && return
    done
    return 1
}

# entry LIST PATCH: its line of a list.
entry() {
    awk -F '\t' -v patch="$2" '$1 == patch' "$1"
}

rows=0
misses=0
# row PATCH FUNCTIONS VERDICT PAUSE_US BUILD_S EXPECTED: a line of the table; VERDICT must match the pattern EXPECTED.
row() {
    local mark=ok
    rows=$((rows + 1))
    # shellcheck disable=SC2053 # a pattern
    [[ $3 == $6 ]] || mark="MISS: expected $6" misses=$((misses + 1))
    printf '%-66s %9s %9s %7s  %s  [%s]\n' "$1" "$2" "$4" "$5" "$3" "$mark"
}

table_head() {
    printf '%-66s %9s %9s %7s  %s\n' PATCH FUNCTIONS PAUSE BUILD VERDICT
}

# Ends the run: the count that test runners read, and the status.
finish() {
    printf '\n%d passed, %d failed\n' $((rows - misses)) "$misses"
    [ "$misses" -eq 0 ]
}
