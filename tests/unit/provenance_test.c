/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed about a bundle is whole, or nothing is signed. */
#include "program_fixture.h"

#include <jansson.h>
#include <openssl/evp.h>

#include "key.h"
#include "manifest.h"
#include "provenance/provenance.h"

enum { FUNCTIONS = 3 };

/* The allocation of jansson's that fails, by number, and how many there were. */
static size_t failing, allocations;

static void *allocate(size_t size)
{
    return ++allocations == failing ? NULL : malloc(size);
}

/* The functions that the statement in an envelope names, in one string. */
static void functions_of(const char *envelope, char *names, size_t size)
{
    json_t *outer = json_loads(envelope, 0, NULL);
    const char *encoded = json_string_value(json_object_get(outer, "payload"));
    HF_FREE char *payload = calloc(1, strlen(encoded) + 1);
    size_t index;
    const json_t *item;

    assert_true(EVP_DecodeBlock((unsigned char *)payload, (const unsigned char *)encoded, (int)strlen(encoded)) > 0);
    json_t *statement = json_loads(payload, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *definition = json_object_get(json_object_get(statement, "predicate"), "buildDefinition");
    names[0] = '\0';
    json_array_foreach(json_object_get(json_object_get(definition, "externalParameters"), "functions"), index, item)
    {
        size_t used = strlen(names);
        snprintf(names + used, size - used, "%s ", json_string_value(item));
    }
    json_decref(statement);
    json_decref(outer);
}

static void a_statement_names_every_function_or_is_not_signed(void **state)
{
    char first[] = "first", second[] = "second", third[] = "third";
    struct hf_manifest_function functions[FUNCTIONS] = {{.name = first}, {.name = second}, {.name = third}};
    struct hf_manifest manifest = {.functions = functions, .function_count = FUNCTIONS};
    struct hf_private_key *key;

    (void)state;
    strcpy(manifest.name, "fix");
    strcpy(manifest.version, "1");
    fixture_write("a.c", "int a(int x) { return x; }\n");
    assert_run("cc -O2 -g -shared -fPIC -o target.so a.c && cp target.so patch.so");
    FIXTURE_PROGRAM target = fixture_open("target.so", NULL);
    FIXTURE_PROGRAM patch = fixture_open("patch.so", NULL);
    const struct hf_inputs inputs = {.target = target, .patch = patch};
    assert_int_equal(hf_private_key_generate(&key, NULL), 0);

    json_set_alloc_funcs(allocate, free);
    size_t count = 1;
    for (size_t nth = 0; nth <= count; nth++) {
        HF_FREE char *text = NULL;
        allocations = 0;
        failing = nth;
        int result = hf_provenance_format(&inputs, &manifest, "archive", 7, key, &text, &fixture_error);
        failing = 0;
        count = nth == 0 ? allocations : count;
        if (result != 0) {
            assert_int_equal(fixture_error.code, HOTFIX_MEMORY);
            continue;
        }
        char names[64];
        functions_of(text, names, sizeof(names));
        assert_string_equal(names, "first second third ");
    }
    assert_true(count > FUNCTIONS);
    json_set_alloc_funcs(malloc, free);
    hf_private_key_destroy(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_names_every_function_or_is_not_signed),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
