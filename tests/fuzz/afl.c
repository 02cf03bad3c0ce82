/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main function of a fuzz target outside libFuzzer. Compiled with afl-clang-fast it is AFL++'s, persistent, with
 * inputs in shared memory; with any compiler it runs the target once over each file that it is given:
 *
 *     TARGET FILE...      runs it over files
 *     TARGET -            is what afl-fuzz runs
 *     TARGET --seed DIR   writes what the target's own mutator begins with into a corpus directory
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (1 << 20)
#define SEEDS     2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) __attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* The targets' mutators call it for inputs that are long enough, which they are never given here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)data;
    return size < max_size ? size : max_size;
}

static int write_seed(const char *directory, unsigned number)
{
    char path[4096];
    uint8_t *data = malloc(INPUT_MAX);

    snprintf(path, sizeof(path), "%s/seed-%u", directory, number);
    FILE *file = fopen(path, "wb");
    if (!data || !file)
        return -1;
    size_t size = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(data, 0, INPUT_MAX, number) : 0;
    /* Something to begin with where neither the target nor the checkout has anything. */
    if (size == 0)
        data[size++] = '\n';
    int written = fwrite(data, 1, size, file) == size;
    free(data);
    return fclose(file) == 0 && written ? 0 : -1;
}

static int run_file(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *file = fopen(path, "rb");

    if (!data || !file) {
        perror(path);
        free(data);
        return -1;
    }
    size_t size = fread(data, 1, INPUT_MAX, file);
    fclose(file);
    /* Of the exact size, so that a read beyond it is seen. */
    uint8_t *exact = realloc(data, size ? size : 1);
    if (!exact)
        abort();
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

#ifdef __AFL_HAVE_MANUAL_CONTROL
__AFL_FUZZ_INIT();

static void run_persistent(void)
{
    const uint8_t *shared = __AFL_FUZZ_TESTCASE_BUF;

    while (__AFL_LOOP(1000)) {
        size_t size = (size_t)__AFL_FUZZ_TESTCASE_LEN;
        uint8_t *exact = malloc(size ? size : 1);
        if (!exact)
            abort();
        memcpy(exact, shared, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
}
#endif

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
        char *arguments[] = {argv[0], argv[2], NULL};
        char **given = arguments;
        int count = 2;
        if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&count, &given) != 0)
            return 1;
        for (unsigned number = 0; number < SEEDS; number++)
            if (write_seed(argv[2], number) != 0)
                return 1;
        return 0;
    }
#ifdef __AFL_HAVE_MANUAL_CONTROL
    if (argc == 2 && strcmp(argv[1], "-") == 0) {
        run_persistent();
        return 0;
    }
#endif
    for (int i = 1; i < argc; i++)
        if (run_file(argv[i]) != 0)
            return 1;
    return argc < 2;
}
