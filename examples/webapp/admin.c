/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "admin.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int admin_read_token(const char *path, char token[ADMIN_TOKEN_MAX + 1])
{
    FILE *file = fopen(path, "re");
    struct stat status;

    if (!file || fstat(fileno(file), &status) != 0) {
        fprintf(stderr, "webapp: token file %s: %s\n", path, strerror(errno));
        if (file)
            fclose(file);
        return -1;
    }
    bool read = fgets(token, ADMIN_TOKEN_MAX + 1, file) != NULL;
    fclose(file);
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        fprintf(stderr, "webapp: token file %s: others than its owner may use it: chmod 600 it\n", path);
        return -1;
    }
    size_t size = read ? strcspn(token, "\n") : 0;
    if (size < ADMIN_TOKEN_MIN || size >= ADMIN_TOKEN_MAX) {
        fprintf(stderr, "webapp: token file %s: its first line is not a token of %d to %d characters\n", path,
                ADMIN_TOKEN_MIN, ADMIN_TOKEN_MAX - 1);
        return -1;
    }
    token[size] = '\0';
    return 0;
}

int admin_init(struct admin *admin, const char *token_path, const char *trust_path)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_error error;

    if (admin_read_token(token_path, admin->token) != 0)
        return -1;
    options.trust = trust_path;
    if (hotfix_open(&options, &admin->hotfix, &error) != 0) {
        fprintf(stderr, "webapp: %s\n", error.message);
        return -1;
    }
    return 0;
}

void admin_deinit(struct admin *admin)
{
    hotfix_close(admin->hotfix);
    memset(admin, 0, sizeof(*admin));
}

bool admin_authorized(const struct admin *admin, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (!authorization || strncmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;

    /* Looks at every character, whatever the first wrong one is: time must not tell how much of it was right. */
    const char *given = authorization + sizeof(scheme) - 1;
    size_t given_size = strlen(given);
    size_t size = strlen(admin->token);
    unsigned char difference = given_size != size;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(admin->token[i] ^ (i < given_size ? given[i] : '\0'));
    return difference == 0;
}

static json_t *admin_address(const void *address)
{
    char text[2 + 16 + 1];

    snprintf(text, sizeof(text), "0x%" PRIxPTR, (uintptr_t)address);
    return json_string(text);
}

static json_t *admin_functions(const struct hotfix_result *result)
{
    json_t *list = json_array();
    const struct hotfix_function *function = result->functions;

    for (size_t i = 0; i < result->function_count; i++, function = HOTFIX_NEXT(function))
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", function->name, "source",
                                              function->source, "old_address", admin_address(function->old_address),
                                              "new_address", admin_address(function->new_address)));
    return list;
}

/* The lines of the debug log. */
static json_t *admin_log(const char *log)
{
    json_t *lines = json_array();

    while (*log) {
        size_t size = strcspn(log, "\n");
        json_array_append_new(lines, json_stringn(log, size));
        log += size + (log[size] == '\n');
    }
    return lines;
}

static json_t *admin_result(const struct hotfix_result *result)
{
    const struct hotfix_cost *cost = &result->cost;

    return json_pack("{s:b, s:{s:i, s:s}, s:s, s:s, s:s, s:o, s:{s:I, s:I, s:I, s:I}, s:o}", "ok",
                     result->error.code == HOTFIX_OK, "error", "code", (int)result->error.code, "message",
                     result->error.code == HOTFIX_OK ? "" : result->error.message, "id", result->id, "name",
                     result->name, "version", result->version, "functions", admin_functions(result), "cost_ns",
                     "verify", (json_int_t)cost->verify, "stage", (json_int_t)cost->stage, "pause",
                     (json_int_t)cost->pause, "total", (json_int_t)cost->total, "log", admin_log(result->log));
}

static json_t *admin_failure(const char *message)
{
    return json_pack("{s:b, s:{s:s}}", "ok", 0, "error", "message", message);
}

static unsigned admin_patches(const struct admin *admin, json_t **answer)
{
    struct hotfix_applied *list;
    struct hotfix_error error;
    size_t count;

    if (hotfix_list(admin->hotfix, &list, &count, &error) != 0) {
        *answer = admin_failure(error.message);
        return 500;
    }
    json_t *patches = json_array();
    const struct hotfix_applied *item = list;
    for (size_t i = 0; i < count; i++, item = HOTFIX_NEXT(item))
        json_array_append_new(patches, json_pack("{s:s, s:s, s:s, s:I}", "id", item->id, "name", item->name, "version",
                                                 item->version, "function_count", (json_int_t)item->function_count));
    free(list);
    *answer = json_pack("{s:b, s:o}", "ok", 1, "patches", patches);
    return 200;
}

unsigned admin_handle(const struct admin *admin, const struct admin_request *request, char **answer)
{
    bool get = strcmp(request->method, "GET") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    unsigned status = 404;
    json_t *json = NULL;

    if (!admin_authorized(admin, request->authorization)) {
        status = 401;
        json = admin_failure("admin requests want the header 'Authorization: Bearer TOKEN'");
    } else if (get && strcmp(request->path, "/admin/patches") == 0) {
        status = admin_patches(admin, &json);
    } else if (post && (strcmp(request->path, "/admin/apply") == 0 || strcmp(request->path, "/admin/revert") == 0)) {
        struct hotfix_result result = HOTFIX_RESULT_INIT;
        /* The program keeps no pointers to functions of its own that a patch could replace. */
        struct hotfix_apply_options options = HOTFIX_APPLY_OPTIONS_INIT;
        options.unload = HOTFIX_UNLOAD;
        int failed = strcmp(request->path, "/admin/apply") == 0
                         ? hotfix_apply_memory(admin->hotfix, request->body, request->body_size, &result)
                         : hotfix_revert_opt(admin->hotfix, request->id, &options, &result);
        status = failed ? 409 : 200;
        json = admin_result(&result);
        hotfix_result_deinit(&result);
    } else {
        json = admin_failure("no such admin request: there are POST /admin/apply, POST /admin/revert and "
                             "GET /admin/patches");
    }
    *answer = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return status;
}
