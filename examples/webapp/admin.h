/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin requests of the web app: applying, reverting and listing hotfix bundles.
 *
 *     POST /admin/apply          the body is a bundle
 *     POST /admin/revert[?id=]   the bundle with this id, or the last one applied
 *     GET  /admin/patches        what is applied
 *
 * Every one wants "Authorization: Bearer TOKEN". Answers are JSON. The token says who may ask; what a bundle may do is
 * decided by the trust store alone.
 */
#ifndef WEBAPP_ADMIN_H
#define WEBAPP_ADMIN_H

#include <hotfix.h>
#include <stdbool.h>
#include <stddef.h>

#define ADMIN_TOKEN_MIN  16
#define ADMIN_TOKEN_MAX  256
#define ADMIN_BUNDLE_MAX (64u << 20) /* bytes of a request's body */

struct admin {
    struct hotfix *hotfix;
    char token[ADMIN_TOKEN_MAX + 1];
};

struct admin_request {
    const char *method;
    const char *path;
    const char *authorization; /* the header's value, or NULL */
    const char *id;            /* of the query, or NULL */
    const void *body;
    size_t body_size;
};

/* Reads the token (first line of a file that only its owner may read) and opens the loader. 0, or -1 with a message on
 * stderr. */
int admin_init(struct admin *admin, const char *token_path, const char *trust_path);
void admin_deinit(struct admin *admin);

/* Whether the header's value carries the token. */
bool admin_authorized(const struct admin *admin, const char *authorization);

/* Does what is asked; returns the HTTP status. *answer is malloc'ed JSON text, NULL when out of memory. */
unsigned admin_handle(const struct admin *admin, const struct admin_request *request, char **answer);

#endif
