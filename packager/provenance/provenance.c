/* SPDX-License-Identifier: Apache-2.0 */
#include "provenance/provenance.h"

#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "elf/rebuilt.h"
#include "error.h"
#include "file.h"
#include "provenance/envelope.h"

#define PAYLOAD_TYPE   "application/vnd.in-toto+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://slsa.dev/provenance/v1"
#define BUILD_TYPE     "urn:hotfix:pack:1"
#define BUILDER        "urn:hotfix:packager:" HOTFIX_VERSION
#define INPUT_MAX      (UINT64_C(1) << 32) /* bytes of a target, patch or debug file */

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int hex_digest(const void *data, size_t size, char hex[2 * HF_DIGEST_SIZE + 1], struct hotfix_error *err)
{
    struct hf_digest digest;

    if (hf_digest_compute(data, size, &digest, err) != 0)
        return -1;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), hex);
    return 0;
}

/* From the very file that was checked. */
static int add_material(json_t *materials, const char *name, const struct hf_image *image, struct hotfix_error *err)
{
    char hex[2 * HF_DIGEST_SIZE + 1];
    HF_FREE uint8_t *bytes = NULL;
    struct stat status;
    size_t size;

    if (lseek(image->fd, 0, SEEK_SET) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read again", image->path);
    if (hf_file_read_fd(image->fd, image->path, INPUT_MAX, &bytes, &size, &status, err) != 0 ||
        hex_digest(bytes, size, hex, err) != 0)
        return -1;
    return json_array_append_new(materials, json_pack("{s:s, s:{s:s}}", "name", name, "digest", "sha256", hex)) == 0
               ? 0
               : out_of_memory(err);
}

static int list_materials(const struct hf_inputs *inputs, json_t *materials, struct hotfix_error *err)
{
    const struct hf_program *target = inputs->target, *patch = inputs->patch;

    if (add_material(materials, "target", &target->image, err) != 0 ||
        add_material(materials, "patch", &patch->image, err) != 0)
        return -1;
    if (target->debug != &target->image) {
        bool rebuilt = hf_rebuilt_check(&target->image, target->debug, NULL) == 0;
        if (add_material(materials, rebuilt ? "target-rebuilt" : "target-debug", target->debug, err) != 0)
            return -1;
    }
    return patch->debug != &patch->image ? add_material(materials, "patch-debug", patch->debug, err) : 0;
}

/* All of them: a statement that leaves one out would be signed as well. NULL: out of memory. */
static json_t *list_functions(const struct hf_manifest *manifest)
{
    json_t *functions = json_array();

    for (size_t i = 0; i < manifest->function_count; i++) {
        if (json_array_append_new(functions, json_string(manifest->functions[i].name)) != 0) {
            json_decref(functions);
            return NULL;
        }
    }
    return functions;
}

/* What may not be in it is no member of it: the time and the machine, so that who packs the same gets the same. */
static json_t *make_statement(const struct hf_manifest *manifest, const char *archive, json_t *materials)
{
    return json_pack("{s:s, s:[{s:s, s:{s:s}}], s:s, s:{s:{s:s, s:{s:s, s:s, s:o}, s:{}, s:o}, s:{s:{s:s}}}}", "_type",
                     STATEMENT_TYPE, "subject", "name", manifest->name, "digest", "sha256", archive, "predicateType",
                     PREDICATE_TYPE, "predicate", "buildDefinition", "buildType", BUILD_TYPE, "externalParameters",
                     "name", manifest->name, "version", manifest->version, "functions", list_functions(manifest),
                     "internalParameters", "resolvedDependencies", materials, "runDetails", "builder", "id", BUILDER);
}

/*
 * The statement as text, NULL when out of memory. The text is read back: when memory runs out while jansson 2.14 writes
 * the name of a member, it goes on without that name.
 */
static char *statement_text(const json_t *statement)
{
    HF_FREE char *text = json_dumps(statement, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool whole = json_equal(statement, again);

    json_decref(again);
    return whole ? hf_move(text) : NULL;
}

int hf_provenance_format(const struct hf_inputs *inputs, const struct hf_manifest *manifest, const void *archive,
                         size_t archive_size, const struct hf_private_key *key, char **text, struct hotfix_error *err)
{
    char hex[2 * HF_DIGEST_SIZE + 1];
    json_t *materials = json_array();
    HF_FREE char *payload = NULL;

    if (!materials)
        return out_of_memory(err);
    if (hex_digest(archive, archive_size, hex, err) != 0 || list_materials(inputs, materials, err) != 0) {
        json_decref(materials);
        return -1;
    }
    json_t *statement = make_statement(manifest, hex, materials);
    payload = statement ? statement_text(statement) : NULL;
    json_decref(statement);
    return payload ? hf_envelope_format(PAYLOAD_TYPE, payload, key, text, err) : out_of_memory(err);
}

/* True when an array of subjects or materials has one of this name (NULL: any) with this digest. */
static bool has_digest(const json_t *items, const char *name, const char *hex)
{
    const json_t *item;
    size_t index;

    json_array_foreach(items, index, item)
    {
        const char *text = json_string_value(json_object_get(item, "name"));
        const char *digest = json_string_value(json_object_get(json_object_get(item, "digest"), "sha256"));
        if ((!name || (text && strcmp(text, name) == 0)) && digest && strcmp(digest, hex) == 0)
            return true;
    }
    return false;
}

static bool is_text(const json_t *object, const char *member, const char *text)
{
    const char *value = json_string_value(json_object_get(object, member));

    return value && strcmp(value, text) == 0;
}

static int check_target(const json_t *materials, const char *target, struct hotfix_error *err)
{
    char hex[2 * HF_DIGEST_SIZE + 1];
    HF_FREE uint8_t *bytes = NULL;
    size_t size;

    if (hf_file_read(target, INPUT_MAX, &bytes, &size, err) != 0 || hex_digest(bytes, size, hex, err) != 0)
        return -1;
    if (!has_digest(materials, "target", hex))
        return hf_error(err, HOTFIX_INCOMPATIBLE, "the bundle was packed for another file than %s, of the same build",
                        target);
    return 0;
}

static int check_statement(const json_t *statement, const void *archive, size_t archive_size, const char *target,
                           struct hf_provenance *provenance, struct hotfix_error *err)
{
    char hex[2 * HF_DIGEST_SIZE + 1];
    const json_t *definition = json_object_get(json_object_get(statement, "predicate"), "buildDefinition");
    json_t *materials = json_object_get(definition, "resolvedDependencies");

    if (!is_text(statement, "_type", STATEMENT_TYPE) || !is_text(statement, "predicateType", PREDICATE_TYPE) ||
        !is_text(definition, "buildType", BUILD_TYPE) || !json_is_array(materials))
        return hf_error(err, HOTFIX_FORMAT, "is not the provenance of a bundle");
    if (hex_digest(archive, archive_size, hex, err) != 0)
        return -1;
    if (!has_digest(json_object_get(statement, "subject"), NULL, hex))
        return hf_error(err, HOTFIX_INCOMPATIBLE, "is the provenance of another bundle");
    if (target && check_target(materials, target, err) != 0)
        return -1;
    provenance->materials = json_incref(materials);
    return 0;
}

static int check_payload(const char *payload, const void *archive, size_t archive_size, const char *target,
                         struct hf_provenance *provenance, struct hotfix_error *err)
{
    json_t *statement = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
    int result = statement ? check_statement(statement, archive, archive_size, target, provenance, err)
                           : hf_error(err, HOTFIX_FORMAT, "its payload is not JSON");

    json_decref(statement);
    return result;
}

int hf_provenance_check(const char *path, const void *archive, size_t archive_size, const char *target,
                        const struct hf_trust *trust, int64_t now, struct hf_provenance *provenance,
                        struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    HF_FREE char *payload = NULL;
    size_t size;

    *provenance = (struct hf_provenance){.materials = NULL};
    if (hf_file_read(path, HF_ENVELOPE_MAX, &text, &size, err) != 0)
        return -1;
    int result = hf_envelope_open(text, size, PAYLOAD_TYPE, trust, now, &payload, &provenance->signers, err);
    if (result == 0)
        result = check_payload(payload, archive, archive_size, target, provenance, err);
    return result == 0 ? 0 : hf_error_prefix(err, "provenance %s", path);
}

int hf_provenance_sign(const char *path, const void *archive, size_t archive_size, const struct hf_private_key *key,
                       const char *certificate, struct hotfix_error *err)
{
    struct hf_provenance provenance = {.materials = NULL};
    HF_FREE uint8_t *text = NULL;
    HF_FREE char *payload = NULL, *more = NULL;
    size_t size;

    if (hf_file_read(path, HF_ENVELOPE_MAX, &text, &size, err) != 0)
        return -1;
    int result = hf_envelope_sign(text, size, PAYLOAD_TYPE, key, certificate, &payload, &more, err);
    if (result == 0)
        result = check_payload(payload, archive, archive_size, NULL, &provenance, err);
    hf_provenance_deinit(&provenance);
    if (result != 0)
        return hf_error_prefix(err, "provenance %s", path);
    return hf_file_write(path, more, strlen(more), 0644, false, err);
}

void hf_provenance_deinit(struct hf_provenance *provenance)
{
    json_decref(provenance->materials);
    *provenance = (struct hf_provenance){.materials = NULL};
}
