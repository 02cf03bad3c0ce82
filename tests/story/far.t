#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A target around which nothing is free but a page here and there. Where branches reach less far than references to data (arm64),
# a patch goes farther away, and veneers in such pages take calls there and back; elsewhere it is refused, and why.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/lib.sh"

FLAGS=(-O2 -g -w -fPIE -ffunction-sections -fdata-sections "-I$ROOT/loader" "-I$ROOT/manifest")
case $CC in *clang*) FLAGS+=(-grecord-command-line) ;; esac

# compile VERSION DIRECTORY [MORE]
compile() {
    mkdir -p source "$2" && cat >source/shop.c <<SOURCE && "$CC" "${FLAGS[@]}" -c source/shop.c -o "$2/shop.o"
int log_line(const char *what, int value);
static int calls;

__attribute__((noinline)) int tax(int price) { return price / 10 + calls; }
__attribute__((noinline)) int calls_so_far(void) { return calls; }
__attribute__((noinline)) int last(int price) { return log_line("last", price + $1); }
__attribute__((noinline)) int total(int price)
{
    calls++;
    return log_line("total", price + tax(price)) * $1;
}
int (*const table[])(int) = {total, last, tax};
${3-}
SOURCE
}

cat >host.c <<'SOURCE'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hotfix.h>

#define MIB UINT64_C(1048576)

int total(int price), last(int price), calls_so_far(void);

int log_line(const char *what, int value)
{
    printf("%s %d; ", what, value);
    return value;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a < b ? b - a : a - b;
}

/* Takes every gap around the program, but for pages at its end that are too few for a patch. */
static void crowd(uint64_t around)
{
    static struct { uint64_t begin, end; } gaps[4096];
    uint64_t page = (uint64_t)getpagesize(), begin, end, after = 65536, self = (uint64_t)(uintptr_t)total;
    size_t count = 0;
    char line[8192];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx", &begin, &end) != 2)
            continue;
        if (begin > after && !strstr(line, "[stack]") && count < 4095) {
            gaps[count].begin = after;
            gaps[count++].end = begin;
        }
        after = end;
    }
    fclose(maps);
    if (after < self + around) {
        gaps[count].begin = after;
        gaps[count++].end = self + around;
    }
    for (size_t i = 0; i < count; i++) {
        begin = gaps[i].begin > self - around ? gaps[i].begin : self - around;
        end = gaps[i].end < self + around ? gaps[i].end : self + around;
        begin = (begin + page - 1) & -page;
        end = (end & -page) - 3 * page;
        if (begin < end && end - begin < UINT64_C(1) << 47 &&
            mmap((void *)begin, end - begin, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | 0x100000, -1, 0) !=
                (void *)begin)
            perror("mmap");
    }
}

static size_t count_maps(void)
{
    size_t count = 0;
    char line[8192];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof line, maps))
        count++;
    fclose(maps);
    return count;
}

static void show(enum hotfix_log_level level, const char *line, void *arg)
{
    if (strstr(line, "unloaded") || strstr(line, "stays mapped"))
        printf("%s: ", line);
}

int main(int argc, char **argv)
{
    struct hotfix_apply_options choice = HOTFIX_APPLY_OPTIONS_INIT;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    options.trust = "trust";
    options.log = show;
    choice.deadline_ns = 60000000000u;
    choice.unload = HOTFIX_UNLOAD;
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return fprintf(stderr, "%s\n", error.message), 1;
    crowd(strtoull(argv[1], NULL, 10) * MIB);
    for (int i = 2; i < argc; i++) {
        struct hotfix_result result = HOTFIX_RESULT_INIT;
        size_t before = count_maps();
        int status = strcmp(argv[i], "revert") == 0 ? hotfix_revert_opt(hotfix, NULL, &choice, &result)
                                                    : hotfix_apply_opt(hotfix, argv[i], &choice, &result);
        size_t after = count_maps();
        if (status != 0) {
            printf("%s%s\n", result.error.message, before == after ? "" : ", and something stayed mapped");
        } else {
            for (size_t k = 0; k < result.function_count && strcmp(argv[i], "revert") != 0; k++)
                printf("%s ", distance((uintptr_t)result.functions[k].old_address,
                                       (uintptr_t)result.functions[k].new_address) > 128 * MIB ? "far" : "near");
            printf("%d ", total(100));
            printf("%d calls %d\n", last(5), calls_so_far());
        }
        hotfix_result_deinit(&result);
    }
    hotfix_close(hotfix);
    return 0;
}
SOURCE

# bundle VERSION [MORE]: over the one before it, where there is one
bundle() {
    local below=()
    [ ! -f $(($1 - 1)).hotfix ] || below=(--on $(($1 - 1)).hotfix)
    compile "$1" "new$1" "${2-}" &&
        hotfix build --target host --old old --new "new$1" "${below[@]}" -o "patch$1.so" >>build.log &&
        hotfix pack --target host --patch "patch$1.so" --key key.key --name fix --version "$1" -o "$1.hotfix" >>pack.log
}

hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust && compile 2 old &&
    "$CC" "${FLAGS[@]}" -c host.c -o host.o &&
    "$CC" -pie -Wl,--build-id -o host host.o old/shop.o "$LIBRARY/libhotfix.a" -lcrypto -lpthread -ldl &&
    bundle 3 && bundle 4 && bundle 5 'int hotfix_on_apply(void) { return 7; }' || exit 1

timeout 300 ./host 0 3.hotfix 4.hotfix 5.hotfix revert revert >near 2>&1
is "with room around the target, patches lie near" "$(cat near)" \
    "near near total 111; 333 last 8; 8 calls 1
near near total 112; 448 last 9; 9 calls 2
hotfix_on_apply of the patch refused with 7
the code of fix is unloaded: total 113; 339 last 8; 8 calls 3
the code of fix is unloaded: total 114; 228 last 7; 7 calls 4"

case $(uname -m) in
aarch64)
    timeout 300 ./host 256 3.hotfix 4.hotfix 5.hotfix revert revert 4.hotfix revert >far 2>&1
    is "without, farther away, where calls from it and to it arrive all the same, and nothing is left of what failed" \
        "$(cat far)" "far far total 111; 333 last 8; 8 calls 1
far far total 112; 448 last 9; 9 calls 2
hotfix_on_apply of the patch refused with 7
the code of fix is unloaded: total 113; 339 last 8; 8 calls 3
the code of fix is unloaded: total 114; 228 last 7; 7 calls 4
far far total 115; 460 last 9; 9 calls 5
the code of fix is unloaded: total 116; 232 last 7; 7 calls 6"
    distance=4100
    ;;
*) distance=2100 ;;
esac
timeout 300 ./host $distance 3.hotfix >none 2>&1
is "where no reference would reach, it is refused, and nothing is left" \
    "$(sed 's/no gap of .* near the target.*/no gap near the target/' none)" "no gap near the target"
finish
