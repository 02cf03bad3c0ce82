/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded target with a few functions, patches for it, and a handle, for tests through the public API. */
#ifndef HF_TESTS_APPLY_FIXTURE_H
#define HF_TESTS_APPLY_FIXTURE_H

#include "loader_fixture.h"

static const char target_source[] =
    "static void (*hook)(void);\n"
    "void set_hook(void (*f)(void)) { hook = f; }\n"
    "int price(int n) { volatile int sum = 0; for (int i = 0; i < n; i++) sum += 2; return sum; }\n"
    "int tax(int n) { volatile int sum = n; sum += 1; return sum; }\n"
    "int order(int n) { volatile int sum = n; if (hook) hook(); sum += 1; return sum; }\n";

/* price becomes FACTOR * n, tax becomes FACTOR + n, order becomes FACTOR - n. */
static const char patch_source[] = "int price(int n) { volatile int v = n; return v * FACTOR; }\n"
                                   "int tax(int n) { volatile int v = n; return v + FACTOR; }\n"
                                   "int order(int n) { volatile int v = n; return FACTOR - v; }\n";

static const char *const both[] = {"price", "tax", NULL};
static const char *const price_only[] = {"price", NULL};
static const char *const order_only[] = {"order", NULL};

static struct fixture fixture;
static struct hotfix *handle;
static int (*price)(int);
static int (*tax)(int);
static int (*order)(int);
static void (*set_hook)(void (*)(void));
static unsigned next_number = 1;

FIXTURE struct hotfix *open_handle(hotfix_log_fn log, void *arg)
{
    struct hotfix *opened;
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    options.trust = fixture.trust;
    options.log = log;
    options.log_arg = arg;
    if (hotfix_open(&options, &opened, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    return opened;
}

FIXTURE const char *with_factor(int factor, const char *more)
{
    static char source[4096];
    snprintf(source, sizeof(source), "#define FACTOR %d\n%s%s", factor, patch_source, more);
    return source;
}

/* A bundle of its own id that replaces functions, price by factor * n. */
FIXTURE void make_bundle(int factor, const char *const *functions, char path[PATH_SIZE], char id[HOTFIX_ID_TEXT_SIZE])
{
    uint8_t bytes[HF_ID_SIZE];
    unsigned number = next_number++;

    fixture_bundle(&fixture, number, functions, with_factor(factor, ""), path);
    fixture_id(number, bytes);
    hf_hex_encode(bytes, HF_ID_SIZE, id);
}

/* As the defaults, but a machine under load does not decide a test. */
static const struct hotfix_apply_options patient = {
    .size = sizeof(patient), .quiescence = HOTFIX_IMMEDIATE, .deadline_ns = 10000000000u};

FIXTURE void must_apply(const char *path)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    if (hotfix_apply_opt(handle, path, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

FIXTURE void must_revert(const char *id)
{
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    if (hotfix_revert_opt(handle, id, &patient, &result) != 0)
        fail_msg("%s", result.error.message);
    hotfix_result_deinit(&result);
}

/*
 * The calls without options have the default deadline, which may pass on a machine under load: nothing was done then,
 * and they are made again.
 */
FIXTURE int apply_plain(const char *path, struct hotfix_result *result)
{
    int status;
    do {
        status = hotfix_apply(handle, path, result);
    } while (status != 0 && result->error.code == HOTFIX_BUSY);
    return status;
}

FIXTURE int apply_plain_with(const char *path, const struct hotfix_patcher *patcher, struct hotfix_result *result)
{
    int status;
    do {
        status = hotfix_apply_with(handle, path, patcher, result);
    } while (status != 0 && result->error.code == HOTFIX_BUSY);
    return status;
}

FIXTURE int revert_plain(const char *id, struct hotfix_result *result)
{
    int status;
    do {
        status = hotfix_revert(handle, id, result);
    } while (status != 0 && result->error.code == HOTFIX_BUSY);
    return status;
}

FIXTURE void assert_unpatched(void)
{
    assert_int_equal(price(10), 20);
    assert_int_equal(tax(10), 11);
}

struct material {
    struct hf_manifest manifest;
    uint8_t *payload;
    const struct hf_private_key *key;
};

FIXTURE void material_make(struct material *material, const char *source, unsigned stamp)
{
    unsigned number = next_number++;
    fixture_patch(&fixture, stamp ? stamp : number, "patch.so", "", source);
    fixture_manifest(&fixture, number, "patch.so", both, &material->manifest, &material->payload);
    material->key = fixture.key;
}

FIXTURE void material_pack(struct material *material, char path[PATH_SIZE])
{
    uint8_t *bundle;
    size_t size;

    fixture_sign(&material->manifest, material->payload, material->key, &bundle, &size);
    fixture_write_bundle(&fixture, "bundle", bundle, size, path);
    free(bundle);
    free(material->payload);
    hf_manifest_deinit(&material->manifest);
}

FIXTURE int setup(void **state)
{
    char path[PATH_SIZE], id[HOTFIX_ID_TEXT_SIZE];

    (void)state;
    fixture_setup(&fixture);
    fixture_compile(&fixture, "target.so", "", target_source);
    fixture_load(&fixture, "target.so");
    price = (int (*)(int))(uintptr_t)dlsym(fixture.target, "price");
    tax = (int (*)(int))(uintptr_t)dlsym(fixture.target, "tax");
    order = (int (*)(int))(uintptr_t)dlsym(fixture.target, "order");
    set_hook = (void (*)(void (*)(void)))(uintptr_t)dlsym(fixture.target, "set_hook");
    handle = open_handle(NULL, NULL);

    /* Once, so that what libraries load on first use does not count as left behind. */
    make_bundle(3, both, path, id);
    must_apply(path);
    must_revert(id);
    return 0;
}

FIXTURE int teardown(void **state)
{
    (void)state;
    hotfix_close(handle);
    fixture_teardown(&fixture);
    return 0;
}

#endif
